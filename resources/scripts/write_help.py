"""Write the help pages of the algorithms: `docs/algorithms/*.md`, and `resources/help/*.html` for the Help button.

Run it with QGIS's Python after changing the help, a parameter or an output of an algorithm.
"""

from __future__ import annotations

import importlib.util
import sys
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
    written = {docs / "README.md": as_index(algorithms)}
    for algorithm in algorithms:
        written[docs / f"{algorithm.name()}.md"] = as_markdown(algorithm, algorithm.help)
        written[help_folder / f"{algorithm.name()}.html"] = as_page(algorithm, algorithm.help)
    return written


if __name__ == "__main__":
    load_checkout_as_permea()
    for path, text in pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))
