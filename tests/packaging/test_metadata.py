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
    required = "name description version qgisMinimumVersion author about category tags icon"
    assert [key for key in required.split() if not metadata.get(key)] == []
    assert {"email", "tracker", "repository", "homepage"} <= set(metadata)


def test_addresses_are_real_or_empty(metadata, build_zip):
    """A package without addresses is for testing, not for publication; those that are given must exist."""
    addresses = {name: metadata[name] for name in build_zip.ADDRESSES}
    assert [name for name, value in addresses.items() if value and not build_zip.is_link(value)] == []
    assert not metadata["email"] or build_zip.is_mail_address(metadata["email"])


@pytest.mark.parametrize(
    ("address", "exists"),
    [
        ("https://permea.example/tracker", False),
        ("https://www.example.org/permea", False),
        ("http://plugins.qgis.org/permea", False),
        ("to be set", False),
        ("https://plugins.qgis.org/plugins/permea", True),
    ],
)
def test_addresses_that_cannot_exist_are_recognised(build_zip, address, exists):
    assert build_zip.is_link(address) is exists


def test_mail_addresses_that_cannot_exist_are_recognised(build_zip):
    assert not build_zip.is_mail_address("maintainers@permea.example")
    assert build_zip.is_mail_address("maintainers@qgis.org")


PUBLISHABLE = {
    "email": "maintainers@qgis.org",
    "tracker": "https://plugins.qgis.org/1",
    "repository": "https://plugins.qgis.org/2",
    "homepage": "https://plugins.qgis.org/3",
}


@pytest.mark.parametrize("missing", [None, *PUBLISHABLE, "date"])
def test_release_is_refused_without_addresses_and_date(build_zip, root, tmp_path, missing):
    text = (root / "metadata.txt").read_text(encoding="utf-8")
    for name, value in PUBLISHABLE.items():
        text = re.sub(rf"(?m)^{name}=.*$", f"{name}={'' if name == missing else value}", text)
    (tmp_path / "metadata.txt").write_text(text, encoding="utf-8")
    heading = f"## {build_zip.version(tmp_path)} - " + ("unreleased" if missing == "date" else "2026-12-24")
    (tmp_path / "CHANGELOG.md").write_text(f"# Changes\n\n{heading}\n\n- Something.\n\n## 0.0.1 - 2020-01-01\n")
    if missing is None:
        build_zip.require_publishable(tmp_path)
    else:
        with pytest.raises(ValueError, match="CHANGELOG.md: no date" if missing == "date" else f"{missing} is empty"):
            build_zip.require_publishable(tmp_path)


def test_metadata_can_be_read_with_references_between_values(unpacked):
    """QGIS and the plugin site take a percent sign as a reference to another value."""
    parser = configparser.ConfigParser()
    parser.read(unpacked / "metadata.txt", encoding="utf-8")
    assert dict(parser["general"])["changelog"]


def test_changelog_has_the_changes_of_the_version(metadata, root):
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.split(r"(?m)^## ", text)[1]
    assert section.startswith(f"{metadata['version']} ")
    assert metadata["changelog"].count("\n- ") == len(re.findall(r"(?m)^- ", section)) > 20
    assert not re.search(r"[*`#%]", metadata["changelog"])


def test_qgis_versions_and_category(metadata):
    assert metadata["qgisMinimumVersion"] == "3.22"
    # The newest version that `make test-matrix` has tried is a 3.44; Qt 6 has been tried without QGIS.
    assert metadata["qgisMaximumVersion"] == "3.99"
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
