"""Application of a stencil to a raster, the operation on which all iterative methods depend."""

import jax
import jax.numpy as jnp

from permea.engine import GridGraph

from ..landscapes import BenchmarkLandscape
from ..timer import Timer

#: Applications in one call, so that its overhead is negligible.
REPETITIONS = 20

#: Coefficients of the stencil for each cell.
COEFFICIENTS = 9


def apply(landscape: BenchmarkLandscape, timer: Timer) -> dict:
    """Apply the Laplacian of 8 neighbours, and measure the fraction of the memory's bandwidth that it uses.

    Notes
    -----
    It reads nine coefficients and the raster and writes the raster, each number once. The bandwidth is that of negating
    an array of nine times the cells, which reads and writes each number once.
    """
    system = GridGraph(jnp.asarray(landscape.permeability)).laplacian()
    vector = jnp.asarray(landscape.permeability)
    large_array = jnp.ones((COEFFICIENTS, *landscape.permeability.shape))

    @jax.jit
    def apply_stencil(system, vector):
        return jax.lax.fori_loop(0, REPETITIONS, lambda _, x: system.apply(x), vector)

    @jax.jit
    def negate(array):
        return jax.lax.fori_loop(0, REPETITIONS, lambda _, x: jax.lax.optimization_barrier(-x), array)

    def run(_: int) -> None:
        with timer.part("apply"):
            apply_stencil(system, vector).block_until_ready()
        with timer.part("copy"):
            negate(large_array).block_until_ready()

    timer.time(run, compiled=True)
    parts = timer.report()["parts"]
    bandwidth = 2 * large_array.nbytes * REPETITIONS / parts["copy"]
    bytes_applied = system.edges.nbytes + system.center.nbytes + 2 * vector.nbytes
    throughput = bytes_applied * REPETITIONS / parts["apply"]
    return {"bandwidth": bandwidth, "throughput": throughput, "fraction": throughput / bandwidth}
