"""Contents of the plugin package."""

import re
import zipfile
from pathlib import PurePosixPath

import pytest

SITE_LIMIT = 25_000_000  # bytes; the smaller reading of the plugin site's 25 MB
PROGRAMS = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"PK\x03\x04", b"\x1f\x8b", b"#!")


@pytest.fixture(scope="module")
def names(package):
    with zipfile.ZipFile(package) as archive:
        return archive.namelist()


def test_package_is_one_folder(names):
    assert {PurePosixPath(name).parts[0] for name in names} == {"permea"}
    assert {PurePosixPath(name).parts[1] for name in names} == {
        "__init__.py",
        "metadata.txt",
        "LICENSE",
        "CHANGELOG.md",
        "CITATION.cff",
        "engine",
        "plugin",
        "ui",
        "resources",
    }


def test_package_has_every_module(names, root):
    modules = {
        f"permea/{path.relative_to(root).as_posix()}"
        for part in ("engine", "plugin", "ui")
        for path in (root / part).rglob("*.py")
        if "__pycache__" not in path.parts
    }
    assert len(modules) > 20
    assert modules <= set(names)


def test_package_has_resources(names):
    sample = ("permeability.tif", "quality.tif", "land_cover.tif", "land_cover.qml", "land_cover_classes.csv")
    models = ("first_look", "distance_to_habitat", "land_cover_to_currents_and_barriers")
    needed = ["engine-requirements.txt", "icons/permea.svg", "sample/patches.gpkg"]
    needed += [f"sample/{name}" for name in sample] + [f"models/{name}.model3" for name in models]
    assert {f"permea/resources/{name}" for name in needed} <= set(names)
    assert "permea/engine/distances/registry.json" in names


def test_help_pages_have_their_pictures(unpacked):
    pages = sorted((unpacked / "resources" / "help").glob("*.html"))
    pages.remove(unpacked / "resources" / "help" / "tutorial.html")
    assert len(pages) > 15
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"<(script|link|iframe)|src=.https?:", text), f"{page.name} needs the network"
        pictures = re.findall(r'<img src="([^"]+)"', text)
        assert len(pictures) == 1, page.name
        assert (page.parent / pictures[0]).is_file(), page.name


def test_package_has_no_developer_files(names):
    parts = {part for name in names for part in PurePosixPath(name).parts}
    assert not parts & {"tests", "benchmarks", "docs", "scripts", "__pycache__", "build", "conftest.py", "Makefile"}
    assert not [name for name in names if name.endswith((".pyc", ".sh")) or PurePosixPath(name).name.startswith(".")]


def test_package_has_no_executables_or_archives(package):
    with zipfile.ZipFile(package) as archive:
        programs = [name for name in archive.namelist() if archive.read(name)[:8].startswith(PROGRAMS)]
    assert programs == []


def test_licence_is_full_gpl(unpacked):
    licence = (unpacked / "LICENSE").read_text(encoding="utf-8")
    assert "GNU GENERAL PUBLIC LICENSE" in licence
    assert "Version 3, 29 June 2007" in licence
    assert "END OF TERMS AND CONDITIONS" in licence


def test_package_size_is_within_site_limit(package):
    assert package.stat().st_size < SITE_LIMIT


def test_build_is_reproducible(build_zip, package, tmp_path):
    again = tmp_path / "again.zip"
    build_zip.build(again)
    assert again.read_bytes() == package.read_bytes()


@pytest.fixture
def checkout(build_zip, tmp_path):
    """A small checkout that can be built."""
    for name in build_zip.SINGLE_FILES:
        (tmp_path / name).write_text("x")
    (tmp_path / "metadata.txt").write_text("[general]\nversion=1.0.0\nchangelog=\n")
    (tmp_path / "CHANGELOG.md").write_text("## 1.0.0 - 2026-12-24\n\n- First.\n")
    (tmp_path / "engine" / "graph").mkdir(parents=True)
    (tmp_path / "engine" / "graph" / "grid_graph.py").write_text("")
    return tmp_path


def test_compiled_library_stops_build(build_zip, checkout):
    (checkout / "engine" / "fast.so").write_bytes(b"\x7fELF")
    with pytest.raises(ValueError, match=r"engine/fast\.so"):
        build_zip.build(checkout / "permea.zip", checkout)
    assert not (checkout / "permea.zip").exists()


def test_oversized_package_is_deleted(build_zip, checkout):
    with pytest.raises(ValueError, match="more than"):
        build_zip.build(checkout / "permea.zip", checkout, largest=100)
    assert not list(checkout.glob("permea.*"))


def test_bytecode_and_hidden_files_are_left_out(build_zip, checkout):
    (checkout / "engine" / "__pycache__").mkdir()
    (checkout / "engine" / "__pycache__" / "grid.cpython-311.pyc").write_bytes(b"")
    (checkout / "engine" / ".hidden").write_text("")
    assert build_zip.sources(checkout) == sorted([*build_zip.SINGLE_FILES, "engine/graph/grid_graph.py"])
