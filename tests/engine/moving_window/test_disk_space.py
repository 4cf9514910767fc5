"""Room for the batches that a run keeps: asked for beforehand, as much as will be kept, and said in words."""

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


def landscape(shape):
    """Half of it is empty: batches there keep no raster."""
    given = dict(zip(("quality", "permeability"), np.random.default_rng(71).uniform(0.2, 3, (2, *shape)), strict=True))
    for raster in given.values():
        raster[:, shape[1] // 2 :] = 0.0
    return given


def analysis(kind=SensitivityAnalysis, shape=(160, 170), batch=40):
    rules = {"distance": LCPDistance(), "proximity": ExponentialKernel(2.0), "dependency_range": 10, "coarsening": 0.5}
    return kind(**landscape(shape), **rules, batch=batch)


def test_batches_that_will_not_fit_are_refused_before_any_is_computed(small_disk):
    run = analysis(shape=(123, 131), batch=6).run
    with pytest.raises(ValueError, match="too little disk space to keep finished batches: .* and 201 kB are free"):
        run(checkpoint=small_disk / "kept", progress=lambda *heard: pytest.fail("a batch was computed"))
    assert [path.name for path in (small_disk / "kept").iterdir()] == ["manifest.json"]
    subprocess.run(["mount", "-o", "remount,size=100m", small_disk], check=True)
    np.testing.assert_array_equal(run(checkpoint=small_disk / "kept").raster, run().raster)


def kept_and_needed(run, folder, monkeypatch):
    """Return the bytes of the batches that a run keeps, and how many must be free for it to begin."""
    monkeypatch.setattr(shutil, "disk_usage", lambda asked: SimpleNamespace(free=0))
    with pytest.raises(ValueError, match="batches need") as refused:
        run(checkpoint=folder)
    assert f"in {folder}, and 0 bytes are free there" in str(refused.value)
    monkeypatch.undo()
    run(checkpoint=folder)
    number, unit = re.search(r"need ([\d.]+) (kB|MB)", str(refused.value)).groups()
    return sum(path.stat().st_size for path in folder.glob("batch-*")), float(number) * {"kB": 1e3, "MB": 1e6}[unit]


@pytest.mark.parametrize("kind", ["value", "gradient", "current", "both maps", "gradient of current"])
def test_the_room_that_is_asked_for_is_what_is_kept(kind, tmp_path, monkeypatch):
    moving = MovingWindowCurrent(permeability=landscape((160, 170))["permeability"], radius=10, block=5, batch=40)
    run = {
        "value": analysis(ConnectivityAnalysis).run,
        "gradient": analysis().run,
        "current": moving.run,
        "both maps": partial(moving.run, flow_potential=True),
        "gradient of current": partial(moving.gradient, np.ones((160, 170))),
    }[kind]
    kept, needed = kept_and_needed(run, tmp_path, monkeypatch)
    files = len(list(tmp_path.glob("batch-*")))
    # The message says it in three digits.
    assert 0.995 * kept <= needed < 1.005 * kept + files * (8 << 10)


def test_a_run_that_goes_on_asks_for_room_for_the_rest_alone(tmp_path, monkeypatch):
    run = analysis().run
    run(checkpoint=tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
    run(checkpoint=tmp_path)
    (tmp_path / "batch-00000001.npz").unlink()
    with pytest.raises(ValueError, match="1 batches need"):
        run(checkpoint=tmp_path)
