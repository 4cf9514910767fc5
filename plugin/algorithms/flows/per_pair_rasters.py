"""A folder with a map of each pair, or of each focal node, written as it is computed."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ...i18n import tr
from ...layers import CHECKPOINT_MANIFEST, FocalNodes, RasterGrid, write_raster
from ...runner import PartialResult
from ..results import Provenance
from .file_names import file_name_parts

# Subfolder with the checkpoint from which an interrupted run is resumed.
CHECKPOINT_FOLDER = "checkpoint"

# Table of the pairs computed so far.
TABLE_NAME = "resistances.csv"

# Prefix of the file names by the engine's name of a map.
FILE_PREFIXES = {"currents": "current", "potentials": "voltage"}


class PairRasterFolder:
    """A folder of maps that a resumed run completes.

    Parameters
    ----------
    folder
        The folder; it must exist when the first map is written.
    focal
        The focal nodes, whose names appear in the file names.
    grid
        Grid of the landscape.
    requested
        Maps to write: ``"currents"`` or ``"both"``.
    provenance
        How the maps are made.
    feedback
        Receives messages about the rasters written.

    Raises
    ------
    QgsProcessingException
        The folder holds maps or a table without a checkpoint.
    """

    def __init__(
        self,
        folder: Path,
        focal: FocalNodes,
        grid: RasterGrid,
        requested: str,
        provenance: Provenance,
        feedback: QgsProcessingFeedback,
    ) -> None:
        self.folder, self.requested, self._grid, self._feedback = folder, requested, grid, feedback
        self._provenance = provenance
        self._kinds = tuple(FILE_PREFIXES) if requested == "both" else (requested,)
        self._names = file_name_parts(focal.named(), feedback)
        existing = sorted(file.name for prefix in FILE_PREFIXES.values() for file in folder.glob(f"{prefix}_*.tif"))
        if not (self.checkpoint / CHECKPOINT_MANIFEST).is_file():
            self._require_no_results(existing)
        self._existing = set(existing)

    @property
    def checkpoint(self) -> Path:
        """The checkpoint folder from which an interrupted run is resumed."""
        return self.folder / CHECKPOINT_FOLDER

    def _require_no_results(self, maps: list[str]) -> None:
        """Raise an error if the folder holds results that no checkpoint belongs to."""
        if not maps and not (self.folder / TABLE_NAME).exists():
            return
        holds = tr("'{folder}' already holds a table {name}").format(folder=self.folder, name=TABLE_NAME)
        if maps:
            text = tr("'{folder}' already holds {count:# map|# maps} (the first is {name})")
            holds = text.format(folder=self.folder, count=len(maps), name=maps[0])
        raise QgsProcessingException(
            tr("{holds}, which would be overwritten. Choose another folder, or delete them.").format(holds=holds)
        )

    def completed_runs(self, runs: list[str]) -> list[str]:
        """Return the runs whose maps all exist."""
        return [run for run in runs if all(self._file_name(kind, run) in self._existing for kind in self._kinds)]

    def write(self, partial: PartialResult) -> None:
        """Write the maps of a run.

        Raises
        ------
        QgsProcessingException
            They cannot be written.
        """
        for kind in self._kinds:
            path = self.folder / self._file_name(kind, partial.name)
            tags = self._provenance.tags(path.stem)
            write_raster(str(path), partial.arrays[kind], self._grid, tags=tags, feedback=self._feedback)

    def _file_name(self, kind: str, run: str) -> str:
        names = "_".join(self._names[int(id)] for id in run.split("_"))
        return f"{FILE_PREFIXES[kind]}_{names}.tif"
