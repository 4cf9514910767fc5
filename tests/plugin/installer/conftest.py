"""A small engine to install: its wheels in a folder, locked requirements, and a package that answers as an engine."""

import base64
import contextlib
import dataclasses
import hashlib
import http.server
import os
import ssl
import textwrap
import threading
import zipfile
from functools import partial
from pathlib import Path

import pytest
from qgis.core import QgsFeedback

from permea.plugin import engine_environment, engine_folders
from permea.plugin.installer import InstallationFailed, Plan, Progress, install
from permea.plugin.installer.plan import UV_REQUIREMENTS, locked_hashes
from permea.plugin.installer.platforms import uv_tag
from permea.plugin.installer.uv import install_uv

# Read here, as tests of algorithms put another one in its place.
ENGINE_PYTHON = Path(os.environ["PERMEA_ENGINE_PYTHON"])

# Two packages, the second with a file large enough that an installation can be killed while it is written.
PACKAGES = {"smallarrays": 1_000, "largeloops": 20_000_000}

ENGINE = """
    import json, sys, time
    import smallarrays, largeloops
    if sys.argv[1] == "--probe":
        print(json.dumps({"versions": {"python": "3", "jax": "0"}, "device": "cpu"}))
    else:
        for number in range(5):
            print(json.dumps({"type": "progress", "percent": 20 * number, "text": f"Loop {number}"}), flush=True)
            time.sleep(0.02)
"""


@pytest.fixture(scope="session")
def engine_python():
    """The Python of the engine's environment of the tests."""
    return ENGINE_PYTHON


@pytest.fixture(scope="session")
def uv_wheel(tmp_path_factory):
    """The wheel of uv for this computer, put together from the program in the engine's environment of the tests."""
    program = ENGINE_PYTHON.with_name("uv")
    version, _ = locked_hashes(UV_REQUIREMENTS, "uv")
    wheel = tmp_path_factory.mktemp("uv") / f"uv-{version}-py3-none-{uv_tag()}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(program, f"uv-{version}.data/scripts/uv")
    return wheel


def write_wheel(folder, name, size):
    """Write the wheel of a package without code, with a file of a size, and return its path."""
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}/__init__.py": b"",
        f"{name}/data": os.urandom(size),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(content)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return wheel


def lock(requirements, versions):
    """Write locked requirements of wheels by name and version."""
    lines = [
        f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
        for (name, version), wheel in versions.items()
    ]
    requirements.write_text("".join(lines), encoding="utf-8")
    return requirements


@pytest.fixture(scope="session")
def wheelhouse(uv_wheel, tmp_path_factory):
    """Folder of wheels with spaces and letters outside ASCII in its path."""
    folder = tmp_path_factory.mktemp("wheels") / "Räder für später"
    folder.mkdir()
    (folder / uv_wheel.name).symlink_to(uv_wheel)
    for name, size in PACKAGES.items():
        write_wheel(folder, name, size)
    return folder


class Index(http.server.SimpleHTTPRequestHandler):
    """A package index in the HTML form; may pause before wheels."""

    pause = threading.Event()

    def do_GET(self):  # noqa: N802
        package = self.path.strip("/").split("/")[-1]
        if self.path.endswith("/"):
            wheels = [name for name in os.listdir(self.directory) if name.startswith(f"{package}-")]
            body = ("<!DOCTYPE html>" + "".join(f'<a href="/{name}">{name}</a>' for name in wheels)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            self.pause.wait(10)
            with contextlib.suppress(ConnectionError):  # the client may have given up
                super().do_GET()

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serve_folder(folder, certificate=None, *, paused=False):
    """Serve a folder of wheels as an index, with a pause of ten seconds before each wheel or not, and yield its URL."""
    Index.pause.clear() if paused else Index.pause.set()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Index, directory=str(folder)))
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http{'s' if certificate else ''}://127.0.0.1:{server.server_address[1]}"
    finally:
        Index.pause.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def serve():
    """Serve a folder of wheels as an index, in a context that has its URL."""
    return serve_folder


@pytest.fixture
def profile(qgis_app, monkeypatch, tmp_path):
    """An empty profile folder with spaces and letters outside ASCII in its path, and no other engine."""
    folder = tmp_path / "Prófil & ü" / "permea"
    monkeypatch.setattr(engine_folders, "profile_folder", lambda: folder)
    monkeypatch.setattr(engine_environment, "_probed", {})
    monkeypatch.delenv(engine_environment.VARIABLE, raising=False)
    return folder


@pytest.fixture
def plan(profile, wheelhouse, uv_wheel, tmp_path):
    """Return the plan of an installation from the folder of wheels."""
    package = tmp_path / "plug-in" / "engine"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(textwrap.dedent(ENGINE), encoding="utf-8")
    version, _ = locked_hashes(UV_REQUIREMENTS, "uv")
    wheels = {(name, "1.0"): next(wheelhouse.glob(f"{name}-*")) for name in PACKAGES}
    requirements = lock(tmp_path / "requirements.txt", wheels)
    return Plan(
        folder=engine_folders.engine_folder(requirements, "cpu"),
        device="cpu",
        requirements=requirements,
        uv_requirements=lock(tmp_path / "uv-requirements.txt", {("uv", version): uv_wheel}),
        index=str(wheelhouse),
        download_bytes=60_000_000,
        disk_bytes=60_000_000,
        package_folder=package.parent,
    )


class Recorder:
    """Records steps and log of an installation."""

    def __init__(self):
        self.steps, self.percentages, self.lines = [], [], []
        self.feedback = QgsFeedback()
        self.progress = Progress(self._on_step, self.lines.append)

    def _on_step(self, text, percentage):
        self.steps.append(text)
        self.percentages.append(percentage)


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def fails(recorder):
    """Install, expect that it fails, and return the message."""

    def message(plan, **changed):
        with pytest.raises(InstallationFailed) as error:
            install(dataclasses.replace(plan, **changed), recorder.progress, recorder.feedback)
        return str(error.value)

    return message


@pytest.fixture
def uv_installed(plan, recorder):
    """Put uv into the profile, so that the failure is one of uv's own."""
    return install_uv(plan, engine_folders.engines_folder() / "uv", recorder.progress, recorder.feedback)
