"""The landscapes of the benchmarks, and the cells between which distances are measured."""

import importlib.util
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import scipy.ndimage as ndi

from . import sample

ROOT = Path(__file__).resolve().parents[1]

#: All cases have 8 neighbours.
QUEEN = np.ones((3, 3), int)

#: Side of the tile of the mirrored landscape.
TILE_SIDE = 500

#: Relative change of one cell, which invalidates cached results and is too small to be seen in a result.
PERTURBATION = 1e-13


def _gallery():
    # Loaded from its file, because the engine's package needs packages that the peers' environment lacks.
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "engine" / "graph" / "gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _smooth(side: int) -> np.ndarray:
    return _gallery().lognormal(side, side)


def _categorical(side: int) -> np.ndarray:
    return _gallery().categorical(side, side, contrast=1e4, barriers=0.1)


def _fractal(side: int) -> np.ndarray:
    return _gallery().fractal(side, side)


def _olinda(side: int) -> np.ndarray:
    """Tile the sample, every other tile mirrored, so that land adjoins land."""
    tile = sample.permeability()
    padding = [(0, max(0, side - length)) for length in tile.shape]
    return np.pad(tile, padding, mode="symmetric")[:side, :side]


def _speckled(side: int) -> np.ndarray:
    """Permeability over eight orders of magnitude, independent from cell to cell."""
    return 10.0 ** np.random.default_rng(0).uniform(-8, 0, (side, side))


LANDSCAPES = {
    "smooth": _smooth,
    "categorical": _categorical,
    "fractal": _fractal,
    "olinda": _olinda,
    "speckled": _speckled,
}


@dataclass(frozen=True)
class MirroredRaster:
    """A square raster of mirrored tiles, computed by slices and never held in memory as a whole.

    Parameters
    ----------
    tile
        A square raster; every other tile is mirrored.
    side
        Rows, and columns, of the whole.
    """

    tile: np.ndarray
    side: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.side, self.side

    def __getitem__(self, slices: tuple[slice, slice]) -> np.ndarray:
        length = len(self.tile)
        rows, columns = (np.arange(self.side)[part] % (2 * length) for part in slices)
        return self.tile[np.ix_(np.minimum(rows, 2 * length - 1 - rows), np.minimum(columns, 2 * length - 1 - columns))]


def _mirrored(side: int) -> MirroredRaster:
    return MirroredRaster(_smooth(min(side, TILE_SIDE)), side)


#: Landscapes larger than memory, for programs that read them by slices.
UNBOUNDED = {"mirrored": _mirrored}


@dataclass(frozen=True)
class BenchmarkLandscape:
    """A landscape and the cells of its cases; the same in every process.

    Parameters
    ----------
    permeability
        A square raster; 0 is a barrier.
    """

    permeability: np.ndarray

    @classmethod
    def named(cls, name: str, side: int) -> "BenchmarkLandscape":
        """Make one of the landscapes, side × side cells."""
        return cls({**LANDSCAPES, **UNBOUNDED}[name](side))

    @property
    def side(self) -> int:
        """Rows, and columns."""
        return self.permeability.shape[0]

    @property
    def active(self) -> np.ndarray:
        """Mask of the cells that are not barriers."""
        return self.permeability > 0

    @cached_property
    def largest_component(self) -> np.ndarray:
        """Mask of the largest connected component, in which the cells of all cases lie."""
        label, _ = ndi.label(self.active, QUEEN)
        return label == 1 + np.argmax(np.bincount(label.ravel())[1:])

    def nearest_cell(self, down: float, across: float) -> int:
        """Return the flat index of the largest component's cell nearest to a position, in fractions of the side."""
        cells = np.flatnonzero(self.largest_component)
        rows, columns = np.divmod(cells, self.side)
        return int(cells[np.argmin((rows - down * self.side) ** 2 + (columns - across * self.side) ** 2)])

    @property
    def centre(self) -> int:
        """The cell to or from which maps are computed."""
        return self.nearest_cell(0.5, 0.5)

    @property
    def pair(self) -> tuple[int, int]:
        """Two cells half the landscape apart."""
        return self.nearest_cell(0.25, 0.25), self.nearest_cell(0.75, 0.75)

    def points(self, count: int) -> np.ndarray:
        """Return distinct cells all over the largest component."""
        return self.sample(count, seed=1)

    def sample(self, count: int, seed: int = 2) -> np.ndarray:
        """Return the flat indices of distinct cells of the largest component, drawn at random."""
        cells = np.flatnonzero(self.largest_component)
        return np.sort(np.random.default_rng(seed).choice(cells, min(count, cells.size), replace=False))

    def perturbed(self, repetition: int) -> np.ndarray:
        """Return the permeability changed in the 13th digit of one cell.

        Results of earlier repetitions can then not be reused, while the difference is too small to be seen in a result.
        """
        changed = self.permeability.copy()
        changed.flat[self.centre] *= 1 + PERTURBATION * (1 + repetition)
        return changed


@dataclass(frozen=True)
class WindowSetup:
    """The parameters of a moving-window case, and the part of the landscape that a peer computes.

    Parameters
    ----------
    landscape
        The landscape.
    coarsening
        Width of a block as a fraction of the range.
    dependency_range
        The dependency range, in cells.
    """

    landscape: BenchmarkLandscape
    coarsening: float = 0.2
    dependency_range: int = 25

    @property
    def block(self) -> int:
        """Width of a block in cells: the fraction of the range, rounded up to an odd number."""
        width = math.ceil(self.dependency_range * self.coarsening)
        return width + 1 - width % 2

    @property
    def count(self) -> int:
        """Number of blocks."""
        return math.ceil(self.landscape.side / self.block) ** 2

    @cached_property
    def quality(self) -> np.ndarray:
        """Habitat quality: 0 to 1, smooth, and 0 in a third of the landscape."""
        noise = np.random.default_rng(5).normal(size=(self.landscape.side,) * 2)
        smooth = ndi.gaussian_filter(noise, 6)
        return np.clip(smooth / smooth.std() + 0.4, 0, 1) * self.landscape.active

    @property
    def alpha(self) -> float:
        """Dispersal distance: a third of the range, times the mean resistance."""
        return self.dependency_range / 3 * float(np.mean(1 / self.landscape.permeability[self.landscape.active]))

    def sample(self, blocks: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Return the part of the landscape that contains the windows of blocks × blocks blocks, and its complete part.

        The complete part, in coordinates of the first, consists of the cells to which no window of another block
        contributes.
        """
        buffer = self.dependency_range - self.block // 2
        # Blocks are counted from the first row of the landscape; those of the part must begin at one, after its buffer.
        start = -buffer % self.block
        part = slice(start, start + 2 * buffer + blocks * self.block)
        complete = slice(buffer + self.dependency_range, buffer + blocks * self.block - self.dependency_range)
        return (part, part), (complete, complete)
