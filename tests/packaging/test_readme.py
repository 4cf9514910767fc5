"""The program, links and commands of the README work."""

import re

import numpy as np
import pytest


@pytest.fixture(scope="module")
def readme(root):
    return (root / "README.md").read_text(encoding="utf-8")


def test_readme_program_runs_with_consistent_sensitivity(readme):
    (program,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    names = {}
    exec(compile(program, "README.md", "exec"), names)
    permeability, sensitivity = np.asarray(names["permeability"]), np.asarray(names["sensitivity"])
    assert np.asarray(names["image"]).shape == permeability.shape
    assert np.isfinite(sensitivity).all()
    assert (sensitivity <= 0).all()
    # Costs are the inverse of permeability, so the mean path length L is of degree -1 in it: Euler's theorem.
    length = float(
        names["average_path_length"](
            names["permeability"], names["activities"], int(names["activities"].sum()), names["distances"]["LCP"]
        )
    )
    assert not np.isclose(length, 0)
    assert (permeability * sensitivity).sum() == pytest.approx(-length, rel=1e-9)


def test_readme_links_exist(readme, root):
    prose = re.sub(r"```.*?```", "", readme, flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#:]+)\)", prose)
    assert len(targets) > 4
    assert [target for target in targets if not (root / target).exists()] == []


def test_readme_make_targets_exist(readme, root):
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?m)`?\bmake ([a-z-]+)\b(?=`|\s+#)", readme))
    assert {"demo", "test", "package"} <= named
    assert [name for name in sorted(named) if not re.search(rf"(?m)^{name}:", makefile)] == []
