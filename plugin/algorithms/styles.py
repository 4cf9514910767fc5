"""Layer styles of Permea's outputs, computed from their values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ..i18n import tr
from ..layers import RasterRows
from ..npy_file import NpyFile, row_blocks
from .color_ramps import CATEGORIES, COMPASS, CURRENT, DISTANCE, DIVERGING, HABITAT, LINES, WHITE_AT_ZERO
from .renderers import ComponentPalette, GraduatedLines, LinearPseudocolor, LogPseudocolor, PalettedClasses, Style

# A few extreme cells (near a source, in a bottleneck) would leave the rest of the map in one colour.
UPPER_PERCENTILE = 98.0
# Focal nodes carry the largest currents and are few; corridors have many cells.
CURRENT_PERCENTILE = 99.5
# Largest ratio of currents that the colours span; smaller currents do not matter.
CURRENT_DYNAMIC_RANGE = 1000
# Sensitivities of one sign are shown from 0 on unless nearly all exceed this fraction of the largest. Pale is for 0.
FAR_FROM_ZERO = 0.25
# Where less than this fraction of the cells has an effect, sensitivities span several orders of magnitude.
SPARSE, SPARSE_PERCENTILE = 0.1, 75.0
# The best fifth of the cells belongs to a corridor if no cutoff is chosen.
CORRIDOR_PERCENTILE = 20.0
# Line widths of the parts of paths that the fewest and the most paths share.
NARROWEST_MM, WIDEST_MM = 0.4, 1.6
# Percentiles of larger rasters are taken from a sample of rows.
MAX_STYLE_CELLS = 1 << 20


def line_style(column: str, values: Sequence[float], unit: str = "") -> Style:
    """Return the style of lines by a value, from pale (cheap) to dark (costly)."""
    finite = np.asarray(values, float)
    finite = finite[np.isfinite(finite)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    high = high if high > low else low + (abs(low) or 1.0)
    return GraduatedLines(column, tuple(np.linspace(low, high, len(LINES) + 1).tolist()), LINES, unit)


def shared_path_style(column: str, counts: Sequence[int]) -> Style:
    """Return the style of parts of paths by the number of paths that share them: the more, the darker and wider."""
    most = max(counts, default=1)
    bounds = np.unique(np.rint(np.geomspace(1, most + 1, len(LINES) + 1))).astype(int).tolist()
    classes = [(low, high - 1) for low, high in zip(bounds, bounds[1:])]
    labels = [f"{low}" if low == high else f"{low} – {high}" for low, high in classes]
    labels = [
        tr("{count} path").format(count=text) if text == "1" else tr("{count} paths").format(count=text)
        for text in labels
    ]
    colours = LINES[len(LINES) - len(classes) :]
    widths = np.linspace(NARROWEST_MM, WIDEST_MM, max(2, len(classes)))[: len(classes)]
    limits = tuple(bound - 0.5 for bound in bounds)
    return GraduatedLines(column, limits, colours, labels=tuple(labels), widths=tuple(widths.tolist()))


def allocation_style(ids: Sequence[int], names: Sequence[str]) -> Style:
    """Return the style of an allocation map; the colours repeat after ten focal nodes."""
    pairs = zip(ids, names)
    return PalettedClasses(tuple((id, CATEGORIES[n % len(CATEGORIES)], name) for n, (id, name) in enumerate(pairs)))


def direction_style() -> Style:
    """Return the style of a map of directions, clockwise from 1 (east) to 8, 0 for none: a cyclic colour ramp."""
    names = [
        tr("focal node"), tr("east"), tr("south-east"), tr("south"), tr("south-west"),
        tr("west"), tr("north-west"), tr("north"), tr("north-east"),
    ]  # fmt: skip
    return PalettedClasses(tuple(zip(range(9), COMPASS, names)))


def corridor_style(excess_cost: np.ndarray | NpyFile, unit: str = "", *, cutoff: bool = False) -> Style:
    """Return the style of a corridor map: dark along the least-cost path, transparent outside the corridor.

    Parameters
    ----------
    excess_cost
        The map.
    unit
        Unit of its values.
    cutoff
        Whether a cutoff limits the corridor, and with it the map; otherwise the corridor shown is the best fifth of the
        landscape, a usual choice of its width (Beier, Majka & Newell 2009).
    """
    finite = _finite_sample(excess_cost)
    high = float(finite.max() if cutoff else np.percentile(finite, CORRIDOR_PERCENTILE)) if finite.size else 1.0
    high = _round_up(high if high > 0 else float(finite.max(initial=0.0)) or 1.0)
    beyond = bool(finite.size) and float(finite.max()) > high
    note = tr("transparent beyond") if beyond else ""
    return LinearPseudocolor(0.0, high, tuple(reversed(DISTANCE)), unit, notes=("", note), transparent_beyond=True)


def distance_style(distance: np.ndarray | NpyFile, unit: str = "") -> Style:
    """Return the style of a distance map: pale near the sources, dark from the 98th percentile on."""
    finite = _finite_sample(distance)
    if finite.size == 0:
        return LinearPseudocolor(0.0, 1.0, DISTANCE, unit)
    low = min(0.0, float(finite.min()))
    high = float(np.percentile(finite, UPPER_PERCENTILE))
    return _cut_above(low, high if high > low else float(finite.max()), DISTANCE, finite, unit)


def current_style(currents: np.ndarray | NpyFile, unit: str = "") -> Style:
    """Return the style of a current map: a logarithmic scale over at most a factor of 1000.

    Currents near a source are many times larger than those in the corridors that the map is to show.
    """
    finite = _finite_sample(currents)
    positive = finite[finite > 0]
    if positive.size == 0:
        return LogPseudocolor(1e-3, 1.0, CURRENT, unit)
    high = float(np.percentile(positive, CURRENT_PERCENTILE))
    low = max(float(np.percentile(positive, 100.0 - UPPER_PERCENTILE)), high / CURRENT_DYNAMIC_RANGE)
    return LogPseudocolor(low, _round_up(high), CURRENT, unit)


def survival_style(survival: np.ndarray | NpyFile) -> Style:
    """Return the style of a map of survival probabilities: pale near the sources, dark where survival is 0."""
    finite = _finite_sample(survival)
    high = min(1.0, _round_up(float(np.percentile(finite, UPPER_PERCENTILE)))) if finite.size else 1.0
    return LinearPseudocolor(0.0, high, tuple(reversed(DISTANCE)), beyond=_beyond(finite, 0.0, high))


def sensitivity_style(sensitivity: np.ndarray | NpyFile, unit: str = "", *, negative_helps: bool = False) -> Style:
    """Return the style of a sensitivity map: diverging around 0, clipped at the 98th percentile of the magnitude.

    Blue always means that a higher value of the cell helps. Where few cells have an effect, as along least-cost paths,
    the limit is the 75th percentile, so that all paths are visible. If all values have the same sign and are far from
    0, the colours of this sign span their range only.

    Parameters
    ----------
    sensitivity
        The map.
    unit
        Unit of its values.
    negative_helps
        Whether the quantity is one that should be small, such as a mean distance.
    """
    finite = _finite_sample(sensitivity)
    magnitude = np.abs(finite)
    magnitude = magnitude[magnitude > 0]
    percentile = SPARSE_PERCENTILE if magnitude.size < SPARSE * finite.size else UPPER_PERCENTILE
    limit = _round_up(float(np.percentile(magnitude, percentile))) if magnitude.size else 1.0
    weakest = float(np.percentile(magnitude, 100.0 - UPPER_PERCENTILE)) if magnitude.size else 0.0
    colours = DIVERGING if negative_helps else tuple(reversed(DIVERGING))
    notes = (tr("helps"), tr("harms")) if negative_helps else (tr("harms"), tr("helps"))
    low, high = -limit, limit
    if FAR_FROM_ZERO * limit < weakest < limit:
        middle, weakest = len(DIVERGING) // 2, _round_down(weakest)
        if finite.min() > 0:
            low, colours, notes = weakest, colours[middle + 1 :], ("", notes[1])
        elif finite.max() < 0:
            high, colours, notes = -weakest, colours[:middle], (notes[0], "")
    return LinearPseudocolor(low, high, colours, unit, _beyond(finite, low, high), notes)


def source_style(net_source: np.ndarray | NpyFile, unit: str = "", rounding: float = 0.0) -> Style:
    """Return the style of a map of sources (red) and sinks (blue), white at 0.

    The limit is the 98th percentile of the magnitudes larger than rounding can explain, or the 75th where these are
    few: in most flows nearly all cells are 0 but for rounding, which must not look like sources.

    Parameters
    ----------
    net_source
        The map.
    unit
        Unit of its values.
    rounding
        The largest value that rounding can explain.
    """
    finite = _finite_sample(net_source)
    magnitude = np.abs(finite)
    magnitude = magnitude[magnitude > rounding]
    percentile = SPARSE_PERCENTILE if magnitude.size < SPARSE * finite.size else UPPER_PERCENTILE
    limit = _round_up(float(np.percentile(magnitude, percentile)) if magnitude.size else rounding) or 1.0
    notes = (tr("sinks"), tr("sources"))
    return LinearPseudocolor(-limit, limit, WHITE_AT_ZERO, unit, _beyond(finite, -limit, limit), notes)


def gain_style(gains: np.ndarray | NpyFile, unit: str = "") -> Style:
    """Return the style of a map of gains, most of which are small: logarithmic, darker blue where more is gained."""
    style = current_style(gains, unit)
    return replace(style, colours=tuple(reversed(DIVERGING[: len(DIVERGING) // 2 + 1])))


def ratio_style(ratio: np.ndarray | NpyFile) -> Style:
    """Return the style of a ratio of observed to expected values: pale at 1, blue towards 0, red towards 2."""
    return LinearPseudocolor(0.0, 2.0, DIVERGING, beyond=_beyond(_finite_sample(ratio), 0.0, 2.0))


def habitat_style(habitat: np.ndarray | NpyFile) -> Style:
    """Return the style of a map of accessible habitat: pale for none, dark green for much."""
    finite = _finite_sample(habitat)
    high = float(np.percentile(finite, UPPER_PERCENTILE)) if finite.size else 1.0
    return _cut_above(0.0, high if high > 0 else float(finite.max(initial=0.0)), HABITAT, finite)


def component_style(labels: RasterRows) -> Style:
    """Return the style of a map of components, numbered by size from 1; 0 for barriers, NaN for nodata."""
    sizes, has_barriers = np.zeros(0, np.int64), False
    for rows in row_blocks(labels.shape):
        block = labels[rows]
        counts = np.bincount(block[block > 0].astype(np.int64), minlength=sizes.size)
        counts[: sizes.size] += sizes
        sizes, has_barriers = counts, has_barriers or bool((block == 0).any())
    return ComponentPalette(tuple(int(size) for size in sizes[1:]), has_barriers=has_barriers)


def sample_rows(raster: np.ndarray | NpyFile, max_cells: int = MAX_STYLE_CELLS) -> np.ndarray:
    """Return evenly spaced rows of the bands of a raster on disk, about `max_cells` cells; a small one as a whole."""
    step = max(1, raster.size // max_cells)
    if step == 1 or isinstance(raster, np.ndarray):
        return raster[:]
    rows = raster.shape[-2]
    bands = [raster] if raster.ndim == 2 else list(raster)
    total = rows * len(bands)
    samples = [divmod(number, rows) for number in range(min(step // 2, total - 1), total, step)]
    return np.concatenate([bands[band][row : row + 1] for band, row in samples])


def _finite_sample(raster: np.ndarray | NpyFile) -> np.ndarray:
    values = sample_rows(raster)
    return values[np.isfinite(values)]


def _cut_above(low: float, high: float, colours: tuple[str, ...], finite: np.ndarray, unit: str = "") -> Style:
    """Return a linear style that ends at a rounded limit; the legend marks it if there are values beyond."""
    high = _round_up(high)
    return LinearPseudocolor(low, high, colours, unit, _beyond(finite, low, high))


def _beyond(finite: np.ndarray, low: float, high: float) -> tuple[bool, bool]:
    """Return whether there are values below and above a range."""
    return (bool(finite.min() < low), bool(finite.max() > high)) if finite.size else (False, False)


def _round_up(value: float) -> float:
    """Round up to three significant digits: the legend shows every digit of its limits."""
    return _round(value, np.ceil)


def _round_down(value: float) -> float:
    """Round down to three significant digits."""
    return _round(value, np.floor)


def _round(value: float, rounding: Callable[[float], float]) -> float:
    if value <= 0:
        return value
    unit = 10.0 ** (np.floor(np.log10(value)) - 2)
    return float(f"{rounding(value / unit) * unit:.3g}")
