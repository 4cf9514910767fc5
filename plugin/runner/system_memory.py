"""Memory that QGIS may still use: of the computer, of its control groups and of the limits of its process.

The engine's `parallel/process_memory.py` does the same for the worker: neither may import the other.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
CONTROL_GROUPS = Path("/sys/fs/cgroup")

# Folder of a controller of control groups (version 2 and 1), its files of limit and use, and the name of the page cache
# that can be reclaimed in its statistics.
CONTROLLERS = {
    "": ("", "memory.max", "memory.current", "inactive_file"),
    "memory": ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


def free_memory(proc: Path = PROC, groups: Path = CONTROL_GROUPS) -> int | None:
    """Return the bytes available without swapping; None if the system does not report them (macOS).

    Parameters
    ----------
    proc, groups
        Where Linux describes processes, and control groups.

    Notes
    -----
    The smallest of what the computer has free, what the control groups of QGIS leave (Flatpak, containers), and what
    its own limits leave (``ulimit -v`` and ``ulimit -d``).
    """
    free = [*_of_computer(proc), *_of_control_groups(proc, groups), *_of_limits(proc)]
    return max(0, min(free)) if free else None


def used_memory() -> int:
    """Return the physical memory of QGIS in bytes; 0 if the system does not report it."""
    return _sizes(PROC / "self" / "status").get("VmRSS", 0)


def _of_computer(proc: Path) -> Iterator[int]:
    if sys.platform == "win32":
        yield _windows_available()
        return
    sizes = _sizes(proc / "meminfo")
    if "MemAvailable" in sizes:
        yield sizes["MemAvailable"]


def _of_control_groups(proc: Path, groups: Path) -> Iterator[int]:
    """Yield what each group of the process, and each group that contains it, leaves."""
    with contextlib.suppress(OSError):
        for line in (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            for controller in set(controllers.split(",")) & set(CONTROLLERS):
                folder, *files = CONTROLLERS[controller]
                top = groups / folder
                group = top / path.lstrip("/")
                for each in (group, *group.parents):
                    if each == top or top in each.parents:
                        yield from _of_group(each, *files)


def _of_group(group: Path, limit: str, used: str, reclaimable: str) -> Iterator[int]:
    # A group without a limit says "max", which is no number.
    with contextlib.suppress(OSError, ValueError):
        left = int((group / limit).read_text()) - int((group / used).read_text())
        statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        yield left + int(statistics.get(reclaimable, 0))


def _of_limits(proc: Path) -> Iterator[int]:
    """Yield what the limits on address space and data leave."""
    try:
        import resource
    except ImportError:  # Windows
        return
    sizes = _sizes(proc / "self" / "status")
    for limit, used in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        allowed = resource.getrlimit(limit)[0]
        if allowed != resource.RLIM_INFINITY and used in sizes:
            yield allowed - sizes[used]


def _sizes(path: Path) -> dict[str, int]:
    """Return the sizes, in bytes, of a file of the kernel with lines such as ``VmRSS: 100 kB``."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":")[::2] for line in lines if line.endswith(" kB"))
    return {name: int(value.split()[0]) * 1024 for name, value in pairs}


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = [
        ("length", ctypes.c_ulong),
        ("load", ctypes.c_ulong),
        ("total_physical", ctypes.c_ulonglong),
        ("available_physical", ctypes.c_ulonglong),
        ("total_page_file", ctypes.c_ulonglong),
        ("available_page_file", ctypes.c_ulonglong),
        ("total_virtual", ctypes.c_ulonglong),
        ("available_virtual", ctypes.c_ulonglong),
        ("available_extended_virtual", ctypes.c_ulonglong),
    ]


def _windows_available() -> int:
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
    return status.available_physical
