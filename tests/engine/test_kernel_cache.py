"""Compiled kernels on disk: damaged files are deleted and compiled again, for any kind of damage."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from permea.engine.parallel import njit_cached

ROOT = Path(__file__).resolve().parents[2]

SOURCE = """
def doubled(values):
    result = values.copy()
    for n in range(values.size):
        result[n] = 2 * values[n]
    return result
"""


@pytest.fixture
def cache_in():
    """Set the folder of Numba's cache."""
    before = numba.config.CACHE_DIR

    def set_folder(folder):
        numba.config.CACHE_DIR = str(folder)

    yield set_folder
    numba.config.CACHE_DIR = before


@pytest.fixture
def function(tmp_path, monkeypatch, cache_in):
    cache_in(tmp_path / "cache")
    (tmp_path / "doubling.py").write_text(SOURCE)

    def load():
        spec = importlib.util.spec_from_file_location("doubling", tmp_path / "doubling.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "doubling", module)
        spec.loader.exec_module(module)
        return module.doubled

    return load


def in_a_new_process(function):
    """Use the kernel as a new process would; return whether it was loaded rather than compiled."""
    kernel = njit_cached(function())
    np.testing.assert_array_equal(kernel(np.arange(3.0)), [0.0, 2.0, 4.0])
    return bool(sum(kernel.stats.cache_hits.values()))


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "garbage": lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)),
    "one bit": flip_a_bit,
    "missing": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_damaged_files_are_replaced(function, tmp_path, ending, damage):
    assert not in_a_new_process(function)
    assert in_a_new_process(function)
    (path,) = (tmp_path / "cache").rglob(f"*.{ending}")
    DAMAGES[damage](path)
    assert not in_a_new_process(function)
    assert in_a_new_process(function)


def test_folder_that_cannot_be_written_to_costs_only_time(function, tmp_path, cache_in):
    (tmp_path / "a file").write_text("no folder")
    cache_in(tmp_path / "a file")
    assert not in_a_new_process(function)


FIND_LARGEST = """
import sys
import types
import numpy as np

sys.modules["permea"] = permea = types.ModuleType("permea")
permea.__path__ = ["."]
from {package}.graph import components

components._argmax_by_label(np.array([0, 1]), np.ones(2), np.full(2, -1))
print(sum(components._argmax_by_label.stats.cache_hits.values()))
"""


def test_kernels_are_shared_whatever_the_package_is_called(tmp_path):
    """QGIS's worker imports the engine as `engine`, a notebook as `permea.engine`."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    loaded = []
    for package in ("engine", "permea.engine"):
        command = [sys.executable, "-c", FIND_LARGEST.format(package=package)]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
        loaded.append(done.stdout.strip())
    assert loaded == ["0", "1"]
