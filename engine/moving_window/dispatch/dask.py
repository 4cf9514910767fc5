"""Batches on a Dask cluster: Dask's scheduler hands them out, and hands out again what a lost worker had."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..batch import AbstractBatchJob, BatchResult, run_batch
from .base import AbstractExecutor

MISSING = (
    "a cluster needs Dask, which is not installed here: `pip install distributed` into the environment of the engine, "
    "and into that of every worker together with Permea"
)

#: Tasks for every thread of the cluster that are handed out ahead of the first one that is not done.
MAX_IN_FLIGHT = 3

#: How often one batch may be lost with its worker, and how often all of the inputs, before the run is given up.
MAX_RETRIES = 5

#: What the workers of a machine are started with: XLA would spread the sums of every worker over all cores.
SINGLE_THREAD_ENV = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "OMP_NUM_THREADS": "1"}


class DaskExecutor(AbstractExecutor):
    """Each batch a task of a Dask cluster.

    Parameters
    ----------
    address
        Of the scheduler, such as "tcp://10.0.0.1:8786"; None for a cluster of this machine that lasts as long as a run.
    workers
        Processes of the machine's own cluster; as many as Dask thinks right if left out.
    threads
        Threads that a worker uses for one batch.

    Raises
    ------
    ModuleNotFoundError
        Dask is not installed; says what to do.

    Notes
    -----
    Rasters in memory are sent once, and each worker keeps a copy. Rasters on disk (`DiskRaster`) go by their path,
    which every worker must be able to read. Workers need the same versions of JAX and Permea as this process.
    """

    def __init__(self, address: str | None = None, *, workers: int | None = None, threads: int = 1):
        _distributed()
        self.address, self.workers, self.threads = address, workers, threads

    def results(self, analysis: AbstractBatchJob, numbers: Sequence[int]) -> Iterator[BatchResult]:
        """Yield the batches as they come."""
        with self._client() as client:
            yield from _DaskRun(client, analysis, self.threads).results(list(numbers))

    @contextmanager
    def _client(self) -> Iterator[Any]:
        distributed = _distributed()
        if self.address is not None:
            with distributed.Client(self.address, set_as_default=False) as client:
                yield client
            return
        own = distributed.LocalCluster(
            n_workers=self.workers, threads_per_worker=1, env=SINGLE_THREAD_ENV, dashboard_address=None, silence_logs=40
        )
        with own, distributed.Client(own, set_as_default=False) as client:
            yield client


class _DaskRun:
    """One run on one cluster."""

    def __init__(self, client: Any, analysis: AbstractBatchJob, threads: int):
        self._client, self._analysis, self._threads = client, analysis, threads
        self._lost = 0
        self._inputs = None

    def results(self, numbers: list[int]) -> Iterator[BatchResult]:
        distributed = _distributed()
        self._send_inputs()
        underway: dict[int, Any] = {}
        done: set[int] = set()
        todo = list(reversed(numbers))
        arriving = distributed.as_completed(loop=self._client.loop)
        first = 0
        while first < len(numbers):
            ahead = numbers[first : first + MAX_IN_FLIGHT * max(1, sum(self._client.nthreads().values()))]
            while todo and todo[-1] in ahead:
                number = todo.pop()
                underway[number] = self._submit(number)
                arriving.add(underway[number])
            future = next(arriving)
            number = next(number for number, one in underway.items() if one.key == future.key)
            batch = self._answer(future)
            del underway[number]
            if batch is None:
                underway[number] = self._submit(number)
                arriving.add(underway[number])
                continue
            yield batch
            done.add(number)
            while first < len(numbers) and numbers[first] in done:
                first += 1

    def _send_inputs(self) -> None:
        self._inputs = self._client.scatter(self._analysis, broadcast=True, hash=False)

    def _submit(self, number: int) -> Any:
        return self._client.submit(run_batch, self._inputs, number, self._threads, pure=False)

    def _answer(self, future: Any) -> BatchResult | None:
        """Return what a task found; None if it is to be done again."""
        distributed = _distributed()
        try:
            return future.result()
        except (distributed.client.FutureCancelledError, distributed.scheduler.KilledWorker) as problem:
            self._lost += 1
            if self._lost > MAX_RETRIES:
                raise RuntimeError(
                    f"workers of the cluster were lost {self._lost} times; the last time Dask said: {problem}"
                ) from problem
            # The last worker that held the inputs may have been lost with them.
            if self._inputs.status != "finished":
                self._send_inputs()
            return None


def _distributed():
    try:
        import distributed
    except ModuleNotFoundError as problem:
        raise ModuleNotFoundError(MISSING, name=problem.name) from problem
    return distributed
