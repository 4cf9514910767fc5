"""Who computes the windows does not matter to the last bit; a run that was ended goes on; a full disk harms nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from permea.engine import LCPDistance, ResistanceDistance
from permea.engine.connectivity.dispersal_kernel import ExponentialKernel
from permea.engine.moving_window.analysis import ConnectivityAnalysis, SensitivityAnalysis
from permea.engine.moving_window.dispatch.base import SerialExecutor
from permea.engine.moving_window.dispatch.dask import MISSING, DaskExecutor
from permea.engine.moving_window.dispatch.devices import MultiDeviceExecutor
from permea.engine.storage.npy_raster import NpyRaster

ROOT = Path(__file__).resolve().parents[3]

try:
    import distributed
except ModuleNotFoundError:
    distributed = None
needs_dask = pytest.mark.skipif(distributed is None, reason="Dask is not installed: pip install distributed")


#: Other processes compile as this one does (see `quick_compilation`); otherwise sums may differ in the last bit.
AS_HERE = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}


def rasters(seed=71, shape=(23, 31)):
    rng = np.random.default_rng(seed)
    permeability, quality = rng.lognormal(size=shape), rng.uniform(0, 3, shape)
    permeability[rng.random(shape) < 0.1] = np.nan
    quality[:8, :8] = 0
    return {"quality": quality, "permeability": permeability}


def analysis(kind=SensitivityAnalysis, **changed):
    given = {
        **rasters(),
        "distance": LCPDistance(),
        "proximity": ExponentialKernel(2.0),
        "dependency_range": 4,
        "coarsening": 0.5,
        "batch": 6,
    }
    return kind(**(given | changed))


def same_to_the_last_bit(one, other):
    assert one.connectivity == other.connectivity
    np.testing.assert_array_equal(np.asarray(one.raster), np.asarray(other.raster))


@pytest.mark.parametrize("distance", [LCPDistance(), ResistanceDistance()], ids=["least cost", "resistance"])
def test_the_number_of_threads_does_not_matter_to_the_last_bit(distance):
    run = analysis(distance=distance, batch=60).run
    same_to_the_last_bit(run(executor=SerialExecutor(threads=1)), run(executor=SerialExecutor(threads=5)))


@pytest.mark.parametrize("kind", [ConnectivityAnalysis, SensitivityAnalysis])
def test_rasters_on_disk_give_what_rasters_in_memory_give(kind, tmp_path):
    for name, raster in rasters().items():
        np.save(tmp_path / f"{name}.npy", raster)
    on_disk = {name: NpyRaster(tmp_path / f"{name}.npy") for name in rasters()}
    mapped = {name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in rasters()}
    expected = analysis(kind).run()
    for number, given in enumerate((on_disk, mapped)):
        output = NpyRaster.create(tmp_path / f"found-{number}.npy", (23, 31))
        same_to_the_last_bit(analysis(kind, **given).run(output=output), expected)
        np.testing.assert_array_equal(np.load(output.path), expected.raster)


def test_one_device_at_a_time_or_all_is_the_same():
    same_to_the_last_bit(analysis().run(executor=MultiDeviceExecutor()), analysis().run())


TWO_DEVICES = """
    import jax, numpy as np, sys
    from permea.engine import EuclideanDistance, LCPDistance, ResistanceDistance
    from permea.engine.distances.registry import entry_of
    from permea.engine.moving_window import MultiDeviceExecutor, ExponentialKernel, SensitivityAnalysis

    def main():
        assert jax.device_count() == 2
        rng = np.random.default_rng(5)
        quality, permeability = rng.uniform(0, 3, (14, 19)), rng.lognormal(size=(14, 19))
        quality[:6, :6] = 0
        for distance in (LCPDistance(), ResistanceDistance(), EuclideanDistance()):
            run = SensitivityAnalysis(
                quality=quality,
                permeability=permeability,
                distance=distance,
                proximity=ExponentialKernel(2.0),
                dependency_range=3,
                coarsening=1,
                batch=4,
            ).run
            by = "permeability" if entry_of(distance).differentiable else "quality"
            one, both = run(by), run(by, executor=MultiDeviceExecutor())
            assert one.connectivity == both.connectivity
            np.testing.assert_array_equal(one.raster, both.raster)

    if __name__ == "__main__":
        main()
