"""What the site takes from outside the folder `docs`: the help's pictures, CONTRIBUTING.md and CHANGELOG.md."""

import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "resources" / "help" / "images"
#: Pages that stand at the root of the repository, by their place on the site.
ROOT_PAGES = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}


def on_files(files, config):
    """Add the files that do not lie in `docs`."""
    for picture in sorted(PICTURES.glob("*.png")):
        files.append(File.generated(config, f"images/help/{picture.name}", abs_src_path=str(picture)))
    for page, source in ROOT_PAGES.items():
        files.append(File.generated(config, page, content=_for_site((ROOT / source).read_text(encoding="utf-8"))))
    return files


def on_page_markdown(markdown, page, config, files):
    """Point links that leave `docs` to the place of their target on the site."""
    for place, source in ROOT_PAGES.items():
        markdown = markdown.replace(f"](../{source}", f"]({place}")
    return re.sub(r"\((?:\.\./)+resources/help/images/", "(../images/help/", markdown)


def _for_site(text: str) -> str:
    """Make links of a page at the root of the repository links of a page in `docs`."""
    return text.replace("](docs/", "](")
