"""Batches on all devices of a machine: a batch for each at a time, through JAX's sharding."""

from collections.abc import Iterator, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ...parallel.numba_jit import cpu_count
from ..batch import (
    AbstractBatchJob,
    BatchResult,
    ConnectivityBatchJob,
    SelectedWindows,
    read_tile,
    select_windows,
    to_arrays,
    to_result,
)
from ..batch_kernel import TileArrays, compute
from .base import AbstractExecutor


class MultiDeviceExecutor(AbstractExecutor):
    """As many batches at a time as there are devices, one on each.

    Parameters
    ----------
    devices
        Which devices; all of this process if left out.
    threads
        How many threads the loops on the processor use for each device; the cores are shared out if left out.

    Examples
    --------
    >>> len(MultiDeviceExecutor().devices) == len(jax.devices())
    True
    """

    def __init__(self, devices: Sequence[jax.Device] | None = None, threads: int | None = None):
        self.devices = list(jax.devices() if devices is None else devices)
        self.threads = max(1, cpu_count() // len(self.devices)) if threads is None else threads

    def results(self, analysis: AbstractBatchJob, numbers: Sequence[int]) -> Iterator[BatchResult]:
        """Yield the batches in order, apart from those without habitat, which come as they are found.

        Raises
        ------
        ValueError
            The windows are computed by loops on the processor, which no other device runs.
        """
        if not isinstance(analysis, ConnectivityBatchJob):
            raise ValueError(
                "currents in moving windows are computed by loops on the processor: let OneProcess compute them, or a "
                "DaskCluster"
            )
        waiting = []
        for number in numbers:
            landscape = read_tile(analysis, number)
            chosen = select_windows(analysis, landscape)
            if chosen is None:
                yield BatchResult(number, 0.0, 0, None)
                continue
            waiting.append((number, landscape, chosen))
            if len(waiting) == len(self.devices):
                yield from self._together(analysis, waiting)
                waiting = []
        if waiting:
            yield from self._together(analysis, waiting)

    def _together(self, analysis: ConnectivityBatchJob, batches: list) -> Iterator[BatchResult]:
        size = max(chosen.seeds.size for _, _, chosen in batches)
        tiles = [to_arrays(landscape, _filled(chosen, size)) for _, landscape, chosen in batches]
        # Devices left over compute the last batch without any window.
        tiles += [eqx.tree_at(lambda tile: tile.seeds, tiles[-1], jnp.full(size, -1))] * (
            len(self.devices) - len(tiles)
        )
        mesh = Mesh(np.array(self.devices), ("batch",))
        spread = NamedSharding(mesh, PartitionSpec("batch"))
        stacked = jax.tree.map(lambda *arrays: jax.device_put(np.stack(arrays), spread), *tiles)
        reach, slope = _on_each(analysis.program, stacked, mesh, self.threads)
        reach, slope = np.asarray(reach), None if slope is None else np.asarray(slope)
        for place, (number, landscape, chosen) in enumerate(batches):
            yield to_result(analysis, number, landscape, chosen, reach[place], None if slope is None else slope[place])


def _filled(chosen: SelectedWindows, size: int) -> SelectedWindows:
    more = size - chosen.seeds.size
    corners = np.concatenate([chosen.corners, np.zeros((more, 2), int)])
    return SelectedWindows(chosen.blocks, corners, np.concatenate([chosen.seeds, np.full(more, -1)]))


@eqx.filter_jit
def _on_each(program, tiles: TileArrays, mesh: Mesh, threads: int):
    numbers, rest = eqx.partition(program, eqx.is_array)

    def on_one(numbers, tile: TileArrays):
        single = jax.tree.map(lambda array: array[0], tile)
        found = compute(eqx.combine(numbers, rest), single, threads)
        return jax.tree.map(lambda array: array[None], found)

    everywhere, spread = PartitionSpec(), PartitionSpec("batch")
    return jax.shard_map(on_one, mesh=mesh, in_specs=(everywhere, spread), out_specs=spread, check_vma=False)(
        numbers, tiles
    )
