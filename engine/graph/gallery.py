"""Generated landscapes whose answers are known, or whose difficulty is."""

import numpy as np
import scipy.ndimage as ndi


def uniform(rows: int, columns: int, permeability: float = 1.0) -> np.ndarray:
    """Return a landscape that is the same everywhere.

    Its grid Laplacian with 4 neighbours has the eigenvalues 4 − 2 cos(πi/rows) − 2 cos(πj/columns).

    Examples
    --------
    >>> uniform(1, 2)
    array([[1., 1.]])
    """
    return np.full((rows, columns), float(permeability))


def ring(length: int) -> np.ndarray:
    """Return a square ring of permeability 1 around a barrier: two routes lead from any cell to any other.

    Parameters
    ----------
    length
        Cells along one side, 3 or more.

    Examples
    --------
    >>> ring(3)
    array([[1., 1., 1.],
           [1., 0., 1.],
           [1., 1., 1.]])
    """
    landscape = np.ones((length, length))
    landscape[1:-1, 1:-1] = 0
    return landscape


def smooth(rows: int, columns: int, *, spread: float = 1.0, scale: float = 8.0, seed: int = 0) -> np.ndarray:
    """Return lognormal permeability that varies smoothly.

    Parameters
    ----------
    spread
        Standard deviation of the logarithm.
    scale
        Width, in cells, over which neighbours resemble each other.
    """
    field = ndi.gaussian_filter(np.random.default_rng(seed).normal(size=(rows, columns)), scale, mode="wrap")
    return np.exp(spread * field / (field.std() or 1.0))


def categorical(
    rows: int, columns: int, *, contrast: float = 1e4, classes: int = 5, holes: float = 0.1, seed: int = 0
) -> np.ndarray:
    """Return patches of a few land-cover classes, with holes that are barriers.

    Parameters
    ----------
    contrast
        Ratio of the largest to the smallest permeability.
    holes
        Part of the cells that are barriers (permeability 0).
    """
    rng = np.random.default_rng(seed)
    field = ndi.gaussian_filter(rng.normal(size=(rows, columns)), 4, mode="wrap")
    edges = np.quantile(field, np.linspace(0, 1, classes + 1)[1:-1])
    landscape = np.logspace(-np.log10(contrast), 0, classes)[np.searchsorted(edges, field)]
    gaps = ndi.gaussian_filter(rng.normal(size=(rows, columns)), 2, mode="wrap")
    return np.where(gaps < np.quantile(gaps, holes), 0.0, landscape)


def fractal(rows: int, columns: int, *, rivers: int = 3, roughness: float = 2.5, seed: int = 0) -> np.ndarray:
    """Return a fractal landscape cut by winding rivers that are barriers with a ford each.

    Parameters
    ----------
    rivers
        How many rivers run from the top to the bottom.
    roughness
        Exponent of the power spectrum; larger is smoother.
    """
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None])
    frequency[0, 0] = 1.0
    noise = rng.normal(size=frequency.shape) + 1j * rng.normal(size=frequency.shape)
    field = np.fft.irfft2(noise * frequency ** (-roughness / 2), s=(rows, columns))
    landscape = np.exp(1.5 * (field - field.mean()) / field.std())
    place = np.arange(rows)
    for river in range(rivers):
        middle = (river + 1) * columns / (rivers + 1)
        bend = 0.08 * columns * np.sin(2 * np.pi * (place / rows * rng.uniform(1, 3) + rng.uniform()))
        course = np.clip((middle + bend).astype(int), 0, columns - 1)
        dry = int(rng.integers(rows))
        for row in range(rows):
            left, right = sorted((course[row], course[max(row - 1, 0)]))
            if row not in (dry, dry + 1):
                landscape[row, left : right + 2] = 0.0
    return landscape


def serpentine(rows: int, columns: int) -> np.ndarray:
    """Return a maze with a single path that visits half of the cells; rows must be odd.

    Examples
    --------
    >>> serpentine(5, 3)
    array([[1., 1., 1.],
           [0., 0., 1.],
           [1., 1., 1.],
           [1., 0., 0.],
           [1., 1., 1.]])
    """
    maze = np.ones((rows, columns))
    maze[1::2] = 0
    maze[1::4, -1] = 1
    maze[3::4, 0] = 1
    return maze
