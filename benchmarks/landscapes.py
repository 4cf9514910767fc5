"""The landscapes that everybody is measured on, and the places in them."""

import importlib.util
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import scipy.ndimage as ndi

from . import sample

ROOT = Path(__file__).resolve().parents[1]

#: Neighbours are 8 in every case.
QUEEN = np.ones((3, 3), int)


def _gallery():
    # By its file, because the engine around it needs packages that the peers' environment lacks.
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
    """Tile the sample, every other tile mirrored, so that land meets land."""
    tile = sample.permeability()
    more = [(0, max(0, side - length)) for length in tile.shape]
    return np.pad(tile, more, mode="symmetric")[:side, :side]


def _speckled(side: int) -> np.ndarray:
    """Permeability over eight orders of magnitude, each cell for itself."""
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
    """A square landscape that nobody holds: a tile, every other one mirrored; any part of it can be asked for.

    Parameters
    ----------
    tile
        A square raster.
    side
        Rows, and columns, of the whole.
    """

    tile: np.ndarray
    side: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.side, self.side

    def __getitem__(self, place: tuple[slice, slice]) -> np.ndarray:
        length = len(self.tile)
        rows, columns = (np.arange(self.side)[part] % (2 * length) for part in place)
        return self.tile[np.ix_(np.minimum(rows, 2 * length - 1 - rows), np.minimum(columns, 2 * length - 1 - columns))]


def _mirrored(side: int) -> MirroredRaster:
    return MirroredRaster(_smooth(min(side, 500)), side)


#: Landscapes larger than memory, for what reads them part by part.
ENDLESS = {"mirrored": _mirrored}


@dataclass(frozen=True)
class BenchmarkLandscape:
    """A landscape with the places that a case is about; the same in every process.

    Parameters
    ----------
    permeability
        A square raster; 0 is a barrier.
    """

    permeability: np.ndarray

    @classmethod
    def named(cls, landscape: str, side: int) -> "BenchmarkLandscape":
        """Make one of the landscapes, side × side cells."""
        return cls({**LANDSCAPES, **ENDLESS}[landscape](side))

    @property
    def side(self) -> int:
        """Rows, and columns."""
        return self.permeability.shape[0]

    @property
    def active(self) -> np.ndarray:
        """Where one can be."""
        return self.permeability > 0

    @cached_property
    def mainland(self) -> np.ndarray:
        """The largest connected part; all places lie in it."""
        label, _ = ndi.label(self.active, QUEEN)
        return label == 1 + np.argmax(np.bincount(label.ravel())[1:])

    def place(self, down: float, across: float) -> int:
        """Return the flat index of the mainland's cell nearest to a position, given as parts of the side."""
        cells = np.flatnonzero(self.mainland)
        rows, columns = np.divmod(cells, self.side)
        return int(cells[np.argmin((rows - down * self.side) ** 2 + (columns - across * self.side) ** 2)])

    @property
    def centre(self) -> int:
        """The place from which maps are made."""
        return self.place(0.5, 0.5)

    @property
    def pair(self) -> tuple[int, int]:
        """Two places half the landscape apart."""
        return self.place(0.25, 0.25), self.place(0.75, 0.75)

    def points(self, count: int) -> np.ndarray:
        """Return different places all over the mainland."""
        return self.sample(count, seed=1)

    def sample(self, count: int, seed: int = 2) -> np.ndarray:
        """Return the flat indices of some of the mainland's cells, drawn at random, all different."""
        cells = np.flatnonzero(self.mainland)
        return np.sort(np.random.default_rng(seed).choice(cells, min(count, cells.size), replace=False))

    def nudged(self, repetition: int) -> np.ndarray:
        """Return the permeability changed in the 13th digit of one cell.

        What was remembered of the last repetition is of no use then, and no answer shows the difference.
        """
        changed = self.permeability.copy()
        changed.flat[self.centre] *= 1 + 1e-13 * (1 + repetition)
        return changed


@dataclass(frozen=True)
class WindowSetup:
    """A landscape seen through windows: quality, ranges, and which part of it a peer is given.

    Parameters
    ----------
    site
        The landscape.
    coarsening
        Width of a block as a part of the range.
    reach
        The dependency range, in cells.
    """

    site: BenchmarkLandscape
    coarsening: float = 0.2
    reach: int = 25

    @property
    def block(self) -> int:
        """Cells that a block is wide: the part of the range, rounded up to an odd number."""
        width = math.ceil(self.reach * self.coarsening)
        return width + 1 - width % 2

    @property
    def count(self) -> int:
        """How many blocks there are."""
        return math.ceil(self.site.side / self.block) ** 2

    @cached_property
    def quality(self) -> np.ndarray:
        """Habitat quality: 0 to 1, smooth, and none in a third of the landscape."""
        rough = np.random.default_rng(5).normal(size=(self.site.side,) * 2)
        smooth = ndi.gaussian_filter(rough, 6)
        return np.clip(smooth / smooth.std() + 0.4, 0, 1) * self.site.active

    @property
    def alpha(self) -> float:
        """Dispersal distance: a third of the range, over the mean resistance."""
        return self.reach / 3 * float(np.mean(1 / self.site.permeability[self.site.active]))

    def sample(self, blocks: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Return the part of the landscape that holds the windows of blocks × blocks blocks, and what is complete.

        The second is within the part: the cells that no window of another block reaches.
        """
        buffer = self.reach - self.block // 2
        # Blocks are counted from the first row; so must those of the part be, behind its buffer.
        start = -buffer % self.block
        whole = slice(start, start + 2 * buffer + blocks * self.block)
        inside = slice(buffer + self.reach, buffer + blocks * self.block - self.reach)
        return (whole, whole), (inside, inside)
