"""How a raster is taken apart: leaves, boxes, tiles, and the separators between them.

A box of cells is cut in two by one row or column, its separator; the halves are cut again, down to small leaves.
Around every box runs its frame: the ring of cells (corners included) that alone touch it from outside. Leaves are
eliminated first; then two neighbouring boxes become one, of which the separator between them is eliminated, and so on.

Inside a tile all boxes of a level have the same shape, so that a level is one batch of equal dense matrices. The tiles
themselves are joined one by one, each with the frame that it really has: at the rim of the raster there is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

Cell = tuple[int, int]
#: What a box is joined from: a tile by its number, or a node by its level and its place there.
Part = tuple[str, int | tuple[int, int]]
Runs = tuple[tuple[slice, slice], ...]

#: Longest side of a tile on the host: its whole elimination stays within a core's cache.
TILE = 128

#: A leaf has 3 to 6 cells a side: small enough to be eliminated as one dense block without much waste.
LEAF_SIZES = (4, 5, 6, 7)


@dataclass(frozen=True, eq=False)
class SeparatorLevel:
    """One batch of equal fronts in a tile: two boxes each (or none: a leaf), their separator and their frame.

    Parameters
    ----------
    boxes
        How many boxes the tile has at this level, (down, across).
    separator
        Cells that are eliminated here, relative to the box's first cell; all cells of a leaf.
    frame
        Cells around the box, likewise.
    axis
        Along which axis the two children lie, 0 (one below the other) or 1; None for leaves.
    children
        Per child, pieces (where in the child's frame, where in this front) that tell which cell is which;
        the front counts the separator first, then the frame.
    """

    boxes: tuple[int, int]
    separator: tuple[Cell, ...]
    frame: tuple[Cell, ...]
    axis: int | None
    children: tuple[Runs, ...]


@dataclass(frozen=True, eq=False)
class SeparatorNode:
    """The joint of two boxes of whole tiles.

    Parameters
    ----------
    separator, frame
        Raster cells.
    parts
        The two halves: ("tile", number) or ("node", number).
    children
        As in `SeparatorLevel`.
    """

    separator: tuple[Cell, ...]
    frame: tuple[Cell, ...]
    parts: tuple[Part, Part]
    children: tuple[Runs, Runs]


@dataclass(frozen=True, eq=False)
class SymbolicFactorization:
    """The whole dissection of rasters of one shape.

    Parameters
    ----------
    shape
        (rows, columns) of the raster.
    leaf
        (rows, columns) of a leaf.
    pitch
        Distance between the first cells of two neighbouring tiles.
    tiles
        How many tiles, (down, across); together they cover the raster and a little more.
    levels
        Of one tile, from the leaves up.
    nodes
        Groups that do not depend on one another, each from nodes of the groups before it and tiles.
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

    def factor_entries(self, symmetric: bool) -> int:
        """Count the numbers that a factor keeps."""
        sides = 1 if symmetric else 2
        per_tile = sum(
            level.boxes[0] * level.boxes[1] * _kept(len(level.separator), len(level.frame), sides)
            for level in self.levels
        )
        joints = sum(_kept(len(node.separator), len(node.frame), sides) for group in self.nodes for node in group)
        return self.tiles[0] * self.tiles[1] * per_tile + joints

    def passing_entries(self) -> int:
        """Count the numbers that are alive besides the factor when most are: what tiles and nodes hand on."""
        tile_frame = len(self.levels[-1].frame)
        alive = self.tiles[0] * self.tiles[1] * tile_frame**2
        most = alive
        for group in self.nodes:
            fronts = sum((len(node.separator) + len(node.frame)) ** 2 for node in group)
            most = max(most, alive + fronts)
            alive = max(alive, fronts)
        largest_level = max(
            level.boxes[0] * level.boxes[1] * (len(level.separator) + len(level.frame)) ** 2 for level in self.levels
        )
        return most + 4 * largest_level


def _kept(separator: int, frame: int, sides: int) -> int:
    return separator * separator + sides * separator * frame


@lru_cache(maxsize=16)
def analyze(shape: tuple[int, int], tile: int | None = TILE) -> SymbolicFactorization:
    """Plan the dissection of a raster.

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
    levels = _levels(leaf, (halvings_rows, halvings_columns), tiles)
    pitch = ((leaf_rows + 1) << halvings_rows, (leaf_columns + 1) << halvings_columns)
    return SymbolicFactorization(shape, leaf, pitch, tiles, levels, _nodes(shape, pitch, tiles, levels[-1].frame))


def _divide(length: int, tile: int | None) -> tuple[int, int, int]:
    """Return the side of a leaf, how often leaves are doubled, and the number of tiles along one side."""
    if length < LEAF_SIZES[-1]:
        return length, 0, 1
    choices = []
    for leaf_pitch in LEAF_SIZES:
        halvings = 0
        while tile is None or (leaf_pitch << halvings) <= tile:
            pitch = leaf_pitch << halvings
            count = -(-(length + 1) // pitch)
            # Every tile border costs a joint whose front is large and single: a small price per tile keeps them few.
            price = count * pitch * (1 + 4 / pitch)
            if tile is not None or count == 1:
                choices.append((price, -pitch, leaf_pitch - 1, halvings, count))
            if count == 1:
                break
            halvings += 1
    return min(choices)[2:]


def _levels(leaf: tuple[int, int], halvings: tuple[int, int], tiles: tuple[int, int]) -> tuple[SeparatorLevel, ...]:
    height, width = leaf
    down, across = halvings
    whole = [tiles[0] == 1, tiles[1] == 1]
    separator = tuple((r, c) for r in range(height) for c in range(width))
    frame = _frame(height, width, whole[0] and down == 0, whole[1] and across == 0)
    levels = [SeparatorLevel((1 << down, 1 << across), separator, frame, None, ())]
    while down or across:
        axis = 0 if down and (height <= width or not across) else 1
        if axis == 0:
            separator, second = tuple((height, c) for c in range(width)), (height + 1, 0)
            height, down = 2 * height + 1, down - 1
        else:
            separator, second = tuple((r, width) for r in range(height)), (0, width + 1)
            width, across = 2 * width + 1, across - 1
        inner = frame
        frame = _frame(height, width, whole[0] and down == 0, whole[1] and across == 0)
        front = separator + frame
        children = tuple(_runs([(r + dr, c + dc) for r, c in inner], front) for dr, dc in ((0, 0), second))
        levels.append(SeparatorLevel((1 << down, 1 << across), separator, frame, axis, children))
    return tuple(levels)


def _frame(height: int, width: int, without_rows: bool, without_columns: bool) -> tuple[Cell, ...]:
    """Return the ring around a box; a side that lies outside the raster for every box of the level is left out."""
    first, last = (0, width) if without_columns else (-1, width + 1)
    top = [] if without_rows else [(-1, c) for c in range(first, last)]
    bottom = [] if without_rows else [(height, c) for c in range(first, last)]
    west = [] if without_columns else [(r, -1) for r in range(height)]
    east = [] if without_columns else [(r, width) for r in range(height)]
    return tuple(top + west + east + bottom)


def _runs(cells: Sequence[Cell], front: Sequence[Cell]) -> Runs:
    """Return as few pieces as possible that say where in `front` the cells are; cells not there are dropped."""
    place = {cell: number for number, cell in enumerate(front)}
    pieces: list[list[int]] = []
    for here, cell in enumerate(cells):
        there = place.get(cell)
        if there is None:
            continue
        if pieces and pieces[-1][0] + pieces[-1][2] == here and pieces[-1][1] + pieces[-1][2] == there:
            pieces[-1][2] += 1
        else:
            pieces.append([here, there, 1])
    return tuple((slice(here, here + n), slice(there, there + n)) for here, there, n in pieces)


def _nodes(
    shape: tuple[int, int], pitch: tuple[int, int], tiles: tuple[int, int], tile_frame: tuple[Cell, ...]
) -> tuple[tuple[SeparatorNode, ...], ...]:
    """Join the tiles two by two, cutting the longer side of every box of tiles in the middle."""
    groups: dict[int, list] = {}

    def cut(rows: tuple[int, int], columns: tuple[int, int], depth: int) -> tuple[Part, tuple[Cell, ...]]:
        if rows[1] - rows[0] == columns[1] - columns[0] == 1:
            top, left = rows[0] * pitch[0], columns[0] * pitch[1]
            return ("tile", rows[0] * tiles[1] + columns[0]), tuple((top + r, left + c) for r, c in tile_frame)
        first, last = rows[0] * pitch[0], min(rows[1] * pitch[0] - 1, shape[0])
        west, east = columns[0] * pitch[1], min(columns[1] * pitch[1] - 1, shape[1])
        if (rows[1] - rows[0]) * pitch[0] >= (columns[1] - columns[0]) * pitch[1] and rows[1] - rows[0] > 1:
            middle = (rows[0] + rows[1]) // 2
            halves = [((rows[0], middle), columns), ((middle, rows[1]), columns)]
            separator = tuple((middle * pitch[0] - 1, c) for c in range(west, east))
        else:
            middle = (columns[0] + columns[1]) // 2
            halves = [(rows, (columns[0], middle)), (rows, (middle, columns[1]))]
            separator = tuple((r, middle * pitch[1] - 1) for r in range(first, last))
        ring = _frame(last - first, east - west, False, False)
        around = ((first + r, west + c) for r, c in ring)
        frame = tuple((r, c) for r, c in around if 0 <= r < shape[0] and 0 <= c < shape[1])
        parts = [cut(*half, depth + 1) for half in halves]
        children = tuple(_runs(cells, separator + frame) for _, cells in parts)
        group = groups.setdefault(depth, [])
        group.append(SeparatorNode(separator, frame, tuple(part for part, _ in parts), children))
        return ("node", (depth, len(group) - 1)), frame

    cut((0, tiles[0]), (0, tiles[1]), 0)
    ordered = [groups[depth] for depth in sorted(groups, reverse=True)]
    return _numbered(ordered)


def _numbered(groups: list[list[SeparatorNode]]) -> tuple[tuple[SeparatorNode, ...], ...]:
    """Number the nodes from the first group on, so that a part is one number."""
    starts, total = {}, 0
    for depth, group in zip(range(len(groups) - 1, -1, -1), groups, strict=True):
        starts[depth] = total
        total += len(group)

    def renamed(part):
        kind, number = part
        return part if kind == "tile" else (kind, starts[number[0]] + number[1])

    return tuple(
        tuple(
            SeparatorNode(n.separator, n.frame, (renamed(n.parts[0]), renamed(n.parts[1])), n.children) for n in group
        )
        for group in groups
    )


def separator_positions(dissection: SymbolicFactorization, tile: int, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Tell where the separators of a level of a tile lie.

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
