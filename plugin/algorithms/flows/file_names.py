"""Names of focal nodes as parts of file names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qgis.core import QgsProcessingFeedback

from ...i18n import tr
from ..formatting import join_names

# Two names, a prefix and the suffix of an unfinished file must fit into the 255 bytes of a file name.
MAX_BYTES = 80


def file_name_parts(names: dict[int, int | str], feedback: QgsProcessingFeedback) -> dict[int, str]:
    """Return a part of a file name for each focal node; two of them joined by "_" are unique as well.

    Characters that file names cannot hold become "-", and long names are cut and end with the number of the focal node.
    If names, or pairs of them, would then coincide, all focal nodes are named by their number.

    Parameters
    ----------
    names
        The user's id of each focal node, by its number.
    feedback
        Receives which names differ from the ids.
    """
    parts = {number: _as_part(str(name), number) for number, name in names.items()}
    changed = {number for number, name in names.items() if parts[number] != str(name)}
    if not _are_unique([*parts.values()]):
        parts = {number: str(number) for number in parts}
        changed = {number for number, name in names.items() if parts[number] != str(name)}
    if changed:
        text = tr("Files are named after the ids of the focal nodes, except: {names}.")
        listed = [
            tr("{part} for '{name}'").format(part=parts[number], name=names[number]) for number in sorted(changed)
        ]
        feedback.pushInfo(text.format(names=join_names(listed)))
    return parts


def _as_part(name: str, number: int) -> str:
    part = re.sub(r"[^\w.+-]+", "-", name)
    if len(part.encode()) <= MAX_BYTES:
        return part
    end = f"-{number}"
    return part.encode()[: MAX_BYTES - len(end)].decode(errors="ignore") + end


def _are_unique(parts: list[str]) -> bool:
    """Return whether names, and pairs of names joined by "_", differ, also where the case of letters does not count.

    Examples
    --------
    >>> _are_unique(["a", "b", "a_b"]), _are_unique(["a", "A"]), _are_unique(["a", "a_b", "c", "b_c"])
    (True, False, False)
    """
    unique = {part.casefold() for part in parts}
    # "a" with "b_c" and "a_b" with "c" give the same name: "b" stands between two names on either side.
    after = {end for start, end in _splits(unique) if start in unique}
    before = {start for start, end in _splits(unique) if end in unique}
    return len(unique) == len(parts) and not after & before


def _splits(parts: set[str]) -> Iterator[tuple[str, str]]:
    for part in parts:
        for match in re.finditer("_", part):
            yield part[: match.start()], part[match.end() :]
