"""The oldest Python that runs the plugin: QGIS 3.22 for Windows comes with Python 3.9."""

import subprocess
import sys
from pathlib import Path

import pytest

# A variable of this name is taken for the module.
EXCLUDED = ("copy.replace",)


def newer_than_3_9(*paths):
    """Return what the files use of newer Pythons, a line each."""
    program = Path(sys.executable).with_name("vermin")
    command = [program, "--target=3.9-", "--no-tips", "--violations", "--format", "parsable"]
    excluded = [part for name in EXCLUDED for part in ("--exclude", name)]
    done = subprocess.run([*command, *excluded, *map(str, paths)], capture_output=True, text=True, timeout=300)
    assert not done.stderr, done.stderr
    return [line for line in done.stdout.splitlines() if not line.endswith(":")]  # others sum up a file, or all


def test_plugin_runs_with_python_3_9(unpacked):
    assert newer_than_3_9(unpacked / "plugin", unpacked / "ui", unpacked / "__init__.py") == []


@pytest.mark.parametrize("line", ["zip((1,), (2,), strict=True)", "import tomllib", "match 1:\n    case 1: pass"])
def test_newer_python_is_detected(tmp_path, line):
    (tmp_path / "module.py").write_text(f"{line}\n")
    (found,) = newer_than_3_9(tmp_path / "module.py")
    assert ":!2:3.1" in found
