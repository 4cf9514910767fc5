"""Names are the field's: retired words appear in no module, class, function or parameter name."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("engine", "plugin", "ui", "benchmarks", "resources", "tests")

#: What each retired word stood for. A word of a name is what stands between underscores or begins with a capital.
RETIRED = {
    "alone": "decoupled, excluded, single",
    "arrival": "hitting probability",
    "arrive": "hit",
    "arrived": "hit",
    "arrives": "hits",
    "arriving": "hitting",
    "asked": "requested",
    "claim": "lock",
    "complaint": "validation error",
    "depart": "first passage",
    "departure": "first passage",
    "defect": "residual, backward error",
    "fault": "invalid cell, error",
    "faults": "invalid cells, errors",
    "fed": "injected",
    "feedings": "right-hand sides",
    "figures": "numeric outputs",
    "forecast": "resource estimate",
    "forth": "forward",
    "found": "result",
    "founds": "results",
    "given": "arguments, requested",
    "handed": "contribution",
    "hear": "handle",
    "hears": "receives",
    "held": "fixed",
    "joints": "top-level separators",
    "journal": "solver statistics",
    "kept": "cached, stored",
    "loose": "identity rows",
    "mine": "own result",
    "missed": "residual",
    "nobody": "unused",
    "pieces": "partial results",
    "place": "cell, node index",
    "places": "cells, nodes",
    "precaution": "fallback",
    "price": "edge cost",
    "pull": "cotangent",
    "ranked": "ordered",
    "ranks": "ordering",
    "refuse": "require, validate",
    "remarks": "log",
    "rim": "boundary",
    "rims": "boundaries",
    "says": "reports",
    "settle": "rescale, resolve",
    "settled": "rescaled, resolved",
    "settling": "rescaling",
    "shares": "interpolation weights",
    "sides": "right-hand sides",
    "somebody": "a user",
    "spent": "accumulated cost",
    "taking": "set-up",
    "terrain": "transition data",
    "theirs": "other result",
    "thin": "coarsen",
    "thinning": "coarsening",
    "told": "reported",
    "walker": "random walk",
    "walkers": "random walks",
    "wanted": "requested",
    "way": "path",
    "ways": "paths",
    "whoever": "the caller",
    "worth": "iteration budget",
}

#: Names that keep such a word, and why.
EXCEPTIONS = {
    "EngineNotFound": "Python's own word, as in ModuleNotFoundError",
    "thin_wall": "a wall of one cell",
}

#: Standard phrases that contain such a word.
PHRASES = ("right_hand_side", "in_place", "one_way")


def words(name: str) -> set[str]:
    """Split a name at underscores and capitals."""
    for phrase in PHRASES:
        name = name.replace(phrase, "")
    return {word.lower() for part in name.split("_") for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", part)}


def names(file: Path):
    """Yield the line and name of the module and of each class, function and parameter in it."""
    yield 1, file.stem
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.name
            arguments = node.args
            for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
                yield argument.lineno, argument.arg


@pytest.mark.parametrize("folder", FOLDERS)
def test_names_use_no_retired_word(folder):
    findings = [
        f"{file.relative_to(ROOT)}:{line}: {name} ({word}: {RETIRED[word]})"
        for file in sorted((ROOT / folder).rglob("*.py"))
        for line, name in names(file)
        if name not in EXCEPTIONS
        for word in sorted(words(name) & RETIRED.keys())
    ]
    assert not findings, "\n" + "\n".join(findings)


def test_exceptions_are_needed():
    used = {name for folder in FOLDERS for file in (ROOT / folder).rglob("*.py") for _, name in names(file)}
    assert not EXCEPTIONS.keys() - used
