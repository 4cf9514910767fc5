"""The workflow files of GitHub: their syntax, and the targets of the Makefile that they call."""

import re
import subprocess
import sys

import pytest
import yaml

NAMES = ("tests", "package", "docs")


@pytest.fixture(scope="module")
def workflows(root):
    return {path.stem: path for path in sorted((root / ".github" / "workflows").glob("*.yml"))}


def steps(path):
    """Return the commands of a workflow."""
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


def test_all_workflows_exist(workflows):
    assert set(workflows) == set(NAMES)


def check_schema(*paths):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    return subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, timeout=120)


def test_workflows_follow_the_schema(workflows):
    done = check_schema(*workflows.values())
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_workflow_is_recognised(tmp_path):
    (tmp_path / "wrong.yml").write_text("on: push\njobs:\n  tests:\n    runs-on: ubuntu-latest\n    stepss: []\n")
    done = check_schema(tmp_path / "wrong.yml")
    assert done.returncode == 1 and "stepss" in done.stdout


def test_layout_of_workflows_passes_yamllint(root):
    command = [sys.executable, "-m", "yamllint", "--strict", ".github/workflows", ".qgis-plugin-ci"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_workflows_call_targets_of_the_makefile(root, workflows, name):
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    called = set(re.findall(r"\bmake ([a-z-]+)$", "\n".join(steps(workflows[name])), re.MULTILINE))
    assert called
    assert [target for target in called if not re.search(rf"(?m)^{target}:", makefile)] == []


@pytest.mark.parametrize("name", NAMES)
def test_commands_are_valid_shell(workflows, name):
    for command in steps(workflows[name]):
        plain = re.sub(r"\$\{\{.*?\}\}", "value", command)
        done = subprocess.run(["bash", "-n", "-c", plain], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_workflows_test_the_versions_of_the_matrix(root, workflows):
    script = (root / "resources" / "scripts" / "qgis_matrix.sh").read_text(encoding="utf-8")
    jobs = yaml.safe_load(workflows["tests"].read_text(encoding="utf-8"))["jobs"]
    assert {each["qgis"] for each in jobs["tests"]["strategy"]["matrix"]["include"]} == set(
        re.findall(r"(?m)^    (3\.\d+)\) echo", script)
    )
