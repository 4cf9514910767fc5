"""Focal nodes: the cells or regions between which connectivity is computed, with the user's ids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from .alignment import AlignedBand
from .computed_raster import RasterRows
from .features import shortened
from .raster_grid import Raster
from .validation import FiniteValidator, InvalidCells

# Beyond this, float64 does not tell two neighbouring whole numbers apart.
MAX_RASTER_ID = 2.0**53


@dataclass(frozen=True, eq=False)
class FocalNodes:
    """Focal nodes, ordered by id.

    Parameters
    ----------
    ids
        int64 (n,): unique ids for the engine: the user's ids if these are integers, else 1, 2, ….
    names
        The user's ids: values of the id field, else feature ids; or values of a raster.
    labels
        Label of each node: the feature's `name` (or `label`) if it has one, else its id in `names`.
    cells
        int64 (k, 2): row and column, counted from 0, of every cell of every node.
    owners
        int64 (k,): index in `ids` of the node of each cell.
    """

    ids: np.ndarray
    names: list[int | str]
    labels: list[str]
    cells: np.ndarray
    owners: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def cell_ids(self) -> np.ndarray:
        """int64 (k,): id of the node of each cell."""
        return self.ids[self.owners]

    def named(self) -> dict[int, int | str]:
        """Return the user's id of each node, by the engine's id."""
        return dict(zip(self.ids.tolist(), self.names))


def focal_nodes_from_ids(
    raster: Raster | AlignedBand,
    passable: RasterRows,
    feedback: QgsProcessingFeedback,
    *,
    at_least: int = 2,
) -> FocalNodes:
    """Return the focal nodes of a raster of ids: the cells of each positive integer form a node.

    Parameters
    ----------
    raster
        Raster of ids on the grid of the landscape, which is read block by block.
    passable
        Where the landscape is neither nodata nor a barrier, bool (rows, columns); other cells are ignored.
    feedback
        Receives progress and a warning about nodes that are left out; can cancel.
    at_least
        Minimum number of nodes.

    Raises
    ------
    QgsProcessingException
        If a value is not a whole number or too large to be an id, or if there are too few nodes.
    """
    name = raster.name
    finite = FiniteValidator(name)
    fractional = InvalidCells(
        tr("the value is not a whole number"),
        tr("A raster of focal nodes must hold their ids: round it, or rasterize polygons with a field of ids."),
    )
    too_large = InvalidCells(
        tr("the id is infinite or larger than {:,.0f}, so ids cannot be told apart").format(MAX_RASTER_ID),
        tr("Number the focal nodes 1, 2, 3, … instead."),
    )
    negative: set[float] = set()
    marked_ids: set[float] = set()
    cells, values = [np.empty((0, 2), np.int64)], [np.empty(0, np.int64)]
    for first, block, valid in raster.blocks(feedback):
        finite.add(block, valid, first)
        fractional.add(valid & (block != np.rint(block)), block, first)
        too_large.add(valid & (block > MAX_RASTER_ID), block, first)
        if fractional.count or too_large.count:
            continue
        negative.update(np.unique(block[valid & (block < 0)]).tolist())
        marked = valid & (block > 0)
        marked_ids.update(np.unique(block[marked]).tolist())
        usable = np.argwhere(marked & passable[first : first + len(block)])
        values.append(block[tuple(usable.T)].astype(np.int64))
        cells.append(usable.astype(np.int64) + (first, 0))
    finite.require_no_nan()
    fractional.raise_if_any(name)
    too_large.raise_if_any(name)
    if negative:
        text = tr("'{layer}': ids below 0 are no focal nodes and are left out: {ids}.")
        ids = [f"{value:.17g}" for value in sorted(negative)]
        feedback.pushWarning(text.format(layer=name, ids=shortened(ids)))
    ids, owners = np.unique(np.concatenate(values), return_inverse=True)
    missing = np.setdiff1d(np.array(sorted(marked_ids), np.int64), ids)
    reasons = [tr("only on nodata or barriers: {ids}").format(ids=shortened(missing.tolist()))] if missing.size else []
    reasons += [raster.lost_labels] if raster.lost_labels else []
    require_enough_nodes(len(ids), at_least, name, "; ".join(reasons))
    if missing.size:
        feedback.pushWarning(
            tr("Focal nodes of '{layer}' left out because all their cells lie on nodata or barriers: {ids}.").format(
                layer=name, ids=shortened(missing.tolist())
            )
        )
    names, labels = ids.tolist(), [str(value) for value in ids.tolist()]
    order = np.argsort(owners, kind="stable")
    return FocalNodes(ids, names, labels, np.concatenate(cells)[order], owners[order].astype(np.int64))


def require_enough_nodes(nodes: int, at_least: int, name: str, reasons: str, extents: str = "") -> None:
    """Raise an error if there are too few focal nodes.

    Parameters
    ----------
    nodes, at_least
        How many there are, and how many are needed.
    name
        Name of the layer.
    reasons
        Why others were left out; may be empty.
    extents
        A sentence that says where the layer and the raster lie; may be empty.
    """
    if nodes >= at_least:
        return
    count = tr("only one focal node") if nodes == 1 else tr("{} focal nodes").format(nodes)
    if nodes:
        text = tr("'{layer}' has {count} on passable cells; at least {needed} are needed{reasons}. {advice}")
    else:
        text = tr("No focal node of '{layer}' lies on a passable cell of the raster{reasons}. {advice}")
    message = text.format(
        layer=name,
        count=count,
        needed=at_least,
        reasons=f" ({reasons})" if reasons else "",
        advice=tr("Check the CRS of the layer, and whether its features lie on cells with a value above 0."),
    )
    raise QgsProcessingException(f"{message} {extents}".rstrip())
