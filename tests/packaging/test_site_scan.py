"""The plugin site refuses a package in which Bandit or detect-secrets finds anything."""

import json
import os
import subprocess
import sys

import pytest


def scan(folder, *command):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )


def bandit(folder):
    report = json.loads(scan(folder, "bandit", "--recursive", "--quiet", "--format", "json", ".").stdout)
    assert report["errors"] == []
    return [f"{r['filename']}:{r['line_number']}: {r['test_id']} {r['issue_text']}" for r in report["results"]]


def secrets(folder):
    report = json.loads(scan(folder, "detect_secrets", "scan", "--all-files", "--no-verify", ".").stdout)
    return [
        f"{name}:{found['line_number']}: {found['type']}"
        for name, all_found in report["results"].items()
        for found in all_found
    ]


def test_bandit_finds_nothing_in_the_package(unpacked):
    assert bandit(unpacked) == []


def test_bandit_is_silenced_nowhere_in_the_package(unpacked):
    silenced = [path.name for path in unpacked.rglob("*.py") if "nosec" in path.read_text(encoding="utf-8")]
    assert silenced == []


def test_no_secrets_are_found_in_the_package(unpacked):
    assert secrets(unpacked) == []


@pytest.mark.parametrize(
    ("scanner", "source", "finding"),
    [
        (bandit, "import pickle\npickle.loads(b'')\n", "B301"),
        (bandit, "assert True\n", "B101"),
        (secrets, "checksum = '%s'\n" % ("3f5a9c0e7b1d2468" * 4), "Hex High Entropy String"),
    ],
)
def test_the_scan_would_find_something(scanner, source, finding, tmp_path):
    (tmp_path / "module.py").write_text(source)
    assert any(finding in found for found in scanner(tmp_path))
