"""Output files of a run: all of them replace their targets, or none."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from permea.plugin.layers import StagedFiles, write_raster
from permea.plugin.layers.outputs.staged_files import FOLDER_PREFIX


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def stage(staged, target, text="new"):
    staged.path(target).write_text(text)


def test_files_appear_together(tmp_path):
    (tmp_path / "other").mkdir()
    first, second = tmp_path / "first.tif", tmp_path / "other" / "second.tif"
    with StagedFiles() as staged:
        stage(staged, first)
        stage(staged, second)
        assert not first.exists() and not second.exists()
        staged.replace_targets()
    assert first.read_text() == second.read_text() == "new"
    assert names(tmp_path) == ["first.tif", "other"] and names(tmp_path / "other") == ["second.tif"]


def test_failure_before_replacing_keeps_earlier_files(tmp_path):
    first = tmp_path / "first.tif"
    first.write_text("old")
    with pytest.raises(ValueError, match="disk"), StagedFiles() as staged:
        stage(staged, first)
        raise ValueError("the disk is full")
    assert first.read_text() == "old" and names(tmp_path) == ["first.tif"]


def test_target_that_cannot_be_replaced_restores_all_others(tmp_path):
    targets = [tmp_path / name for name in ("a.tif", "b.tif", "c.tif")]
    targets[0].write_text("old")
    (tmp_path / "a.tif.aux.xml").write_text("old statistics")
    targets[2].mkdir()  # a folder cannot be replaced by a file
    with pytest.raises(QgsProcessingException, match="c.tif' cannot be replaced"), StagedFiles() as staged:
        staged.path(targets[0], [tmp_path / "a.tif.aux.xml"]).write_text("new")
        stage(staged, targets[1])
        stage(staged, targets[2])
        staged.replace_targets()
    assert targets[0].read_text() == "old"
    assert (tmp_path / "a.tif.aux.xml").read_text() == "old statistics"
    assert names(tmp_path) == ["a.tif", "a.tif.aux.xml", "c.tif"]


def test_change_that_cannot_be_made_restores_files(tmp_path):
    class Failing:
        discarded = False

        def replace(self):
            raise QgsProcessingException("the database is locked")

        def discard(self):
            self.discarded = True

    change, first = Failing(), tmp_path / "first.tif"
    first.write_text("old")
    with pytest.raises(QgsProcessingException, match="locked"), StagedFiles() as staged:
        stage(staged, first)
        staged.add(change)
        staged.replace_targets()
    assert first.read_text() == "old" and change.discarded


def test_files_of_a_shapefile_move_together_and_outdated_ones_go(tmp_path):
    for suffix in (".shp", ".dbf", ".qix"):
        (tmp_path / f"ways{suffix}").write_text("old")
    with StagedFiles() as staged:
        path = staged.path(tmp_path / "ways.shp", [tmp_path / f"ways{suffix}" for suffix in (".shp", ".dbf", ".qix")])
        path.write_text("new")
        path.with_suffix(".dbf").write_text("new")
        stage(staged, tmp_path / "ways.tif", "a map of the same name")
        staged.replace_targets()
    assert names(tmp_path) == ["ways.dbf", "ways.shp", "ways.tif"]
    assert (tmp_path / "ways.shp").read_text() == (tmp_path / "ways.dbf").read_text() == "new"


def test_link_is_followed(tmp_path):
    (tmp_path / "data").mkdir()
    real, link = tmp_path / "data" / "map.tif", tmp_path / "link.tif"
    real.write_text("old")
    link.symlink_to(real)
    with StagedFiles() as staged:
        stage(staged, link)
        staged.replace_targets()
    assert link.is_symlink() and real.read_text() == "new"


def test_disk_without_hard_links_keeps_copies(tmp_path, monkeypatch):
    def fail(*_):
        raise PermissionError(1, "not supported")

    monkeypatch.setattr(os, "link", fail)
    first, second = tmp_path / "first.tif", tmp_path / "second.tif"
    first.write_text("old")
    second.mkdir()
    with pytest.raises(QgsProcessingException), StagedFiles() as staged:
        stage(staged, first)
        stage(staged, second)
        staged.replace_targets()
    assert first.read_text() == "old"


KILLED = """
    import os, signal, sys
    from qgis.PyQt.QtCore import QCoreApplication
    application = QCoreApplication([])
    import types
    sys.modules["permea"] = package = types.ModuleType("permea")
    package.__path__ = [sys.argv[1]]
    from pathlib import Path
    from permea.plugin.layers.outputs.staged_files import StagedFiles
    staged = StagedFiles()
    staged.path(Path(sys.argv[2])).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_files_of_a_killed_run_are_deleted_by_the_next(tmp_path, grid, feedback):
    root = Path(__file__).resolve().parents[3]
    target = tmp_path / "map.tif"
    target.write_text("old")
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(root), str(target)], check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    left = [name for name in names(tmp_path) if name != "map.tif"]
    assert len(left) == 1 and left[0].startswith(FOLDER_PREFIX)  # visible, and says what it is
    assert target.read_text() == "old"
    write_raster(str(tmp_path / "another.tif"), np.ones((2, 2)), grid(2, 2), feedback=feedback)
    assert names(tmp_path) == ["another.tif", "map.tif"]


def test_files_of_a_running_run_are_not_deleted(tmp_path):
    with StagedFiles() as first:
        stage(first, tmp_path / "first.tif")
        with StagedFiles() as second:
            stage(second, tmp_path / "second.tif")
            second.replace_targets()
        first.replace_targets()
    assert names(tmp_path) == ["first.tif", "second.tif"]


def test_folder_of_the_users_is_not_deleted(tmp_path):
    mine = tmp_path / "unfinished"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    with StagedFiles() as staged:
        stage(staged, tmp_path / "first.tif")
        staged.replace_targets()
    assert (mine / "notes.txt").read_text() == "mine"
