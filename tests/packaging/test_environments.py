"""Locked requirements and the environments installed from them."""

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
    "tests/requirements/release.txt",
    "benchmarks/requirements.txt",
    "benchmarks/requirements-compiled.txt",
    "resources/engine-requirements-cuda.txt",
    "resources/uv-requirements.txt",
)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def locked(path):
    """Return the requirements of a lock file, each with its number of hashes."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(Requirement(line.split(" --hash")[0]), len(HASH.findall(line))) for line in lines]


def listed(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return {Requirement(line).name for line in lines if line and not line.startswith(("#", "-"))}


@pytest.mark.parametrize("lock", LOCKS)
def test_locked_requirements_have_version_and_hashes(root, lock):
    for requirement, hashes in locked(root / lock):
        assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), requirement
        assert hashes > 0, requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_listed_requirements_are_locked(root, lock):
    assert listed((root / lock).with_suffix(".in")) <= {requirement.name for requirement, _ in locked(root / lock)}


def test_newer_python_gets_newer_jax(root):
    jax = [requirement for requirement, _ in locked(root / ENGINE_LOCK) if requirement.name == "jax"]

    def version_for(python):
        (specifier,) = [
            str(r.specifier) for r in jax if r.marker is None or r.marker.evaluate({"python_full_version": python})
        ]
        return tuple(int(number) for number in specifier.removeprefix("==").split("."))

    assert version_for("3.12.0") > version_for("3.11.2") >= (0, 10, 2)


def test_test_environment_has_users_engine_versions(root):
    for_users = {str(requirement) for requirement, _ in locked(root / ENGINE_LOCK)}
    for_tests = {str(requirement) for requirement, _ in locked(root / LOCKS[1])}
    names = {Requirement(text).name for text in for_tests}
    assert {text for text in for_users if Requirement(text).name in names} <= for_tests


def test_environment_matches_lock(root):
    locked_here = [requirement for lock in LOCKS[:2] for requirement, _ in locked(root / lock)]
    different = [
        f"{requirement} is {importlib.metadata.version(requirement.name)}"
        for requirement in locked_here
        if requirement.marker is None or requirement.marker.evaluate()
        if importlib.metadata.version(requirement.name) not in requirement.specifier
    ]
    assert different == []


def test_qgis_environment_installs_no_numpy(root):
    assert not {"numpy", "scipy", "jax"} & {requirement.name for requirement, _ in locked(root / LOCKS[2])}


def test_dependencies_are_documented(root):
    documented = (root / "docs" / "dependencies.md").read_text(encoding="utf-8")
    listed_names = set().union(*(listed((root / lock).with_suffix(".in")) for lock in LOCKS))
    assert [name for name in sorted(listed_names) if f"| {name} |" not in documented] == []


def test_library_dependencies_match_engine_lock(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert {Requirement(text).name for text in project["dependencies"]} == listed(
        (root / ENGINE_LOCK).with_suffix(".in")
    )
    for requirement, _ in locked(root / ENGINE_LOCK):
        for text in project["dependencies"]:
            dependency = Requirement(text)
            version = str(requirement.specifier).removeprefix("==")
            assert dependency.name != requirement.name or version in dependency.specifier


def test_optional_dependencies_are_tested(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    optional = {Requirement(text).name for extra in project["optional-dependencies"].values() for text in extra}
    assert optional <= listed(root / "tests" / "requirements" / "engine.in")


def test_every_engine_package_is_installed(root):
    packages = set(tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = {path.parent.relative_to(root) for path in (root / "engine").rglob("__init__.py")}
    assert packages == {"permea"} | {".".join(("permea", *path.parts)) for path in folders}


def test_engine_is_importable_from_anywhere(tmp_path):
    program = "import sys, permea.engine; print(permea.engine.GridGraph.__module__); print('qgis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.stdout.split() == ["permea.engine.graph.grid_graph", "False"], done.stderr
