"""Blocks of targets, the windows around them, and what a block of several cells does to a map."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from .window_circuit import WindowCircuit


@dataclass(frozen=True)
class TargetBlocks:
    """Square blocks of cells that are one target each, and the disc around a target from which current comes.

    Parameters
    ----------
    width
        Cells of a block, each way; odd.
    radius, buffer
        How far sources lie from their target, and how much further current may stray, in map units.
    pixel_size
        (height, width) of a cell, in map units.

    Raises
    ------
    ValueError
        An even width; a radius that does not reach beyond a block, or is no positive number.

    Examples
    --------
    >>> blocks = TargetBlocks(3, 2.0, 0.0, (1.0, 1.0))
    >>> blocks.reach, int(blocks.sources().sum())
    ((2, 2), 13)
    """

    width: int
    radius: float
    buffer: float
    pixel_size: tuple[float, float]

    def __post_init__(self):
        if isinstance(self.width, bool) or not isinstance(self.width, (int, np.integer)) or self.width < 1:
            raise ValueError(f"block must be a number of cells, 1 or more, not {self.width!r}")
        if self.width % 2 == 0:
            raise ValueError(
                f"block must be an odd number of cells, so that it has a centre, not {self.width}: "
                f"{self.width - 1} or {self.width + 1} would do"
            )
        if not 0 < self.radius < math.inf or not 0 <= self.buffer < math.inf:
            raise ValueError(f"radius must be positive and buffer 0 or more, not {self.radius!r} and {self.buffer!r}")
        cell = max(self.pixel_size)
        if _cells(self.radius, cell) <= self.half:
            least = (self.half + 1) * cell
            what = f"a block of {self.width} × {self.width} cells" if self.width > 1 else "its cell"
            raise ValueError(
                f"radius ({self.radius:g}) must reach beyond {what}: at least {least:g}, as a cell is {cell:g} wide"
            )

    @property
    def half(self) -> int:
        """Cells of a block on either side of its centre."""
        return self.width // 2

    @property
    def reach(self) -> tuple[int, int]:
        """Rows and columns of a window on either side of the target."""
        height, width = self.pixel_size
        return _cells(self.radius + self.buffer, height), _cells(self.radius + self.buffer, width)

    def sources(self) -> Bool[np.ndarray, "height width"]:
        """Return which cells of a window may be sources: those within the radius."""
        return self._within(self.radius)

    def landscape(self) -> Bool[np.ndarray, "height width"]:
        """Return which cells of a window current may cross: those within the radius and the buffer."""
        return self._within(self.radius + self.buffer)

    def correction(self, steps: np.ndarray, lengths: np.ndarray) -> Float[np.ndarray, "height width"]:
        """Return by what a window's currents are multiplied so that blocks do not show in the map.

        Where all conductances and sources are 1, a block's current concentrates at its centre. The currents of a window
        around each of its cells, added up, are divided by those of the block's window.

        Parameters
        ----------
        steps, lengths
            Where each direction leads, and how long it is.
        """
        shape, reach = self.sources().shape, np.array(self.reach)
        if self.width == 1:
            return np.ones(shape)
        disc = self.landscape()
        framed = np.pad(disc, 1)
        rows, columns = shape
        around = [framed[1 + down : 1 + down + rows, 1 + right : 1 + right + columns] for down, right in steps]
        conductances = np.stack([disc & one for one in around], -1) / lengths
        window = WindowCircuit(disc, steps)
        window.take_up(conductances, np.zeros(2, int), reach)
        single, blocked = self.sources(), self.sources()
        single[tuple(reach)] = False
        (row, column), half = reach, self.half
        blocked[row - half : row + half + 1, column - half : column + half + 1] = False
        # Beside an ellipse a block may hold all sources of a row, never all of them: the radius reaches beyond it.
        of_cell = window.currents(single / single.sum())
        of_block = window.currents(blocked * (self.width**2 / blocked.sum()))
        total = np.zeros((rows + 2 * half, columns + 2 * half))
        for down in range(self.width):
            for right in range(self.width):
                total[down : down + rows, right : right + columns] += of_cell
        total = total[half : half + rows, half : half + columns]
        known = (total > 0) & (of_block > 0)
        return np.where(known, total / np.where(known, of_block, 1.0), 1.0)

    def _within(self, distance: float) -> np.ndarray:
        (down, right), (height, width) = self.reach, self.pixel_size
        rows, columns = np.arange(-down, down + 1)[:, None] * height, np.arange(-right, right + 1)[None] * width
        return rows**2 + columns**2 <= (distance * (1 + 1e-9)) ** 2


def _cells(distance: float, size: float) -> int:
    # 90 / 30.000000001 are three cells.
    return math.floor(distance / size + 1e-6)
