"""Validation of a grid's permeability and vertex count, as far as values are known under JAX's transformations."""

from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Array, ArrayLike

from ..counts import count_of

#: Anything that becomes an array: an array, a number, a list of them.
ArrayInput = ArrayLike | Sequence

#: Permeability, resistance and their factors lie within these limits, or are 0: beyond them products overflow or
#: underflow.
SMALLEST_VALUE = 1e-100
LARGEST_VALUE = 1e100


def out_of_range(values: np.ndarray) -> dict[str, np.ndarray]:
    """Return masks of the positive values beyond the range of the computation, by kind.

    Examples
    --------
    >>> out_of_range(np.array([0.0, 1.0, 1e-300]))
    {'below 1e-100': array([False, False,  True]), 'above 1e+100': array([False, False, False])}
    """
    return {
        f"below {SMALLEST_VALUE:g}": (values > 0) & (values < SMALLEST_VALUE),
        f"above {LARGEST_VALUE:g}": (values > LARGEST_VALUE) & (values < np.inf),
    }


def validate_permeability(permeability: Array, active: Array | None) -> None:
    """Raise a ValueError if permeability is negative, infinite or out of range in a cell, or NaN in an active one.

    Without `active` every cell is checked, and NaN marks nodata.
    """
    values, mask = concrete_or_none(permeability), np.True_ if active is None else concrete_or_none(active)
    if values is None or mask is None:
        return
    kinds = [("negative", values < 0), ("infinite", np.isinf(values))]
    if active is not None:
        kinds.append(("not a number (NaN)", np.isnan(values)))
    kinds += out_of_range(values).items()
    for name, is_invalid in kinds:
        invalid = is_invalid & mask
        if invalid.any():
            row, column = np.argwhere(invalid)[0]
            raise ValueError(
                f"permeability is {name} in {count_of(invalid.sum(), 'active cell')}, the first at row {row}, column "
                f"{column} ({values[row, column]}); it must be {SMALLEST_VALUE:g} to {LARGEST_VALUE:g}, or 0 for a "
                "barrier"
            )


def count_vertices(active: Array, n_vertices: int | np.integer | None) -> int:
    """Return the number of active cells; raise a ValueError if it is 0, unknown or not `n_vertices`."""
    if n_vertices is not None and concrete_or_none(n_vertices) is None:
        raise ValueError("n_vertices must be a plain integer, known when the function is compiled")
    mask = concrete_or_none(active)
    if mask is None:
        if n_vertices is None:
            raise ValueError("under jax.jit the number of active cells cannot be counted: pass active and n_vertices")
        return int(n_vertices)
    count = int(mask.sum())
    if n_vertices is not None and int(n_vertices) != count:
        raise ValueError(f"n_vertices is {int(n_vertices)}, but {count_of(count, 'cell is', 'cells are')} active")
    if count == 0:
        raise ValueError("no cell is active: permeability is 0 or nodata everywhere, or `active` is False everywhere")
    return count


def concrete_or_none(array: ArrayInput) -> np.ndarray | None:
    """Return the values of an array, or None while jit or vmap traces it.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> concrete_or_none(jnp.array([1, 2]))
    array([1, 2])
    """
    if not isinstance(array, jax.core.Tracer):
        return np.asarray(array)
    try:
        # Under `grad` alone the values are known, once the gradient is stopped; under `jit` or `vmap` they are not.
        return np.asarray(jax.lax.stop_gradient(array))
    except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError):
        return None
