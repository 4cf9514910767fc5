"""Bandit and detect-secrets: the plugin site rejects packages in which they report an issue."""

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
        f"{name}:{secret['line_number']}: {secret['type']}"
        for name, secrets_of_file in report["results"].items()
        for secret in secrets_of_file
    ]


@pytest.mark.long
def test_bandit_reports_nothing(unpacked):
    assert bandit(unpacked) == []


def test_package_has_no_nosec_comments(unpacked):
    silenced = [path.name for path in unpacked.rglob("*.py") if "nosec" in path.read_text(encoding="utf-8")]
    assert silenced == []


@pytest.mark.long
def test_package_holds_no_secrets(unpacked):
    assert secrets(unpacked) == []


@pytest.mark.parametrize(
    ("scanner", "source", "finding"),
    [
        (bandit, "import pickle\npickle.loads(b'')\n", "B301"),
        (bandit, "assert True\n", "B101"),
        (secrets, "checksum = '%s'\n" % ("3f5a9c0e7b1d2468" * 4), "Hex High Entropy String"),
    ],
)
def test_scanners_detect_issues(scanner, source, finding, tmp_path):
    (tmp_path / "module.py").write_text(source)
    assert any(finding in issue for issue in scanner(tmp_path))
