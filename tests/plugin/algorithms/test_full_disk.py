"""A disk that is full for the second output of a run leaves the older file of the first as it was."""

import os
import subprocess
import sys

import numpy as np
import pytest
from qgis.core import QgsProcessingException


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 16 kB, in memory."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    mounted = sys.platform == "linux" and os.geteuid() == 0
    mounted = mounted and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("a small disk needs the rights of root to be mounted")
    yield folder
    subprocess.run(["umount", folder], check=False)


SECOND_OUTPUTS = {
    "currentflowadvanced": "VOLTAGE",
    "currentflow": "RESISTANCES",
    "leastcostcorridor": "PATHS",
}


@pytest.mark.parametrize("name", SECOND_OUTPUTS)
def test_full_disk_at_the_second_output_keeps_the_first(run, geotiff, valued_points, tmp_path, small_disk, name):
    values = np.random.default_rng(3).lognormal(size=(120, 120))
    places = [(row, column, 1.0) for row in (5, 60, 110) for column in (5, 60, 110)]
    layer = valued_points(*places)
    inputs = {
        "currentflowadvanced": {"SOURCES": layer, "STRENGTH_FIELD": "value", "GROUNDS": valued_points((50, 50, 0.0))},
        "currentflow": {"FOCAL": layer},
        "leastcostcorridor": {"FOCAL": layer},
    }
    older = tmp_path / "older.tif"
    older.write_bytes(b"an older result")
    # What is left is too little for a table or a map.
    (small_disk / "filler").write_bytes(bytes(12_000))
    ending = {"VOLTAGE": "tif", "RESISTANCES": "gpkg", "PATHS": "gpkg"}[SECOND_OUTPUTS[name]]
    second = {SECOND_OUTPUTS[name]: str(small_disk / f"second.{ending}")}
    with pytest.raises(QgsProcessingException, match="disk"):
        run(name, INPUT=geotiff(values), OUTPUT=str(older), **second, **inputs[name])
    assert older.read_bytes() == b"an older result"
    assert [path.name for path in small_disk.iterdir()] == ["filler"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("older")) == ["older.tif"]
