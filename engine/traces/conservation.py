"""Where a flow is not conserved: its divergence against the sources and sinks that it is said to have."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ..counts import count_of
from ..graph import ArrayInput, concrete_or_none
from .flow_divergence import FlowDivergence


class ConservationResidual(eqx.Module):
    """The flow that declared sources and sinks do not explain.

    Attributes
    ----------
    residual
        Divergence minus declared source of each cell, in the unit of the flow; where a source is declared outside the
        flow, minus that source; NaN in all other cells outside the flow.
    relative
        The residual relative to the largest flow through a cell.
    violated
        Cells whose residual is larger than rounding can explain.
    largest
        Largest absolute value of `relative`.
    """

    residual: Float[Array, "rows columns"]
    relative: Float[Array, "rows columns"]
    violated: Bool[Array, "rows columns"]
    largest: Float[Array, ""]


def conservation_residual(flow: FlowDivergence, declared: ArrayInput) -> ConservationResidual:
    """Return where, and by how much, a flow differs from one with the declared sources and sinks.

    Parameters
    ----------
    flow
        The flow, of `field_divergence` or `potential_divergence`.
    declared
        Net source of each cell in the unit of the flow, positive where flow enters from outside, 0 for none.

    Raises
    ------
    ValueError
        A raster of another size, or declared sources that are not finite. Values cannot be checked under `jax.jit`.

    Examples
    --------
    >>> from permea.engine.graph import GridGraph
    >>> from permea.engine.traces import potential_divergence
    >>> flow = potential_divergence(GridGraph(jnp.ones((1, 3))), jnp.array([[2.0, 1.0, 0.0]]))
    >>> checked = conservation_residual(flow, jnp.array([[1.0, 0.0, 0.0]]))
    >>> checked.residual, float(checked.largest), checked.violated
    (Array([[ 0.,  0., -1.]], dtype=float64), 1.0, Array([[False, False,  True]], dtype=bool))
    """
    declared = jnp.asarray(declared, dtype=float)
    if declared.shape != flow.divergence.shape:
        raise ValueError(f"declared must be a raster of shape {flow.divergence.shape}, not {declared.shape}")
    values = concrete_or_none(declared)
    if values is not None and not np.isfinite(values).all():
        invalid = ~np.isfinite(values)
        row, column = np.argwhere(invalid)[0].tolist()
        raise ValueError(
            f"declared is not finite in {count_of(invalid.sum(), 'cell')}, the first at row {row}, column {column}; "
            "use 0 for cells without a source"
        )
    compared = flow.active | (declared != 0)
    residual = jnp.where(flow.active, flow.divergence, 0.0) - declared
    strongest = jnp.where(flow.active, flow.through, 0.0).max()
    # Without any flow the declared sources are all that there is.
    scale = jnp.where(strongest > 0, strongest, jnp.abs(declared).max())
    relative = residual / jnp.where(scale > 0, scale, 1.0)
    rounding = jnp.where(flow.active, flow.rounding, 0.0)
    return ConservationResidual(
        jnp.where(compared, residual, jnp.nan),
        jnp.where(compared, relative, jnp.nan),
        compared & (jnp.abs(residual) > rounding),
        jnp.where(compared, jnp.abs(relative), 0.0).max(),
    )
