"""Installations that fail: each message gives the cause and what to do, and nothing is put into use."""

import dataclasses
import errno
import os
import shutil
import subprocess

import pytest

from permea.plugin import engine_folders
from permea.plugin.installer import install, network, uv
from permea.plugin.installer.failures import InstallationFailed, cause_of, disk_failure, failure
from permea.plugin.installer.platforms import uv_tag


@pytest.fixture(autouse=True)
def nothing_in_use(profile):
    yield
    assert engine_folders.current_engine() is None


@pytest.fixture
def proxy(tmp_path):
    """Certificate and key of a proxy that signs connections anew, and the authority that it signs with."""

    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    ca, ca_key, key, request, public = (tmp_path / name for name in ("ca", "ca-key", "key", "request", "public"))
    extensions = tmp_path / "extensions"
    extensions.write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    new_key = ("-newkey", "rsa:2048", "-nodes", "-keyout")
    openssl("req", "-x509", *new_key, ca_key, "-days", 2, "-subj", "/CN=Office proxy", "-out", ca)
    openssl("req", *new_key, key, "-subj", "/CN=127.0.0.1", "-out", request)
    signing = ("-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", 2, "-extfile", extensions)
    openssl("x509", "-req", "-in", request, *signing, "-out", public)
    return (public, key), ca


def test_folder_that_cannot_be_written_to(plan, fails, monkeypatch):
    monkeypatch.setattr(engine_folders, "profile_folder", lambda: engine_folders.Path("/sys/permea"))
    message = fails(plan)
    assert message.startswith("The engine cannot be installed in /sys/permea/engines: ")
    assert "This folder cannot be written to" in message


def test_disk_with_too_little_space(plan, fails):
    message = fails(plan, disk_bytes=10**18)
    assert "it needs 1,000,000 TB, and" in message and "Free some space" in message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_disk_that_fills_up(plan, fails, uv_installed):
    downloads = engine_folders.cache_folder()
    downloads.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(downloads)], check=True)
    try:
        message = fails(plan, disk_bytes=0)
    finally:
        subprocess.run(["umount", str(downloads)], check=True)
    assert message.startswith("The packages could not be installed: ") and "The disk is full." in message


def test_no_connection_for_uv(plan, fails):
    message = fails(plan, index="http://127.0.0.1:9/simple")
    assert message.startswith("The package index does not answer: ")
    assert "There is no connection to the package index" in message


def test_no_connection_for_packages(plan, fails, uv_installed, monkeypatch):
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    message = fails(plan, index="http://127.0.0.1:9/simple")
    assert message.startswith("The packages could not be installed: ")
    assert "connect" in message.lower() and "There is no connection to the package index" in message


def test_index_that_is_a_page_to_log_in(plan, serve, fails, tmp_path):
    (tmp_path / "page").mkdir()
    with serve(tmp_path / "page") as url:
        assert "it may be showing you a page to log in" in fails(plan, index=url)


def test_line_that_is_too_slow(plan, serve, fails, uv_installed, wheelhouse, monkeypatch):
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with serve(wheelhouse, paused=True) as url:
        message = fails(plan, index=url, timeout_seconds=1)
    assert "The connection is too slow. Install again: what is downloaded is kept." in message


