"""The locked requirements, and the environments made from them."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

ENGINE_LOCK = "resources/engine-requirements.txt"
LOCKS = (
    ENGINE_LOCK,
    "tests/requirements/engine.txt",
    "tests/requirements/qgis.txt",
    "benchmarks/requirements.txt",
    "benchmarks/requirements-compiled.txt",
)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def locked(path):
    """The requirements of a locked file, each with the number of its hashes."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(Requirement(line.split(" --hash")[0]), len(HASH.findall(line))) for line in lines]


def listed(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return {Requirement(line).name for line in lines if line and not line.startswith(("#", "-"))}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_one_version_with_hashes(root, lock):
    for requirement, hashes in locked(root / lock):
        assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), requirement
        assert hashes > 0, requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_listed_is_locked(root, lock):
    assert listed((root / lock).with_suffix(".in")) <= {requirement.name for requirement, _ in locked(root / lock)}


def test_a_newer_python_gets_a_newer_jax(root):
    jax = [requirement for requirement, _ in locked(root / ENGINE_LOCK) if requirement.name == "jax"]

    def version_for(python):
        (found,) = [
            str(r.specifier) for r in jax if r.marker is None or r.marker.evaluate({"python_full_version": python})
        ]
        return tuple(int(number) for number in found.removeprefix("==").split("."))

    assert version_for("3.12.0") > version_for("3.11.2") >= (0, 10, 2)


def test_the_tests_run_with_the_engine_that_users_get(root):
    for_users = {str(requirement) for requirement, _ in locked(root / ENGINE_LOCK)}
    for_tests = {str(requirement) for requirement, _ in locked(root / LOCKS[1])}
    names = {Requirement(text).name for text in for_tests}
    assert {text for text in for_users if Requirement(text).name in names} <= for_tests


def test_this_environment_is_the_locked_one(root):
    here = [requirement for lock in LOCKS[:2] for requirement, _ in locked(root / lock)]
    different = [
        f"{requirement} is {importlib.metadata.version(requirement.name)}"
        for requirement in here
        if requirement.marker is None or requirement.marker.evaluate()
        if importlib.metadata.version(requirement.name) not in requirement.specifier
    ]
    assert different == []


def test_nothing_brings_a_numpy_into_qgis(root):
    assert not {"numpy", "scipy", "jax"} & {requirement.name for requirement, _ in locked(root / LOCKS[2])}


def test_each_dependency_is_justified(root):
    justified = (root / "docs" / "dependencies.md").read_text(encoding="utf-8")
    wanted = set().union(*(listed((root / lock).with_suffix(".in")) for lock in LOCKS))
    assert [name for name in sorted(wanted) if f"| {name} |" not in justified] == []


def test_the_library_asks_for_what_the_engine_is_locked_from(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert {Requirement(text).name for text in project["dependencies"]} == listed(
        (root / ENGINE_LOCK).with_suffix(".in")
    )
    for requirement, _ in locked(root / ENGINE_LOCK):
        for text in project["dependencies"]:
            wanted = Requirement(text)
            assert wanted.name != requirement.name or str(requirement.specifier).removeprefix("==") in wanted.specifier


def test_what_is_optional_is_tested(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    optional = {Requirement(text).name for extra in project["optional-dependencies"].values() for text in extra}
    assert optional <= listed(root / "tests" / "requirements" / "engine.in")


def test_every_package_of_the_engine_is_installed_with_it(root):
    packages = set(tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    there = {path.parent.relative_to(root) for path in (root / "engine").rglob("__init__.py")}
    assert packages == {"permea"} | {".".join(("permea", *path.parts)) for path in there}


def test_the_engine_is_importable_as_a_library_from_anywhere(tmp_path):
    program = "import sys, permea.engine; print(permea.engine.GridGraph.__module__); print('qgis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.stdout.split() == ["permea.engine.graph.grid_graph", "False"], done.stderr
