"""Symbolic factorization: the elimination tree of a raster, its separators and the boundaries of its fronts.

One row or column, the separator, cuts a box of cells in two; the halves are cut again, down to small leaves. The
boundary of a box is the ring of cells around it (corners included): the only cells outside that are coupled to it.
Leaves are eliminated first; then two neighbouring boxes become one and the separator between them is eliminated, and
so on up to the root.

Inside a tile all boxes of a level have the same shape, so that a level is one batch of equal dense fronts. Tiles are
joined one by one, each with its actual boundary: along the edge of the raster there is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

Cell = tuple[int, int]
#: A child of a separator node: ("tile", number) or ("node", number); ("node", (depth, index)) until nodes are numbered.
Child = tuple[str, int | tuple[int, int]]
#: Pairs of slices (in the child's boundary, in the parent's front) of the same cells: the index lists of extend-add.
SlicePairs = tuple[tuple[slice, slice], ...]

#: Longest side of a tile on the CPU, in cells: its whole elimination stays within a core's cache.
TILE_LENGTH = 128

#: Distances between neighbouring leaves. A leaf has 3 to 6 cells a side: small enough to be eliminated as one dense
#: block without much waste.
LEAF_SIZES = (4, 5, 6, 7)


@dataclass(frozen=True, eq=False)
class SeparatorLevel:
    """One level of the elimination tree inside a tile: a batch of fronts of equal shape.

    Parameters
    ----------
    boxes
        Number of boxes of the tile at this level, (down, across).
    separator
        Cells that are eliminated here, relative to the box's first cell; all cells of a leaf.
    boundary
        Cells around the box, likewise.
    axis
        Axis along which the two children lie, 0 (one below the other) or 1; None for leaves.
    child_maps
        For each child, the positions of its boundary in this front, which holds the separator first, then the
        boundary.
    """

    boxes: tuple[int, int]
    separator: tuple[Cell, ...]
    boundary: tuple[Cell, ...]
    axis: int | None
    child_maps: tuple[SlicePairs, ...]


@dataclass(frozen=True, eq=False)
class SeparatorNode:
    """A node of the elimination tree above the tiles: the separator between two boxes of whole tiles.

    Parameters
    ----------
    separator, boundary
        Raster cells.
    children
        The two halves: ("tile", number) or ("node", number).
    child_maps
        As in `SeparatorLevel`.
    """

    separator: tuple[Cell, ...]
    boundary: tuple[Cell, ...]
    children: tuple[Child, Child]
    child_maps: tuple[SlicePairs, SlicePairs]


@dataclass(frozen=True, eq=False)
class SymbolicFactorization:
    """The elimination tree of rasters of one shape.

    Parameters
    ----------
    shape
        (rows, columns) of the raster.
    leaf
        (rows, columns) of a leaf.
    pitch
        Distance between the first cells of two neighbouring tiles.
    tiles
        Number of tiles, (down, across); together they cover the raster and a little more.
    levels
        Levels of one tile, from the leaves to its root.
    nodes
        Groups of mutually independent nodes above the tiles, each with children in earlier groups or tiles.
    """

    shape: tuple[int, int]
    leaf: tuple[int, int]
    pitch: tuple[int, int]
    tiles: tuple[int, int]
    levels: tuple[SeparatorLevel, ...]
    nodes: tuple[tuple[SeparatorNode, ...], ...]

    @property
    def padded(self) -> tuple[int, int]:
        """Rows and columns that the tiles cover, with one more row and column before the first."""
        return self.tiles[0] * self.pitch[0], self.tiles[1] * self.pitch[1]

    def factor_nnz(self, symmetric: bool) -> int:
        """Return the number of entries that a factor stores."""
        off_diagonal_blocks = 1 if symmetric else 2
        per_tile = sum(
            level.boxes[0] * level.boxes[1] * _front_nnz(len(level.separator), len(level.boundary), off_diagonal_blocks)
            for level in self.levels
        )
        nodes = sum(
            _front_nnz(len(node.separator), len(node.boundary), off_diagonal_blocks)
            for group in self.nodes
            for node in group
        )
        return self.tiles[0] * self.tiles[1] * per_tile + nodes

    def contribution_entries(self) -> int:
        """Return the peak number of entries in fronts and contribution blocks, which a factor does not store."""
        alive = self.tiles[0] * self.tiles[1] * len(self.levels[-1].boundary) ** 2
        peak = alive
        for group in self.nodes:
            fronts = sum((len(node.separator) + len(node.boundary)) ** 2 for node in group)
            peak = max(peak, alive + fronts)
            alive = max(alive, fronts)
        largest_level = max(
            level.boxes[0] * level.boxes[1] * (len(level.separator) + len(level.boundary)) ** 2 for level in self.levels
        )
        return peak + 4 * largest_level


def _front_nnz(separator: int, boundary: int, off_diagonal_blocks: int) -> int:
    """Return the number of entries in the factor of one front."""
    return separator * separator + off_diagonal_blocks * separator * boundary


@lru_cache(maxsize=16)
def analyze(shape: tuple[int, int], tile: int | None = TILE_LENGTH) -> SymbolicFactorization:
    """Compute the elimination tree of a raster.

    Parameters
    ----------
    shape
        (rows, columns), any.
    tile
        Longest side of a tile; None for a single tile as large as the raster.

    Examples
    --------
    >>> analyze((1, 3)).levels[0].separator
    ((0, 0), (0, 1), (0, 2))
    >>> [len(level.separator) for level in analyze((7, 7)).levels]
    [9, 3, 7]
    """
    (leaf_rows, halvings_rows, tiles_rows) = _divide(shape[0], tile)
    (leaf_columns, halvings_columns, tiles_columns) = _divide(shape[1], tile)
    leaf, tiles = (leaf_rows, leaf_columns), (tiles_rows, tiles_columns)
    levels = _tile_levels(leaf, (halvings_rows, halvings_columns), tiles)
    pitch = ((leaf_rows + 1) << halvings_rows, (leaf_columns + 1) << halvings_columns)
    return SymbolicFactorization(shape, leaf, pitch, tiles, levels, _nodes(shape, pitch, tiles, levels[-1].boundary))


def _divide(length: int, tile: int | None) -> tuple[int, int, int]:
    """Return the side of a leaf, the number of bisections of a tile and the number of tiles along one axis."""
    if length < LEAF_SIZES[-1]:
        return length, 0, 1
    options = []
    for leaf_pitch in LEAF_SIZES:
        halvings = 0
        while tile is None or (leaf_pitch << halvings) <= tile:
            pitch = leaf_pitch << halvings
            count = -(-(length + 1) // pitch)
            # Every border between tiles needs a separator with a large front of its own; a small cost per tile keeps
            # them few.
            cost = count * pitch * (1 + 4 / pitch)
            if tile is not None or count == 1:
                options.append((cost, -pitch, leaf_pitch - 1, halvings, count))
            if count == 1:
                break
            halvings += 1
    return min(options)[2:]


def _tile_levels(
    leaf: tuple[int, int], halvings: tuple[int, int], tiles: tuple[int, int]
) -> tuple[SeparatorLevel, ...]:
    """Return the levels of a tile: boxes are joined in pairs, where possible along their shorter side."""
    height, width = leaf
    down, across = halvings
    single = [tiles[0] == 1, tiles[1] == 1]
    separator = tuple((r, c) for r in range(height) for c in range(width))
    boundary = _boundary(height, width, single[0] and down == 0, single[1] and across == 0)
    levels = [SeparatorLevel((1 << down, 1 << across), separator, boundary, None, ())]
    while down or across:
        axis = 0 if down and (height <= width or not across) else 1
        if axis == 0:
            separator, second = tuple((height, c) for c in range(width)), (height + 1, 0)
            height, down = 2 * height + 1, down - 1
        else:
            separator, second = tuple((r, width) for r in range(height)), (0, width + 1)
            width, across = 2 * width + 1, across - 1
        child_boundary = boundary
        boundary = _boundary(height, width, single[0] and down == 0, single[1] and across == 0)
        front = separator + boundary
        child_maps = tuple(
            _slice_pairs([(r + dr, c + dc) for r, c in child_boundary], front) for dr, dc in ((0, 0), second)
        )
        levels.append(SeparatorLevel((1 << down, 1 << across), separator, boundary, axis, child_maps))
    return tuple(levels)


def _boundary(height: int, width: int, without_rows: bool, without_columns: bool) -> tuple[Cell, ...]:
    """Return the ring around a box, without the sides that lie outside the raster for every box of the level."""
    first, last = (0, width) if without_columns else (-1, width + 1)
    top = [] if without_rows else [(-1, c) for c in range(first, last)]
    bottom = [] if without_rows else [(height, c) for c in range(first, last)]
    west = [] if without_columns else [(r, -1) for r in range(height)]
    east = [] if without_columns else [(r, width) for r in range(height)]
    return tuple(top + west + east + bottom)


def _slice_pairs(cells: Sequence[Cell], front: Sequence[Cell]) -> SlicePairs:
    """Return the fewest slices that map the cells to their positions in `front`; cells outside it are dropped."""
    positions = {cell: position for position, cell in enumerate(front)}
    runs: list[list[int]] = []
    for source, cell in enumerate(cells):
        target = positions.get(cell)
        if target is None:
            continue
        if runs and runs[-1][0] + runs[-1][2] == source and runs[-1][1] + runs[-1][2] == target:
            runs[-1][2] += 1
        else:
            runs.append([source, target, 1])
    return tuple((slice(source, source + n), slice(target, target + n)) for source, target, n in runs)


def _nodes(
    shape: tuple[int, int], pitch: tuple[int, int], tiles: tuple[int, int], tile_boundary: tuple[Cell, ...]
) -> tuple[tuple[SeparatorNode, ...], ...]:
    """Join the tiles by recursive bisection: the longer side of every box of tiles is cut in the middle."""
    groups: dict[int, list] = {}

    def bisect(rows: tuple[int, int], columns: tuple[int, int], depth: int) -> tuple[Child, tuple[Cell, ...]]:
        """Divide a rectangle of tiles; return its node of the elimination tree and its boundary."""
        if rows[1] - rows[0] == columns[1] - columns[0] == 1:
            top, left = rows[0] * pitch[0], columns[0] * pitch[1]
            return ("tile", rows[0] * tiles[1] + columns[0]), tuple((top + r, left + c) for r, c in tile_boundary)
        first, last = rows[0] * pitch[0], min(rows[1] * pitch[0] - 1, shape[0])
        west, east = columns[0] * pitch[1], min(columns[1] * pitch[1] - 1, shape[1])
        high, wide = rows[1] - rows[0], columns[1] - columns[0]
        # Tiles need not be square: a single column of them may be wider than high, and is still cut between its rows.
        if high > 1 and (wide == 1 or high * pitch[0] >= wide * pitch[1]):
            middle = (rows[0] + rows[1]) // 2
            halves = [((rows[0], middle), columns), ((middle, rows[1]), columns)]
            separator = tuple((middle * pitch[0] - 1, c) for c in range(west, east))
        else:
            middle = (columns[0] + columns[1]) // 2
            halves = [(rows, (columns[0], middle)), (rows, (middle, columns[1]))]
            separator = tuple((r, middle * pitch[1] - 1) for r in range(first, last))
        ring = _boundary(last - first, east - west, False, False)
        around = ((first + r, west + c) for r, c in ring)
        boundary = tuple((r, c) for r, c in around if 0 <= r < shape[0] and 0 <= c < shape[1])
        children = [bisect(*half, depth + 1) for half in halves]
        child_maps = tuple(_slice_pairs(cells, separator + boundary) for _, cells in children)
        group = groups.setdefault(depth, [])
        group.append(SeparatorNode(separator, boundary, tuple(child for child, _ in children), child_maps))
        return ("node", (depth, len(group) - 1)), boundary

    bisect((0, tiles[0]), (0, tiles[1]), 0)
    deepest_first = [groups[depth] for depth in sorted(groups, reverse=True)]
    return _number_nodes(deepest_first)


def _number_nodes(groups: list[list[SeparatorNode]]) -> tuple[tuple[SeparatorNode, ...], ...]:
    """Number the nodes consecutively from the first group on, and refer to children by these numbers."""
    starts, total = {}, 0
    for depth, group in zip(range(len(groups) - 1, -1, -1), groups, strict=True):
        starts[depth] = total
        total += len(group)

    def numbered(child: Child) -> Child:
        """Return a child with its number among all nodes."""
        kind, number = child
        return child if kind == "tile" else (kind, starts[number[0]] + number[1])

    return tuple(
        tuple(
            SeparatorNode(
                node.separator,
                node.boundary,
                (numbered(node.children[0]), numbered(node.children[1])),
                node.child_maps,
            )
            for node in group
        )
        for group in groups
    )


def separator_positions(dissection: SymbolicFactorization, tile: int, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the separators of one level of a tile.

    Returns
    -------
    tuple
        Row and column of every cell (boxes down, boxes across, s) in a raster that has one more row and column before
        the first, as in `SymbolicFactorization.padded`.
    """
    level = dissection.levels[depth]
    tile_row, tile_column = divmod(tile, dissection.tiles[1])
    separator = np.array(level.separator)
    step = [dissection.pitch[axis] // level.boxes[axis] for axis in (0, 1)]
    down = 1 + tile_row * dissection.pitch[0] + step[0] * np.arange(level.boxes[0])
    across = 1 + tile_column * dissection.pitch[1] + step[1] * np.arange(level.boxes[1])
    return down[:, None, None] + separator[:, 0], across[None, :, None] + separator[:, 1]
