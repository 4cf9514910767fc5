"""Texts for users: numbers agree with their words, and errors of the system are put into words."""

import errno
import re
from pathlib import Path

import pytest
from qgis.core import QgsProcessingException, QgsProcessingUtils
from qgis.PyQt.QtCore import QDir

from permea.plugin.i18n import Text, tr
from permea.plugin.layers.gdal_errors import reading_reason, writing_reason
from permea.plugin.system_errors import system_reason
from permea.plugin.temporary_folder import temporary_folder

ROOT = Path(__file__).resolve().parents[2]
COUNTED = "cells|pairs|nodes|edges|features|rows|points|windows|classes|ids|values|bands|layers|maps|files|runs|sources"
#: A number and a plural. Sizes of rasters, "1 × 5 cells", stay.
ONE_FORM = re.compile(rf"(?<!× )\{{(?!number|type|band|all)\w+(:,)?\}} (?:[a-z]+ )?(?:{COUNTED})\b")


@pytest.mark.parametrize(
    ("count", "text"), [(1, "1 pair has no path"), (0, "0 pairs have no path"), (1200, "1,200 pairs have no path")]
)
def test_words_agree_with_their_number(qgis_app, count, text):
    assert tr("{count:# pair has|# pairs have} no path").format(count=count) == text


def test_other_values_are_inserted_as_always():
    text = Text("{} of {x[0]:.1f}, {name!r}: {count:is|are} here")
    assert text.format(3, x=[0.25], name="a", count=2) == "3 of 0.2, 'a': are here"


def test_no_text_has_only_the_plural():
    places = [
        (str(path.relative_to(ROOT)), line.strip())
        for part in ("plugin", "ui")
        for path in sorted((ROOT / part).rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if ONE_FORM.search(line) and "other_bands" not in path.name
    ]
    assert places == []


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "no permission"),
        (errno.EROFS, "the disk is write-protected"),
        (errno.ENOTDIR, "part of its path is a file, not a folder"),
        (errno.ENAMETOOLONG, "the name is too long"),
        (errno.EMLINK, "the system reports an error"),
    ],
)
def test_error_of_the_system_is_put_into_words(qgis_app, number, reason):
    assert system_reason(OSError(number, "strerror")) == reason


@pytest.mark.parametrize(
    ("reported", "reason"),
    [
        ("TIFFAppendToStrip:Write error at scanline 12: No space left on device", "the disk is full"),
        ("database or disk is full", "the disk is full"),
        ("database is locked", "another program is using the file"),
        ("attempt to write a readonly database", "it is write-protected"),
        ("database disk image is malformed", "the file is damaged"),
        ("WriteEncodedTile/Strip() failed.", "the disk is full, its use is limited, or it can no longer be reached"),
    ],
)
def test_error_in_writing_is_put_into_words(qgis_app, tmp_path, reported, reason):
    assert writing_reason([reported], tmp_path) == reason


def test_folder_that_is_gone_is_named(qgis_app, tmp_path):
    assert writing_reason(["failed"], tmp_path / "gone") == "the folder no longer exists"


@pytest.mark.parametrize(
    ("reported", "reason"),
    [
        ("TIFFReadEncodedStrip() failed.", "its data are damaged or incomplete"),
        ("b.tif: No such file or directory", "a file that it is read from does not exist"),
        ("Permission denied", "there is no permission to read it"),
        ("HTTP error code : 503", "its server does not answer"),
        ("", "its data are damaged or incomplete"),
    ],
)
def test_error_in_reading_is_put_into_words(qgis_app, reported, reason):
    assert reading_reason([reported]) == reason


@pytest.mark.parametrize("folder", ["", "gone", "file"])
def test_unusable_temporary_folder_is_named(qgis_app, tmp_path, monkeypatch, folder):
    (tmp_path / "file").write_text("")
    place = str(tmp_path / folder) if folder else ""
    monkeypatch.setattr(QgsProcessingUtils, "tempFolder", lambda *_: place)
    with pytest.raises(QgsProcessingException) as error:
        temporary_folder()
    assert str(error.value).startswith(f"QGIS cannot write to its temporary folder, '{place or QDir.tempPath()}'.")
    assert "TMPDIR" in str(error.value) and "Processing ▸ General" in str(error.value)
