"""The session: a landscape, the strokes painted on it, and views of the movement to a target."""

import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ..counts import count_of
from .brush import cells_near
from .edge_kernels import RULES
from .landscape import Landscape
from .movement import CurrentMovement, Movement
from .resolution import DISTANCES, Resolution

#: Quantities of a view.
QUANTITIES = ("distance", "flow", "sensitivity", "elasticity")

#: Quantities of the landscape's raster.
VALUES = ("permeability", "resistance")

#: Largest number of cells of a preview, which follows the mouse.
PREVIEW_CELLS = 65_000

#: Largest number of cells of a sharp view of randomized shortest paths, which takes ten times as long as the others.
RANDOMIZED_CELLS = 400_000

_DIRECTIONS = {"rook": 4, "queen": 8}


class Request(NamedTuple):
    """What to show.

    Attributes
    ----------
    target
        Row and column of the target of movement.
    distance
        A name of `DISTANCES`.
    quantity
        A name of `QUANTITIES`.
    origins
        Rows and columns of the cells where movement starts; None for all cells. Barriers and cells outside the
        landscape are ignored.
    theta
        Inverse temperature θ of randomized shortest paths.
    change
        Whether to show the painted landscape minus the original one.
    """

    target: tuple[int, int]
    distance: str = "leastcost"
    quantity: str = "distance"
    origins: tuple[tuple[int, int], ...] | None = None
    theta: float = 0.01
    change: bool = False


@dataclass(frozen=True)
class View:
    """A map, and numbers about the movement.

    Attributes
    ----------
    values
        The quantity in each cell; NaN in barriers, and distances also where the target cannot be reached.
    factor
        Number of cells of the landscape along one side of a cell.
    mean, mean_before
        Mean distance from the origins, in the painted and in the original landscape; NaN if none can reach the target.
    origins, unreached
        Numbers of cells of origin that can reach the target, and that cannot.
    seconds
        Duration of the computation.
    """

    values: Float[np.ndarray, "rows columns"]
    factor: int
    mean: float
    mean_before: float
    origins: int
    unreached: int
    seconds: float


class _Stroke(NamedTuple):
    """Cells whose permeability a stroke of the brush has changed, with the values before and after it."""

    cells: Int[np.ndarray, " n"]
    before: Float[np.ndarray, " n"]
    after: Float[np.ndarray, " n"]


