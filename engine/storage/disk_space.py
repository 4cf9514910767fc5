"""Free disk space, checked before a long run."""

import shutil
from pathlib import Path


def free_bytes(folder: Path) -> int:
    """Return the free space, in bytes, on the disk of a folder that exists."""
    return shutil.disk_usage(folder).free


def require_disk_space(folder: Path, needed: int, what: str, contents: str, advice: str) -> None:
    """Raise an error if files will not fit on the disk of their folder.

    Parameters
    ----------
    folder
        Where the files will be written; it exists.
    needed
        Their size in bytes.
    what
        Their purpose, for example "keep finished batches".
    contents
        Subject of the sentence that gives the size, for example "12 batches".
    advice
        What the user can do.

    Raises
    ------
    ValueError
        Says how much is needed, how much is free, and what to do.

    Examples
    --------
    >>> require_disk_space(Path("."), 10**18, "keep results", "2 maps", "Free it.")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: too little disk space to keep results: 2 maps would take 1e+06 TB in ., and ... are free there. Free it.
    """
    free = free_bytes(folder)
    if needed > free:
        raise ValueError(
            f"too little disk space to {what}: {contents} would take {format_bytes(needed)} in {folder}, and "
            f"{format_bytes(free)} are free there. {advice}"
        )


def format_bytes(size: int | float) -> str:
    """Return a size as text, in decimal units.

    Examples
    --------
    >>> format_bytes(201_728), format_bytes(1)
    ('202 kB', '1 byte')
    """
    if size == 1:
        return "1 byte"
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
