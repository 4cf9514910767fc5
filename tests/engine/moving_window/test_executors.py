"""Results are bitwise equal for all executors; interrupted runs resume; a full disk loses nothing."""

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
from permea.engine.moving_window.omnidirectional_current import MovingWindowCurrent
from permea.engine.storage.npy_raster import NpyRaster

try:
    import distributed
except ModuleNotFoundError:
    distributed = None
needs_dask = pytest.mark.skipif(distributed is None, reason="Dask is not installed: pip install distributed")

#: Other processes compile as this one does (see `quick_compilation`); otherwise sums may differ in the last bit.
SAME_COMPILATION_ENV = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}

PROGRAM_SECONDS = 1200  # of a program in another process, on a machine under load


def rasters(seed=71, shape=(23, 31)):
    rng = np.random.default_rng(seed)
    permeability, quality = rng.lognormal(size=shape), rng.uniform(0, 3, shape)
    permeability[rng.random(shape) < 0.1] = np.nan
    quality[:8, :8] = 0
    return {"quality": quality, "permeability": permeability}


def analysis(kind=SensitivityAnalysis, **changed):
    parameters = {
        **rasters(),
        "distance": LCPDistance(),
        "proximity": ExponentialKernel(2.0),
        "dependency_range": 4,
        "coarsening": 0.5,
        "batch": 6,
    }
    return kind(**(parameters | changed))


def assert_bitwise_equal(result, expected):
    assert result.connectivity == expected.connectivity
    np.testing.assert_array_equal(np.asarray(result.raster), np.asarray(expected.raster))


@pytest.fixture(scope="module")
def serial_result():
    """The result of the analysis in this process."""
    return analysis().run()


@pytest.mark.parametrize("distance", [LCPDistance(), ResistanceDistance()], ids=["least cost", "resistance"])
def test_result_does_not_depend_on_threads(distance):
    run = analysis(distance=distance, batch=60).run
    assert_bitwise_equal(run(executor=SerialExecutor(threads=1)), run(executor=SerialExecutor(threads=5)))


@pytest.mark.parametrize("kind", [ConnectivityAnalysis, SensitivityAnalysis])
def test_rasters_on_disk_give_the_same_result(kind, tmp_path):
    for name, raster in rasters().items():
        np.save(tmp_path / f"{name}.npy", raster)
    on_disk = {name: NpyRaster(tmp_path / f"{name}.npy") for name in rasters()}
    memory_mapped = {name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in rasters()}
    expected = analysis(kind).run()
    for number, inputs in enumerate((on_disk, memory_mapped)):
        output = NpyRaster.create(tmp_path / f"output-{number}.npy", (23, 31))
        assert_bitwise_equal(analysis(kind, **inputs).run(output=output), expected)
        np.testing.assert_array_equal(np.load(output.path), expected.raster)


def test_default_devices_are_all_of_this_process():
    assert MultiDeviceExecutor().devices == jax.devices()


def test_multi_device_result_equals_serial(serial_result):
    assert_bitwise_equal(analysis().run(executor=MultiDeviceExecutor()), serial_result)


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


def start_program(program, folder, *arguments, **environment):
    """Start a program in another process."""
    file = Path(folder) / "program.py"
    file.write_text(textwrap.dedent(program))
    command = [sys.executable, str(file), *map(str, arguments)]
    environment = os.environ | SAME_COMPILATION_ENV | environment
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run_program(program, folder, *arguments, **environment):
    """Run a program in another process and return its output."""
    process = start_program(program, folder, *arguments, **environment)
    output, _ = process.communicate(timeout=PROGRAM_SECONDS)
    assert process.returncode == 0, output
    return output


@pytest.mark.costly
def test_two_devices_give_the_serial_result(tmp_path):
    run_program(TWO_DEVICES, tmp_path, XLA_FLAGS="--xla_force_host_platform_device_count=2")


def test_missing_dask_raises_with_instructions(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ModuleNotFoundError, match="pip install distributed"):
        DaskExecutor()
    assert "every worker" in MISSING


@pytest.fixture(scope="module")
def cluster():
    # Workers do not check annotations: they do not import what these tests import.
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50, env=SAME_COMPILATION_ENV
    ) as local_cluster:
        yield local_cluster


