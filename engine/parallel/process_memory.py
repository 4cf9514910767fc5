"""Memory that the process may still use, given the machine, its control groups and its own limits.

The plugin's `runner/system_memory.py` does the same for QGIS without psutil: neither may import the other.
"""

import contextlib
import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

#: Environment variable that limits the memory of the process, in bytes.
MEMORY_VARIABLE = "PERMEA_MEMORY_BYTES"

#: Folders of control groups: limit, use, and the name of the reclaimable page cache in `memory.stat`; version 2 and 1.
_GROUPS = {
    "": ("", "memory.max", "memory.current", "inactive_file"),
    "memory": ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


def available_memory(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the bytes that the process can allocate without swapping.

    Parameters
    ----------
    proc, groups
        Where Linux describes processes and control groups.

    Notes
    -----
    The minimum of the free memory of the machine, and of the memory left within the limits of the control groups of the
    process (containers, systemd, batch systems), its own limits (``ulimit -v`` and ``ulimit -d``), and the limit that
    the user sets with the environment variable ``PERMEA_MEMORY_BYTES``.

    Examples
    --------
    >>> available_memory() > 0
    True
    """
    free = [psutil.virtual_memory().available, *_left_in_groups(proc, groups), *_left_of_limits(proc)]
    limit = memory_limit()
    return max(0, min(free if limit is None else [*free, limit - used_memory()]))


def memory_limit() -> int | None:
    """Return the limit that the environment variable ``PERMEA_MEMORY_BYTES`` sets, in bytes; None without one.

    Raises
    ------
    ValueError
        The variable is not a number of bytes.
    """
    text = os.environ.get(MEMORY_VARIABLE, "").strip()
    if text and not (text.isdecimal() and int(text) > 0):
        raise ValueError(f'the environment variable {MEMORY_VARIABLE} is "{text}": give a number of bytes')
    return int(text) if text else None


def used_memory() -> int:
    """Return the physical memory of this process in bytes.

    Examples
    --------
    >>> 0 < used_memory() <= peak_memory() + 10_000_000
    True
    """
    return psutil.Process().memory_info().rss


def reset_peak_memory(proc: Path = Path("/proc")) -> bool:
    """Reset `peak_memory` to the memory in use, and return whether the system can do that (Linux only).

    Parameters
    ----------
    proc
        Where Linux describes processes.
    """
    try:
        # 5 resets VmHWM: see proc(5), /proc/pid/clear_refs.
        (proc / "self" / "clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def return_free_memory() -> None:
    """Return memory that is allocated but unused to the system, as far as possible."""
    gc.collect()
    if sys.platform == "linux":
        # GNU's allocator keeps freed blocks until then; other allocators lack the function.
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)


def peak_memory() -> int:
    """Return the peak of the physical memory of this process in bytes.

    Notes
    -----
    The peak of `getrusage` would not do on Linux: it counts the process that started this one, up to its `exec`.

    Examples
    --------
    >>> peak_memory() > 0
    True
    """
    with contextlib.suppress(OSError, KeyError):
        return _status(Path("/proc"))["VmHWM"]
    usage = psutil.Process().memory_info()
    if hasattr(usage, "peak_wset"):
        return usage.peak_wset
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def end_first_if_memory_runs_out() -> None:
    """Make this process the first that Linux ends if the machine runs out of memory, before QGIS."""
    # A process may raise its own score, up to 1000, without further rights.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _left_in_groups(proc: Path, groups: Path) -> Iterator[int]:
    """Yield the bytes left in each control group of the process, and in the groups that contain it."""
    with contextlib.suppress(OSError):
        for line in (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            for controller in set(controllers.split(",")) & set(_GROUPS):
                folder, *files = _GROUPS[controller]
                top = groups / folder
                group = top / path.lstrip("/")
                for each in (group, *group.parents):
                    if each == top or top in each.parents:
                        yield from _left_in_group(each, *files)


def _left_in_group(group: Path, limit: str, used: str, reclaimable: str) -> Iterator[int]:
    # A group without a limit has "max" instead of a number.
    with contextlib.suppress(OSError, ValueError):
        left = int((group / limit).read_text()) - int((group / used).read_text())
        statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        yield left + int(statistics.get(reclaimable, 0))


def _left_of_limits(proc: Path) -> Iterator[int]:
    """Yield the bytes left within the limits of the process on its address space and its data."""
    try:
        import resource

        status = _status(proc)
    except (ImportError, OSError):  # Windows, macOS
        return
    for limit, used in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        allowed = resource.getrlimit(limit)[0]
        if allowed != resource.RLIM_INFINITY and used in status:
            yield allowed - status[used]


def _status(proc: Path) -> dict[str, int]:
    """Return the sizes in the status of this process, in bytes."""
    lines = (proc / "self" / "status").read_text(encoding="utf-8", errors="replace").splitlines()
    pairs = (line.partition(":")[::2] for line in lines if line.endswith(" kB"))
    return {name: int(value.split()[0]) * 1024 for name, value in pairs}
