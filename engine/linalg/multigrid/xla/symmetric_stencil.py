"""A symmetric M-matrix that stores each edge once."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...stencil_matrix import QUEEN_OFFSETS, StencilMatrix, neighbour_offsets
from ..thresholds import ROW_SUM_RTOL
from .four_colour import pad, shift_padded
from .transfer import ConductanceStencil


class SymmetricStencil(eqx.Module):
    """A symmetric M-matrix for rasters of shape (rows, k, columns): (A x)_i = g_i x_i + Σ_d c_d,i (x_i − x_{i+d}).

    Flow out of a cell equals flow into its neighbour to the last bit. That matters where some conductances are small
    relative to others, as in a wall that hardly conducts: the rounding of a large diagonal would exceed its current.

    Parameters
    ----------
    row_sums
        Row sums g.
    diagonal
        Diagonal of A.
    coupled
        Whether a row has off-diagonal entries.
    forward
        Conductances c to the neighbours in the second half of the directions, padded with zeros.
    """

    row_sums: Float[Array, "rows 1 columns"]
    diagonal: Float[Array, "rows 1 columns"]
    coupled: Bool[Array, "rows 1 columns"]
    forward: tuple[Float[Array, "rows+2 1 columns+2"], ...]

    def __init__(self, system: StencilMatrix):
        n_forward = system.directions // 2
        coupled = (system.edges != 0).any(0)
        row_sums = system.center + system.edges.sum(0)
        # Decoupled rows are solved separately.
        self.row_sums = jnp.where(coupled & (row_sums > ROW_SUM_RTOL * system.center), row_sums, 0)[:, None]
        self.diagonal = system.center[:, None]
        self.coupled = coupled[:, None]
        self.forward = tuple(pad(-edge[:, None]) for edge in system.edges[n_forward:])

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the raster."""
        return self.row_sums.shape[0], self.row_sums.shape[2]

    def apply(self, raster: Float[Array, "rows k columns"]) -> Float[Array, "rows k columns"]:
        """Return A x."""
        steps = neighbour_offsets(2 * len(self.forward))
        padded = pad(raster)
        result = self.row_sums * raster
        for n, conductance in enumerate(self.forward):
            forward_offset, backward_offset = steps[len(self.forward) + n], steps[len(self.forward) - 1 - n]
            result = result + shift_padded(conductance, (0, 0)) * (raster - shift_padded(padded, forward_offset))
            result = result + shift_padded(conductance, backward_offset) * (
                raster - shift_padded(padded, backward_offset)
            )
        return result

    def conductance_stencil(self) -> ConductanceStencil:
        """Return the conductances in all directions, for coarsening."""
        forward = self.forward
        if len(forward) == 2:
            zeros = jnp.zeros_like(forward[0])
            forward = (forward[0], zeros, forward[1], zeros)
        forward_views = [shift_padded(conductance, (0, 0)) for conductance in forward]
        backward_views = [
            shift_padded(conductance, step)
            for conductance, step in zip(reversed(forward), QUEEN_OFFSETS[:4], strict=True)
        ]
        return ConductanceStencil(jnp.concatenate([*backward_views, *forward_views], 1), self.row_sums)

    def norm(self, residual: Float[Array, "rows k columns"]) -> Float[Array, " k"]:
        """Return √(Σ r_i² / A_ii)."""
        return jnp.sqrt((residual * residual / jnp.where(self.diagonal > 0, self.diagonal, 1)).sum((0, 2)))
