"""Disk cache of compiled kernels with checksums: a damaged file is deleted, and its kernel compiled again.

Numba's own cache raises unpredictable errors on damaged files, and loads machine code unchecked, which can end the
process. Here every file ends with the checksum of the rest.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

from numba.core.caching import FunctionCache, IndexDataCacheFile


class KernelCache(FunctionCache):
    """Cache of the machine code of one kernel.

    Parameters
    ----------
    function
        The kernel, in Python.

    Raises
    ------
    RuntimeError
        There is no folder to write to.
    """

    def __init__(self, function: Callable):
        super().__init__(function)
        self._cache_file = _CheckedFiles(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=self._impl.locator.get_source_stamp(),
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled kernel for a signature; None if it is not stored or cannot be used."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write a compiled kernel; without the space or the permission to do so, the next process compiles it again."""
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)


class _CheckedFiles(IndexDataCacheFile):
    """The files of a kernel, each with a checksum at its end, which Numba does not read."""

    def _load_index(self) -> dict:
        return super()._load_index() if _is_intact(self._index_path) else {}

    def _load_data(self, name: str) -> Any:
        if not _is_intact(self._data_path(name)):
            raise FileNotFoundError(name)
        return super()._load_data(name)

    @contextlib.contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[BytesIO]:
        content = BytesIO()
        yield content
        with super()._open_for_write(filepath) as file:
            file.write(content.getvalue())
            file.write(hashlib.sha256(content.getvalue()).digest())


def _is_intact(path: str) -> bool:
    """Return whether a file exists and has the content that was written; delete it if it is damaged."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return False
    size = len(content) - hashlib.sha256().digest_size
    if size > 0 and hashlib.sha256(content[:size]).digest() == content[size:]:
        return True
    with contextlib.suppress(OSError):
        os.unlink(path)
    return False
