"""Runs that end before they have a result leave no folders behind, and those with results keep them."""

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from permea.plugin.runner import execution

#: What an engine does before it fails: nothing; it makes its checkpoint; it has computed something.
BEGINNINGS = {
    "at once": "",
    "with a manifest": "folder.mkdir(parents=True, exist_ok=True); (folder / 'manifest.json').write_text('{}')",
    "with results": "folder.mkdir(parents=True, exist_ok=True); (folder / 'cached-0.npy').write_text('x')",
}
ENDS = {
    "failed": 'say("error", kind="internal", text="lost its way"); sys.exit(1)',
    "killed": "os.kill(os.getpid(), 9)",
}


@pytest.fixture
def failing_engine(worker, monkeypatch):
    """An engine that fails after the given beginning."""

    def make(beginning, end):
        lines = [
            'parameters = json.loads((job_folder / "job.json").read_text())["parameters"]',
            'folder = pathlib.Path(parameters["checkpoint"])',
            BEGINNINGS[beginning],
            ENDS[end],
        ]
        engine = worker("\n".join(lines))
        monkeypatch.setattr(execution, "find_engine", lambda is_cancelled: engine)

    return make


@pytest.mark.parametrize("parameter", ["SINGLE_MAPS", "CHECKPOINT"])
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_current_flow_without_results_leaves_no_folder(
    run, failing_engine, feedback, nine_regions, tmp_path, beginning, end, parameter
):
    failing_engine(beginning, end)
    folder = tmp_path / "new" / "deeper"
    with pytest.raises(QgsProcessingException):
        run("currentflow", **nine_regions, **({"SINGLE_MAPS": None} | {parameter: str(folder)}))
    has_results = beginning == "with results"
    assert folder.exists() == (tmp_path / "new").exists() == has_results
    assert any("Partial results are saved" in text for text in feedback.infos) == has_results


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("distancematrix", {}), ("windowedconnectivity", {"FOCAL": None, "RANGE": 100}), ("movingwindowcurrent", None)],
)
def test_checkpoint_without_results_is_not_left(run, failing_engine, nine_regions, tmp_path, name, parameters):
    failing_engine("with a manifest", "failed")
    inputs = {key: value for key, value in (nine_regions | (parameters or {})).items() if value is not None}
    if parameters is None:
        inputs = {"INPUT": nine_regions["INPUT"], "SOURCE_STRENGTH": nine_regions["INPUT"], "RADIUS": 100}
    with pytest.raises(QgsProcessingException):
        run(name, **inputs, CHECKPOINT=str(tmp_path / "kept"))
    assert not (tmp_path / "kept").exists()


def test_folder_of_the_user_stays(run, failing_engine, nine_regions, tmp_path):
    failing_engine("with a manifest", "failed")
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(QgsProcessingException):
        run("currentflow", **nine_regions, SINGLE_MAPS=str(folder))
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_rejected_input_leaves_no_folder(run, nine_regions, tmp_path, geotiff):
    bad = geotiff(np.full((9, 9), -1.0), name="bad")
    with pytest.raises(QgsProcessingException, match="negative"):
        run("currentflow", **{**nine_regions, "INPUT": bad}, SINGLE_MAPS=str(tmp_path / "maps"))
    assert not (tmp_path / "maps").exists()
