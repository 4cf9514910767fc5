"""Machine code of kernels on disk: damaged files are deleted, and what cannot be read or written is compiled again.

Numba's own cache raises whatever a damaged file makes of it, and loads machine code as it finds it, which can end the
process. Here every file begins with the checksum of the rest.
"""

import contextlib
import hashlib
import os
import pickle
from collections.abc import Callable
from typing import Any

from numba.core.caching import FunctionCache, IndexDataCacheFile

_CHECKSUM_BYTES = hashlib.sha256().digest_size


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
        """Return the compiled kernel for a signature; None if it is not there or cannot be used."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write a compiled kernel; without the space or the permission to do so, the next process compiles it again."""
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)


class _CheckedFiles(IndexDataCacheFile):
    """The files of a kernel, each behind the checksum of its content."""

    def _load_index(self) -> dict:
        content = self._read(self._index_path)
        if content is None:
            return {}
        version, stamp, overloads = pickle.loads(content)
        return overloads if (version, stamp) == (self._version, self._source_stamp) else {}

    def _save_index(self, overloads: dict) -> None:
        self._write(self._index_path, (self._version, self._source_stamp, overloads))

    def _load_data(self, name: str) -> Any:
        content = self._read(self._data_path(name))
        if content is None:
            raise FileNotFoundError(name)
        return pickle.loads(content)

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), data)

    def _read(self, path: str) -> bytes | None:
        """Return the content of a file; None if it is not there, or damaged, and then deleted."""
        try:
            with open(path, "rb") as file:
                checksum, content = file.read(_CHECKSUM_BYTES), file.read()
        except OSError:
            return None
        if hashlib.sha256(content).digest() == checksum:
            return content
        with contextlib.suppress(OSError):
            os.unlink(path)
        return None

    def _write(self, path: str, data: Any) -> None:
        content = self._dump(data)
        with self._open_for_write(path) as file:
            file.write(hashlib.sha256(content).digest())
            file.write(content)
