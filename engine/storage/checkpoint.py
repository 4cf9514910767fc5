"""Checkpoint folders: completed results, with a manifest of the parameters and inputs they depend on."""

import errno
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .atomic import remove_partial_files, write_atomically

#: Version of the manifest and of the names of files. Permea 0.1.0 wrote version 2.
FORMAT = 3
MANIFEST = "manifest.json"


class CheckpointFolder:
    """A folder of arrays with a manifest of the parameters and inputs that they depend on.

    Every file is written atomically. A run with the same manifest reads the stored arrays and computes only those that
    are missing; a run with another manifest is refused.

    Parameters
    ----------
    folder
        Created if it does not exist; must be empty or hold an earlier run.
    content
        Everything the results depend on: parameters, and hashes of the inputs.

    Raises
    ------
    ValueError
        The folder holds a run with other inputs or parameters (the message names them), a run of another version of
        Permea, or other files.
    OSError
        The folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     CheckpointFolder(folder, {"range": 25}).write_array("squares.npy", np.arange(4) ** 2)
    ...     CheckpointFolder(folder, {"range": 25}).read_array("squares.npy")
    array([0, 1, 4, 9])
    """

    def __init__(self, folder: str | os.PathLike, content: Mapping[str, Any]):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        remove_partial_files(self.folder, MANIFEST)
        current = json.loads(json.dumps({"format": FORMAT, **content}))
        if (self.folder / MANIFEST).exists():
            self._require_same(current)
            remove_partial_files(self.folder, "*.np[yz]")
            return
        if any(self.folder.iterdir()):
            raise ValueError(f"{self.folder} is not empty and holds no earlier run: give an empty folder")
        self._write(MANIFEST, lambda file: file.write(json.dumps(current, indent=1).encode()))

    def files(self, pattern: str) -> list[Path]:
        """Return the stored files whose names match a pattern, in alphabetical order."""
        return sorted(self.folder.glob(pattern))

    def read_array(self, name: str) -> np.ndarray | None:
        """Return an array from an `.npy` file; None if it is not stored.

        Raises
        ------
        ValueError
            The file is damaged.
        """
        return self._read(name, lambda path: np.load(path, allow_pickle=False))

    def read_arrays(self, name: str) -> dict[str, np.ndarray] | None:
        """Return the arrays of an `.npz` file by name; None if it is not stored.

        Raises
        ------
        ValueError
            The file is damaged.
        """

        def load(path: Path) -> dict[str, np.ndarray]:
            """Read the arrays of one file."""
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays)

        return self._read(name, load)

    def write_array(self, name: str, array: np.ndarray, *, stored: str = "") -> None:
        """Write an array to an `.npy` file.

        Parameters
        ----------
        name
            Name of the file.
        array
            Its content.
        stored
            Results that are stored already, for the error message: for example "3 finished batches".

        Raises
        ------
        OSError
            The disk is full, or the file cannot be written; the files stored before are unchanged.
        """
        self._write(name, lambda file: np.save(file, np.ascontiguousarray(array), allow_pickle=False), stored)

    def write_arrays(self, name: str, arrays: Mapping[str, np.ndarray], *, stored: str = "") -> None:
        """Write arrays to an `.npz` file; for parameters and errors see `write_array`."""
        self._write(name, lambda file: np.savez(file, **arrays), stored)

    def _require_same(self, current: dict[str, Any]) -> None:
        path = self.folder / MANIFEST
        try:
            earlier = json.loads(path.read_text(encoding="utf-8"))
            version = earlier.get("format")
        except (ValueError, AttributeError):
            raise ValueError(f"{path} is damaged: give another folder, or delete this one") from None
        if version != FORMAT:
            raise ValueError(
                f"the earlier run in {self.folder} was made by another version of Permea, whose files this version "
                "cannot read: give another folder to start anew, or delete this one"
            )
        # As texts, because NaN does not equal itself.
        changed = sorted(key for key in {*current, *earlier} if _to_json(current, key) != _to_json(earlier, key))
        if changed:
            raise ValueError(
                f"the earlier run in {self.folder} cannot be continued, because something has changed: "
                + ", ".join(_describe_change(key, earlier.get(key), current.get(key)) for key in changed)
                + "; give another folder to start anew, or delete this one"
            )

    def _read(self, name: str, load: Callable[[Path], Any]) -> Any:
        path = self.folder / name
        if not path.exists():
            return None
        try:
            return load(path)
        except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} is damaged: delete it, and it is computed again") from error

    def _write(self, name: str, fill: Callable[[BinaryIO], object], stored: str = "") -> None:
        path = self.folder / name
        try:
            write_atomically(path, fill, sync=True)
        except OSError as error:
            # NumPy reports a short write without an error number.
            is_full = error.errno == errno.ENOSPC or "requested and" in str(error)
            reason = error.strerror or "a disk error"
            cause = f"the disk with {self.folder} is full" if is_full else f"{path} cannot be written ({reason})"
            remedy = "free some space" if is_full else "correct this"
            message = f"{cause}; the folder keeps {stored or 'the files written before'}: {remedy} and run it again"
            raise OSError(errno.ENOSPC if is_full else error.errno, f"{message} to resume") from error


def _to_json(manifest: Mapping[str, Any], key: str) -> str:
    return json.dumps(manifest.get(key), sort_keys=True)


def _describe_change(key: str, earlier: Any, current: Any) -> str:
    texts = [json.dumps(value) for value in (earlier, current)]
    return f"{key} ({texts[0]}, now {texts[1]})" if max(map(len, texts)) <= 40 else key
