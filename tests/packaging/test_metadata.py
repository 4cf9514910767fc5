"""Plugin metadata, as read by the plugin site and QGIS's plugin manager."""

import configparser
import re
import tomllib

import pytest


@pytest.fixture(scope="module")
def metadata(unpacked):
    # Parsed as QGIS does: no interpolation, case-sensitive option names.
    parser = configparser.RawConfigParser()
    parser.optionxform = str
    parser.read(unpacked / "metadata.txt", encoding="utf-8")
    return dict(parser["general"])


def test_fields_required_by_plugin_site(metadata):
    required = (
        "name description version qgisMinimumVersion author email about tracker repository homepage category tags icon"
    )
    assert [key for key in required.split() if not metadata.get(key)] == []


def test_qgis_versions_and_category(metadata):
    assert metadata["qgisMinimumVersion"] == "3.22"
    assert metadata["qgisMaximumVersion"] == "4.99"
    assert metadata["hasProcessingProvider"] == "yes"
    assert metadata["category"] == "Raster"
    assert "supportsQt6" not in metadata


def test_description_and_version_format(metadata):
    assert "\n" not in metadata["description"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", metadata["version"])


def test_about_text_announces_engine_download(metadata):
    assert "220 MB" in metadata["about"]
    assert "nothing is downloaded without being asked for" in metadata["about"]


def test_icon_is_in_package(metadata, unpacked):
    assert (unpacked / metadata["icon"]).is_file()


def test_version_is_the_same_everywhere(metadata, root):
    version = metadata["version"]
    engine = (root / "engine" / "__init__.py").read_text(encoding="utf-8")
    assert f'\n__version__ = "{version}"\n' in engine
    assert tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"] == version
    assert f"\nversion: {version}\n" in (root / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {version} " in (root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert metadata["changelog"].startswith(f"{version}:")