@needs_dask
def test_cluster_result_equals_serial(cluster, serial_result):
    assert_bitwise_equal(analysis().run(executor=DaskExecutor(cluster.scheduler_address)), serial_result)


@needs_dask
def test_cluster_currents_equal_serial(cluster):
    rng = np.random.default_rng(5)
    permeability, sources = np.exp(rng.normal(size=(23, 31))), rng.uniform(0.5, 2.0, (23, 31))
    permeability[rng.uniform(size=(23, 31)) < 0.15] = np.nan
    windows = MovingWindowCurrent(permeability=permeability, sources=sources, radius=4, block=3, batch=6)
    result = windows.run(normalized=True, executor=DaskExecutor(cluster.scheduler_address))
    expected = windows.run(normalized=True)
    assert result.total == expected.total
    for name, raster in expected.maps.items():
        np.testing.assert_array_equal(result.maps[name], raster)


@needs_dask
def test_error_in_a_worker_reaches_the_caller(cluster):
    with pytest.raises(Exception, match="undirected graph"):
        analysis(distance=ResistanceDistance(), edge_rule="target").run(
            executor=DaskExecutor(cluster.scheduler_address)
        )


class WorkerKillingExecutor(DaskExecutor):
    """Executor that kills some workers after the first batch."""

    def __init__(self, address, n_killed):
        # Every task in flight is lost with all workers.
        super().__init__(address, max_retries=20)
        self.n_killed = n_killed

    def results(self, job, numbers):
        for count, batch in enumerate(super().results(job, numbers)):
            if count == 0:
                with distributed.Client(self.address, set_as_default=False) as client:
                    for process in list(client.run(os.getpid).values())[: self.n_killed]:
                        os.kill(process, signal.SIGKILL)
            yield batch


@pytest.mark.costly
@needs_dask
@pytest.mark.parametrize("n_killed", [1, 2], ids=["one of two workers", "all workers, and the inputs with them"])
def test_lost_workers_do_not_change_the_result(n_killed, cluster):
    windowed = analysis(batch=4)
    executor = WorkerKillingExecutor(cluster.scheduler_address, n_killed)
    assert_bitwise_equal(windowed.run(executor=executor), windowed.run())


def test_progress_reports_every_batch_and_the_remaining_time():
    reports = []
    analysis(batch=12).run(progress=lambda *report: reports.append(report))
    done, of, left = zip(*reports, strict=True)
    assert list(done) == list(range(1, of[0] + 1)) and set(of) == {done[-1]}
    # The first batch includes compilation and predicts nothing.
    assert left[0] is None and left[-1] == 0 and all(seconds >= 0 for seconds in left[1:])


class Interrupted(BaseException):
    pass


def interrupt_after(batches):
    def progress(done, of, left):
        if done >= batches:
            raise Interrupted

    return progress


@pytest.mark.parametrize("kind", [ConnectivityAnalysis, SensitivityAnalysis])
def test_run_interrupted_twice_resumes(kind, tmp_path):
    for batches in (2, 5):
        with pytest.raises(Interrupted):
            analysis(kind).run(checkpoint=tmp_path, progress=interrupt_after(batches))
    stored = sorted(tmp_path.glob("batch-*"))
    times = [file.stat().st_mtime_ns for file in stored]
    reports = []
    result = analysis(kind).run(checkpoint=tmp_path, progress=lambda *report: reports.append(report))
    assert len(stored) == 5 and reports[0][0] == 6
    assert [file.stat().st_mtime_ns for file in stored] == times
    assert_bitwise_equal(result, analysis(kind).run())


def test_completed_run_is_read_from_disk(tmp_path):
    first = analysis().run(checkpoint=tmp_path)
    reports = []
    again = analysis().run(checkpoint=tmp_path, progress=lambda *report: reports.append(report))
    assert not reports
    assert_bitwise_equal(first, again)


@pytest.fixture(scope="module")
def completed_run(tmp_path_factory):
    """The folder of a completed run; tests must not change it."""
    folder = tmp_path_factory.mktemp("completed")
    analysis().run(checkpoint=folder)
    return folder