def test_program_with_a_wrong_hash(plan, fails, uv_wheel, tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    shutil.copy(uv_wheel, folder)
    with (folder / uv_wheel.name).open("r+b") as wheel:
        wheel.seek(1000)
        wheel.write(b"altered")
    message = fails(plan, index=str(folder))
    assert f"{uv_wheel.name} was not accepted: hash mismatch" in message and "not the one that was locked" in message
    assert not list(engine_folders.cache_folder().rglob("*.whl"))


def test_package_with_a_wrong_hash(plan, fails, uv_installed):
    locked = plan.requirements.read_text()
    first = locked.split("sha256:")[1][:64]
    plan.requirements.write_text(locked.replace(first, "0" * 64))
    assert "not the one that was locked" in fails(plan)


def test_proxy_that_signs_connections_anew(plan, serve, fails, uv_installed, wheelhouse, proxy, monkeypatch):
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with serve(wheelhouse, proxy[0]) as url:
        message = fails(plan, index=url)
    assert "certificate" in message.lower().split("the connection is not trusted")[0]
    assert "import its certificate in QGIS" in message


def test_certificate_imported_in_qgis_is_trusted(plan, serve, uv_installed, wheelhouse, proxy, recorder, monkeypatch):
    monkeypatch.setattr(network, "trusted_authorities", proxy[1].read_bytes)
    with serve(wheelhouse, proxy[0]) as url:
        install(dataclasses.replace(plan, index=url), recorder.progress, recorder.feedback)
    assert engine_folders.current_engine() == plan.folder
    engine_folders.switch_to(engine_folders.engines_folder() / "none")


# A Python 2 answers the question for its version with an error.
@pytest.mark.parametrize("python", [None, "#!/bin/sh\necho 'SyntaxError: invalid syntax' >&2\nexit 1\n"])
def test_no_python_that_is_new_enough(python, plan, fails, uv_installed, tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    if python:
        (folder / "python3").write_text(python)
        (folder / "python3").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    message = fails(plan)
    assert message.startswith("No Python could be set up: ")
    assert "Install Python 3.11 or newer, or choose “Use an existing Python…”" in message


def test_folder_without_a_package(plan, fails, uv_installed, uv_wheel, tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    shutil.copy(uv_wheel, folder)
    assert "the folder of downloaded packages lacks it" in fails(plan, index=str(folder))


def test_folder_of_packages_that_does_not_exist(plan, fails, tmp_path):
    assert f"There is no folder of packages at {tmp_path / 'gone'}" in fails(plan, index=str(tmp_path / "gone"))


@pytest.mark.parametrize(("system", "processor"), [("darwin", "x86_64"), ("win32", "ARM64"), ("linux", "i686")])
def test_computer_without_packages(system, processor):
    with pytest.raises(InstallationFailed, match="no current packages for this computer"):
        uv_tag(system, processor)


@pytest.mark.parametrize(
    ("system", "processor", "tag"),
    [
        ("linux", "x86_64", "manylinux_2_17_x86_64"),
        ("linux", "aarch64", "manylinux_2_28_aarch64"),
        ("darwin", "arm64", "macosx_11_0_arm64"),
        ("win32", "AMD64", "win_amd64"),
    ],
)
def test_program_for_each_computer(system, processor, tag):
    assert uv_tag(system, processor) == tag


def test_message_has_the_last_cause():
    lines = [
        "error: Failed to fetch: `https://x`",
        "  Caused by: request failed",
        "  Caused by: dns error: no such host",
    ]
    assert cause_of(lines) == "dns error: no such host"
    assert str(failure("It failed", lines)).startswith("It failed: dns error: no such host. There is no connection")
    assert str(failure("It failed", [])) == "It failed: no reason was given."


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "It failed: the disk is full. The disk is full. Free some space"),
        (errno.EACCES, "It failed: no permission. This folder cannot be written to."),
        (errno.EIO, "It failed: the disk reports an error."),
    ],
)
def test_advice_does_not_depend_on_the_language_of_the_system(number, said):
    assert str(disk_failure("It failed", OSError(number, "Auf dem Gerät ist kein Platz"))).startswith(said)


def test_digits_in_the_name_of_a_file_are_no_answer_of_a_proxy():
    address = "https://x/packages/00/c407d/a407b.whl"
    message = str(failure("It failed", [f"error: Failed to fetch: `{address}`", "  Caused by: operation timed out"]))
    assert "The connection is too slow" in message


def test_download_of_unknown_size_shows_no_total():
    assert uv._download_text(1_200_000, 0) == "Downloading the installer uv: 1.2 MB"
    assert uv._download_text(1_200_000, 24_000_000) == "Downloading the installer uv: 1.2 MB of 24 MB"
