"""Batches on a Dask cluster, whose scheduler assigns them to workers and reassigns those of a worker that is lost."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...counts import count_of
from ..batch import AbstractBatchJob, BatchResult, run_batch
from .base import AbstractExecutor

MISSING = (
    "a cluster needs Dask, which is not installed here: `pip install distributed` into the environment of the engine, "
    "and into that of every worker together with Permea"
)

#: Tasks submitted for every thread of the cluster, beyond the first batch not yet yielded: enough to keep the workers
#: busy, few enough to bound the memory of results that wait for an earlier one.
MAX_IN_FLIGHT = 3

#: Losses of tasks with their worker that a run tolerates. If there are more, a batch probably exceeds the memory of its
#: worker each time.
MAX_RETRIES = 5

#: Seconds to wait for a scheduler to answer.
CONNECT_SECONDS = 30.0

#: Environment of the workers of a local cluster: XLA would spread the sums of every worker over all cores.
SINGLE_THREAD_ENV = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "OMP_NUM_THREADS": "1"}


class DaskExecutor(AbstractExecutor):
    """Executor of each batch as a task of a Dask cluster.

    Parameters
    ----------
    address
        Address of the scheduler, such as "tcp://10.0.0.1:8786"; None for a cluster on this machine that lasts for one
        run.
    workers
        Number of processes of the local cluster; Dask's default if None.
    threads
        Number of threads that a worker uses for one batch.
    max_retries
        How often tasks may be lost with their worker before the run fails.
    timeout
        Seconds to wait for the scheduler at the address.

    Raises
    ------
    ValueError
        No scheduler answers at the address, when a run begins.
    ModuleNotFoundError
        Dask is not installed; the message explains how to install it.

    Notes
    -----
    Rasters in memory are sent once, and each worker keeps a copy. Rasters on disk (`NpyRaster`) are sent as paths,
    which every worker must be able to read. Workers need the same versions of JAX and Permea as this process.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        workers: int | None = None,
        threads: int = 1,
        max_retries: int = MAX_RETRIES,
        timeout: float = CONNECT_SECONDS,
    ):
        _import_distributed()
        self.address, self.workers, self.threads, self.max_retries = address, workers, threads, max_retries
        self.timeout = timeout

    def results(self, job: AbstractBatchJob, numbers: Sequence[int]) -> Iterator[BatchResult]:
        """Yield the batches as they are completed."""
        with self._client() as client:
            yield from _DaskRun(client, job, self.threads, self.max_retries).results(list(numbers))

    @contextmanager
    def _client(self) -> Iterator[Any]:
        """Connect to the cluster for one run; a local cluster ends with it."""
        distributed = _import_distributed()
        if self.address is not None:
            with self._connect(distributed) as client:
                yield client
            return
        cluster = distributed.LocalCluster(
            n_workers=self.workers, threads_per_worker=1, env=SINGLE_THREAD_ENV, dashboard_address=None, silence_logs=40
        )
        with cluster, distributed.Client(cluster, set_as_default=False) as client:
            yield client

    def _connect(self, distributed: Any) -> Any:
        try:
            # A client that does not connect blocks later ones of its process when it is collected; a socket does not.
            scheme, location = distributed.comm.parse_address(self.address)
            if scheme in ("tcp", "tls"):
                host_and_port = distributed.comm.parse_host_port(location)
                socket.create_connection(host_and_port, timeout=self.timeout).close()
            return distributed.Client(self.address, set_as_default=False, timeout=self.timeout)
        except (OSError, ValueError, TypeError) as error:
            reason = getattr(error, "strerror", None)
            raise ValueError(
                f'no Dask scheduler answers at "{self.address}"' + (f" ({reason})" if reason else "") + ". Check the "
                "address, that the scheduler runs, and that this computer can reach it"
            ) from error


class _DaskRun:
    """One run on one cluster."""

    def __init__(self, client: Any, job: AbstractBatchJob, threads: int, max_retries: int):
        self._client, self._job, self._threads, self._max_retries = client, job, threads, max_retries
        self._n_failures = 0
        self._scattered_job = None

    def results(self, numbers: list[int]) -> Iterator[BatchResult]:
        """Submit a bounded number of batches at a time, and yield them as they are completed."""
        distributed = _import_distributed()
        self._scatter_job()
        in_flight: dict[int, Any] = {}
        done: set[int] = set()
        pending = list(reversed(numbers))
        completed = distributed.as_completed(loop=self._client.loop)
        first = 0
        while first < len(numbers):
            allowed = numbers[first : first + MAX_IN_FLIGHT * max(1, sum(self._client.nthreads().values()))]
            while pending and pending[-1] in allowed:
                number = pending.pop()
                in_flight[number] = self._submit(number)
                completed.add(in_flight[number])
            future = next(completed)
            number = next(number for number, submitted in in_flight.items() if submitted.key == future.key)
            batch = self._result(future)
            del in_flight[number]
            if batch is None:
                in_flight[number] = self._submit(number)
                completed.add(in_flight[number])
                continue
            yield batch
            done.add(number)
            while first < len(numbers) and numbers[first] in done:
                first += 1

    def _scatter_job(self) -> None:
        self._scattered_job = self._client.scatter(self._job, broadcast=True, hash=False)

    def _submit(self, number: int) -> Any:
        return self._client.submit(run_batch, self._scattered_job, number, self._threads, pure=False)

    def _result(self, future: Any) -> BatchResult | None:
        """Return the result of a task; None if the task must be submitted again."""
        distributed = _import_distributed()
        try:
            return future.result()
        except (distributed.client.FutureCancelledError, distributed.scheduler.KilledWorker) as error:
            self._n_failures += 1
            if self._n_failures > self._max_retries:
                raise RuntimeError(
                    f"workers of the cluster were lost {count_of(self._n_failures, 'time')}, which happens if they run "
                    "out of memory: see their logs, use smaller batches, or give each worker more memory"
                ) from error
            # The last worker that held the job may have been lost with it.
            if self._scattered_job.status != "finished":
                self._scatter_job()
            return None


def _import_distributed():
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(MISSING, name=error.name) from error
    return distributed
