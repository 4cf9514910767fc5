"""A symmetric M-matrix as a network of conductors, half of it: an edge is read from memory once for both its ends."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...stencil_matrix import QUEEN_OFFSETS, StencilMatrix, neighbour_offsets
from .four_colour import pad, shift_padded
from .transfer import ConductanceStencil

#: A row that adds up to less than this part of its diagonal adds up to 0, but for rounding.
ROUNDING = 1e-14


class SymmetricStencil(eqx.Module):
    """A symmetric M-matrix for rasters of shape (rows, k, columns): (A x)_i = ground_i x_i + Σ_d k_d,i (x_i − x_{i+d}).

    What flows out of a cell flows into its neighbour, to the last bit. Where conductances are small beside others, as
    in a wall that hardly conducts, this decides: the rounding of a large diagonal would leak more than the wall does.

    Parameters
    ----------
    ground
        What the row adds up to.
    diagonal
        Of A.
    linked
        Where a row has entries beside the diagonal.
    forward
        k towards the neighbours in the second half of the directions, with a frame of zeros.
    """

    ground: Float[Array, "rows 1 columns"]
    diagonal: Float[Array, "rows 1 columns"]
    linked: Bool[Array, "rows 1 columns"]
    forward: tuple[Float[Array, "rows+2 1 columns+2"], ...]

    def __init__(self, system: StencilMatrix):
        half = system.directions // 2
        linked = (system.edges != 0).any(0)
        ground = system.center + system.edges.sum(0)
        # A row of its own is solved apart, and is no ground to anything.
        self.ground = jnp.where(linked & (ground > ROUNDING * system.center), ground, 0)[:, None]
        self.diagonal = system.center[:, None]
        self.linked = linked[:, None]
        self.forward = tuple(pad(-edge[:, None]) for edge in system.edges[half:])

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the raster."""
        return self.ground.shape[0], self.ground.shape[2]

    def apply(self, raster: Float[Array, "rows k columns"]) -> Float[Array, "rows k columns"]:
        """Return A x."""
        steps = neighbour_offsets(2 * len(self.forward))
        frame = pad(raster)
        result = self.ground * raster
        for n, k in enumerate(self.forward):
            there, back = steps[len(self.forward) + n], steps[len(self.forward) - 1 - n]
            result = result + shift_padded(k, (0, 0)) * (raster - shift_padded(frame, there))
            result = result + shift_padded(k, back) * (raster - shift_padded(frame, back))
        return result

    def network(self) -> ConductanceStencil:
        """Return the whole of it, as it is coarsened."""
        forward = self.forward
        if len(forward) == 2:
            none = jnp.zeros_like(forward[0])
            forward = (forward[0], none, forward[1], none)
        ahead = [shift_padded(k, (0, 0)) for k in forward]
        behind = [shift_padded(k, step) for k, step in zip(reversed(forward), QUEEN_OFFSETS[:4], strict=True)]
        return ConductanceStencil(jnp.concatenate([*behind, *ahead], 1), self.ground)

    def norm(self, residual: Float[Array, "rows k columns"]) -> Float[Array, "k"]:
        """Return √(Σ r_i² / A_ii)."""
        return jnp.sqrt((residual * residual / jnp.where(self.diagonal > 0, self.diagonal, 1)).sum((0, 2)))
