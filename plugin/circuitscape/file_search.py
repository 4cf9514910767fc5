"""Where the files of a project are, also when it was made on another computer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import NamedTuple


class ProjectFile(NamedTuple):
    """A file of a project.

    Attributes
    ----------
    path
        The file.
    relocated
        Whether it lies elsewhere than the project says.
    """

    path: Path
    relocated: bool


def names_file(value: str) -> bool:
    """Return whether the value of an option names a file; programs write placeholders such as "(Browse for a file)"."""
    stripped = value.strip("\"'")
    return bool(stripped) and stripped.lower() != "none" and not stripped.startswith("(")


def find_file(value: str, folder: Path) -> ProjectFile | None:
    r"""Return the file that an option names.

    It is searched for as it is written, in the project's folder and its parents. A path of another computer, such as
    ``D:\data\habitat.asc``, is then shortened from the left until it leads from the project's folder to a file:
    ``data/habitat.asc``, ``habitat.asc``. Capital and small letters are distinguished only where several files differ
    by them alone.

    Parameters
    ----------
    value
        A path as written in the project, with slashes or backslashes.
    folder
        Folder of the project.
    """
    parts = PureWindowsPath(value).parts
    for spelled in dict.fromkeys((value, PureWindowsPath(value).as_posix())):
        for parent in (folder, *folder.parents):
            if _is_file(parent / spelled):
                return ProjectFile(parent / spelled, False)
    is_relative = not PureWindowsPath(value).anchor
    for start in range(0 if is_relative else 1, len(parts)):
        match = _ignoring_case(folder, parts[start:])
        if match is not None:
            return ProjectFile(match, start > 0)
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # The system does not accept the name, for example because it is too long.
        return False


def _ignoring_case(folder: Path, parts: tuple[str, ...]) -> Path | None:
    """Return the file at the end of a relative path; None if there is none, or several differ by capitals."""
    if _is_file(folder.joinpath(*parts)):
        return folder.joinpath(*parts)
    folders = [folder]
    for part in parts[:-1]:
        folders = [path for each in folders for path in _named(each, part) if path.is_dir()]
    files = [path for each in folders for path in _named(each, parts[-1]) if path.is_file()]
    return files[0] if len(files) == 1 else None


def _named(folder: Path, name: str) -> Iterator[Path]:
    if name in (".", ".."):
        yield folder / name
        return
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        names = []
    yield from (folder / each for each in names if each.lower() == name.lower())
