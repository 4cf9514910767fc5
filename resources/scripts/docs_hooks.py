"""Hooks of MkDocs for files outside the folder `docs`: the pictures of the help, CONTRIBUTING.md and CHANGELOG.md."""

import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "resources" / "help" / "images"
#: Pages in the root of the repository, by their path on the site.
ROOT_PAGES = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}


def on_files(files, config):
    """Add the files outside `docs`."""
    for picture in sorted(PICTURES.glob("*.png")):
        files.append(File.generated(config, f"images/help/{picture.name}", abs_src_path=str(picture)))
    for page, source in ROOT_PAGES.items():
        files.append(File.generated(config, page, content=_for_site((ROOT / source).read_text(encoding="utf-8"))))
    return files


def on_page_markdown(markdown, page, config, files):
    """Point links that leave `docs` to the paths of their targets on the site."""
    for path, source in ROOT_PAGES.items():
        markdown = markdown.replace(f"](../{source}", f"]({path}")
    return re.sub(r"\((?:\.\./)+resources/help/images/", "(../images/help/", markdown)


def _for_site(text: str) -> str:
    """Return a page of the root of the repository with the links of a page in `docs`."""
    return text.replace("](docs/", "](")
