"""Check the engine's annotations at run time, and make references, reference data and the worker available to tests."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from jax import monitoring
from jaxtyping import install_import_hook

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

# `make test` keeps compiled kernels in a cache; small ones are worth caching as well.
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "0")

# Must come before the first import of the engine: what is imported earlier goes unchecked.
install_import_hook("permea.engine", "beartype.beartype")


# Tracing makes very many long-lived objects; frequent collections would take a tenth of the time of the tests.
gc.set_threshold(100_000, 50, 100)


def pytest_collection_finish():
    gc.freeze()


# The importlib mode of pytest leaves `sys.path` alone.
sys.path += [str(ROOT / "tests" / "references"), str(HERE / "worker")]


@pytest.fixture(scope="module", autouse=True)
def quick_compilation(request):
    """Compile without most optimizations: on small landscapes compiling takes longer than running.

    Tests of nested dissection run long enough to be worth optimizing.
    """
    runs_long = request.module.__name__.rsplit(".")[-1].startswith("test_nested_dissection")
    jax.config.update("jax_disable_most_optimizations", not runs_long)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture
def compiled_functions():
    """The names of the functions that XLA compiles during a test, one name for each compilation."""
    names = []

    def listen(event, *_, fun_name="", **__):
        if event == "/jax/core/compile/backend_compile_duration":
            names.append(fun_name)

    monitoring.register_event_duration_secs_listener(listen)
    yield names
    monitoring.unregister_event_duration_listener(listen)


@pytest.fixture(scope="session")
def reference_data():
    """The folder with results of established programs; tests that need it are skipped where it is missing."""
    folder = Path(os.environ.get("PERMEA_REFERENCE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}: set PERMEA_REFERENCE_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def table(reference_data):
    """Read a table of numbers by its name."""

    def read(name, header=0):
        delimiter = "," if name.endswith(".csv") else None
        return np.genfromtxt(reference_data / name, delimiter=delimiter, skip_header=header)

    return read


@pytest.fixture(scope="session")
def esri_grid(reference_data):
    """Read an ESRI ASCII grid by its name, NaN where it has no data."""

    def read(name):
        lines = (reference_data / name).read_text().splitlines()
        values = np.array([[float(word) for word in line.split()] for line in lines[6:] if line.strip()])
        nodata = float(lines[5].split()[1])
        return np.where(values == nodata, np.nan, values)

    return read


@pytest.fixture
def small_disk(tmp_path):
    """A disk of a few hundred kilobytes, in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = sys.platform == "linux" and os.geteuid() == 0
    mounted = mounted and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("a small disk needs the rights of root to be mounted")
    yield folder
    subprocess.run(["umount", folder], check=False)
