"""The program uv: looked up in the package index, checked, unpacked and run.

Charlie Marsh and others: uv, https://docs.astral.sh/uv; its wheel is a zip with one program in it.
"""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from qgis.core import QgsFeedback

from ..byte_sizes import format_bytes
from ..cancelled import Cancelled
from ..engine_environment import scrubbed_environment
from ..engine_folders import cache_folder
from ..i18n import tr
from ..process_runner import Outcome, ProcessResult, run_process
from .failures import InstallationFailed, disk_failure, failure
from .network import download, index_files
from .plan import Plan, locked_hashes
from .platforms import uv_tag
from .progress import Progress

# The owner may write and run it, others may read it.
EXECUTABLE = 0o744


def install_uv(plan: Plan, folder: Path, progress: Progress, feedback: QgsFeedback) -> Path:
    """Return the path of the locked version of uv, downloaded if it is not there yet.

    Parameters
    ----------
    plan
        Names the index and the locked version.
    folder
        Folder for the program.
    progress
        Receives bytes.
    feedback
        Cancels the download.

    Raises
    ------
    InstallationFailed
        It cannot be downloaded or unpacked, or there is none for this computer.
    Cancelled
        The user cancelled.
    """
    tag = uv_tag()
    version, hashes = locked_hashes(plan.uv_requirements, "uv")
    program = folder / f"uv-{version}" / ("uv.exe" if sys.platform == "win32" else "uv")
    if program.exists():
        return program
    progress.on_step(tr("Looking for the installer uv…"), 0)
    files = index_files(plan.index, "uv", feedback)
    wheels = [name for name in files if name.startswith(f"uv-{version}-") and name.endswith(".whl") and tag in name]
    if not wheels:
        raise InstallationFailed(
            tr("uv {version} for this computer ({tag}) is not available from {index}.").format(
                version=version, tag=tag, index=plan.index
            )
        )

    def on_bytes(received: int, total: int) -> None:
        progress.on_step(_download_text(received, total), 100 * received / total if total else 0)

    wheel = cache_folder() / "downloads" / wheels[0]
    progress.on_line(files[wheels[0]])
    download(files[wheels[0]], wheel, hashes, feedback, on_bytes)
    try:
        _unpack(wheel, program)
    except OSError as error:
        raise disk_failure(tr("The installer uv could not be unpacked"), error) from error
    except zipfile.BadZipFile as error:
        raise failure(tr("The installer uv could not be unpacked"), (), reason=str(error)) from error
    finally:
        wheel.unlink(missing_ok=True)
    return program


def _download_text(received: int, total: int) -> str:
    """Return the progress of the download; without the total, where the server does not report it."""
    if not total:
        return tr("Downloading the installer uv: {received}").format(received=format_bytes(received))
    text = tr("Downloading the installer uv: {received} of {total}")
    return text.format(received=format_bytes(received), total=format_bytes(total))


def _unpack(wheel: Path, program: Path) -> None:
    """Write the program of a wheel; it appears when it is complete."""
    program.parent.mkdir(parents=True, exist_ok=True)
    unfinished = program.with_suffix(".part")
    with zipfile.ZipFile(wheel) as archive:
        member = next(name for name in archive.namelist() if name.endswith(f".data/scripts/{program.name}"))
        with archive.open(member) as inside, unfinished.open("wb") as outside:
            shutil.copyfileobj(inside, outside)
    unfinished.chmod(EXECUTABLE)
    os.replace(unfinished, program)


def run_uv(
    program: Path,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    step: str,
    progress: Progress,
    feedback: QgsFeedback,
    while_waiting: Callable[[], None] = lambda: None,
) -> list[str]:
    """Run uv and return its standard output.

    Parameters
    ----------
    program, arguments
        The command.
    environment
        Environment variables in addition to those of the engine.
    step
        What it does, as the beginning of the sentence for its failure.
    progress
        Receives the lines of its log.
    feedback
        Cancels it.
    while_waiting
        Called about twenty times a second.

    Raises
    ------
    InstallationFailed
        It ended with an error.
    Cancelled
        The user cancelled.
    """
    printed: list[str] = []
    command = [str(program), *arguments]
    progress.on_line("$ " + " ".join(command))

    def collect(line: str) -> bool:
        printed.append(line)
        return True

    ended = run_process(
        command,
        environment={**scrubbed_environment(), **environment},
        folder=str(program.parent),
        on_line=collect,
        is_cancelled=feedback.isCanceled,
        while_waiting=while_waiting,
    )
    for line in (*printed, *ended.log):
        progress.on_line(line)
    _raise_for(ended, step)
    return printed


def _raise_for(ended: ProcessResult, step: str) -> None:
    if ended.outcome is Outcome.CANCELLED:
        raise Cancelled(tr("Cancelled."))
    if ended.outcome is Outcome.FAILED_TO_START:
        raise failure(step, ended.log, reason=ended.reason)
    if ended.outcome is not Outcome.EXITED or ended.status != 0:
        raise failure(step, ended.log)
