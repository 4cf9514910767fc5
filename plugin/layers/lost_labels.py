"""Labels of a raster (ids, classes, marks) lost in resampling."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from osgeo import gdal

from ..i18n import tr
from .features import shortened
from .gdal_errors import collected_gdal_errors

# A raster with more values than this holds measurements.
MAX_LABELS = 1_000_000


class Labels:
    """The distinct values, except 0, of a raster of labels.

    Attributes
    ----------
    values
        The values found until now; None if there are so many that they cannot be labels.
    """

    def __init__(self) -> None:
        self.values: set[float] | None = set()

    def add(self, values: np.ndarray, valid: np.ndarray) -> None:
        """Add the values of a block."""
        if self.values is None:
            return
        self.values.update(np.unique(values[valid & (values != 0)]).tolist())
        if len(self.values) > MAX_LABELS:
            self.values = None

    def missing_in(self, other: Labels) -> list[float]:
        """Return the sorted labels that another raster does not have."""
        return [] if self.values is None or other.values is None else sorted(self.values - other.values)


def describe_lost(lost: list[float], inside: set[float]) -> str:
    """Return which labels were lost and why; empty if none.

    Parameters
    ----------
    lost
        The labels.
    inside
        Those of them that have a cell within the target grid.

    Examples
    --------
    >>> describe_lost([3.0, 7.0], {7.0})
    'outside the landscape: 3; too small to contain the centre of a cell of the landscape: 7'
    """
    outside = [f"{label:.17g}" for label in lost if label not in inside]
    small = [f"{label:.17g}" for label in lost if label in inside]
    reasons = (
        (tr("outside the landscape"), outside),
        (tr("too small to contain the centre of a cell of the landscape"), small),
    )
    return "; ".join(f"{reason}: {shortened(labels)}" for reason, labels in reasons if labels)


def labels_inside(
    labels: list[float],
    blocks: Iterable[tuple[int, np.ndarray]],
    source: gdal.Dataset,
    target: gdal.Dataset,
    wkts: list,
) -> set[float]:
    """Return the labels of which at least one cell of the source has its centre within the target.

    Parameters
    ----------
    labels
        Labels to look for.
    blocks
        First row and values of each block of the source.
    source, target
        Datasets with the geotransforms of the two grids.
    wkts
        CRS of the source and of the target; empty to take both as the same.
    """
    options = [f"SRC_SRS={wkts[0]}", f"DST_SRS={wkts[1]}"] if wkts else []
    inside: set[float] = set()
    with collected_gdal_errors():  # a point that cannot be projected lies outside
        transformer = gdal.Transformer(source, target, options)
        for first_row, values in blocks:
            cells = np.argwhere(np.isin(values, [label for label in labels if label not in inside]))
            if not len(cells):
                continue
            centres = [(column + 0.5, first_row + row + 0.5) for row, column in cells.tolist()]
            points, successes = transformer.TransformPoints(0, centres)
            for (row, column), (x, y, _), success in zip(cells.tolist(), points, successes):
                if success and 0 <= x <= target.RasterXSize and 0 <= y <= target.RasterYSize:
                    inside.add(float(values[row, column]))
    return inside
