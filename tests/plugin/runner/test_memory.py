"""The free memory is what QGIS may really use, and a run that needs more ends with a message, before or after."""

import resource
from types import SimpleNamespace

import numpy as np
import pytest

from permea.plugin.npy_file import NpyFile
from permea.plugin.runner import OutOfMemory, Task, memory, open_job, out_of_memory, require_memory, run, system_memory

LANDSCAPE = np.ones((3, 4))
GB = 10**9


def task():
    return Task("leastcost.distance", {"values": "permeability"}, {"landscape": LANDSCAPE})


@pytest.fixture
def system(monkeypatch, tmp_path):
    """Describe a computer with 8 GB free, and control groups, as Linux does."""
    proc, groups = tmp_path / "proc", tmp_path / "groups"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal: 16000000 kB\nMemFree: 100 kB\nMemAvailable: 8000000 kB\nSwapFree: 9 kB\n")
    monkeypatch.setattr(memory, "free_memory", lambda: system_memory.free_memory(proc, groups))

    def describe(membership="", **files):
        (proc / "self" / "cgroup").write_text(membership)
        for name, content in files.items():
            path = groups / name.replace("__", "/").replace("memory_", "memory.")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return memory.free_memory()

    return describe


def test_free_memory_is_the_available_memory_without_swap(system):
    assert system() == 8_000_000 * 1024


def test_free_memory_matches_kernel():
    assert 1 << 20 < system_memory.free_memory() < 1 << 50


def test_limit_of_a_container_counts_without_its_page_cache(system):
    free = system(
        "0::/user/flatpak\n",
        user__flatpak__memory_max=str(4 * GB),
        user__flatpak__memory_current=str(3 * GB),
        user__flatpak__memory_stat=f"anon {2 * GB}\ninactive_file {GB // 2}\n",
    )
    assert free == 1.5 * GB


def test_limit_of_an_outer_group_counts(system):
    statistics = dict.fromkeys(("batch__job__memory_stat", "batch__memory_stat"), "inactive_file 0\n")
    free = system(
        "0::/batch/job\n",
        batch__job__memory_max="max",
        batch__job__memory_current=str(GB),
        batch__memory_max=str(3 * GB),
        batch__memory_current=str(GB),
        **statistics,
    )
    assert free == 2 * GB


def test_limit_of_a_group_of_version_1_counts(system):
    free = system(
        "5:cpu,cpuacct:/\n4:memory:/docker/1\n",
        memory__docker__1__memory_limit_in_bytes=str(2 * GB),
        memory__docker__1__memory_usage_in_bytes=str(GB),
        memory__docker__1__memory_stat="total_inactive_file 1000\n",
    )
    assert free == GB + 1000


@pytest.fixture
def address_space():
    """Limit the address space of this process, like `ulimit -v`, to a number of bytes more than it has."""
    before = resource.getrlimit(resource.RLIMIT_AS)

    def limit(more):
        used = system_memory._sizes(system_memory.PROC / "self" / "status")["VmSize"]
        resource.setrlimit(resource.RLIMIT_AS, (used + more, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_AS, before)


def test_limit_of_address_space_counts(address_space):
    address_space(GB // 2)
    assert 0 < system_memory.free_memory() <= GB // 2


def test_array_beyond_a_limit_becomes_a_message_with_its_size(address_space):
    address_space(GB // 2)
    with pytest.raises(MemoryError) as error:
        np.ones((20_000, 20_000))
    message = str(out_of_memory(error.value))
    assert message.startswith("QGIS ran out of memory: 3.2 GB more were needed; ")
    assert "MB are free. Use a smaller raster (clip it), coarser cells" in message


def test_memory_error_without_text_becomes_a_message():
    assert str(out_of_memory(MemoryError())).startswith("QGIS ran out of memory; ")


def test_reading_more_than_fits_is_refused(system):
    require_memory(8 * GB, "The raster")
    with pytest.raises(OutOfMemory) as error:
        require_memory(9 * GB, "The raster")
    assert str(error.value).startswith(
        "The raster needs at least 9 GB of memory, and only 8.19 GB are free. Nothing was read. Use a smaller raster"
    )


def test_free_memory_of_qgis_is_used_if_the_engine_does_not_know(worker, feedback, system):
    engine = worker("""
        say("estimate", bytes=8_192_000_001, seconds=None, free_bytes=None)
        finish({"distance": read("landscape")})
    """)
    system()
    with pytest.raises(OutOfMemory, match="needs about 8.19 GB of memory, and only 8.19 GB are free"):
        run(task(), feedback, engine=engine)


def test_unknown_free_memory_lets_run_continue(worker, feedback, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: None)
    engine = worker("""
        say("estimate", bytes=10**15, seconds=None, free_bytes=None)
        finish({"distance": read("landscape")})
    """)
    assert run(task(), feedback, engine=engine).outputs


def test_log_reports_what_both_processes_need(worker, feedback):
    engine = worker("""
        say("estimate", bytes=3 * 10**8, seconds=None, free_bytes=10**9)
        finish({"distance": read("landscape")})
    """)
    run(task(), feedback, engine=engine)
    [said] = [text for text in feedback.infos if text.startswith("The run needs about 300 MB of memory in the engine")]
    assert said.endswith("MB in QGIS; 1 GB are free.")


def test_bands_of_a_result_stay_on_disk(worker, feedback):
    engine = worker("""finish({"distance": np.stack([read("landscape"), 2 * read("landscape")])})""")
    with open_job(feedback, engine=engine) as job:
        bands = job.run(task(), feedback).outputs["distance"]
        assert isinstance(bands, NpyFile) and bands.shape == (2, 3, 4)
        second = list(bands)[1]
        assert isinstance(second, NpyFile)
        np.testing.assert_array_equal(second[1:3], 2 * LANDSCAPE[1:3])


def test_windows_reports_its_available_memory(monkeypatch):
    def fill(pointer):
        pointer._obj.available_physical = 5 * GB

    windll = SimpleNamespace(kernel32=SimpleNamespace(GlobalMemoryStatusEx=fill))
    monkeypatch.setattr(system_memory.ctypes, "windll", windll, raising=False)
    assert system_memory._windows_available() == 5 * GB
