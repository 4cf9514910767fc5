"""The scan of the plugin site, with its rules: the site rejects packages in which a tool reports an issue.

Bandit and detect-secrets run with all their rules, of which the site enables most; flake8 with those that it enables.
"""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import PurePosixPath

import pytest

# Enabled by the site: rules about errors and what hides them. Its rules of layout are off.
FLAKE8_RULES = (
    "E101 E711 E712 E713 E714 E721 E722 E731 E741 E742 E743 E901 E902 E999 W605 "
    "F402 F403 F404 F405 F811 F821 F822 F823 F831 F901 C901"
).split()
LINE_LENGTH = 120
SUSPICIOUS = (".exe", ".dll", ".so", ".dylib", ".bat", ".sh", ".ps1", ".cmd")


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
    command = ("detect_secrets", "scan", "--all-files", "--no-verify", "--exclude-files", r"metadata\.txt", ".")
    report = json.loads(scan(folder, *command).stdout)
    return [
        f"{name}:{secret['line_number']}: {secret['type']}"
        for name, secrets_of_file in report["results"].items()
        for secret in secrets_of_file
    ]


def flake8(folder):
    command = ("flake8", "--isolated", f"--max-line-length={LINE_LENGTH}", "--select", ",".join(FLAKE8_RULES), ".")
    done = scan(folder, *command)
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("tool", [bandit, secrets, flake8])
def test_scan_of_the_package_reports_nothing(tool, unpacked):
    issues = tool(unpacked)
    assert not issues, f"{len(issues)} issues:\n" + "\n".join(issues[:20])


@pytest.mark.parametrize("comment", ["nosec", "pragma: allowlist", r"noqa(?!: N80\d)"])
def test_no_comment_silences_a_scanner(unpacked, comment):
    texts = {path.name: path.read_text(encoding="utf-8") for path in unpacked.rglob("*.py")}
    assert [name for name, text in texts.items() if re.search(comment, text)] == []


def test_no_file_is_executable_hidden_or_suspicious(package):
    with zipfile.ZipFile(package) as archive:
        entries = archive.infolist()
    executable = [entry.filename for entry in entries if entry.external_attr >> 16 & 0o111]
    hidden = [entry.filename for entry in entries if PurePosixPath(entry.filename).name.startswith(".")]
    suspicious = [entry.filename for entry in entries if entry.filename.lower().endswith(SUSPICIOUS)]
    assert (executable, hidden, suspicious) == ([], [], [])


@pytest.mark.parametrize(
    ("tool", "source", "finding"),
    [
        (bandit, "import pickle\npickle.loads(b'')\n", "B301"),
        (bandit, "assert True\n", "B101"),
        (secrets, "checksum = '%s'\n" % ("3f5a9c0e7b1d2468" * 4), "Hex High Entropy String"),
        (flake8, "print(undefined)\n", "F821"),
        (flake8, "try:\n    pass\nexcept:\n    pass\n", "E722"),
    ],
)
def test_scanners_detect_issues(tool, source, finding, tmp_path):
    (tmp_path / "module.py").write_text(source)
    assert any(finding in issue for issue in tool(tmp_path))