@pytest.mark.parametrize(
    ("changed", "name"),
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
def test_changed_inputs_are_not_resumed(changed, name, completed_run):
    before = {file.name: file.read_bytes() for file in completed_run.iterdir()}
    with pytest.raises(ValueError, match=f"cannot be continued, because something has changed: .*{name}"):
        analysis(**changed).run(checkpoint=completed_run)
    assert {file.name: file.read_bytes() for file in completed_run.iterdir()} == before


def test_changed_variable_is_not_resumed(completed_run):
    with pytest.raises(ValueError, match='respect_to .*"permeability", now "quality"'):
        analysis().run("quality", checkpoint=completed_run)


def test_manifest_names_all_dependencies(completed_run):
    manifest = json.loads((completed_run / "manifest.json").read_text())
    assert {"inputs", "distance", "proximity", "core", "buffer", "respect_to", "elasticity", "batch"} <= set(manifest)


@pytest.mark.parametrize("name", ["thesis.txt", "film.part"], ids=["a document", "a partial download"])
def test_folders_with_other_files_are_refused(name, tmp_path):
    (tmp_path / name).write_text("chapter 1")
    with pytest.raises(ValueError, match="is not empty and holds no earlier run"):
        analysis().run(checkpoint=tmp_path)
    assert (tmp_path / name).read_text() == "chapter 1"


def test_damaged_batch_raises(tmp_path):
    analysis().run(checkpoint=tmp_path)
    (tmp_path / "batch-00000003.npz").write_bytes(b"half")
    with pytest.raises(ValueError, match="batch-00000003.npz is damaged"):
        analysis().run(checkpoint=tmp_path)


KILLED_PROGRAM = """
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
        output=NpyRaster.create(folder + "/output.npy", (123, 131)),
        checkpoint=folder + "/checkpoint",
        progress=lambda done, of, left: print(done, of, flush=True),
    )
"""


@pytest.mark.long
def test_process_killed_twice_resumes(tmp_path):
    inputs = rasters(shape=(123, 131))
    for name, raster in inputs.items():
        np.save(tmp_path / f"{name}.npy", raster)
    stored = 0
    for _ in range(2):
        process = start_program(KILLED_PROGRAM, tmp_path, tmp_path)
        for _ in range(3):
            line = process.stdout.readline()
        process.kill()
        process.communicate()
        assert int(line.split()[0]) >= stored + 3, line
        stored = len(list((tmp_path / "checkpoint").glob("batch-*")))
    run_program(KILLED_PROGRAM, tmp_path, tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "output.npy"), analysis(**inputs).run().raster)
    assert not list(tmp_path.rglob("*.part"))


def test_full_disk_raises_and_loses_nothing(small_disk, monkeypatch):
    run = analysis(**rasters(shape=(63, 71))).run
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=10**9))
    with pytest.raises(OSError, match="the disk with .* is full; the folder keeps .* finished batches"):
        run(checkpoint=small_disk / "checkpoint")
    stored = list((small_disk / "checkpoint").glob("batch-*"))
    assert stored and not list(small_disk.rglob("*.part"))
    subprocess.run(["mount", "-o", "remount,size=100m", small_disk], check=True)
    assert_bitwise_equal(run(checkpoint=small_disk / "checkpoint"), run())
    assert set(stored) < set((small_disk / "checkpoint").glob("batch-*"))


def test_output_larger_than_the_disk_raises(small_disk):
    with pytest.raises(OSError, match="no disk space for a raster of 800 kB"):
        NpyRaster.create(small_disk / "output.npy", (100, 1000))
    assert not list(small_disk.iterdir())


MEMORY_PROGRAM = """
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
    ).run(output=NpyRaster.create(folder + "/output.npy", (side, side)))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.long
def test_peak_memory_does_not_depend_on_the_raster(tmp_path):
    peak = {}
    for side in (200, 1200):
        for name in ("quality", "permeability"):
            raster = NpyRaster.create(tmp_path / f"{name}.npy", (side, side))
            for top in range(0, side, 100):
                raster[top : top + 100, :] = np.random.default_rng(top).uniform(0.1, 1, (100, side)) * (top % 400 == 0)
        started = time.perf_counter()
        peak[side] = int(run_program(MEMORY_PROGRAM, tmp_path, tmp_path, side).split()[-1])
        assert time.perf_counter() - started < 100
    assert peak[1200] < 1.1 * peak[200]