"""


def python(program, folder, *arguments, wait=True, **environment):
    """Start a program in a process of its own."""
    file = Path(folder) / "program.py"
    file.write_text(textwrap.dedent(program))
    command = [sys.executable, str(file), *map(str, arguments)]
    started = subprocess.Popen(
        command, env=os.environ | AS_HERE | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if not wait:
        return started
    said, _ = started.communicate(timeout=1200)
    assert started.returncode == 0, said
    return said


def test_two_devices_are_the_same_to_the_last_bit_as_one(tmp_path):
    python(TWO_DEVICES, tmp_path, XLA_FLAGS="--xla_force_host_platform_device_count=2")


def test_a_run_without_dask_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ModuleNotFoundError, match="pip install distributed"):
        DaskExecutor()
    assert "every worker" in MISSING


@pytest.fixture(scope="module")
def cluster():
    # Workers must not check annotations: what they run is not what these tests import.
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50, env=AS_HERE
    ) as own:
        yield own


class Killing(DaskExecutor):
    """Kills a worker when the first batch has come."""

    def results(self, job, numbers):
        for count, batch in enumerate(super().results(job, numbers)):
            if count == 0:
                with distributed.Client(self.address, set_as_default=False) as client:
                    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
            yield batch


@needs_dask
@pytest.mark.parametrize("kind", [DaskExecutor, Killing], ids=["undisturbed", "a worker killed in the middle"])
def test_a_cluster_gives_the_same_to_the_last_bit(kind, cluster):
    given = {"distance": LCPDistance(), "batch": 4}
    found = analysis(**given).run(executor=kind(cluster.scheduler_address))
    same_to_the_last_bit(found, analysis(**given).run())


@needs_dask
def test_inputs_lost_with_the_only_worker_that_had_them_are_sent_again():
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, silence_logs=50, env=AS_HERE
    ) as alone:
        found = analysis(batch=4).run(executor=Killing(alone.scheduler_address))
    same_to_the_last_bit(found, analysis(batch=4).run())


@needs_dask
def test_an_error_in_a_worker_reaches_the_caller(cluster):
    with pytest.raises(Exception, match="undirected graph"):
        analysis(distance=ResistanceDistance(), edge_rule="target").run(
            executor=DaskExecutor(cluster.scheduler_address)
        )


def test_progress_is_said_after_every_batch_with_the_time_left():
    said = []
    analysis(batch=12).run(progress=lambda *what: said.append(what))
    done, of, left = zip(*said, strict=True)
    assert list(done) == list(range(1, of[0] + 1)) and set(of) == {done[-1]}
    # What the first batch was compiled in says nothing of the others.
    assert left[0] is None and left[-1] == 0 and all(seconds >= 0 for seconds in left[1:])


class Ended(BaseException):
    pass


def ended_after(batches):
    def progress(done, of, left):
        if done >= batches:
            raise Ended

    return progress


@pytest.mark.parametrize("kind", [ConnectivityAnalysis, SensitivityAnalysis])
def test_a_run_ended_twice_goes_on_and_ends_the_same(kind, tmp_path):
    for batches in (2, 5):
        with pytest.raises(Ended):
            analysis(kind).run(checkpoint=tmp_path, progress=ended_after(batches))
    kept = sorted(tmp_path.glob("batch-*"))
    times = [file.stat().st_mtime_ns for file in kept]
    said = []
    found = analysis(kind).run(checkpoint=tmp_path, progress=lambda *what: said.append(what))
    assert len(kept) == 5 and said[0][0] == 6
    assert [file.stat().st_mtime_ns for file in kept] == times
    same_to_the_last_bit(found, analysis(kind).run())


def test_a_finished_run_is_read_from_the_disk(tmp_path):
    first = analysis().run(checkpoint=tmp_path)
    said = []
    again = analysis().run(checkpoint=tmp_path, progress=lambda *what: said.append(what))
    assert not said
    same_to_the_last_bit(first, again)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        (rasters(72), "inputs"),
        ({"dependency_range": 5}, "buffer"),
        ({"proximity": ExponentialKernel(3.0)}, "proximity"),
        ({"proximity": lambda d: 1 / (1 + d)}, "proximity"),
        ({"distance": ResistanceDistance()}, "distance"),
        ({"pixel_size": (2.0, 1.0)}, "pixel_size"),
        ({"batch": 9}, "batch"),
    ],
)
def test_a_run_of_other_inputs_or_parameters_is_not_continued(changed, what, tmp_path):
    analysis().run(checkpoint=tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=f"cannot be continued, because something has changed: .*{what}"):
        analysis(**changed).run(checkpoint=tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_run_with_respect_to_something_else_is_not_continued(tmp_path):
    analysis().run("permeability", checkpoint=tmp_path)
    with pytest.raises(ValueError, match='respect_to .*"permeability", now "quality"'):
        analysis().run("quality", checkpoint=tmp_path)


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("chapter 1")
    with pytest.raises(ValueError, match="is not empty and holds no earlier run"):
        analysis().run(checkpoint=tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "chapter 1"


def test_half_a_download_in_a_folder_is_left_alone(tmp_path):
    (tmp_path / "film.part").write_text("half")
    with pytest.raises(ValueError, match="is not empty and holds no earlier run"):
        analysis().run(checkpoint=tmp_path)
    assert (tmp_path / "film.part").exists()


def test_what_cannot_be_written_into_is_refused(tmp_path):
    given = rasters()
    with pytest.raises(ValueError, match="output must hold floating-point numbers"):
        analysis(**given).run(output=np.zeros(given["quality"].shape, int))
    with pytest.raises(ValueError, match="output is one of the inputs"):
        analysis(**given).run(output=given["quality"])
    np.save(tmp_path / "quality.npy", given["quality"])
    file = NpyRaster(tmp_path / "quality.npy")
    with pytest.raises(ValueError, match="output is one of the inputs"):
        analysis(**{**given, "quality": file}).run(output=NpyRaster(file.path))
    np.testing.assert_array_equal(file[:, :], given["quality"])


def test_a_damaged_batch_is_said(tmp_path):
    analysis().run(checkpoint=tmp_path)
    (tmp_path / "batch-00000003.npz").write_bytes(b"half")
    with pytest.raises(ValueError, match="batch-00000003.npz is damaged"):
        analysis().run(checkpoint=tmp_path)


KILLED = """
    import sys, numpy as np
    from permea.engine import LCPDistance
    from permea.engine.moving_window import NpyRaster, ExponentialKernel, SensitivityAnalysis
    folder = sys.argv[1]
    SensitivityAnalysis(
        quality=NpyRaster(folder + "/quality.npy"),
        permeability=NpyRaster(folder + "/permeability.npy"),
        distance=LCPDistance(),
        proximity=ExponentialKernel(2.0),
        dependency_range=4,
        coarsening=0.5,
        batch=6,
    ).run(
        output=NpyRaster.create(folder + "/found.npy", (123, 131)),
        checkpoint=folder + "/kept",
        progress=lambda done, of, left: print(done, of, flush=True),
    )
