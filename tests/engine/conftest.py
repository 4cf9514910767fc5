"""Check the engine's annotations at run time, and show its tests where reference data and independent answers are."""

import gc
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from jaxtyping import install_import_hook

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

# Where a cache of compiled kernels is kept (`make test` says where), small kernels are worth keeping, too.
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "0")

# Must come before the first import of the engine: what is imported earlier goes unchecked.
install_import_hook("permea.engine", "beartype.beartype")


# Tracing makes very many objects that stay: to look through all of them often takes a tenth of the time of the tests.
gc.set_threshold(100_000, 50, 100)


def pytest_collection_finish():
    gc.freeze()


def make_importable(path):
    """Import a file of helpers under its own name; the importlib mode of pytest leaves `sys.path` alone."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)


for reference in sorted((ROOT / "tests" / "references").glob("*.py")):
    make_importable(reference)
make_importable(HERE / "worker" / "worker_process.py")


@pytest.fixture(scope="module", autouse=True)
def quick_compilation(request):
    """Small landscapes spend their time in the compiler; only tests of the solvers themselves run long enough."""
    runs_long = request.module.__name__.rsplit(".")[-1].startswith(("test_multigrid", "test_nested_dissection"))
    jax.config.update("jax_disable_most_optimizations", not runs_long)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="session")
def reference_data():
    """The folder of results of established programs; without it the tests that need it are skipped."""
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
