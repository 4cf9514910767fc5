"""Currents in moving windows once more: every window cut out and solved densely, with no shared code."""

import itertools

import numpy as np
from reference_dense import conductances
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components


def disc_around(place, shape, radius, pixel_size):
    rows, columns = np.indices(shape)
    return ((rows - place[0]) * pixel_size[0]) ** 2 + ((columns - place[1]) * pixel_size[1]) ** 2 <= radius**2 + 1e-9


def window_by_hand(permeability, feeding, target, **rules):
    """The currents of one window in the shape of the raster, by a dense solve; what is not joined carries none."""
    current = np.zeros(permeability.shape)
    if not permeability[target] > 0:
        return current
    weights = conductances(permeability, **rules)
    cells = np.argwhere(permeability > 0)
    label = connected_components(csr_matrix(weights))[1]
    ground = int(np.flatnonzero((cells == target).all(1))[0])
    free = np.flatnonzero((label == label[ground]) & (np.arange(len(cells)) != ground))
    laplacian = np.diag(weights.sum(1)) - weights
    fed = np.zeros(len(cells))
    fed[free] = feeding[tuple(cells[free].T)]
    potential = np.zeros(len(cells))
    potential[free] = np.linalg.solve(laplacian[np.ix_(free, free)], fed[free])
    along = weights * (potential[:, None] - potential[None])
    along[label != label[ground]] = 0.0
    fed[ground] = -fed.sum()
    into = np.maximum(-along, 0).sum(1) + np.maximum(fed, 0)
    out = np.maximum(along, 0).sum(1) + np.maximum(-fed, 0)
    current[tuple(cells.T)] = np.maximum(into, out)
    return current


def map_by_hand(permeability, sources, radius, block=1, buffer=0.0, *, conditions=(), pixel_size=(1.0, 1.0), **rules):
    """Cumulative current and flow potential, with every block's own sources left out, uncorrected."""
    barrier = ~(permeability > 0)
    permeability, sources = np.where(barrier, 0.0, permeability), np.where(barrier, 0.0, sources)
    current, potential = np.zeros(permeability.shape), np.zeros(permeability.shape)
    for top, left in itertools.product(*(range(0, length, block) for length in permeability.shape)):
        own = (slice(top, top + block), slice(left, left + block))
        inside = np.argwhere(~barrier[own])
        if not sources[own].sum() > 0:
            continue
        away = ((inside - (block - 1) / 2) ** 2).sum(1)
        target = tuple(inside[np.argmin(away)] + (top, left))
        around = sources * disc_around(target, sources.shape, radius, pixel_size)
        around[own] = 0.0
        if not around.any():
            continue
        feeding = around * sources[own].sum() / around.sum()
        for suits in conditions:
            feeding = np.where(suits(own), feeding, 0.0)
        whole = disc_around(target, sources.shape, radius + buffer, pixel_size)
        rules_of_all = {"pixel_size": pixel_size, **rules}
        current += window_by_hand(np.where(whole, permeability, 0.0), feeding, target, **rules_of_all)
        reach = [int((radius + buffer) / size + 1e-9) for size in pixel_size]
        square = np.zeros(sources.shape)
        square[tuple(slice(max(at - far, 0), at + far + 1) for at, far in zip(target, reach, strict=True))] = 1.0
        potential += window_by_hand(square, feeding, target, **rules_of_all)
    return np.where(barrier, np.nan, current), np.where(barrier, np.nan, potential)
