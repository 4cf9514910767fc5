"""Solve with a factor: down from the leaves to the last separator, and back.

    forth:  b_f ← b_f − H b_s          back:  x_s = F_ss⁻¹ b_s − K x_f

With the transposed matrix the roles of Hᵀ and K change.
"""

import numpy as np

from .elimination import Eliminated, Factor, halves
from .plan import Runs, separator_places
from .workers import workers


def substitute(factored: Factor, right_hand_sides: np.ndarray, transposed: bool) -> np.ndarray:
    """Solve A x = b, or Aᵀ x = b.

    Parameters
    ----------
    factored
        A.
    right_hand_sides
        b, shape (k, rows, columns).
    """
    dissection = factored.dissection
    rows, columns = dissection.shape
    count = len(right_hand_sides)
    # One row and column of zeros before the raster, cells of whole tiles after it, as frames reach there.
    padded = np.zeros((*(n + 1 for n in dissection.padded), count), right_hand_sides.dtype)
    padded[1 : 1 + rows, 1 : 1 + columns] = right_hand_sides.transpose(1, 2, 0)
    handed: dict = {}
    halfway: dict = {}
    transposed = transposed and not factored.symmetric

    def tile_forth(number: int) -> None:
        halfway["tile", number], handed["tile", number] = _tile_forth(factored, padded, number, transposed)

    def node_forth(item) -> None:
        number, node, kept = item
        front = np.zeros((len(node.separator) + len(node.frame), count), padded.dtype)
        for part, runs in zip(node.parts, node.children, strict=True):
            _add(front, handed.pop(part), runs)
        inside = len(node.separator)
        front[:inside] += _take(padded, node.separator)
        halfway["node", number], handed["node", number] = _forth(kept, front, inside, transposed)

    def node_back(item) -> None:
        number, node, kept = item
        front = _back(kept, halfway.pop(("node", number)), handed.pop(("node", number)), transposed)
        _put(padded, node.separator, front[: len(node.separator)])
        for part, runs in zip(node.parts, node.children, strict=True):
            size = len(dissection.levels[-1].frame) if part[0] == "tile" else kept_frame(part[1])
            handed[part] = _pick(front, runs, size)

    def kept_frame(number: int) -> int:
        return factored.nodes[number].right.shape[-1]

    def tile_back(number: int) -> None:
        _tile_back(factored, padded, number, halfway.pop(("tile", number)), handed.pop(("tile", number)), transposed)

    groups, start = [], 0
    for group in dissection.nodes:
        numbers = range(start, start + len(group))
        groups.append([(n, node, factored.nodes[n]) for n, node in zip(numbers, group, strict=True)])
        start += len(group)
    with workers() as on_each:
        on_each(tile_forth, range(len(factored.tiles)))
        for group in groups:
            on_each(node_forth, group)
        for group in reversed(groups):
            on_each(node_back, group)
        on_each(tile_back, range(len(factored.tiles)))
    return np.ascontiguousarray(padded[1 : 1 + rows, 1 : 1 + columns].transpose(2, 0, 1))


def _forth(kept: Eliminated, front: np.ndarray, inside: int, transposed: bool) -> tuple[np.ndarray, np.ndarray]:
    left = kept.right.mT if transposed else kept.left
    return front[..., :inside, :], front[..., inside:, :] - left @ front[..., :inside, :]


def _back(kept: Eliminated, inside: np.ndarray, frame: np.ndarray, transposed: bool) -> np.ndarray:
    inverse, right = (kept.inverse.mT, kept.left.mT) if transposed else (kept.inverse, kept.right)
    return np.concatenate([inverse @ inside - right @ frame, frame], axis=-2)


def _tile_forth(factored: Factor, padded: np.ndarray, number: int, transposed: bool):
    dissection = factored.dissection
    inside_of, outside = [], None
    for depth, (level, kept) in enumerate(zip(dissection.levels, factored.tiles[number], strict=True)):
        inside = len(level.separator)
        front = np.zeros((*level.boxes, inside + len(level.frame), padded.shape[-1]), padded.dtype)
        if level.axis is not None:
            for child, runs in zip(halves(outside, level.axis), level.children, strict=True):
                _add(front, child, runs)
        rows, columns = separator_places(dissection, number, depth)
        front[..., :inside, :] += padded[rows, columns]
        solved, outside = _forth(kept, front, inside, transposed)
        inside_of.append(solved)
    return inside_of, outside[0, 0]


def _tile_back(factored: Factor, padded: np.ndarray, number: int, inside_of, outside, transposed: bool) -> None:
    dissection = factored.dissection
    frame = outside[None, None]
    for depth in reversed(range(len(dissection.levels))):
        level, kept = dissection.levels[depth], factored.tiles[number][depth]
        front = _back(kept, inside_of[depth], frame, transposed)
        rows, columns = separator_places(dissection, number, depth)
        padded[rows, columns] = front[..., : len(level.separator), :]
        if level.axis is not None:
            below = dissection.levels[depth - 1]
            frame = np.zeros((*below.boxes, len(below.frame), padded.shape[-1]), padded.dtype)
            for child, runs in zip(halves(frame, level.axis), level.children, strict=True):
                child[...] = _pick(front, runs, len(below.frame))


def _take(padded: np.ndarray, cells) -> np.ndarray:
    place = np.array(cells, int).reshape(-1, 2)
    return padded[1 + place[:, 0], 1 + place[:, 1]]


def _put(padded: np.ndarray, cells, values: np.ndarray) -> None:
    place = np.array(cells, int).reshape(-1, 2)
    padded[1 + place[:, 0], 1 + place[:, 1]] = values


def _add(front: np.ndarray, child: np.ndarray, runs: Runs) -> None:
    for here, there in runs:
        front[..., there, :] += child[..., here, :]


def _pick(front: np.ndarray, runs: Runs, size: int) -> np.ndarray:
    child = np.zeros((*front.shape[:-2], size, front.shape[-1]), front.dtype)
    for here, there in runs:
        child[..., here, :] = front[..., there, :]
    return child
