"""Executors of batches of windows: this process, all of its devices, or a Dask cluster; results are bitwise equal."""

from .base import AbstractExecutor, SerialExecutor
from .dask import DaskExecutor
from .devices import MultiDeviceExecutor

__all__ = [
    "AbstractExecutor",
    "DaskExecutor",
    "MultiDeviceExecutor",
    "SerialExecutor",
]
