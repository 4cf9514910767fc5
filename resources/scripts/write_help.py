"""Write the help pages of the algorithms: `docs/algorithms/*.md`, and `resources/help/*.html` for the Help button.

Run it with QGIS's Python after changing the help, a parameter or an output of an algorithm, or the tutorial.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def load_checkout_as_permea() -> None:
    """Make this checkout importable as `permea`, whatever the name of its folder."""
    spec = importlib.util.spec_from_file_location(
        "permea", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["permea"] = module
    spec.loader.exec_module(module)


def pages() -> dict[Path, str]:
    """Return the text of every page by its file."""
    from permea.plugin.algorithms import ALGORITHMS
    from permea.plugin.algorithms.help import as_index, as_markdown, as_page

    algorithms = [algorithm().create() for algorithm in ALGORITHMS]
    docs, help_folder = ROOT / "docs" / "algorithms", ROOT / "resources" / "help"
    written = {
        docs / "README.md": as_index(algorithms),
        help_folder / "tutorial.html": tutorial_page((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")),
    }
    for algorithm in algorithms:
        written[docs / f"{algorithm.name()}.md"] = as_markdown(algorithm, algorithm.help)
        written[help_folder / f"{algorithm.name()}.html"] = as_page(algorithm, algorithm.help)
    return written


def tutorial_page(text: str) -> str:
    """Return the tutorial as an HTML page of headings, paragraphs, lists, bold words and code alone."""
    from permea.plugin.algorithms.help import PAGE_STYLE

    def inline(words: str) -> str:
        words = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", escape(words, quote=False))
        return re.sub(r"`([^`]+)`", r"<code>\1</code>", re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", words))

    parts, title = [], ""
    for block in re.split(r"\n\s*\n", text.strip()):
        if heading := re.fullmatch(r"(#+) (.*)", block):
            level, title = len(heading[1]), title or heading[2]
            parts.append(f"<h{level}>{inline(heading[2])}</h{level}>")
        elif block.startswith("!["):
            continue  # pictures are in the documentation alone
        elif block.startswith("- "):
            items = "".join(f"<li>{inline(line[2:])}</li>" for line in block.splitlines())
            parts.append(f"<ol>{items}</ol>")
        else:
            parts.append(f"<p>{inline(block)}</p>")
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{inline(title)} · Permea</title>\n'
        f"{PAGE_STYLE}\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


if __name__ == "__main__":
    load_checkout_as_permea()
    for path, text in pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))
