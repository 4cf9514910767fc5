"""The Python programs in the documentation run; tests/packaging/test_readme.py runs the one in the README."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in [ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    if PROGRAM.search(page.read_text(encoding="utf-8"))
)


@pytest.mark.costly_variants
@pytest.mark.parametrize("page", PAGES)
def test_programs_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for program in PROGRAM.findall((ROOT / page).read_text(encoding="utf-8")):
        # The last program of the page on solvers; tests/engine/linalg/test_lineax_adapter.py skips visibly.
        if "import lineax" in program and importlib.util.find_spec("lineax") is None:
            continue
        exec(compile(program, page, "exec"), names)
