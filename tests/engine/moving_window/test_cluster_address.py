"""Addresses of clusters that do not exist end a run at once, with the address in the message."""

import importlib.util

import numpy as np
import pytest

from permea.engine import LCPDistance
from permea.engine.connectivity.dispersal_kernel import ExponentialKernel
from permea.engine.moving_window.analysis import ConnectivityAnalysis
from permea.engine.moving_window.dispatch.dask import DaskExecutor

pytestmark = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="needs Dask")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "tls://127.0.0.1:1", "nowhere.invalid:8786", "tcp://"])
def test_address_without_scheduler_is_named(address):
    analysis = ConnectivityAnalysis(
        quality=np.ones((6, 6)),
        permeability=np.ones((6, 6)),
        distance=LCPDistance(),
        proximity=ExponentialKernel(2.0),
        dependency_range=2,
    )
    with pytest.raises(ValueError, match=f'no Dask scheduler answers at "{address}"'):
        analysis.run(executor=DaskExecutor(address, timeout=0.2))
