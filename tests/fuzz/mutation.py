"""Parameters of a valid kind, with random errors."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

#: Changes an object in place; returns the error in words.
Mutation = Callable[[Any, random.Random], str]

#: Writes an object into a folder; returns in words how it is passed, and the value of the parameter.
Carrier = Callable[[Any, random.Random, Path], tuple[str, Any]]


def mutate(
    valid: Callable[[str, random.Random], Any],
    role: str,
    mutations: Sequence[Mutation],
    carriers: Sequence[Carrier],
    plain: tuple[Carrier, ...],
    rng: random.Random,
    folder: Path,
) -> tuple[str, Any]:
    """Return an object with random errors in words, and as the value of a parameter.

    Parameters
    ----------
    valid
        Returns a valid object for a role.
    role
        Role of the object.
    mutations, carriers
        Errors to draw from, and ways to pass the object.
    plain
        Carriers without an error of their own: the object itself then has one or two, otherwise one at most.
    rng, folder
        Source of randomness, and where files are written.
    """
    subject = valid(role, rng)
    carrier = rng.choice(carriers)
    count = rng.choice((1, 1, 2) if carrier in plain else (0, 1))
    words = [mutation(subject, rng) for mutation in rng.sample(mutations, count)]
    carried, value = carrier(subject, rng, folder)
    return ", ".join([role, *words, carried]), value
