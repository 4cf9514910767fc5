"""The operation that everything iterative is made of: applying a stencil to a raster."""

import jax
import jax.numpy as jnp

from permea.engine import GridGraph

from ..landscapes import BenchmarkLandscape
from ..timer import Timer

#: Applications per call, so that starting the call does not count.
TIMES = 20


def apply(site: BenchmarkLandscape, watch: Timer) -> dict:
    """Apply the Laplacian of 8 neighbours, and say what part of the memory's bandwidth that reaches.

    Notes
    -----
    It reads nine coefficients and the raster and writes the raster, each number once. The bandwidth is that of the
    simplest operation of all on a raster of nine times the cells, which reads and writes.
    """
    system = GridGraph(jnp.asarray(site.permeability)).laplacian()
    vector = jnp.asarray(site.permeability)
    much = jnp.ones((9, *site.permeability.shape))

    @jax.jit
    def applied(system, vector):
        return jax.lax.fori_loop(0, TIMES, lambda _, x: system.apply(x), vector)

    @jax.jit
    def copied(array):
        return jax.lax.fori_loop(0, TIMES, lambda _, x: jax.lax.optimization_barrier(-x), array)

    def run(_: int) -> None:
        with watch.part("apply"):
            applied(system, vector).block_until_ready()
        with watch.part("copy"):
            copied(much).block_until_ready()

    watch.time(run, compiled=True)
    parts = watch.report()["parts"]
    bandwidth = 2 * much.nbytes * TIMES / parts["copy"]
    reached = (system.edges.nbytes + system.center.nbytes + 2 * vector.nbytes) * TIMES / parts["apply"]
    return {"bandwidth": bandwidth, "reached": reached, "fraction": reached / bandwidth}
