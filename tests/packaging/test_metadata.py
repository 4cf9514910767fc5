"""What the plugin site and QGIS's plugin manager read."""

import configparser
import re
import tomllib

import pytest


@pytest.fixture(scope="module")
def metadata(unpacked):
    # As QGIS reads it: no interpolation, names of options as they are written.
    parser = configparser.RawConfigParser()
    parser.optionxform = str
    parser.read(unpacked / "metadata.txt", encoding="utf-8")
    return dict(parser["general"])


def test_nothing_that_the_plugin_site_asks_for_is_missing(metadata):
    asked = (
        "name description version qgisMinimumVersion author email about tracker repository homepage category tags icon"
    )
    assert [key for key in asked.split() if not metadata.get(key)] == []


def test_the_plugin_is_for_qgis_3_22_to_4_and_has_processing_algorithms(metadata):
    assert metadata["qgisMinimumVersion"] == "3.22"
    assert metadata["qgisMaximumVersion"] == "4.99"
    assert metadata["hasProcessingProvider"] == "yes"
    assert metadata["category"] == "Raster"
    assert "supportsQt6" not in metadata


def test_the_description_fits_on_one_line_and_the_version_has_three_numbers(metadata):
    assert "\n" not in metadata["description"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", metadata["version"])


def test_the_user_is_told_that_the_engine_is_a_download_of_its_own(metadata):
    assert "220 MB" in metadata["about"]
    assert "nothing is downloaded without being asked for" in metadata["about"]


def test_the_icon_is_in_the_package(metadata, unpacked):
    assert (unpacked / metadata["icon"]).is_file()


def test_one_version_everywhere(metadata, root):
    version = metadata["version"]
    engine = (root / "engine" / "__init__.py").read_text(encoding="utf-8")
    assert f'\n__version__ = "{version}"\n' in engine
    assert tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"] == version
    assert f"\nversion: {version}\n" in (root / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {version} " in (root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert metadata["changelog"].startswith(f"{version}:")
