"""Omnidirectional current by textbook formulas: every window extracted and solved densely, with no shared code."""

import itertools

import numpy as np
from reference_dense import conductances
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components


def disc_mask(center, shape, radius, pixel_size):
    """Return the cells within a radius of a centre."""
    rows, columns = np.indices(shape)
    return ((rows - center[0]) * pixel_size[0]) ** 2 + ((columns - center[1]) * pixel_size[1]) ** 2 <= radius**2 + 1e-9


def dense_window_current(permeability, injected, target, **graph_rules):
    """Return the node currents of one window by a dense solve; cells not connected to the target carry none."""
    current = np.zeros(permeability.shape)
    if not permeability[target] > 0:
        return current
    weights = conductances(permeability, **graph_rules)
    cells = np.argwhere(permeability > 0)
    label = connected_components(csr_matrix(weights))[1]
    ground = int(np.flatnonzero((cells == target).all(1))[0])
    free = np.flatnonzero((label == label[ground]) & (np.arange(len(cells)) != ground))
    laplacian = np.diag(weights.sum(1)) - weights
    node_injection = np.zeros(len(cells))
    node_injection[free] = injected[tuple(cells[free].T)]
    potential = np.zeros(len(cells))
    potential[free] = np.linalg.solve(laplacian[np.ix_(free, free)], node_injection[free])
    branch = weights * (potential[:, None] - potential[None])
    branch[label != label[ground]] = 0.0
    node_injection[ground] = -node_injection.sum()
    inflow = np.maximum(-branch, 0).sum(1) + np.maximum(node_injection, 0)
    outflow = np.maximum(branch, 0).sum(1) + np.maximum(-node_injection, 0)
    current[tuple(cells.T)] = np.maximum(inflow, outflow)
    return current


def dense_current_maps(
    permeability, sources, radius, block=1, buffer=0.0, *, conditions=(), pixel_size=(1.0, 1.0), **graph_rules
):
    """Return cumulative current and flow potential without correction, every block's own sources excluded.

    `conditions` are functions of a block's slices that return the mask of the sources that match its target.
    """
    barrier = ~(permeability > 0)
    permeability, sources = np.where(barrier, 0.0, permeability), np.where(barrier, 0.0, sources)
    current, potential = np.zeros(permeability.shape), np.zeros(permeability.shape)
    graph_rules = {"pixel_size": pixel_size, **graph_rules}
    half_window = [int((radius + buffer) / size + 1e-9) for size in pixel_size]
    for top, left in itertools.product(*(range(0, length, block) for length in permeability.shape)):
        slices = (slice(top, top + block), slice(left, left + block))
        active = np.argwhere(~barrier[slices])
        if not sources[slices].sum() > 0:
            continue
        squared_distance = ((active - (block - 1) / 2) ** 2).sum(1)
        target = tuple(active[np.argmin(squared_distance)] + (top, left))
        strengths = sources * disc_mask(target, sources.shape, radius, pixel_size)
        strengths[slices] = 0.0
        if not strengths.any():
            continue
        injected = strengths * sources[slices].sum() / strengths.sum()
        for matches in conditions:
            injected = np.where(matches(slices), injected, 0.0)
        disc = disc_mask(target, sources.shape, radius + buffer, pixel_size)
        current += dense_window_current(np.where(disc, permeability, 0.0), injected, target, **graph_rules)
        square = np.zeros(sources.shape)
        square[tuple(slice(max(at - far, 0), at + far + 1) for at, far in zip(target, half_window, strict=True))] = 1.0
        potential += dense_window_current(square, injected, target, **graph_rules)
    return np.where(barrier, np.nan, current), np.where(barrier, np.nan, potential)
