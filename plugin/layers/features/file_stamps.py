"""States of files that are known to hold what a loaded layer shows, so that both need not be compared again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from qgis.core import QgsMapLayer, QgsVectorLayer

# Other files of a shapefile, and the latest changes of a GeoPackage.
BESIDE = (".dbf", ".shx", "-wal")

#: What identifies the state of a file: its node on the disk, size and time of change.
Stamp = tuple[tuple[int, int, int], ...]

# The stamp at which a layer, by id and source, was the same as its file.
_known: dict[tuple[str, str], Stamp] = {}


def file_stamp(path: Path) -> Stamp:
    """Return what changes with the content of a file and the files beside it."""
    files = [path, *(path.with_suffix(end) for end in BESIDE[:2]), path.with_name(path.name + BESIDE[2])]
    states = (each.stat() for each in files if each.is_file())
    return tuple((state.st_ino, state.st_size, state.st_mtime_ns) for state in states)


def is_known(layer: QgsVectorLayer, stamp: Stamp) -> bool:
    """Return whether the file of a layer is in a state in which it was the same as the layer."""
    return bool(stamp) and _known.get((layer.id(), layer.source())) == stamp


def remember(layer: QgsVectorLayer, stamp: Stamp) -> None:
    """Remember that a layer is the same as its file in the state of a stamp."""
    _known[layer.id(), layer.source()] = stamp


def remember_loaded(layers: Iterable[QgsMapLayer]) -> None:
    """Remember the states of the files of layers that were loaded a moment ago.

    Parameters
    ----------
    layers
        Layers that were added to the project; those that are no vector layers of files are left out.
    """
    for layer in layers:
        if isinstance(layer, QgsVectorLayer) and layer.isValid():
            path = Path(layer.source().split("|")[0])
            if path.is_absolute() and path.is_file():
                remember(layer, file_stamp(path))
