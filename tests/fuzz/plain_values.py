"""Numbers, choices, fields and texts: values that are right, nearly right, and wrong."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingParameterDefinition, QgsProcessingParameterNumber, QgsProperty

NUMBERS = (0, 1, -1, 0.5, 2.5, 1e-12, 1e-9, 1e-300, 30, 90, 1000, 50_000, 1e9, 2**31, 1e20, 1e300, -1e300)
NO_NUMBERS = (float("nan"), float("inf"), float("-inf"), "2,5", "2.5", "1e3", "abc", "", None, [], [2], True, "nan")
TEXTS = ("", " ", "127.0.0.1:1", "tcp://127.0.0.1:1", "not an address", "ünï cödé", "x" * 3000, "a\nb", None, 5)
FIELDS = ("name", "strength", "class", "permeability", "absent", "", "NAME", "strength ", "x" * 300, 'a"b', None, 3)


def number_parameter(definition: QgsProcessingParameterNumber, rng: random.Random) -> tuple[str, Any]:
    """Return a number, in or out of its range, or something that is none."""
    bounds = tuple(bound for bound in (definition.minimum(), definition.maximum()) if abs(bound) < 1e300)
    near = tuple(bound + step for bound in bounds for step in (-1, 0, 1))
    value = rng.choice(rng.choice((NUMBERS, NUMBERS, near or NUMBERS, NO_NUMBERS)))
    if rng.random() < 0.05:
        return f"expression {value!r}", QgsProperty.fromExpression(f"{value!r} + no_such_function()")
    return f"{value!r}", value


def choice_parameter(definition: QgsProcessingParameterDefinition, rng: random.Random) -> tuple[str, Any]:
    """Return a choice by its name, its number or its label, or one that does not exist."""
    names = definition.options()
    name = rng.choice(names)
    value = rng.choice(
        (
            name,
            name,
            rng.randrange(len(names)),
            str(rng.randrange(len(names))),
            float(rng.randrange(len(names))),
            name.upper(),
            f" {name}",
            [name],
            len(names),
            -1,
            1.5,
            "no such choice",
            "",
            None,
            list(names),
            True,
        )
    )
    return f"{value!r}", value


def boolean_parameter(rng: random.Random) -> tuple[str, Any]:
    """Return yes or no in one of many spellings."""
    value = rng.choice((True, False, True, False, "true", "False", "0", 1, 2, "maybe", "", None, []))
    return f"{value!r}", value


def band_parameter(rng: random.Random) -> tuple[str, Any]:
    """Return a band of a raster that has one or three."""
    value = rng.choice((1, 2, 3, 0, -1, 99, "1", "x", "", None, 1.5, [1], [1, 2], 2**31))
    return f"{value!r}", value


def field_parameter(rng: random.Random) -> tuple[str, Any]:
    """Return a field that exists, or does not."""
    value = rng.choice((*FIELDS, ["name"], ["name", "strength"], []))
    return f"{value!r}"[:60], value


def text_parameter(rng: random.Random) -> tuple[str, Any]:
    """Return a text."""
    value = rng.choice(TEXTS)
    return f"{value!r}"[:60], value


def matrix_parameter(rng: random.Random) -> tuple[str, Any]:
    """Return a list of classes and values."""
    value = rng.choice(
        (
            [1, 0.25, 2, 0.5, 3, 1.0],
            ["1", "0,25", "2", "0,5", "3", "1"],
            [1, 0.25, 2],
            [1, 0.25, 1, 0.5, 2, 0.5, 3, 1],
            [1, float("nan"), 2, 0.5, 3, 1.0],
            [1, 1e300, 2, 1e-300, 3, 1.0],
            [1, -1, 2, 0.5, 3, 1.0],
            ["", "", "", ""],
            [None, None],
            ["forest", 1],
            [1e20, 1, 2.5, 0.5],
            [[1, 0.25], [2, 0.5], [3, 1.0]],
            "1,0.25,2,0.5,3,1.0",
            "abc",
            "",
            [],
            5,
            None,
        )
    )
    return f"{value!r}"[:60], value


def folder_parameter(rng: random.Random, folder: Path) -> tuple[str, Any]:
    """Return a folder for checkpoints: one that exists, one to be made, or none."""
    existing = folder / "checkpoints"
    existing.mkdir(exist_ok=True)
    (existing / "manifest.json").write_text(rng.choice(("", "{}", "[]", "{", '{"format": 99}')))
    file = folder / "a file"
    file.write_text("a file")
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    values = (empty, empty, existing, folder / "new", folder / "new" / "below", file, file / "below", "/proc/new")
    value = rng.choice((*map(str, values), "", None, 5))
    return f"folder {Path(str(value)).name!r}", value
