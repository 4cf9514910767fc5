"""Text files: pairs of focal nodes, tables of classes, and what editors and spreadsheets do to them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Numbers that replace one of a file.
ODD_NUMBERS = ("0", "-1", "2,5", "1.5", "nan", "inf", "1e300", "1e-300", "1e400", "9" * 25, "abc", "2_0", "0x10", "")

PAIRS = ("mode include\n1 2\n2 3\n", "mode exclude\n1 2\n", "min 1\nmax 2\n0 1 2 3\n1 0 1 1\n2 1 0 3\n3 1 3 0\n")
CLASS_TABLES = ("class,permeability\n1,0.25\n2,0.5\n3,1\n", "class;permeability\n1;0,25\n2;0,5\n3;1\n")


def pairs_parameter(rng: random.Random, folder: Path) -> tuple[str, Any]:
    """Return a mutated file of pairs as the value of a parameter, and what it is in words."""
    return _file_parameter("pairs", rng.choice(PAIRS), ".txt", rng, folder)


def class_table_parameter(rng: random.Random, folder: Path) -> tuple[str, Any]:
    """Return a mutated table of classes as the value of a parameter, and what it is in words."""
    return _file_parameter("classes", rng.choice(CLASS_TABLES), ".csv", rng, folder)


def _file_parameter(name: str, text: str, suffix: str, rng: random.Random, folder: Path) -> tuple[str, Any]:
    if rng.random() < 0.1:
        value = rng.choice((str(folder / f"missing{suffix}"), str(folder), "", 5, []))
        return f"{name} as {value!r}", value
    path = folder / f"{name}{suffix}"
    words, content = mutate_text(text, rng, rng.choice((0, 1, 1, 2)))
    path.write_bytes(content)
    return ", ".join([name, *words]), str(path)


def mutate_text(text: str, rng: random.Random, count: int) -> tuple[list[str], bytes]:
    """Return a text after some mutations, encoded, and what they are in words."""
    words = []
    for mutation in rng.sample(MUTATIONS, count):
        said, text = mutation(text, rng)
        words.append(said)
    said, content = rng.choice(ENCODINGS if count else ENCODINGS[:1])(text)
    return [*words, said] if said else words, content


def _replace_number(text: str, rng: random.Random) -> tuple[str, str]:
    words = text.split(" ")
    numbers = [index for index, word in enumerate(words) if word[:1].isdigit()] or [0]
    index, odd = rng.choice(numbers), rng.choice(ODD_NUMBERS)
    tail = "\n" if words[index].endswith("\n") else ""
    words[index] = odd + tail
    return f"{odd[:8]!r} for a number", " ".join(words)


def _decimal_commas(text: str, rng: random.Random) -> tuple[str, str]:
    return "decimal commas", text.replace(".", ",") if "." in text else text.replace(" 1", " 1,5")


def _separator(text: str, rng: random.Random) -> tuple[str, str]:
    separator = rng.choice(("\t", ";", ",", "  ", "|"))
    return f"separated by {separator!r}", text.replace(" ", separator)


def _blank_lines(text: str, rng: random.Random) -> tuple[str, str]:
    return "blank lines", "\n" + text.replace("\n", "\n\n") + "\n  \n"


def _drop_line(text: str, rng: random.Random) -> tuple[str, str]:
    lines = text.splitlines(keepends=True)
    del lines[rng.randrange(len(lines))]
    return "a line is missing", "".join(lines)


def _repeat_line(text: str, rng: random.Random) -> tuple[str, str]:
    lines = text.splitlines(keepends=True)
    lines.insert(rng.randrange(len(lines)), rng.choice(lines))
    return "a line twice", "".join(lines)


def _cut(text: str, rng: random.Random) -> tuple[str, str]:
    return "cut short", text[: rng.randrange(len(text))]


def _comment(text: str, rng: random.Random) -> tuple[str, str]:
    return "a comment", "# a comment\n" + text


def _no_end(text: str, rng: random.Random) -> tuple[str, str]:
    return "no line end", text.rstrip("\n")


def _quotes(text: str, rng: random.Random) -> tuple[str, str]:
    return "quoted numbers", text.replace("1", '"1"')


def _spaces(text: str, rng: random.Random) -> tuple[str, str]:
    return "no-break spaces", text.replace("1", "1\N{NO-BREAK SPACE}000", 1)


def _long_line(text: str, rng: random.Random) -> tuple[str, str]:
    return "a long line", text + "1 " * 20_000 + "\n"


MUTATIONS: tuple[Callable[[str, random.Random], tuple[str, str]], ...] = (
    _replace_number,
    _replace_number,
    _decimal_commas,
    _separator,
    _blank_lines,
    _drop_line,
    _repeat_line,
    _cut,
    _comment,
    _no_end,
    _quotes,
    _spaces,
    _long_line,
)

ENCODINGS: tuple[Callable[[str], tuple[str, bytes]], ...] = (
    lambda text: ("", text.encode()),
    lambda text: ("", text.encode()),
    lambda text: ("with a byte order mark", text.encode("utf-8-sig")),
    lambda text: ("in UTF-16", text.encode("utf-16")),
    lambda text: ("with lines of Windows", text.replace("\n", "\r\n").encode()),
    lambda text: ("with lines of an old Macintosh", text.replace("\n", "\r").encode()),
    lambda text: ("with zero bytes", text.encode() + b"\0\0\xff\xfe"),
)
