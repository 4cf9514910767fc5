"""Maps of single pairs, or of single focal nodes, in a folder, written as they come."""

from __future__ import annotations

import re
from pathlib import Path

from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ...i18n import tr
from ...layers import FocalNodes, RasterGrid, write_raster
from ...runner import PartialResult

#: What is kept beside the maps, to go on with after an end.
KEPT = "unfinished"

#: What the engine calls a map, and what its file is called.
KINDS = {"currents": "current", "potentials": "voltage"}


class PairRasterFolder:
    """A folder of maps that a run which was ended goes on filling.

    Parameters
    ----------
    folder
        Is made if it is not there.
    focal
        The focal nodes, whose names stand in the names of the files.
    frame
        The landscape's grid.
    each
        Which maps: ``"currents"`` or ``"both"``.
    feedback
        Hears about rasters being written.

    Raises
    ------
    QgsProcessingException
        The folder cannot be made, or holds maps that no run can be continued from.
    """

    def __init__(
        self, folder: Path, focal: FocalNodes, frame: RasterGrid, each: str, feedback: QgsProcessingFeedback
    ) -> None:
        self.folder, self._frame, self._feedback = folder, frame, feedback
        self._kinds = tuple(KINDS) if each == "both" else (each,)
        self._names = _for_files(focal)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise QgsProcessingException(
                tr("The folder '{folder}' cannot be made: {reason}").format(folder=folder, reason=error.strerror)
            ) from error
        there = sorted(file.name for kind in KINDS.values() for file in folder.glob(f"{kind}_*.tif"))
        if there and not (self.kept / "manifest.json").is_file():
            raise QgsProcessingException(
                tr(
                    "'{folder}' holds {count:,} maps already (the first is {name}), which would be overwritten. Choose "
                    "another folder, or delete them."
                ).format(folder=folder, count=len(there), name=there[0])
            )
        self._there = set(there)

    @property
    def kept(self) -> Path:
        """The folder of what an ended run is gone on with from."""
        return self.folder / KEPT

    def have(self, runs: list[str]) -> list[str]:
        """Return the runs all of whose maps are there."""
        return [run for run in runs if all(self._file(kind, run) in self._there for kind in self._kinds)]

    def take(self, piece: PartialResult) -> None:
        """Write the maps of a run.

        Raises
        ------
        QgsProcessingException
            They cannot be written.
        """
        for kind in self._kinds:
            path = self.folder / self._file(kind, piece.name)
            write_raster(str(path), piece.arrays[kind], self._frame, feedback=self._feedback)

    def _file(self, kind: str, run: str) -> str:
        names = "_".join(self._names[int(identity)] for identity in run.split("_"))
        return f"{KINDS[kind]}_{names}.tif"


def _for_files(focal: FocalNodes) -> dict[int, str]:
    """Names of focal nodes without what a file's name cannot hold; numbers where two would then be the same."""
    names = {identity: re.sub(r"[^\w.-]+", "-", str(name)) for identity, name in focal.named().items()}
    return names if len({*names.values()}) == len(names) else {identity: str(identity) for identity in names}
