"""The disk space for stored batches is required before a run, in the amount that the run uses."""

import re
import shutil
import subprocess
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from permea.engine import LCPDistance
from permea.engine.connectivity.dispersal_kernel import ExponentialKernel
from permea.engine.moving_window.analysis import ConnectivityAnalysis, SensitivityAnalysis
from permea.engine.moving_window.omnidirectional_current import MovingWindowCurrent

UNITS = {"kB": 1e3, "MB": 1e6}

#: Bytes by which a batch's file may exceed its raster.
FILE_OVERHEAD = 8 << 10


def landscape(shape):
    """Quality and permeability, 0 in one half, whose batches store no raster."""
    values = np.random.default_rng(71).uniform(0.2, 3, (2, *shape))
    values[:, :, shape[1] // 2 :] = 0.0
    return {"quality": values[0], "permeability": values[1]}


def analysis(kind=SensitivityAnalysis, shape=(160, 170), batch=40):
    rules = {"distance": LCPDistance(), "proximity": ExponentialKernel(2.0), "dependency_range": 10, "coarsening": 0.5}
    return kind(**landscape(shape), **rules, batch=batch)


def test_too_little_disk_space_raises_before_any_batch(small_disk):
    run = analysis(shape=(123, 131), batch=6).run
    folder = small_disk / "checkpoint"
    with pytest.raises(ValueError, match="too little disk space to keep finished batches: .* and 201 kB are free"):
        run(checkpoint=folder, progress=lambda *report: pytest.fail("a batch was computed"))
    assert [path.name for path in folder.iterdir()] == ["manifest.json"]
    subprocess.run(["mount", "-o", "remount,size=100m", small_disk], check=True)
    np.testing.assert_array_equal(run(checkpoint=folder).raster, run().raster)


def stored_and_required_bytes(run, folder, monkeypatch):
    """Return the bytes of the batches that a run stores, and of the disk space that it requires."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    with pytest.raises(ValueError, match="batches would take") as error:
        run(checkpoint=folder)
    assert f"in {folder}, and 0 bytes are free there" in str(error.value)
    monkeypatch.undo()
    run(checkpoint=folder)
    number, unit = re.search(r"take ([\d.]+) (kB|MB)", str(error.value)).groups()
    return sum(path.stat().st_size for path in folder.glob("batch-*")), float(number) * UNITS[unit]


@pytest.mark.parametrize("kind", ["value", "gradient", "current", "both maps", "gradient of current"])
def test_required_disk_space_is_that_of_the_stored_batches(kind, tmp_path, monkeypatch):
    windows = MovingWindowCurrent(permeability=landscape((160, 170))["permeability"], radius=10, block=5, batch=40)
    run = {
        "value": analysis(ConnectivityAnalysis).run,
        "gradient": analysis().run,
        "current": windows.run,
        "both maps": partial(windows.run, flow_potential=True),
        "gradient of current": partial(windows.gradient, np.ones((160, 170))),
    }[kind]
    stored, required = stored_and_required_bytes(run, tmp_path, monkeypatch)
    n_files = len(list(tmp_path.glob("batch-*")))
    # The message has three digits.
    assert 0.995 * stored <= required < 1.005 * stored + n_files * FILE_OVERHEAD


def test_resumed_run_requires_space_for_missing_batches_only(tmp_path, monkeypatch):
    run = analysis().run
    run(checkpoint=tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
    run(checkpoint=tmp_path)
    (tmp_path / "batch-00000001.npz").unlink()
    with pytest.raises(ValueError, match="1 batch would take"):
        run(checkpoint=tmp_path)
