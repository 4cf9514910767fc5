"""A session in the real QGIS window: open the sample, run an algorithm, check the map and the dialogs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from qgis.PyQt.QtGui import QImage

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PICTURES = ("sample", "algorithm", "log", "result", "settings", "engine")


@pytest.fixture(scope="module")
def session(tmp_path_factory, desktop):
    """Run the session once; return its report and the folder of its screenshots."""
    for program in ("qgis", "Xvfb"):
        if shutil.which(program) is None:
            pytest.fail(f"{program} is not installed: run `make setup`.")
    out = ROOT / "build" / "screenshots"
    out.mkdir(parents=True, exist_ok=True)
    for name in (*PICTURES, "error"):
        (out / f"{name}.png").unlink(missing_ok=True)
    (out / "report.json").unlink(missing_ok=True)
    home = tmp_path_factory.mktemp("home")
    desktop.make_profile(home, ROOT)
    variables = {"PERMEA_TEST_ROOT": str(ROOT), "PERMEA_TEST_OUT": str(out)}
    ended = desktop.play(HERE / "desktop_session.py", home, variables, seconds=900)
    report = out / "report.json"
    if not report.is_file():
        pytest.fail(f"QGIS ended with status {ended.returncode} and without a report:\n{ended.stderr[-3000:]}")
    return json.loads(report.read_text(encoding="utf-8")), out


def colours(path: Path) -> int:
    """Count the colours of every seventh pixel: a blank screen has one, a window without a map a few dozen."""
    image = QImage(str(path))
    assert not image.isNull(), f"{path} is not an image"
    return len({image.pixel(x, y) for x in range(0, image.width(), 7) for y in range(0, image.height(), 7)})


@pytest.mark.timeout(1200)
def test_algorithm_dialog_gives_styled_map(session):
    report, _ = session
    assert "error" not in report, report["error"]
    assert report["successful"], report["log"]
    [layer] = report["layers"]
    assert layer["valid"]
    assert layer["renderer"] == "singlebandpseudocolor"
    assert layer["crs"] == "EPSG:31985"


@pytest.mark.timeout(1200)
def test_menu_opens_settings_and_engine_dialog_with_ready_engine(session):
    report, _ = session
    assert report["actions"] == ["permeaEngine", "permeaSettings"]
    assert report["loaded"].startswith("keeps ") and report["loaded"].endswith(" MB of memory")
    assert report["engine"] == "The engine is ready."


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", PICTURES)
def test_screenshots_are_not_blank(session, name):
    _, pictures = session
    assert colours(pictures / f"{name}.png") > 100
