"""What a report is about: the results of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingAlgorithm, QgsProcessingContext

from ...layers import Raster, RasterGrid, StreamedRaster
from ..outputs import NumberOutput
from ..renderers import Style
from ..run_log import RunLog
from ..tables import Table


@dataclass(frozen=True, eq=False)
class MapFile:
    """A map that a run has written.

    Parameters
    ----------
    title
        What the user reads.
    path
        The file, possibly still under a temporary name, or what GDAL opens as such.
    style
        The layer style.
    lists_largest
        Whether the cells with the largest values are of interest.
    quantity
        What the values are, for a format that does not name its bands.
    """

    title: str
    path: Path | str
    style: Style
    lists_largest: bool = True
    quantity: str = ""


@dataclass(frozen=True, eq=False)
class Contents:
    """The run that a report is about.

    Parameters
    ----------
    algorithm, parameters, context
        The algorithm, and what Processing passed to it, with named choices.
    grid
        Grid of all maps; None for a network without maps.
    maps
        The maps, the main one first.
    log
        Messages of the run.
    tables
        Its tables and line layers, written or not.
    numbers
        The numbers that it returns.
    landscape, quantity
        The landscape, and what its values mean: permeability or resistance; None and empty without one.
    """

    algorithm: QgsProcessingAlgorithm
    parameters: Mapping[str, Any]
    context: QgsProcessingContext
    grid: RasterGrid | None
    maps: Sequence[MapFile]
    log: RunLog
    tables: Sequence[Table] = ()
    numbers: Mapping[NumberOutput, Any] = field(default_factory=dict)
    landscape: Raster | StreamedRaster | None = None
    quantity: str = ""

    @property
    def title(self) -> str:
        """What was computed, and for which places or landscape."""
        if self.maps:
            return self.maps[0].title
        if self.tables:
            return self.algorithm.presenter.name(self.tables[0].output, self.tables[0].title)
        return self.algorithm.displayName()

    def number(self, key: str) -> Any:
        """Return a number by its key; None if the run has none."""
        return next((value for output, value in self.numbers.items() if output.key == key), None)
