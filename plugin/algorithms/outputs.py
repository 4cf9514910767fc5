"""What an algorithm gives back besides its parameters: maps and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import QgsProcessingOutputDefinition, QgsProcessingOutputNumber, QgsProcessingOutputString

from ..i18n import tr
from ..npy_file import NpyFile

if TYPE_CHECKING:
    from .styles import Style


@dataclass(frozen=True)
class RasterOutput:
    """One raster to write.

    Parameters
    ----------
    output
        Name of the output parameter that says where to.
    values
        (rows, columns), in memory or on disk, or (bands, rows, columns); NaN where there is nothing to say, infinite
        where unreachable.
    style
        How QGIS draws it.
    dtype
        How the values are stored: ``"float32"`` or ``"int32"``.
    band_names
        One a band, or none.
    """

    output: str
    values: np.ndarray | NpyFile
    style: Style
    dtype: str = "float32"
    band_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class NumberOutput:
    """One number (or word) of a run that models and scripts can use.

    Parameters
    ----------
    key
        What the engine calls it; in capitals, what QGIS calls it.
    description
        What it is, for people.
    is_text
        Whether it is a word rather than a number.
    """

    key: str
    description: str
    is_text: bool = False

    @property
    def name(self) -> str:
        """Name of the output in QGIS."""
        return self.key.upper()

    def definition(self) -> QgsProcessingOutputDefinition:
        """Declare it to QGIS."""
        kind = QgsProcessingOutputString if self.is_text else QgsProcessingOutputNumber
        return kind(self.name, self.description)


def format_number(value: float) -> str:
    """Write a number for people: thousands apart, four digits that count, an exponent only where zeros would not do.

    Examples
    --------
    >>> format_number(52589.65)
    '52,590'
    >>> format_number(0.000012345)
    '1.234e-05'
    """
    rounded = float(f"{value:.4g}")
    return f"{rounded:,.0f}" if 1000 <= abs(rounded) < 1e9 else f"{rounded:.4g}"


def common_outputs() -> tuple[NumberOutput, ...]:
    """Return what every run of the engine reports."""
    return (
        NumberOutput("active_cells", tr("Cells that can be crossed")),
        NumberOutput("components", tr("Connected parts of the landscape")),
        NumberOutput("solver", tr("Solver used"), is_text=True),
        NumberOutput("iterations", tr("Iterations of the solver (empty for a direct solver)")),
        NumberOutput("residual", tr("Relative residual of the solver (empty where nothing is solved)")),
        NumberOutput("seconds", tr("Seconds in the engine, its start not counted")),
        NumberOutput("peak_memory_bytes", tr("Peak memory of the engine, in bytes")),
    )


def window_outputs(values: str) -> tuple[NumberOutput, ...]:
    """Return what a run over windows reports: no connected parts, which nobody looks for in a raster of any size.

    Parameters
    ----------
    values
        What the values of its map are called.
    """
    return (
        *(figure for figure in common_outputs() if figure.key != "components"),
        NumberOutput("connectivity", tr("The connectivity of the landscape as it is")),
        NumberOutput("windows", tr("Windows that were computed")),
        NumberOutput("skipped_windows", tr("Windows skipped because they hold no habitat")),
        NumberOutput("minimum", tr("Smallest {values}").format(values=values)),
        NumberOutput("maximum", tr("Largest {values}").format(values=values)),
    )


def distance_outputs() -> tuple[NumberOutput, ...]:
    """Return what a distance map reports besides."""
    return (
        NumberOutput("minimum", tr("Smallest finite distance")),
        NumberOutput("maximum", tr("Largest finite distance")),
        NumberOutput("mean", tr("Mean of the finite distances")),
        NumberOutput("unreachable_cells", tr("Cells from which no source can be reached")),
    )


def sensitivity_outputs() -> tuple[NumberOutput, ...]:
    """Return what a sensitivity map reports besides."""
    return (
        NumberOutput("connectivity", tr("The connectivity of the landscape as it is")),
        NumberOutput("pairs", tr("Pairs of cells it was computed from")),
        NumberOutput("unreachable_pairs", tr("Pairs left out because no way joins them")),
        NumberOutput("minimum", tr("Smallest sensitivity")),
        NumberOutput("maximum", tr("Largest sensitivity")),
    )


def component_outputs() -> tuple[NumberOutput, ...]:
    """Return what the map of connected parts reports besides."""
    return (NumberOutput("largest_component_cells", tr("Cells of the largest connected part")),)


def flow_outputs() -> tuple[NumberOutput, ...]:
    """Return what every current map reports besides."""
    return (
        NumberOutput("maximum_current", tr("Largest current through a cell, in ampere")),
        NumberOutput("cells_without_flow", tr("Cells in parts of the landscape where nothing flows")),
        NumberOutput("unconserved", tr("Largest current that is not conserved, beside the largest current")),
    )


def resistance_outputs() -> tuple[NumberOutput, ...]:
    """Return what resistances between focal nodes report besides."""
    return (
        NumberOutput("focal_nodes", tr("Focal nodes")),
        NumberOutput("runs", tr("Pairs, or focal nodes, whose currents were summed")),
        NumberOutput("unconnected", tr("Pairs, or focal nodes, that are not connected")),
        NumberOutput("minimum", tr("Smallest resistance (empty for all to one)")),
        NumberOutput("maximum", tr("Largest finite resistance (empty for all to one)")),
        NumberOutput("mean", tr("Mean of the finite resistances (empty for all to one)")),
    )
