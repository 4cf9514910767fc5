"""Circuitscape's own verification cases, run as they are: every file that it wrote, again."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

FOLDER = Path(os.environ.get("PERMEA_REFERENCE_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
CASES = sorted((FOLDER / "circuitscape" / "input").rglob("*.ini"))

#: Resistances relative to each, maps relative to their maximum.
ACCURATE = 1e-6

#: Files that are wrong upstream, by what was found when they were derived anew.
WRONG_UPSTREAM = {"sgVerify12_cum_curmap.asc"}
WRONG_MAPS_UPSTREAM = {"oneToAllVerify12", "allToOneVerify12"}
#: Values of an iterative solver that stopped early.
LOOSE_UPSTREAM = {"sgVerify17_resistances.out": 2e-4, "sgVerify17_resistances_3columns.out": 2e-4}


@pytest.mark.skipif(not CASES, reason=f"no reference data in {FOLDER}")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_project_writes_the_files_that_circuitscape_writes(run, tmp_path, path):
    result = run("circuitscapeproject", INPUT=str(path), OUTPUT=str(tmp_path / "results"))
    written = {file.name: file for file in (tmp_path / "results").iterdir() if file.is_file()}
    assert result["FILES"] == len(written)
    ids = {identity for name in written for identity in ids_in(name)}
    found = {}
    for expected in verified(path.stem):
        if set(ids_in(expected.name)) <= ids:
            assert expected.name in written, f"{expected.name} was not written"
            found[expected.name] = difference(expected, written[expected.name])
    assert found, "nothing to compare with"
    wrong = {name: f"{by:.1e}" for name, by in found.items() if not by <= LOOSE_UPSTREAM.get(name, ACCURATE)}
    assert not wrong, f"{len(wrong)} of {len(found)} files differ: {wrong}"


def verified(case):
    files = sorted((FOLDER / "circuitscape" / "output_verify").glob(f"{case}_*"))
    wrong = {file for file in files if file.name in WRONG_UPSTREAM}
    wrong |= {file for file in files if case in WRONG_MAPS_UPSTREAM and file.suffix == ".asc"}
    return [file for file in files if file not in wrong]


def ids_in(name):
    """The ids of the pair that a file is of; some that are there are of pairs chosen earlier."""
    pair = re.search(r"_(\d+)_(\d+)\.(asc|txt)$", name)
    return pair.groups()[:2] if pair else ()


def grid(path):
    dataset = gdal.OpenEx(str(path), open_options=["DATATYPE=Float64"])
    band = dataset.GetRasterBand(1)
    values = np.frombuffer(band.ReadRaster(buf_type=gdal.GDT_Float64)).reshape(band.YSize, band.XSize)
    return values, dataset.GetGeoTransform()


def difference(expected, found):
    """By how much two files differ, in the terms of the tolerance; infinite if they are not of the same things."""
    if expected.suffix == ".asc":
        (stored, place), (values, own_place) = grid(expected), grid(found)
        nodata = stored == -9999
        if place != own_place or stored.shape != values.shape or not np.array_equal(nodata, values == -9999):
            return np.inf
        return np.abs(np.where(nodata, 0, stored - values)).max() / max(np.abs(stored[~nodata]).max(initial=0), 1e-300)
    stored, values = np.loadtxt(expected, ndmin=2), np.loadtxt(found, ndmin=2)
    if "resistances" in expected.name:
        same = stored.shape == values.shape and np.array_equal(stored < 0, values < 0)
        return (np.abs(stored - values) / np.maximum(np.abs(stored), 1e-300)).max() if same else np.inf
    # Tables of a network are in any order; a branch without current may be left out.
    theirs, ours = ({tuple(row[:-1].astype(int)): row[-1] for row in table} for table in (stored, values))
    apart = [abs(theirs.get(key, 0.0) - ours.get(key, 0.0)) for key in {*theirs, *ours}]
    return max(apart) / np.abs(stored[:, -1]).max()
