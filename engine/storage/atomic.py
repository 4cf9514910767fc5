"""Atomic writing: a file appears complete or not at all."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: Path, fill: Callable[[BinaryIO], object], *, sync: bool = False) -> None:
    """Write a file under a temporary name and rename it.

    Parameters
    ----------
    path
        The file; an existing one is replaced.
    fill
        Writes the content into the open file.
    sync
        Flush the content to the disk before renaming, so that it also survives a power failure.

    Raises
    ------
    OSError
        The disk is full, or the folder cannot be written. The temporary file is removed, `path` is unchanged.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder) / "greeting.txt", lambda file: file.write(b"hello"))
    ...     [path.name for path in Path(folder).iterdir()]
    ['greeting.txt']
    """
    # Several processes may write the same file.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            fill(file)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_partial_files(folder: Path, pattern: str) -> None:
    """Remove the temporary files that killed processes left of files whose names match a pattern."""
    for path in folder.glob(f"{pattern}.*.part"):
        path.unlink(missing_ok=True)
