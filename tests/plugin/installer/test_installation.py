"""Installations that succeed, are cancelled, interrupted and repeated."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from qgis.PyQt.QtCore import QLockFile

from permea.plugin import engine_environment, engine_folders
from permea.plugin.cancelled import Cancelled
from permea.plugin.installer import InstallationFailed, install
from permea.plugin.settings import DEVICE
from permea.ui.engine_info import device_text


def test_installed_engine_is_used(plan, recorder, profile):
    engine = install(plan, recorder.progress, recorder.feedback)
    assert engine.python == str(engine_folders.python_of(plan.folder)) and plan.folder.is_relative_to(profile)
    assert engine_folders.current_engine() == plan.folder
    assert engine_environment.engine_python() == (engine.python, "profile")
    assert recorder.percentages == sorted(recorder.percentages) and recorder.percentages[-1] <= 100
    assert any("MB" in step for step in recorder.steps) and "Compiling: Loop 4" in recorder.steps
    assert any("pip install" in line for line in recorder.lines)
    assert not (profile / "cache" / "downloads").exists()


def test_engine_for_graphics_cards_reports_that_there_is_none(plan, recorder):
    folder = plan.folder.with_name(plan.folder.name.replace("-cpu", "-cuda"))
    engine = install(dataclasses.replace(plan, folder=folder, device="cuda"), recorder.progress, recorder.feedback)
    assert device_text(engine) == "processor (CPU); it found no NVIDIA graphics card that it can use"
    DEVICE.store("cpu")
    assert device_text(engine) == "processor (CPU)"
    DEVICE.store("")
    engine = install(plan, recorder.progress, recorder.feedback)
    assert device_text(engine) == "processor (CPU)"


def test_installer_and_downloaded_python_are_no_older_engines(plan, recorder, profile):
    install(plan, recorder.progress, recorder.feedback)
    downloaded = profile / "engines" / "python"
    downloaded.mkdir()
    assert (profile / "engines" / "uv").is_dir() and engine_folders.other_engines() == []
    with pytest.raises(OSError, match="no engine"):
        engine_folders.remove_engine(downloaded)


def test_engine_of_other_requirements_is_outdated(plan):
    assert engine_folders.is_outdated(plan.folder)
    assert not engine_folders.is_outdated(engine_folders.engine_folder(engine_folders.REQUIREMENTS["cpu"], "cpu"))
    assert not engine_folders.is_outdated(engine_folders.engine_folder(engine_folders.REQUIREMENTS["cuda"], "cuda"))


def test_second_installation_does_nothing_twice(plan, recorder):
    install(plan, recorder.progress, recorder.feedback)
    made = (plan.folder / "venv" / "pyvenv.cfg").stat().st_mtime_ns
    data = next(plan.folder.rglob("largeloops/data")).stat().st_mtime_ns
    install(plan, recorder.progress, recorder.feedback)
    assert (plan.folder / "venv" / "pyvenv.cfg").stat().st_mtime_ns == made
    assert next(plan.folder.rglob("largeloops/data")).stat().st_mtime_ns == data


def test_half_installed_engine_is_completed(plan, recorder):
    install(plan, recorder.progress, recorder.feedback)
    engine_folders.python_of(plan.folder).unlink()
    shutil.rmtree(next(plan.folder.rglob("largeloops")))
    install(plan, recorder.progress, recorder.feedback)
    assert next(plan.folder.rglob("largeloops/data")).stat().st_size == 20_000_000


def test_failed_compilation_leaves_old_engine_in_use(plan, recorder, tmp_path):
    install(plan, recorder.progress, recorder.feedback)
    requirements = tmp_path / "other.txt"
    requirements.write_text(plan.requirements.read_text() + "# another version\n")
    folder = engine_folders.engine_folder(requirements, "cpu")
    newer = dataclasses.replace(plan, requirements=requirements, folder=folder)
    program = plan.package_folder / "engine" / "__main__.py"
    program.write_text(program.read_text().replace("for number", "raise SystemExit('illegal instruction')\n    for n"))
    with pytest.raises(InstallationFailed, match=r"does not compute on this computer; it is not used: illegal instr"):
        install(newer, recorder.progress, recorder.feedback)
    assert engine_folders.current_engine() == plan.folder
    assert engine_folders.other_engines() and newer.folder in engine_folders.other_engines()
    engine_folders.remove_engine(newer.folder)
    with pytest.raises(OSError, match="in use"):
        engine_folders.remove_engine(plan.folder)


def test_cancelled_installation_goes_on_later(plan, recorder):
    class CancelsAtPackages:
        def __call__(self, text, percentage):
            if "packages" in text:
                recorder.feedback.cancel()

    stopping = dataclasses.replace(recorder.progress, on_step=CancelsAtPackages())
    start = time.monotonic()
    with pytest.raises(Cancelled):
        install(plan, stopping, recorder.feedback)
    assert time.monotonic() - start < 30 and engine_folders.current_engine() is None
    install(plan, recorder.progress, type(recorder.feedback)())
    assert engine_folders.current_engine() == plan.folder


def test_second_qgis_waits_for_the_first(plan, fails):
    engine_folders.engines_folder().mkdir(parents=True)
    lock = QLockFile(str(engine_folders.engines_folder() / "installing.lock"))
    assert lock.tryLock(0)
    assert "Another QGIS is installing" in fails(plan)
    lock.unlock()


INSTALL = """
import sys
sys.path.insert(0, {tests!r})
from qgis.core import QgsApplication, QgsFeedback
app = QgsApplication([], False); app.initQgis()
from permea.plugin import engine_folders
from permea.plugin.installer import Plan, Progress, install
from pathlib import Path
engine_folders.profile_folder = lambda: Path({profile!r})
plan = Plan(**{{name: Path(value) if name in {paths!r} else value for name, value in {values!r}.items()}})
print("started", flush=True)
install(plan, Progress(), QgsFeedback())
"""


@pytest.mark.long
def test_killed_at_any_time_goes_on_later(plan, recorder, profile, tmp_path):
    values = {field.name: getattr(plan, field.name) for field in dataclasses.fields(plan)}
    paths = [name for name, value in values.items() if isinstance(value, os.PathLike)]
    values = {name: str(value) if name in paths else value for name, value in values.items()}
    root = tmp_path / "importable"
    root.mkdir()
    (root / "permea").symlink_to(engine_folders.PACKAGE_FOLDER)
    text = INSTALL.format(tests=str(root), profile=str(profile), paths=paths, values=values)
    delays = [0.05 + 0.17 * number for number in range(10)]
    for delay in delays:
        child = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, start_new_session=True)
        assert child.stdout.readline() == b"started\n"
        time.sleep(delay)
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        current = engine_folders.current_engine()
        assert current is None or engine_environment.probe_python(
            str(engine_folders.python_of(current)), folder=str(plan.package_folder)
        )
    install(plan, recorder.progress, recorder.feedback)
    assert engine_folders.current_engine() == plan.folder
