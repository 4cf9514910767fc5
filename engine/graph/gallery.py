"""Gallery of generated test landscapes, with known answers or known difficulty.

Neutral landscape models and structured mazes, as PyAMG's gallery has for matrices. Each function returns an array of
permeability, 0 in barriers, and needs NumPy and SciPy only.
"""

import numpy as np
import scipy.ndimage as ndi


def uniform(rows: int, columns: int, permeability: float = 1.0) -> np.ndarray:
    """Return a homogeneous landscape.

    Its grid Laplacian with 4 neighbours has the eigenvalues 4 − 2 cos(πi/rows) − 2 cos(πj/columns).

    Examples
    --------
    >>> uniform(1, 2)
    array([[1., 1.]])
    """
    return np.full((rows, columns), float(permeability))


def ring(length: int) -> np.ndarray:
    """Return a square ring of permeability 1 around a barrier: two routes between any two cells.

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


def lognormal(
    rows: int, columns: int, *, sigma: float = 1.0, correlation_length: float = 8.0, seed: int = 0
) -> np.ndarray:
    """Return a smooth lognormal random field.

    Parameters
    ----------
    rows, columns
        Shape of the raster.
    sigma
        Standard deviation of the logarithm.
    correlation_length
        Standard deviation, in cells, of the Gaussian that smooths white noise.
    seed
        Seed of the random numbers.

    Examples
    --------
    >>> lognormal(64, 64).shape
    (64, 64)
    """
    noise = np.random.default_rng(seed).normal(size=(rows, columns))
    field = ndi.gaussian_filter(noise, correlation_length, mode="wrap")
    return np.exp(sigma * field / (field.std() or 1.0))


def categorical(
    rows: int, columns: int, *, contrast: float = 1e4, classes: int = 5, barriers: float = 0.1, seed: int = 0
) -> np.ndarray:
    """Return patches of land-cover classes, of equal areas, with holes that are barriers.

    Parameters
    ----------
    rows, columns
        Shape of the raster.
    contrast
        Ratio of the largest to the smallest permeability.
    classes
        Number of classes, their permeabilities evenly spaced in logarithm.
    barriers
        Fraction of the cells that are barriers (permeability 0).
    seed
        Seed of the random numbers.

    Examples
    --------
    >>> len(np.unique(categorical(64, 64)))
    6
    """
    rng = np.random.default_rng(seed)
    field = ndi.gaussian_filter(rng.normal(size=(rows, columns)), 4, mode="wrap")
    class_limits = np.quantile(field, np.linspace(0, 1, classes + 1)[1:-1])
    landscape = np.logspace(-np.log10(contrast), 0, classes)[np.searchsorted(class_limits, field)]
    barrier_field = ndi.gaussian_filter(rng.normal(size=(rows, columns)), 2, mode="wrap")
    return np.where(barrier_field < np.quantile(barrier_field, barriers), 0.0, landscape)


def fractal(rows: int, columns: int, *, rivers: int = 3, spectral_exponent: float = 2.5, seed: int = 0) -> np.ndarray:
    """Return a lognormal field with a power-law spectrum, cut by winding rivers: barriers with one ford each.

    Parameters
    ----------
    rows, columns
        Shape of the raster.
    rivers
        Number of rivers from the top to the bottom.
    spectral_exponent
        Exponent of the power spectrum; larger is smoother.
    seed
        Seed of the random numbers.

    Examples
    --------
    >>> bool(fractal(64, 64, rivers=0).min() > 0)
    True
    """
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None])
    frequency[0, 0] = 1.0
    noise = rng.normal(size=frequency.shape) + 1j * rng.normal(size=frequency.shape)
    field = np.fft.irfft2(noise * frequency ** (-spectral_exponent / 2), s=(rows, columns))
    landscape = np.exp(1.5 * (field - field.mean()) / field.std())
    row_numbers = np.arange(rows)
    for river in range(rivers):
        middle = (river + 1) * columns / (rivers + 1)
        bend = 0.08 * columns * np.sin(2 * np.pi * (row_numbers / rows * rng.uniform(1, 3) + rng.uniform()))
        course = np.clip((middle + bend).astype(int), 0, columns - 1)
        ford = int(rng.integers(rows))
        for row in range(rows):
            left, right = sorted((course[row], course[max(row - 1, 0)]))
            if row not in (ford, ford + 1):
                landscape[row, left : right + 2] = 0.0
    return landscape


def serpentine(rows: int, columns: int) -> np.ndarray:
    """Return a maze with a single path that visits half of the cells.

    Parameters
    ----------
    rows, columns
        Shape of the raster; the number of rows is odd.

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
