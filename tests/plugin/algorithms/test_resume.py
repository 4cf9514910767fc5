"""Killed runs between many focal nodes: solutions are saved, and the next run resumes."""

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from .interventions import as_soon_as


@pytest.mark.costly_variants
@pytest.mark.parametrize("single_maps", [False, pytest.param(True, marks=pytest.mark.long)])
def test_killed_run_resumes_from_checkpoint(
    run, read, rows, error_message, kill_engine, usual_engine, geotiff, valued_points, feedback, tmp_path, single_maps
):
    values = np.random.default_rng(8).lognormal(size=(150, 150)).astype(np.float32)
    places = valued_points(*((7 + 20 * i, 9 + 20 * j, 0) for i in range(7) for j in range(7)))
    chosen = {"INPUT": geotiff(values, name="plain"), "FOCAL": places}
    folder = tmp_path / "kept"
    kept = folder / "checkpoint" if single_maps else folder
    into = {"SINGLE_MAPS" if single_maps else "CHECKPOINT": str(folder)}

    as_soon_as((folder / "resistances.csv").exists, kill_engine)
    single = {"SINGLE_MAPS": None} | into
    assert error_message("currentflow", **chosen, **single).startswith("The engine was killed")
    first = {path.name: path.stat().st_mtime_ns for path in kept.glob("cached-*.npy")}
    known = rows(str(folder / "resistances.csv"))
    assert first and 0 < len(known) < 49 * 48 // 2
    assert any(f"Partial results are saved in '{folder}'" in text for text in feedback.infos)

    usual_engine()
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
    listed = rows(whole["RESISTANCES"])
    assert rows(result["RESISTANCES"]) == listed
    by_pair = {(str(row["from_id"]), str(row["to_id"])): row["resistance"] for row in listed}
    for row in known:
        assert float(row["resistance"]) == pytest.approx(by_pair[str(row["from_id"]), str(row["to_id"])], rel=1e-9)


def test_two_resume_folders_are_rejected(error_message, nine_regions, tmp_path):
    both = {"SINGLE_MAPS": str(tmp_path / "maps"), "CHECKPOINT": str(tmp_path / "kept")}
    assert "leave the checkpoint folder empty" in error_message("currentflow", **both, **nine_regions)


def test_one_to_all_resumes_from_checkpoint(run, read, rows, nine_regions, tmp_path, feedback):
    kept = tmp_path / "kept"
    chosen = {"MODE": "one_to_all", "CHECKPOINT": str(kept), "SINGLE_MAPS": None, **nine_regions}
    first = run("currentflow", **chosen)
    second = run("currentflow", **chosen)
    assert any("9 of 9 runs were summed earlier" in text for text in feedback.infos)
    np.testing.assert_array_equal(read(first["OUTPUT"]).band, read(second["OUTPUT"]).band)
    known = rows(str(kept / "resistances.csv"))
    assert [float(row["resistance"]) for row in known] == pytest.approx(
        [row["resistance"] for row in rows(second["RESISTANCES"])]
    )


@pytest.fixture
def wide(geotiff):
    """A large landscape with many focal nodes."""
    values = np.random.default_rng(4).lognormal(size=(150, 150)).astype(np.float32)
    return geotiff(values, name="wide"), [(7 + 20 * i, 9 + 20 * j) for i in range(7) for j in range(7)]


@pytest.mark.costly
@pytest.mark.parametrize("distance", ["resistance", pytest.param("rsp", marks=pytest.mark.long)])
def test_killed_matrix_resumes_from_checkpoint(
    run, rows, sites, wide, kill_engine, usual_engine, feedback, tmp_path, distance
):
    landscape, cells = wide
    kept = tmp_path / "kept"
    chosen = {"INPUT": landscape, "FOCAL": sites(cells), "ID_FIELD": "code", "DISTANCE": distance, "THETA": 0.01}

    as_soon_as((kept / "distances.csv").exists, kill_engine)
    with pytest.raises(QgsProcessingException, match="^The engine was killed"):
        run("distancematrix", CHECKPOINT=str(kept), **chosen)
    there = {path.name: path.stat().st_mtime_ns for path in kept.glob("cached-*.npy")}
    known = rows(str(kept / "distances.csv"))
    assert there and 0 < len(known)
    assert any(f"Partial results are saved in '{kept}'" in text for text in feedback.infos)

    usual_engine()
    second = rows(run("distancematrix", CHECKPOINT=str(kept), **chosen)["OUTPUT"])
    assert there.items() <= {path.name: path.stat().st_mtime_ns for path in kept.glob("cached-*.npy")}.items()
    assert any("done in an earlier run" in text for text in feedback.infos)
    whole = rows(run("distancematrix", **chosen)["OUTPUT"])
    assert second == whole
    by_pair = {(row["from_id"], row["to_id"]): row["distance"] for row in whole}
    for row in known:
        assert float(row["distance"]) == pytest.approx(by_pair[row["from_id"], row["to_id"]], rel=1e-9)
    assert len(rows(str(kept / "distances.csv"))) == len(whole)

    with pytest.raises(QgsProcessingException, match="cannot be continued, because something has changed:"):
        run("distancematrix", CHECKPOINT=str(kept), **{**chosen, "NEIGHBORS": "rook"})
