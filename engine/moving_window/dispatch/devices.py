"""Batches on all devices of a machine: one batch on each at a time, through JAX's sharding."""

from collections.abc import Iterator, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ...parallel import cpu_count
from ..batch import (
    AbstractBatchJob,
    BatchResult,
    ConnectivityBatchJob,
    read_tile,
    select_windows,
    to_arrays,
    to_result,
)
from ..batch_kernel import TileArrays, compute_batch
from .base import AbstractExecutor


class MultiDeviceExecutor(AbstractExecutor):
    """Executor of as many batches at a time as there are devices, one on each.

    Parameters
    ----------
    devices
        The devices; all of this process if None.
    threads
        Number of threads of the CPU kernels for each device; the cores are divided among the devices if None.

    Examples
    --------
    >>> len(MultiDeviceExecutor().devices) == len(jax.devices())
    True
    """

    def __init__(self, devices: Sequence[jax.Device] | None = None, threads: int | None = None):
        self.devices = list(jax.devices() if devices is None else devices)
        self.threads = max(1, cpu_count() // len(self.devices)) if threads is None else threads

    def results(self, job: AbstractBatchJob, numbers: Sequence[int]) -> Iterator[BatchResult]:
        """Yield the batches in order, apart from those without habitat, which are yielded at once.

        Raises
        ------
        ValueError
            A job that only the CPU kernels compute, such as moving-window currents.
        """
        if not isinstance(job, ConnectivityBatchJob):
            raise ValueError(
                "currents in moving windows are computed by kernels for the CPU: use a SerialExecutor or a DaskExecutor"
            )
        pending = []
        for number in numbers:
            tile = read_tile(job, number)
            selected = select_windows(job, tile)
            if selected is None:
                yield BatchResult(number, 0.0, 0, None)
                continue
            pending.append((number, tile, selected))
            if len(pending) == len(self.devices):
                yield from self._compute_on_devices(job, pending)
                pending = []
        if pending:
            yield from self._compute_on_devices(job, pending)

    def _compute_on_devices(self, job: ConnectivityBatchJob, batches: list) -> Iterator[BatchResult]:
        """Compute one batch on each device, with all padded to the same number of windows."""
        size = max(selected.seeds.size for _, _, selected in batches)
        tiles = [to_arrays(tile, selected.padded_to(size)) for _, tile, selected in batches]
        # Idle devices compute the last batch with all windows skipped.
        tiles += [eqx.tree_at(lambda tile: tile.seeds, tiles[-1], jnp.full(size, -1))] * (
            len(self.devices) - len(tiles)
        )
        mesh = Mesh(np.array(self.devices), ("batch",))
        sharding = NamedSharding(mesh, PartitionSpec("batch"))
        stacked = jax.tree.map(lambda *arrays: jax.device_put(np.stack(arrays), sharding), *tiles)
        accessible, gradient = _compute_sharded(job.kernel, stacked, mesh, self.threads)
        accessible, gradient = np.asarray(accessible), None if gradient is None else np.asarray(gradient)
        for device, (number, tile, selected) in enumerate(batches):
            batch_gradient = None if gradient is None else gradient[device]
            yield to_result(job, number, tile, selected, accessible[device], batch_gradient)


@eqx.filter_jit
def _compute_sharded(kernel, tiles: TileArrays, mesh: Mesh, threads: int):
    """Compute a batch on each device of the mesh; the first axis of the arrays is that of the devices."""
    arrays, static = eqx.partition(kernel, eqx.is_array)

    def on_one_device(arrays, tile: TileArrays):
        """Compute one batch."""
        single = jax.tree.map(lambda array: array[0], tile)
        result = compute_batch(eqx.combine(arrays, static), single, threads)
        return jax.tree.map(lambda array: array[None], result)

    replicated, sharded = PartitionSpec(), PartitionSpec("batch")
    return jax.shard_map(on_one_device, mesh=mesh, in_specs=(replicated, sharded), out_specs=sharded, check_vma=False)(
        arrays, tiles
    )
