"""Who computes the batches: this process, all its devices, a cluster. What comes out is the same to the last bit."""

import abc
from collections.abc import Iterator, Sequence

from ...parallel.numba_jit import cpu_count
from ..batch import AbstractBatchJob, BatchResult, run_batch


class AbstractExecutor(abc.ABC):
    """A way to have batches computed."""

    @abc.abstractmethod
    def results(self, analysis: AbstractBatchJob, numbers: Sequence[int]) -> Iterator[BatchResult]:
        """Yield the batches of these numbers, each once, in any order.

        Only a bounded number of batches may be under way beyond the first one that has not been yielded.
        """


class SerialExecutor(AbstractExecutor):
    """One batch after the other, in this process and on its first device.

    Parameters
    ----------
    threads
        How many threads the loops on the processor use; as many as there are cores if left out.

    Examples
    --------
    >>> SerialExecutor(threads=1).threads
    1
    """

    def __init__(self, threads: int | None = None):
        self.threads = cpu_count() if threads is None else threads

    def results(self, analysis: AbstractBatchJob, numbers: Sequence[int]) -> Iterator[BatchResult]:
        """Yield the batches in order."""
        for number in numbers:
            yield run_batch(analysis, number, self.threads)
