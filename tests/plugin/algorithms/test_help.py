"""Help: of every parameter, with a picture, behind the Help button, and the same in the documentation."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QImage, QTextDocument

from permea.plugin.algorithms import ALGORITHMS

ROOT = Path(__file__).resolve().parents[3]
IMAGES = ROOT / "resources" / "help" / "images"
PANEL_IMAGES = IMAGES / "panel"
LARGEST_PICTURE = 40_000  # bytes
LARGEST_PICTURES = 1_300_000  # bytes, of all together
NAMES = [algorithm.identifier for algorithm in ALGORITHMS]


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_has_help(provider, name):
    for parameter in provider.algorithm(name).parameterDefinitions():
        assert len(parameter.help()) > 40, parameter.name()
        assert parameter.help().endswith("."), parameter.name()
        assert parameter.description(), parameter.name()


@pytest.mark.parametrize("name", NAMES)
def test_help_has_all_sections(provider, name):
    algorithm = provider.algorithm(name)
    shown = algorithm.shortHelpString()
    for heading in ("When to use it", "Outputs"):
        assert f"<h3>{heading}</h3>" in shown
    for parameter in algorithm.parameterDefinitions():
        assert f"<b>{parameter.description()}</b>" in shown
    assert len(algorithm.shortDescription()) > 20


def images_in(html):
    """Source and alternative text of every image in HTML."""
    return re.findall(r'<img src="([^"]+)" alt="([^"]+)"', html)


@pytest.mark.parametrize("name", NAMES)
def test_help_has_picture_with_caption(provider, name):
    shown = provider.algorithm(name).shortHelpString()
    [(source, words)] = images_in(shown)
    path = Path(QUrl(source).toLocalFile())
    assert path == PANEL_IMAGES / f"{name}.png"
    assert len(words) > 40 and words.endswith(".")
    # The words are read by who sees the picture, too.
    assert f"<i>{words}</i>" in shown
    page_picture = QImage(str(IMAGES / path.name))
    assert page_picture.width() == 460 and 300 < page_picture.height() < 500
    assert max(path.stat().st_size, (IMAGES / path.name).stat().st_size) <= LARGEST_PICTURE


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_shown_in_their_own_size(provider, name):
    """QGIS shrinks pictures by leaving out rows and columns, which makes the text in them illegible."""
    [(source, width)] = re.findall(r'<img src="([^"]+)"[^>]* width="(\d+)"', provider.algorithm(name).shortHelpString())
    assert QImage(QUrl(source).toLocalFile()).width() == int(width)
    page = (ROOT / "resources" / "help" / f"{name}.html").read_text(encoding="utf-8")
    [(source, width)] = re.findall(r'<img src="([^"]+)"[^>]* width="(\d+)"', page)
    assert QImage(str(ROOT / "resources" / "help" / source)).width() == int(width)


@pytest.mark.parametrize("name", NAMES)
def test_dialog_panel_shows_picture(provider, name):
    document = QTextDocument()
    document.setHtml(provider.algorithm(name).shortHelpString())
    with_picture = document.size().height()
    document.setHtml(re.sub("<img[^>]+>", "", provider.algorithm(name).shortHelpString()))
    assert with_picture - document.size().height() > 100


@pytest.mark.parametrize("name", NAMES)
def test_pages_link_picture_relatively(provider, name):
    pages = (
        (ROOT / "resources" / "help" / f"{name}.html", r'<img src="([^"]+)"'),
        (ROOT / "docs" / "algorithms" / f"{name}.md", r"!\[[^\]]{40,}\]\(([^)]+)\)"),
    )
    for page, pattern in pages:
        [source] = re.findall(pattern, page.read_text(encoding="utf-8"))
        assert not source.startswith(("/", "file:"))
        assert (page.parent / source).resolve() == IMAGES / f"{name}.png"


def test_pictures_match_algorithms():
    pictures = sorted(IMAGES.rglob("*.png"))
    assert sorted(NAMES) == sorted(path.stem for path in pictures if path.parent == IMAGES)
    assert sorted(NAMES) == sorted(path.stem for path in pictures if path.parent == PANEL_IMAGES)
    assert sum(path.stat().st_size for path in pictures) < LARGEST_PICTURES


def test_every_algorithm_has_an_example():
    spec = importlib.util.spec_from_file_location("examples", ROOT / "resources" / "scripts" / "examples.py")
    examples = importlib.util.module_from_spec(spec)
    sys.modules["examples"] = examples
    spec.loader.exec_module(examples)
    assert sorted(example.algorithm for example in examples.EXAMPLES) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_help_names_alternatives_and_references(provider, name):
    algorithm = provider.algorithm(name)
    when = algorithm.help.when_to_use.lower()
    others = [provider.algorithm(other).displayName().lower() for other in NAMES if other != name]
    assert any(other in when for other in others)
    assert algorithm.help.references


@pytest.mark.parametrize("name", NAMES)
def test_help_button_opens_bundled_page(provider, name):
    algorithm = provider.algorithm(name)
    page = Path(QUrl(algorithm.helpUrl()).toLocalFile())
    assert f"<h1>{algorithm.displayName()}</h1>" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ("distancetohabitat", "firstlook"))
def test_models_have_help(provider, name):
    assert len(provider.algorithm(name).shortHelpString()) > 150


def test_documentation_is_up_to_date(qgis_app):
    spec = importlib.util.spec_from_file_location("write_help", ROOT / "resources" / "scripts" / "write_help.py")
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    stale = [
        str(path.relative_to(ROOT))
        for path, text in writer.pages().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    assert not stale, "run resources/scripts/write_help.py with QGIS's Python"
