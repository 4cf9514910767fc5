"""Killed runs between many focal nodes: solutions are saved, and the next run resumes."""

import os
import signal
import threading
import time

import numpy as np
import pytest
from qgis.core import QgsProcessingException, QgsVectorLayer

from .test_current_flow import at, error_message, many, squares, table

__all__ = ["at", "error_message", "many", "squares", "table"]


def kill_once_there_is(path, pid):
    """Kill the process whose id is in a file as soon as another file exists."""

    def watch():
        patience = time.monotonic() + 120
        while not path.exists() and time.monotonic() < patience:
            time.sleep(0.002)
        os.kill(int(pid.read_text()), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


@pytest.mark.costly_variants
@pytest.mark.parametrize("single_maps", [False, pytest.param(True, marks=pytest.mark.long)])
def test_killed_run_resumes_from_checkpoint(
    run, read, table, error_message, engine_that, usual_engine, geotiff, at, feedback, tmp_path, single_maps
):
    engine_that(f"echo $$ > '{tmp_path}/pid'")
    values = np.random.default_rng(8).lognormal(size=(150, 150)).astype(np.float32)
    places = at(*((7 + 20 * i, 9 + 20 * j, 0) for i in range(7) for j in range(7)))
    chosen = {"INPUT": geotiff(values, name="plain"), "FOCAL": places}
    folder = tmp_path / "kept"
    kept = folder / "checkpoint" if single_maps else folder
    into = {"SINGLE_MAPS" if single_maps else "CHECKPOINT": str(folder)}

    kill_once_there_is(folder / "resistances.csv", tmp_path / "pid")
    single = {"SINGLE_MAPS": None} | into
    assert error_message("currentflow", **chosen, **single).startswith("The engine was killed")
    first = {path.name: path.stat().st_mtime_ns for path in kept.glob("cached-*.npy")}
    known = table(QgsVectorLayer(str(folder / "resistances.csv"), "known", "ogr"))
    assert first and 0 < len(known) < 49 * 48 // 2
    assert any(f"Partial results are saved in '{folder}'" in text for text in feedback.infos)

    usual_engine()
    watched = {}
    if not single_maps:
        result = run("currentflow", **chosen, **single)
        watched = {path.name: path.stat().st_mtime_ns for path in kept.glob("cached-*.npy")}
        assert first.items() <= watched.items() and len(watched) == 3
        assert any("intermediate solution" in text for text in feedback.infos)
        changed = {**chosen, "NEIGHBORS": "rook"}
        assert "cannot be continued, because something has changed: neighbors" in error_message(
            "currentflow", **changed, **single
        )
    else:
        result = run("currentflow", **chosen, **single)
        assert len(list(folder.glob("current_*.tif"))) == 49 * 48 // 2
        assert not list(kept.glob("cached-*.npy"))
    whole = run("currentflow", SINGLE_MAPS=None, **chosen)
    exact = np.testing.assert_allclose if single_maps else np.testing.assert_array_equal
    exact(read(result["OUTPUT"]).band, read(whole["OUTPUT"]).band)
    rows = table(whole["RESISTANCES"])
    assert table(result["RESISTANCES"]) == rows
    by_pair = {(str(row["from_id"]), str(row["to_id"])): row["resistance"] for row in rows}
    for row in known:
        assert float(row["resistance"]) == pytest.approx(by_pair[str(row["from_id"]), str(row["to_id"])], rel=1e-9)


def test_two_resume_folders_are_rejected(error_message, many, tmp_path):
    both = {"SINGLE_MAPS": str(tmp_path / "maps"), "CHECKPOINT": str(tmp_path / "kept")}
    assert "leave the checkpoint folder empty" in error_message("currentflow", **both, **many)


def test_one_to_all_resumes_from_checkpoint(run, read, table, many, tmp_path, feedback):
    kept = tmp_path / "kept"
    chosen = {"MODE": "one_to_all", "CHECKPOINT": str(kept), "SINGLE_MAPS": None, **many}
    first = run("currentflow", **chosen)
    second = run("currentflow", **chosen)
    assert any("9 of 9 runs were summed earlier" in text for text in feedback.infos)
    np.testing.assert_array_equal(read(first["OUTPUT"]).band, read(second["OUTPUT"]).band)
    known = table(QgsVectorLayer(str(kept / "resistances.csv"), "known", "ogr"))
    assert [float(row["resistance"]) for row in known] == pytest.approx(
        [row["resistance"] for row in table(second["RESISTANCES"])]
    )


@pytest.fixture
def wide(geotiff):
    """A large landscape with many focal nodes."""
    values = np.random.default_rng(4).lognormal(size=(150, 150)).astype(np.float32)
    return geotiff(values, name="wide"), [(7 + 20 * i, 9 + 20 * j) for i in range(7) for j in range(7)]


@pytest.mark.costly
@pytest.mark.parametrize("distance", ["resistance", pytest.param("rsp", marks=pytest.mark.long)])
def test_killed_matrix_resumes_from_checkpoint(
    run, rows, sites, wide, engine_that, usual_engine, feedback, tmp_path, distance
):
    engine_that(f"echo $$ > '{tmp_path}/pid'")
    landscape, cells = wide
    kept = tmp_path / "kept"
    chosen = {"INPUT": landscape, "FOCAL": sites(cells), "ID_FIELD": "code", "DISTANCE": distance, "THETA": 0.01}

    kill_once_there_is(kept / "distances.csv", tmp_path / "pid")
    with pytest.raises(QgsProcessingException, match="^The engine was killed"):
        run("distancematrix", CHECKPOINT=str(kept), **chosen)
    there = {path.name: path.stat().st_mtime_ns for path in kept.glob("cached-*.npy")}
    known = rows(str(kept / "distances.csv"))
    assert there and 0 < len(known)
    assert any(f"Partial results are saved in '{kept}'" in text for text in feedback.infos)

    usual_engine()
    second = rows(run("distancematrix", CHECKPOINT=str(kept), **chosen)["OUTPUT"])
    assert there.items() <= {path.name: path.stat().st_mtime_ns for path in kept.glob("cached-*.npy")}.items()
    assert any("were done in an earlier run" in text for text in feedback.infos)
    whole = rows(run("distancematrix", **chosen)["OUTPUT"])
    assert second == whole
    by_pair = {(row["from_id"], row["to_id"]): row["distance"] for row in whole}
    for row in known:
        assert float(row["distance"]) == pytest.approx(by_pair[row["from_id"], row["to_id"]], rel=1e-9)
    assert len(rows(str(kept / "distances.csv"))) == len(whole)

    with pytest.raises(QgsProcessingException, match="cannot be continued, because something has changed:"):
        run("distancematrix", CHECKPOINT=str(kept), **{**chosen, "NEIGHBORS": "rook"})
