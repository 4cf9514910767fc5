"""What must hold of every run, however bad its input: nothing changed, nothing half-written, an error in words."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal, ogr

RASTER_SUFFIXES = (".tif", ".tiff", ".asc")

#: What a user must never read.
TRACEBACK = re.compile(
    r"Traceback|XlaRuntimeError|filter_jit|jax\.|EQX_|JAX_|File \".*\", line \d+|\.py\b|PyQt|object at 0x"
)
#: Python's exceptions by name, at the beginning of a word.
EXCEPTION_TYPE = re.compile(r"\b(?!Qgs)[A-Z][A-Za-z]+(?:Error|Exception|Warning)\b")
#: A list or a name that is empty.
BLANK = re.compile(r": \.(\s|$)|(?<!\w)\(\)")
#: Errors whose cause the program itself does not know.
FAULT = re.compile(
    r"The engine (crashed|was killed|stopped with status|ended without)|The engine's result|an error in its own program"
)
JOB = re.compile(r"permea-[a-z0-9_]{8}")
#: Prefixes of QGIS's, after which an error still has to say what is wrong.
PREFIXES = ("Unable to execute algorithm", "There were errors executing the algorithm.")


def file_contents(folder: Path) -> dict[str, str]:
    """Return a digest of each file and folder below a folder, by its path."""
    contents = {}
    for path in sorted(folder.rglob("*")):
        # QGIS opens a GeoPackage with a journal beside it, which is gone once it is closed.
        if path.is_dir():
            contents[f"{path.relative_to(folder)}/"] = ""
        elif not path.name.endswith((".gpkg-wal", ".gpkg-shm")):
            contents[str(path.relative_to(folder))] = _digest(path)
    return contents


def _digest(path: Path) -> str:
    content = path.read_bytes()
    if content.startswith(b"SQLite format 3\0"):
        # Reading changes bytes of the header; what counts is what the tables hold.
        try:
            with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as database:
                content = "\n".join(database.iterdump()).encode("utf-8", "replace")
        except sqlite3.Error:
            content = content[100:]
    return hashlib.sha1(content).hexdigest()


def differences(before: dict[str, str], after: dict[str, str], requested: Iterable[str] = ()) -> list[str]:
    """Return what differs between two contents of a folder, in words.

    Parameters
    ----------
    before, after
        The contents.
    requested
        Paths at which a file or folder of results was requested, and which hold no input.
    """
    # A folder may be full of new files; statistics stand beside a raster.
    paths = [path for path in sorted({*before, *after}) if not any(_belongs_to(path, other) for other in requested)]
    changed = [f"{path} is gone" for path in paths if path not in after]
    changed += [f"{path} is new" for path in paths if path not in before]
    both = [path for path in paths if path in before and path in after]
    return changed + [f"{path} has changed" for path in both if before[path] != after[path]]


def _belongs_to(path: str, requested: str) -> bool:
    return requested == "." or path.startswith((requested, f"{requested}/"))


def message_errors(message: str, log: Iterable[str]) -> list[str]:
    """Return what is wrong with the error of a run, and with what it logged."""
    errors = []
    for text in (message, *log):
        for pattern, name in ((TRACEBACK, "traceback"), (EXCEPTION_TYPE, "exception type")):
            if match := pattern.search(text):
                errors.append(f"{name}: {text[max(match.start() - 80, 0) : match.end() + 120]!r}")
    if match := BLANK.search(message):
        errors.append(f"nothing where something is named: {message[max(match.start() - 80, 0) : match.end() + 20]!r}")
    if JOB.search(message):
        errors.append(f"id of a job: {message[:200]!r}")
    if FAULT.search(message):
        errors.append(f"fault of the program: {message[:300]!r}")
    return errors[:3]


def is_explained(message: str) -> bool:
    """Return whether an error holds a sentence besides those that QGIS writes by itself."""
    for prefix in PREFIXES:
        message = message.replace(prefix, "")
    return len(message.split()) >= 3


def unreadable_outputs(results: dict[str, Any], destinations: dict[str, str], *, may_be_infinite: bool) -> list[str]:
    """Return which outputs of a run cannot be opened, or hold values that no map should.

    Parameters
    ----------
    results
        What the algorithm returned.
    destinations
        Type of each output parameter by name.
    may_be_infinite
        Whether cells were requested to be infinite where nothing can be reached.
    """
    errors = []
    for name, kind in destinations.items():
        value = results.get(name)
        if value in (None, ""):
            continue
        source = value.source() if hasattr(value, "source") else str(value)
        if kind == "rasterDestination":
            errors += _unreadable_raster(name, source, may_be_infinite)
        elif kind == "folderDestination":
            errors += _unreadable_folder(name, Path(source))
        elif kind == "fileDestination":
            errors += [] if Path(source).read_text("utf-8").endswith("</html>\n") else [f"{name} is incomplete"]
        elif hasattr(value, "isValid") and not value.isValid():
            errors.append(f"output {name} is no valid layer")
        elif not hasattr(value, "isValid"):
            errors += _unreadable_table(name, source)
    errors += [f"{name} is NaN" for name, value in results.items() if isinstance(value, float) and np.isnan(value)]
    return errors


def _unreadable_raster(name: str, path: str, may_be_infinite: bool = False) -> list[str]:
    dataset = gdal.Open(path)
    if dataset is None:
        return [f"output {name} cannot be opened"]
    for number in range(1, dataset.RasterCount + 1):
        band = dataset.GetRasterBand(number)
        content = band.ReadRaster(buf_type=gdal.GDT_Float64)
        if content is None:
            return [f"output {name} cannot be read"]
        values, nodata = np.frombuffer(content), band.GetNoDataValue()
        if np.isnan(values).any() and not (nodata is not None and np.isnan(nodata)):
            return [f"output {name} holds NaN"]
        if np.isinf(values).any() and not may_be_infinite:
            return [f"output {name} holds infinity"]
    return []


def _unreadable_table(name: str, source: str) -> list[str]:
    match = re.match(r"ogr:dbname='(.*?)'", source)
    path = match[1] if match else source.partition("|")[0]
    dataset = ogr.Open(path)
    if dataset is None:
        return [f"output {name} cannot be opened"]
    return [] if dataset.GetLayerCount() else [f"output {name} holds no layer"]


def _unreadable_folder(name: str, folder: Path) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    if not files:
        return [f"output {name} is an empty folder"]
    errors = []
    for path in files:
        if path.suffix in RASTER_SUFFIXES:
            errors += _unreadable_raster(f"{name}/{path.name}", str(path))
    return errors


def complete_files(folder: Path, contents: dict[str, str]) -> dict[str, str]:
    """Return the contents, by path, of the files of a folder that can be opened."""
    complete = {}
    for path, digest in contents.items():
        is_raster = Path(path).suffix.lower() in (".tif", ".tiff")
        file = str(folder / path)
        errors = _unreadable_raster(path, file, True) if is_raster else _unreadable_table(path, file)
        if not errors and not path.endswith("/"):
            complete[path] = digest
    return complete


def leftovers(folder: Path) -> list[str]:
    """Return files of a folder that a run should have removed or finished."""
    files = [path for path in folder.rglob("*") if "unfinished" in path.name or path.name.startswith(".")]
    return [f"{path.relative_to(folder)} is left" for path in files]
