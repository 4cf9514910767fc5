"""How to cite Permea, read from its citation file."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path

from ...i18n import tr
from ..results import permea_version

ROOT = Path(__file__).resolve().parents[3]


def citation(today: date) -> str:
    """Return how to cite the plugin.

    Parameters
    ----------
    today
        Date of the run, whose year stands for that of the version.
    """
    authors, title = _authors_and_title()
    return tr("{authors} ({year}). {title}. Version {version}. QGIS plugin.").format(
        authors=authors, year=today.year, title=title, version=permea_version()
    )


@cache
def _authors_and_title() -> tuple[str, str]:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    names = re.findall(r"^\s*- (?:name|family-names): *\"?([^\"\n]+)\"?", text, re.MULTILINE)
    title = re.search(r"^title: *\"?([^\"\n]+)\"?", text, re.MULTILINE)
    return ", ".join(names), title[1]
