"""Blocks of targets, the windows around them, and the correction for the artifacts of blocks of several cells."""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from .window_circuit import MAX_FACTORED_WIDTH, WindowCircuit

#: Relative slack in comparisons with the radius: a cell at exactly the radius belongs to the disc despite rounding.
RADIUS_ROUNDING = 1e-9

#: Slack, in cells, when lengths are converted to cells: 90 / 30.000000001 are three cells.
CELL_ROUNDING = 1e-6


@dataclass(frozen=True)
class TargetBlocks:
    """Square blocks of cells, one target each, and the disc of sources around a target.

    Parameters
    ----------
    width
        Width of a block in cells; odd.
    radius, buffer
        Radius within which sources lie, and the distance beyond it that current may cross, in map units.
    pixel_size
        (height, width) of a cell, in map units.

    Raises
    ------
    ValueError
        An even width; a radius that is not positive or does not extend beyond a block; a negative buffer; sides of a
        cell that are not positive.

    Examples
    --------
    >>> blocks = TargetBlocks(3, 2.0, 0.0, (1.0, 1.0))
    >>> blocks.half_window, int(blocks.source_disc().sum())
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
        if len(self.pixel_size) != 2 or not all(0 < side < math.inf for side in self.pixel_size):
            raise ValueError(f"pixel_size must be two positive lengths (height, width), not {self.pixel_size!r}")
        cell = max(self.pixel_size)
        if self.radius / cell + CELL_ROUNDING < self.half_width + 1:
            minimum = (self.half_width + 1) * cell
            block = f"a block of {self.width} × {self.width} cells" if self.width > 1 else "its cell"
            raise ValueError(
                f"radius ({self.radius:g}) must reach beyond {block}: at least {minimum:g}, as a cell is {cell:g} wide"
            )

    def within(self, shape: tuple[int, int]) -> "TargetBlocks":
        """Return blocks of the same currents in a raster, with a radius and a buffer that do not extend far beyond it.

        Parameters
        ----------
        shape
            (rows, columns) of the raster.

        Notes
        -----
        A radius of the raster's diagonal holds every source. The correction of blocks of several cells is that of a
        landscape without an edge; from twice the diagonal on it hardly depends on the radius.

        Examples
        --------
        >>> TargetBlocks(1, 1e300, 0.0, (1.0, 1.0)).within((3, 4)).half_window
        (5, 5)
        """
        diagonal = math.hypot(*(cells * side for cells, side in zip(shape, self.pixel_size, strict=True)))
        # Whatever the raster, the radius reaches beyond a block.
        radius = max((1 if self.width == 1 else 2) * diagonal, (self.half_width + 1) * max(self.pixel_size))
        return dataclasses.replace(self, radius=min(self.radius, radius), buffer=min(self.buffer, radius))

    @property
    def half_width(self) -> int:
        """Cells of a block on either side of its centre."""
        return self.width // 2

    @property
    def half_window(self) -> tuple[int, int]:
        """Rows and columns of a window on either side of the target."""
        height, width = self.pixel_size
        return _length_in_cells(self.radius + self.buffer, height), _length_in_cells(self.radius + self.buffer, width)

    def source_disc(self) -> Bool[np.ndarray, "height width"]:
        """Return the cells of a window that may be sources: those within the radius."""
        return self._disc(self.radius)

    def window_disc(self) -> Bool[np.ndarray, "height width"]:
        """Return the cells of a window that current may cross: those within the radius and the buffer."""
        return self._disc(self.radius + self.buffer)

    def correction(
        self, steps: np.ndarray, lengths: np.ndarray, max_factored_width: int = MAX_FACTORED_WIDTH
    ) -> Float[np.ndarray, "height width"]:
        """Return the factors by which a window's currents are multiplied to remove the artifacts of blocks.

        Where all conductances and strengths are 1, the current of a block concentrates at its centre. The correction is
        the sum of the currents of windows around each cell of a block, divided by those of the block's window.

        Parameters
        ----------
        steps, lengths
            Row and column offset of each direction, and its length.
        max_factored_width
            As for `WindowCircuit`.
        """
        shape, center = self.source_disc().shape, np.array(self.half_window)
        if self.width == 1:
            return np.ones(shape)
        disc = self.window_disc()
        padded = np.pad(disc, 1)
        rows, columns = shape
        neighbours = [padded[1 + down : 1 + down + rows, 1 + right : 1 + right + columns] for down, right in steps]
        conductances = np.stack([disc & neighbour for neighbour in neighbours], -1) / lengths
        window = WindowCircuit(disc, steps, max_factored_width)
        window.set_window(conductances, np.zeros(2, int), center)
        cell_sources, block_sources = self.source_disc(), self.source_disc()
        cell_sources[tuple(center)] = False
        (row, column), half = center, self.half_width
        block_sources[row - half : row + half + 1, column - half : column + half + 1] = False
        # In an elliptic disc a block may hold all sources of a row, but never all of them, as the radius is larger.
        cell_current = window.currents(cell_sources / cell_sources.sum())
        block_current = window.currents(block_sources * (self.width**2 / block_sources.sum()))
        total = np.zeros((rows + 2 * half, columns + 2 * half))
        for down in range(self.width):
            for right in range(self.width):
                total[down : down + rows, right : right + columns] += cell_current
        total = total[half : half + rows, half : half + columns]
        positive = (total > 0) & (block_current > 0)
        return np.where(positive, total / np.where(positive, block_current, 1.0), 1.0)

    def _disc(self, radius: float) -> np.ndarray:
        (down, right), (height, width) = self.half_window, self.pixel_size
        rows, columns = np.arange(-down, down + 1)[:, None] * height, np.arange(-right, right + 1)[None] * width
        return rows**2 + columns**2 <= (radius * (1 + RADIUS_ROUNDING)) ** 2


def _length_in_cells(length: float, pixel_size: float) -> int:
    return math.floor(length / pixel_size + CELL_ROUNDING)