class ExplorationSession:
    """A landscape that is explored and painted.

    Parameters
    ----------
    landscape
        Raster of permeability or of resistance. A permeability of 0 is a barrier.
    valid
        False where there are no data; such cells are barriers.
    values
        "permeability" or "resistance".
    neighbors, edge_rule, pixel_size
        As for `GridGraph`; the edge rule must be "mean" or "resistance".

    Raises
    ------
    ValueError
        Values that are not a permeability or a resistance; no passable cell; an unknown choice, or an edge rule that
        gives an edge two conductances.

    Examples
    --------
    >>> session = ExplorationSession(np.ones((1, 5)), np.ones((1, 5), bool), neighbors="rook")
    >>> session.view(Request(target=(0, 0))).values
    array([[0., 1., 2., 3., 4.]])
    >>> session.paint([(0, 2)], 0.5)
    1
    >>> session.view(Request(target=(0, 0), change=True)).values.round(3)
    array([[0.   , 0.   , 0.333, 0.667, 0.667]])
    """

    def __init__(
        self,
        landscape: Float[np.ndarray, "rows columns"],
        valid: Bool[np.ndarray, "rows columns"],
        *,
        values: str = "permeability",
        neighbors: str = "queen",
        edge_rule: str = "mean",
        pixel_size: tuple[float, float] = (1.0, 1.0),
    ):
        for name, choice, choices in (
            ("values", values, VALUES),
            ("neighbors", neighbors, _DIRECTIONS),
            ("edge_rule", edge_rule, RULES),
        ):
            if choice not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, not {choice!r}")
        _require_valid_cells(landscape, valid, values)
        positive = valid & (landscape > 0)
        if not positive.any():
            raise ValueError("no cell of the landscape is passable")
        self._values = values
        safe = np.where(positive, landscape, 1.0)
        self.permeability = np.where(positive, safe if values == "permeability" else 1 / safe, 0.0)
        self._original = self.permeability.copy()
        self._options = {"directions": _DIRECTIONS[neighbors], "edge_rule": edge_rule, "pixel_size": pixel_size}
        self._resolutions: dict[int, Resolution] = {}
        self._strokes: list[list[_Stroke]] = []
        self._undone: list[list[_Stroke]] = []

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the landscape."""
        return self.permeability.shape

    @property
    def strokes(self) -> int:
        """Number of strokes that can be undone."""
        return len(self._strokes)

    @property
    def undone_strokes(self) -> int:
        """Number of undone strokes that can be painted again."""
        return len(self._undone)

    @property
    def painted_cells(self) -> int:
        """Number of cells that differ from the original landscape."""
        return int(np.count_nonzero(self.permeability != self._original))

    def is_passable(self, cell: tuple[int, int]) -> bool:
        """Return whether a cell, given by row and column, lies in the landscape and is not a barrier."""
        row, column = cell
        inside = 0 <= row < self.shape[0] and 0 <= column < self.shape[1]
        return inside and bool(self.permeability[row, column] > 0)

    def view(self, request: Request, *, preview: bool = False) -> View:
        """Return a view.

        Parameters
        ----------
        request
            What to show.
        preview
            Whether to compute on a coarse raster of at most `PREVIEW_CELLS` cells.

        Raises
        ------
        ValueError
            The target is not a passable cell; an unknown distance or quantity; θ is not positive.
        """
        start = time.perf_counter()
        self._require_valid(request)
        resolution = self._resolution(self.factor_of(request.distance, preview=preview))
        target = int(resolution.cells_of(self._flat([request.target]))[0])
        after = self._movement(resolution, resolution.after, request, target)
        before = after
        if resolution.after is not resolution.before and self._strokes:
            before = self._movement(resolution, resolution.before, request, target)
        if request.change:
            values = self._quantity(resolution.after.landscape, after, request.quantity, zero_in_barriers=True)
            with np.errstate(invalid="ignore"):
                values = values - self._quantity(
                    resolution.before.landscape, before, request.quantity, zero_in_barriers=True
                )
            values[~(resolution.before.landscape.active | resolution.after.landscape.active)] = np.nan
        else:
            values = self._quantity(resolution.after.landscape, after, request.quantity)
        return View(
            np.where(np.isfinite(values), values, np.nan),
            resolution.factor,
            after.mean,
            before.mean,
            after.origins.count,
            after.origins.unreached,
            time.perf_counter() - start,
        )

    def factor_of(self, distance: str, *, preview: bool = False) -> int:
        """Return the number of cells of the landscape along one side of a cell of a view."""
        limit = PREVIEW_CELLS if preview else RANDOMIZED_CELLS if distance == "rsp" else self.permeability.size
        return max(1, int(np.ceil(np.sqrt(self.permeability.size / limit))))

    def prepare_painting(self) -> None:
        """Copy the landscape ahead of the first stroke, which is then as quick as the others."""
        for resolution in self._resolutions.values():
            resolution.prepare_painting()

    def paint(
        self, cells: list[tuple[int, int]] | Int[np.ndarray, "n 2"], value: float, *, extend: bool = False
    ) -> int:
        """Paint cells, and return how many changed.

        Parameters
        ----------
        cells
            Rows and columns; those outside the landscape are ignored.
        value
            New value, in the quantity of the raster; 0 for a barrier.
        extend
            Whether this continues the last stroke, so that both are undone together.

        Raises
        ------
        ValueError
            The value is negative or not finite.
        """
        if not (np.isfinite(value) and value >= 0):
            raise ValueError(f"a cell can be painted with a value of 0 or more, not {value}")
        permeability = 1 / value if value > 0 and self._values == "resistance" else value
        inside = self._flat(cells)
        old = self.permeability.reshape(-1)[inside]
        changed = inside[old != permeability]
        if changed.size:
            stroke = _Stroke(changed, old[old != permeability], np.full(changed.size, float(permeability)))
            if extend and self._strokes:
                self._strokes[-1].append(stroke)
            else:
                self._strokes.append([stroke])
            self._undone.clear()
            self._set(changed, stroke.after)
        return int(changed.size)

    def paint_line(
        self, start: tuple[float, float], end: tuple[float, float], radius: float, value: float, *, extend: bool = False
    ) -> int:
        """Paint the cells whose centres lie within a radius of a line, and return how many changed.

        Parameters
        ----------
        start, end
            Rows and columns of the ends of the line, in cells from the upper left corner of the landscape.
        radius
            Radius of the brush in cells. The cell that contains the end is always painted.
        value, extend
            As for `paint`.
        """
        return self.paint(cells_near(start, end, radius, self.shape), value, extend=extend)

    def undo(self) -> bool:
        """Undo the last stroke; return whether there was one."""
        if not self._strokes:
            return False
        strokes = self._strokes.pop()
        self._undone.append(strokes)
        for stroke in reversed(strokes):
            self._set(stroke.cells, stroke.before)
        return True

    def redo(self) -> bool:
        """Paint again the stroke that was undone last; return whether there was one."""
        if not self._undone:
            return False
        strokes = self._undone.pop()
        self._strokes.append(strokes)
        for stroke in strokes:
            self._set(stroke.cells, stroke.after)
        return True

    def refresh(self) -> None:
        """Bring the solvers of the painted landscape up to date; to be called while no request waits."""
        for resolution in self._resolutions.values():
            resolution.after.landscape.refresh()

    def painted(self) -> Float[np.ndarray, "rows columns"]:
        """Return the new value of each painted cell, in the quantity of the raster: 0 in barriers, NaN if unchanged."""
        changed = self.permeability != self._original
        passable = changed & (self.permeability > 0)
        safe = np.where(passable, self.permeability, 1.0)
        values = np.where(passable, safe if self._values == "permeability" else 1 / safe, 0.0)
        return np.where(changed, values, np.nan)

    def _set(self, cells: np.ndarray, values: np.ndarray) -> None:
        self.permeability.reshape(-1)[cells] = values
        for resolution in self._resolutions.values():
            resolution.paint(self.permeability, cells)

    def _flat(self, cells) -> Int[np.ndarray, " n"]:
        rows, columns = np.asarray(cells, np.int64).reshape(-1, 2).T
        inside = (rows >= 0) & (rows < self.shape[0]) & (columns >= 0) & (columns < self.shape[1])
        return np.unique(rows[inside] * self.shape[1] + columns[inside])

    def _resolution(self, factor: int) -> Resolution:
        if factor not in self._resolutions:
            resolution = Resolution(self._original, factor, **self._options)
            resolution.paint(self.permeability, np.flatnonzero(self.permeability != self._original))
            self._resolutions[factor] = resolution
        return self._resolutions[factor]

    def _require_valid(self, request: Request) -> None:
        if request.distance not in DISTANCES:
            raise ValueError(f"the distance must be one of {', '.join(DISTANCES)}, not {request.distance!r}")
        if request.quantity not in QUANTITIES:
            raise ValueError(f"the quantity must be one of {', '.join(QUANTITIES)}, not {request.quantity!r}")
        if not self.is_passable(request.target):
            raise ValueError(
                f"row {request.target[0]}, column {request.target[1]} is not a passable cell of the landscape"
            )
        if not (np.isfinite(request.theta) and request.theta > 0):
            raise ValueError(f"theta must be above 0, not {request.theta}")

    def _movement(self, resolution: Resolution, version, request: Request, target: int) -> Movement:
        cells = None
        if request.origins is not None:
            cells = resolution.cells_of(self._flat(request.origins))
            cells = cells[version.landscape.active.reshape(-1)[cells]]
        return version.movement(request.distance, request.theta, target, cells, change=request.change)

    def _quantity(
        self, landscape: Landscape, movement: Movement, quantity: str, *, zero_in_barriers: bool = False
    ) -> Float[np.ndarray, "rows columns"]:
        """Return a quantity, per cell of the full resolution; flow and derivatives are NaN, or 0, in barriers."""
        if quantity == "distance":
            return movement.distance
        permeability = landscape.permeability
        if quantity == "flow":
            # k cells side by side share the current of one cell of this landscape; a path runs through one of them.
            values = movement.flow / (landscape.factor if isinstance(movement, CurrentMovement) else 1)
        else:
            # A cell of this landscape consists of k² cells.
            values = movement.gradient / landscape.factor**2
            if quantity == "elasticity":
                values = values * permeability
                values = -values if self._values == "resistance" else values
            elif self._values == "resistance":
                values = -(permeability**2) * values
        return np.where(permeability > 0, values, 0.0 if zero_in_barriers else np.nan)


def _require_valid_cells(landscape: np.ndarray, valid: np.ndarray, values: str) -> None:
    """Raise a `ValueError` if cells that hold data hold no permeability or no resistance."""
    in_range = landscape >= 0 if values == "permeability" else landscape > 0
    invalid = valid & ~(in_range & np.isfinite(landscape))
    if invalid.any():
        row, column = np.argwhere(invalid)[0]
        requirement = "a number of 0 or more" if values == "permeability" else "a number above 0"
        raise ValueError(
            f"{values} is not {requirement} in {count_of(invalid.sum(), 'cell')}, the first at row {row}, column "
            f"{column} ({landscape[row, column]:g})"
        )
