"""The engine counts what its control groups and its own limits leave, not what the machine has."""

import resource
import subprocess
import sys

import numpy as np
import pytest

from permea.engine.parallel import (
    available_memory,
    cpu_count,
    memory_limit,
    peak_memory,
    reset_peak_memory,
    return_free_memory,
    used_memory,
)

MB = 10**6


@pytest.fixture
def grouped(tmp_path):
    """Return the available memory in control groups: their members, and their files."""

    def memory(membership, files):
        (tmp_path / "self").mkdir(exist_ok=True)
        (tmp_path / "self" / "cgroup").write_text(membership)
        (tmp_path / "self" / "status").write_text("VmSize: 100 kB\nVmData: 50 kB\n")
        for name, content in files.items():
            path = tmp_path / "groups" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(str(content))
        return available_memory(tmp_path, tmp_path / "groups")

    return memory


def group(name, limit, used, cache):
    return {
        f"{name}/memory.max": limit,
        f"{name}/memory.current": used,
        f"{name}/memory.stat": f"inactive_file {cache}",
    }


def test_group_and_outer_groups_limit_the_memory(grouped):
    files = group("slurm/job", 9 * MB, 2 * MB, MB) | group("slurm", 5 * MB, 2 * MB, 0)
    assert grouped("0::/slurm/job\n", files) == 3 * MB


def test_group_of_version_1_limits_the_memory(grouped):
    files = {
        "memory/a/memory.limit_in_bytes": 4 * MB,
        "memory/a/memory.usage_in_bytes": 3 * MB,
        "memory/a/memory.stat": f"total_inactive_file {MB}",
    }
    assert grouped("3:cpu:/\n4:memory:/a\n", files) == 2 * MB


def test_exhausted_group_leaves_nothing(grouped):
    assert grouped("0::/\n", group(".", MB, 2 * MB, 0)) == 0


def test_unlimited_group_leaves_the_machine(grouped):
    assert grouped("0::/a\n", group("a", "max", MB, 0)) > 100 * MB


@pytest.mark.parametrize("limit", [resource.RLIMIT_AS, resource.RLIMIT_DATA], ids=["address space", "data"])
def test_limit_of_the_process_counts(limit):
    before = resource.getrlimit(limit)
    resource.setrlimit(limit, (1 << 46, before[1]))
    try:
        assert 0 < available_memory() < 1 << 46
    finally:
        resource.setrlimit(limit, before)


def test_peak_is_that_of_this_process():
    assert 10 * MB < peak_memory() < 1 << 40


def test_limit_of_the_user_counts_what_is_used_already(monkeypatch):
    monkeypatch.setenv("PERMEA_MEMORY_BYTES", str(used_memory() + 50 * MB))
    assert 30 * MB < available_memory() < 60 * MB
    monkeypatch.setenv("PERMEA_MEMORY_BYTES", "1000")
    assert available_memory() == 0


def test_threads_are_limited_by_the_user_and_by_the_cores(monkeypatch):
    cores = cpu_count()
    for threads, expected in (("1", 1), ("100000", cores), ("", cores)):
        monkeypatch.setenv("PERMEA_THREADS", threads)
        assert cpu_count() == expected


@pytest.mark.parametrize("text", ["many", "0", "-1", "2.5", "8 GB"])
def test_limit_that_is_no_whole_number_is_refused_in_words(monkeypatch, text):
    monkeypatch.setenv("PERMEA_MEMORY_BYTES", text)
    monkeypatch.setenv("PERMEA_THREADS", text)
    with pytest.raises(ValueError, match=f'PERMEA_MEMORY_BYTES is "{text}": give a number of bytes'):
        memory_limit()
    with pytest.raises(ValueError, match=f'PERMEA_THREADS is "{text}": give a number of threads'):
        cpu_count()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux starts the peak again")
def test_peak_starts_again_from_the_memory_in_use():
    values = np.ones(10_000_000)
    del values
    return_free_memory()
    assert reset_peak_memory()
    assert peak_memory() < used_memory() + 20 * MB


def test_system_that_cannot_start_the_peak_again_is_recognised(tmp_path):
    assert not reset_peak_memory(tmp_path)


def test_process_asks_to_be_ended_before_others():
    code = (
        "from permea.engine.parallel import end_first_if_memory_runs_out as ask; ask(); "
        "print(open('/proc/self/oom_score_adj').read())"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "1000"
