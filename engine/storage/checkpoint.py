"""Checkpoints: what a run has finished, on disk, with a manifest of what it was computed from."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

FORMAT = 2
MANIFEST = "manifest.json"


class CheckpointFolder:
    """A folder of what is finished of a run, and of what it was computed from.

    Each file appears as a whole or not at all. A run that finds a folder of the same inputs and parameters takes what
    is there; of others, it refuses.

    Parameters
    ----------
    folder
        Is made if it does not exist; must be this run's own.
    content
        What the results depend on: parameters, and hashes of the inputs.

    Attributes
    ----------
    pattern
        Names of its files, besides the manifest.

    Raises
    ------
    ValueError
        The folder belongs to a run of other inputs or parameters (says which), or holds something else.
    OSError
        The folder cannot be written.
    """

    pattern: ClassVar[str]

    def __init__(self, folder: str | os.PathLike, content: dict[str, Any]):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        for mine in (f"{self.pattern}.part", f"{MANIFEST}.part"):
            for unfinished in self.folder.glob(mine):
                unfinished.unlink()
        wanted = json.loads(json.dumps({"format": FORMAT, **content}))
        manifest = self.folder / MANIFEST
        if not manifest.exists():
            if any(self.folder.iterdir()):
                raise ValueError(f"{self.folder} is not empty and holds no earlier run: give an empty folder")
            self.write(MANIFEST, lambda file: file.write(json.dumps(wanted, indent=1).encode()))
            return
        try:
            found = json.loads(manifest.read_text(encoding="utf-8"))
        except ValueError:
            raise ValueError(f"{manifest} is damaged: give another folder, or delete this one") from None
        changed = sorted(key for key in {*wanted, *found} if wanted.get(key) != found.get(key))
        if changed:
            raise ValueError(
                f"the earlier run in {self.folder} cannot be continued, because something has changed: "
                + ", ".join(_said(key, found.get(key), wanted.get(key)) for key in changed)
                + "; give another folder to start anew, or delete this one"
            )

    def kept(self) -> str:
        """Say what is kept there, in words."""
        return "what was finished is kept there"

    def write(self, name: str, fill: Callable[[BinaryIO], object]) -> None:
        """Write a file as a whole or not at all.

        Parameters
        ----------
        name
            Of the file.
        fill
            Writes into the open file.

        Raises
        ------
        OSError
            The disk is full, or the folder cannot be written.
        """
        path = self.folder / name
        unfinished = path.with_name(f"{name}.part")
        try:
            with unfinished.open("wb") as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        except OSError as problem:
            unfinished.unlink(missing_ok=True)
            full = problem.errno == errno.ENOSPC or "requested and" in str(problem)
            what = f"the disk with {self.folder} is full" if full else f"{path} cannot be written ({problem})"
            raise OSError(
                errno.ENOSPC if full else problem.errno,
                f"{what}: {self.kept()}; make room and run it again, and it goes on with the next",
            ) from problem


def _said(key: str, found: Any, wanted: Any) -> str:
    short = [json.dumps(value) if len(json.dumps(value)) <= 40 else "…" for value in (found, wanted)]
    return f"{key} ({short[0]}, now {short[1]})" if "…" not in short else key
