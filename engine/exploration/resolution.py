"""An explored landscape at one resolution, before and after painting, with the last results."""

from collections.abc import Hashable

import numpy as np
from jaxtyping import Float, Int

from .landscape import Landscape, coarsened
from .movement import CHANGE_TOLERANCE, TOLERANCE, CurrentMovement, LeastCostMovement, Movement
from .randomized import RandomizedMovement

#: The distances, by the names of the registry.
DISTANCES = ("leastcost", "resistance", "rsp")


class _Version:
    """A landscape and its last movement."""

    def __init__(self, landscape: Landscape):
        self.landscape = landscape
        self._key: Hashable = None
        self._movement: Movement | None = None
        self._guess: np.ndarray | None = None

    def copy(self) -> "_Version":
        """Return a copy whose landscape can be painted."""
        other = _Version(self.landscape.copy())
        other._key, other._movement, other._guess = self._key, self._movement, self._guess
        return other

    def movement(
        self, distance: str, theta: float, target: int, cells: np.ndarray | None, *, change: bool = False
    ) -> Movement:
        """Return the movement to a target; the previous result if nothing has changed."""
        origin_key = None if cells is None else cells.tobytes()
        parameter = theta if distance == "rsp" else change if distance == "resistance" else None
        key = (self.landscape.version, distance, parameter, target, origin_key)
        if key != self._key:
            self._movement = self._compute(distance, theta, target, cells, change)
            self._key = key
        return self._movement

    def _compute(self, distance: str, theta: float, target: int, cells: np.ndarray | None, change: bool) -> Movement:
        if distance == "leastcost":
            return LeastCostMovement(self.landscape, target, cells)
        if distance == "rsp":
            return RandomizedMovement(self.landscape, target, theta, cells)
        movement = CurrentMovement(
            self.landscape, target, cells, self._guess, CHANGE_TOLERANCE if change else TOLERANCE
        )
        self._guess = movement.potentials
        return movement


class Resolution:
    """A landscape whose cells are k × k cells of the full resolution.

    Parameters
    ----------
    permeability
        Permeability at full resolution.
    factor
        k.
    directions, edge_rule, pixel_size
        As for `Landscape`.
    """

    def __init__(
        self,
        permeability: Float[np.ndarray, "rows columns"],
        factor: int,
        *,
        directions: int,
        edge_rule: str,
        pixel_size: tuple[float, float],
    ):
        self.factor, self._full_shape = factor, permeability.shape
        landscape = Landscape(
            coarsened(permeability, factor),
            directions=directions,
            edge_rule=edge_rule,
            pixel_size=pixel_size,
            factor=factor,
        )
        self.before = self.after = _Version(landscape)

    def cells_of(self, cells: Int[np.ndarray, " n"]) -> Int[np.ndarray, " m"]:
        """Return the distinct cells of this resolution that contain some cells of the full resolution."""
        rows, columns = np.divmod(cells, self._full_shape[1])
        return np.unique((rows // self.factor) * self.before.landscape.shape[1] + columns // self.factor)

    def prepare_painting(self) -> None:
        """Make the painted landscape a copy of the original one, unless it already is."""
        if self.after is self.before:
            self.after = self.before.copy()

    def paint(self, permeability: Float[np.ndarray, "rows columns"], cells: Int[np.ndarray, " n"]) -> None:
        """Update the painted landscape where cells have changed.

        Parameters
        ----------
        permeability
            Painted permeability at full resolution.
        cells
            Flat raster indices of the changed cells at full resolution.
        """
        if not cells.size:
            return
        self.prepare_painting()
        landscape, factor = self.after.landscape, self.factor
        rows, columns = np.divmod(cells, self._full_shape[1])
        top, left = int(rows.min()) // factor, int(columns.min()) // factor
        bottom, right = int(rows.max()) // factor + 1, int(columns.max()) // factor + 1
        window = permeability[top * factor : bottom * factor, left * factor : right * factor]
        changed = np.arange(landscape.permeability.size).reshape(landscape.shape)[top:bottom, left:right]
        landscape.set_permeability(changed.ravel(), coarsened(window, factor).ravel())
