"""The interface of executors, and the serial one. Results do not depend on the executor, to the last bit."""

import abc
from collections.abc import Iterator, Sequence

from ...parallel import cpu_count
from ..batch import AbstractBatchJob, BatchResult, run_batch


class AbstractExecutor(abc.ABC):
    """Executor of batches of windows."""

    @abc.abstractmethod
    def results(self, job: AbstractBatchJob, numbers: Sequence[int]) -> Iterator[BatchResult]:
        """Yield the batches of these numbers, each once, in any order.

        Only a bounded number of batches beyond the first one not yet yielded may be computed at any time.

        Parameters
        ----------
        job
            The computation.
        numbers
            Numbers of the batches.
        """


class SerialExecutor(AbstractExecutor):
    """Executor of one batch after the other, in this process and on its first device.

    Parameters
    ----------
    threads
        Number of threads of the CPU kernels; the number of cores if None.

    Examples
    --------
    >>> SerialExecutor(threads=1).threads
    1
    """

    def __init__(self, threads: int | None = None):
        self.threads = cpu_count() if threads is None else threads

    def results(self, job: AbstractBatchJob, numbers: Sequence[int]) -> Iterator[BatchResult]:
        """Yield the batches in order."""
        for number in numbers:
            yield run_batch(job, number, self.threads)