"""


def test_a_process_killed_twice_goes_on_and_ends_the_same(tmp_path):
    given = rasters(shape=(123, 131))
    for name, raster in given.items():
        np.save(tmp_path / f"{name}.npy", raster)
    reached = 0
    for _ in range(2):
        process = python(KILLED, tmp_path, tmp_path, wait=False)
        for _ in range(3):
            line = process.stdout.readline()
        process.kill()
        process.communicate()
        assert int(line.split()[0]) >= reached + 3, line
        reached = len(list((tmp_path / "kept").glob("batch-*")))
    python(KILLED, tmp_path, tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy"), analysis(**given).run().raster)
    assert not list(tmp_path.rglob("*.part"))


def test_a_disk_that_fills_up_meanwhile_is_said_and_harms_nothing(small_disk, monkeypatch):
    run = analysis(**rasters(shape=(123, 131))).run
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=10**9))
    with pytest.raises(OSError, match="the disk with .* is full: .* finished batches are kept"):
        run(checkpoint=small_disk / "kept")
    kept = list((small_disk / "kept").glob("batch-*"))
    assert kept and not list(small_disk.rglob("*.part"))
    subprocess.run(["mount", "-o", "remount,size=100m", small_disk], check=True)
    same_to_the_last_bit(run(checkpoint=small_disk / "kept"), run())
    assert set(kept) < set((small_disk / "kept").glob("batch-*"))


def test_an_output_that_does_not_fit_is_refused_before_any_work(small_disk):
    with pytest.raises(OSError, match="no room for a raster of 0.8 MB"):
        NpyRaster.create(small_disk / "found.npy", (100, 1000))
    assert not list(small_disk.iterdir())


def test_the_manifest_names_what_the_results_depend_on(tmp_path):
    analysis().run(checkpoint=tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert {"inputs", "distance", "proximity", "core", "buffer", "respect_to", "elasticity", "batch"} <= set(manifest)


def test_peak_memory_depends_on_the_batch_and_not_on_the_raster(tmp_path):
    said = {}
    for side in (200, 1200):
        for name in ("quality", "permeability"):
            raster = NpyRaster.create(tmp_path / f"{name}.npy", (side, side))
            for top in range(0, side, 100):
                raster[top : top + 100, :] = np.random.default_rng(top).uniform(0.1, 1, (100, side)) * (top % 400 == 0)
        started = time.perf_counter()
        said[side] = int(python(MEMORY, tmp_path, tmp_path, side).split()[-1])
        assert time.perf_counter() - started < 100
    assert said[1200] < 1.1 * said[200]


MEMORY = """
    import resource, sys
    from permea.engine import LCPDistance
    from permea.engine.moving_window import NpyRaster, ExponentialKernel, SensitivityAnalysis
    folder, side = sys.argv[1], int(sys.argv[2])
    SensitivityAnalysis(
        quality=NpyRaster(folder + "/quality.npy"),
        permeability=NpyRaster(folder + "/permeability.npy"),
        distance=LCPDistance(),
        proximity=ExponentialKernel(2.0),
        dependency_range=10,
        coarsening=1,
    ).run(output=NpyRaster.create(folder + "/found.npy", (side, side)))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_devices_left_out_are_all_of_this_process():
    assert MultiDeviceExecutor().devices == jax.devices()
