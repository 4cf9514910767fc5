"""Computers without a Python that is new enough: uv downloads one, here from a server of the test."""

import dataclasses
import functools
import hashlib
import http.server
import json
import platform
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest

from permea.plugin import engine_folders
from permea.plugin.installer import install

LEFT_OUT = {"__pycache__", "dist-packages", "ensurepip", "idlelib", "lib2to3", "site-packages", "test", "tkinter"}
DESCRIBE = """
import json, os, sys, sysconfig
print(json.dumps({
    "program": os.path.realpath(sys._base_executable or sys.executable),
    "library": sysconfig.get_path("stdlib"),
    "version": sys.version_info[:3],
}))
"""


@pytest.fixture(scope="session")
def standalone_python(engine_python, tmp_path_factory):
    """A Python in one archive, laid out as those that uv downloads; return the archive and its version."""
    told = json.loads(subprocess.run([engine_python, "-c", DESCRIBE], check=True, capture_output=True).stdout)
    version = ".".join(map(str, told["version"]))
    short = ".".join(map(str, told["version"][:2]))
    path = tmp_path_factory.mktemp("standalone") / f"cpython-{version}-install_only.tar.gz"

    def member_or_none(member):
        parts = set(Path(member.name).parts)
        # Debian's links lead out of the library, which uv refuses.
        left_out = member.issym() or parts & LEFT_OUT or any(part.startswith("config-") for part in parts)
        return None if left_out else member

    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        archive.add(told["program"], f"python/bin/python{short}")
        archive.add(told["library"], f"python/lib/python{short}", filter=member_or_none)
        for name in ("python", "python3"):
            link = tarfile.TarInfo(f"python/bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, f"python{short}"
            archive.addfile(link)
    return path, told["version"]


@pytest.fixture
def served_python(standalone_python, uv_installed, tmp_path, monkeypatch):
    """Serve the archive to uv, which finds no other Python; return what is asked for, and how to spoil the archive."""
    archive, (major, minor, patch) = standalone_python
    requested = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):  # noqa: N802
            requested.append(self.path)
            super().do_GET()

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(archive.parent))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine())
    entry = {
        "name": "cpython",
        "arch": {"family": machine, "variant": None},
        "os": "linux",
        "libc": "gnu",
        "major": major,
        "minor": minor,
        "patch": patch,
        "prerelease": "",
        "url": f"http://127.0.0.1:{server.server_address[1]}/{archive.name}",
        "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
        "variant": None,
        "build": "20250101",
    }
    listing = tmp_path / "pythons.json"

    def offer(**changed):
        key = f"cpython-{major}.{minor}.{patch}-linux-{machine}-gnu"
        listing.write_text(json.dumps({key: {**entry, **changed}}), encoding="utf-8")

    offer()
    empty = tmp_path / "no programs"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", str(listing))
    yield offer, requested
    server.shutdown()
    server.server_close()


def test_python_is_downloaded_where_none_is_new_enough(plan, serve, wheelhouse, recorder, served_python, profile):
    _, requested = served_python
    with serve(wheelhouse) as url:
        engine = install(dataclasses.replace(plan, index=url), recorder.progress, recorder.feedback)
    assert len(requested) == 1
    home = next(
        line for line in (plan.folder / "venv" / "pyvenv.cfg").read_text().splitlines() if line.startswith("home")
    )
    assert str(engine_folders.engines_folder() / "python") in home
    assert engine_folders.current_engine() == plan.folder
    ran = subprocess.run([engine.python, "-c", "import sys; print(sys.base_prefix)"], check=True, capture_output=True)
    assert Path(ran.stdout.decode().strip()).is_relative_to(profile)


@pytest.mark.parametrize(
    ("changed", "cause", "advice"),
    [
        ({"sha256": "0" * 64}, "hash mismatch", "not the one that was locked"),
        ({"url": "http://127.0.0.1:9/python.tar.gz"}, "connect", "There is no connection to the package index"),
    ],
    ids=["altered", "unreachable"],
)
def test_python_that_cannot_be_downloaded(
    plan, serve, wheelhouse, fails, served_python, monkeypatch, changed, cause, advice
):
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    offer, _ = served_python
    offer(**changed)
    with serve(wheelhouse) as url:
        message = fails(plan, index=url)
    assert message.startswith("No Python could be set up: ") and cause in message.lower() and advice in message
    assert engine_folders.current_engine() is None
