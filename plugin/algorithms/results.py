"""What an algorithm gives back besides its parameters: maps and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import QgsProcessingOutputDefinition, QgsProcessingOutputNumber, QgsProcessingOutputString

from ..array_file import ArrayFile
from ..translation import tr

if TYPE_CHECKING:
    from .styles import Style


@dataclass(frozen=True)
class Map:
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
    values: np.ndarray | ArrayFile
    style: Style
    dtype: str = "float32"
    band_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figure:
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


def in_digits(value: float) -> str:
    """Write a number for people: thousands apart, four digits that count, an exponent only where zeros would not do.

    Examples
    --------
    >>> in_digits(52589.65)
    '52,590'
    >>> in_digits(0.000012345)
    '1.234e-05'
    """
    rounded = float(f"{value:.4g}")
    return f"{rounded:,.0f}" if 1000 <= abs(rounded) < 1e9 else f"{rounded:.4g}"


def figures_of_every_run() -> tuple[Figure, ...]:
    """Return what every run of the engine reports."""
    return (
        Figure("active_cells", tr("Cells that can be crossed")),
        Figure("components", tr("Connected parts of the landscape")),
        Figure("solver", tr("Solver used"), is_text=True),
        Figure("iterations", tr("Iterations of the solver (empty for a direct solver)")),
        Figure("residual", tr("Relative residual of the solver (empty where nothing is solved)")),
        Figure("seconds", tr("Seconds in the engine, its start not counted")),
        Figure("peak_memory_bytes", tr("Peak memory of the engine, in bytes")),
    )


def figures_of_windows(values: str) -> tuple[Figure, ...]:
    """Return what a run over windows reports: no connected parts, which nobody looks for in a raster of any size.

    Parameters
    ----------
    values
        What the values of its map are called.
    """
    return (
        *(figure for figure in figures_of_every_run() if figure.key != "components"),
        Figure("connectivity", tr("The connectivity of the landscape as it is")),
        Figure("windows", tr("Windows that were computed")),
        Figure("skipped_windows", tr("Windows skipped because they hold no habitat")),
        Figure("minimum", tr("Smallest {values}").format(values=values)),
        Figure("maximum", tr("Largest {values}").format(values=values)),
    )


def figures_of_a_distance() -> tuple[Figure, ...]:
    """Return what a distance map reports besides."""
    return (
        Figure("minimum", tr("Smallest finite distance")),
        Figure("maximum", tr("Largest finite distance")),
        Figure("mean", tr("Mean of the finite distances")),
        Figure("unreachable_cells", tr("Cells from which no source can be reached")),
    )


def figures_of_a_sensitivity() -> tuple[Figure, ...]:
    """Return what a sensitivity map reports besides."""
    return (
        Figure("connectivity", tr("The connectivity of the landscape as it is")),
        Figure("pairs", tr("Pairs of cells it was computed from")),
        Figure("unreachable_pairs", tr("Pairs left out because no way joins them")),
        Figure("minimum", tr("Smallest sensitivity")),
        Figure("maximum", tr("Largest sensitivity")),
    )


def figures_of_the_components() -> tuple[Figure, ...]:
    """Return what the map of connected parts reports besides."""
    return (Figure("largest_component_cells", tr("Cells of the largest connected part")),)


def figures_of_a_flow() -> tuple[Figure, ...]:
    """Return what every current map reports besides."""
    return (
        Figure("maximum_current", tr("Largest current through a cell, in ampere")),
        Figure("cells_without_flow", tr("Cells in parts of the landscape where nothing flows")),
        Figure("unconserved", tr("Largest current that is not conserved, beside the largest current")),
    )


def figures_of_resistances() -> tuple[Figure, ...]:
    """Return what resistances between focal nodes report besides."""
    return (
        Figure("focal_nodes", tr("Focal nodes")),
        Figure("runs", tr("Pairs, or focal nodes, whose currents were summed")),
        Figure("unconnected", tr("Pairs, or focal nodes, that are not connected")),
        Figure("minimum", tr("Smallest resistance (empty for all to one)")),
        Figure("maximum", tr("Largest finite resistance (empty for all to one)")),
        Figure("mean", tr("Mean of the finite resistances (empty for all to one)")),
    )
