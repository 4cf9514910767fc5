"""QGIS in a virtual display, controlled by a script that acts as the user."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

SCREEN = "1400x900x24"

SETTINGS = """\
[PythonPlugins]
permea=true

[app]
projections\\unknownCrsBehavior=NoAction

[qgis]
checkVersion=false
showTips=false
newsFeed\\disabled=true

[core]
NewsFeed\\httpsfeedqgisorg\\disabled=true
"""


def make_profile(home: Path, plugin: Path | None = None) -> None:
    """Make a QGIS profile below `home`, without network requests, and with the plugin enabled if it is given."""
    profile = home / ".local" / "share" / "QGIS" / "QGIS3" / "profiles" / "default"
    (profile / "python" / "plugins").mkdir(parents=True)
    if plugin is not None:
        (profile / "python" / "plugins" / "permea").symlink_to(plugin)
    (profile / "QGIS").mkdir()
    settings = SETTINGS if plugin is not None else SETTINGS.replace("permea=true\n", "")
    (profile / "QGIS" / "QGIS3.ini").write_text(settings, encoding="utf-8")
    (home / "run").mkdir(mode=0o700)


@contextmanager
def screen():
    """Start a virtual X server and yield its display name, for example ``":99"``."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", SCREEN, "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(writing,), stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as answer:
            number = answer.readline().strip()  # the server writes it when it is ready, or ends and closes the pipe
        if not number:
            raise RuntimeError("Xvfb did not start.")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(timeout=10)


def play(script: Path, home: Path, variables: dict[str, str], seconds: int) -> subprocess.CompletedProcess:
    """Start QGIS with a script and wait until it exits; kill it and its children after `seconds`."""
    inherited = {
        name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "PERMEA_ENGINE_PYTHON") if name in os.environ
    }
    with screen() as display:
        environment = {
            **inherited,
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home / "run"),
            "DISPLAY": display,
            "QT_QPA_PLATFORM": "xcb",
            "PYTHONPATH": str(script.parent),  # for what the sessions share
            **variables,
        }
        command = [
            "timeout",
            "--kill-after=10",
            str(seconds),
            "qgis",
            "--nologo",
            "--noversioncheck",
            "--code",
            str(script),
        ]
        return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, errors="replace")
