"""Sizes in bytes: those of folders, and any of them as text."""

from __future__ import annotations

import os
from pathlib import Path

from .i18n import tr


def format_bytes(size: float) -> str:
    """Return a size as text, for example "1.5 GB"; a megabyte is a million bytes, as everywhere in Permea.

    Examples
    --------
    >>> format_bytes(1_500_000_000), format_bytes(999_700)
    ('1.5 GB', '1 MB')
    """
    # From 999.5 on, three digits would be written as 1e+03.
    if size < 999.5:
        return tr("{count:# byte|# bytes}").format(count=round(size))
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.5:
            return f"{size:.3g} {unit}"
    terabytes = size / 1000
    return f"{terabytes:,.0f} TB" if terabytes >= 999.5 else f"{terabytes:.3g} TB"


def folder_bytes(folder: Path) -> int:
    """Return the bytes of the files in a folder, which may change meanwhile; 0 if it does not exist."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_size
            except OSError:  # deleted since
                continue
    return total
