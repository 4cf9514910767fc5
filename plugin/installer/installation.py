"""Install the engine, step by step; an installation goes on where an interrupted one has stopped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from qgis.core import QgsFeedback
from qgis.PyQt.QtCore import QLockFile

from ..byte_sizes import folder_bytes, format_bytes
from ..cancelled import Cancelled
from ..engine_environment import (
    MODULE_ARGUMENTS,
    EngineInfo,
    forget_probes,
    probe_python,
    scrubbed_environment,
)
from ..engine_errors import EngineNotFound
from ..engine_folders import cache_folder, engines_folder, python_of, switch_to
from ..i18n import tr
from ..process_runner import Outcome, run_process
from ..settings import PYTHON
from .failures import InstallationFailed, disk_failure, failure
from .network import network_environment
from .plan import PYTHON_VERSIONS, Plan
from .progress import Progress
from .uv import install_uv, run_uv

# Percentages at which the steps end: program, Python, packages, check, compilation.
ENDS = (8, 12, 80, 84, 100)

# Of about 20 calls a second every tenth counts the bytes on disk.
CALLS_PER_COUNT = 10


def install(plan: Plan, progress: Progress, feedback: QgsFeedback) -> EngineInfo:
    """Install the engine and make it the one in use.

    The engine in use until then remains it unless all steps succeed.

    Parameters
    ----------
    plan
        What to install.
    progress
        Receives steps and log.
    feedback
        Cancels the installation within a tenth of a second.

    Raises
    ------
    InstallationFailed
        A step failed; the message gives the cause and what to do.
    Cancelled
        The user cancelled.
    """
    _require_space(plan)
    lock = QLockFile(str(engines_folder() / "installing.lock"))
    lock.setStaleLockTime(0)  # only the end of the process that holds it makes it stale
    if not lock.tryLock(0):
        raise InstallationFailed(tr("Another QGIS is installing the engine. Wait until it has finished."))
    try:
        return _Installation(plan, progress, feedback).run()
    finally:
        lock.unlock()


class _Installation:
    """The steps of an installation, in their order."""

    def __init__(self, plan: Plan, progress: Progress, feedback: QgsFeedback) -> None:
        self.plan, self.progress, self.feedback = plan, progress, feedback
        self.environment = plan.folder / "venv"
        self.python = python_of(plan.folder)
        self.downloads = cache_folder() / "downloads"
        self.parts = [progress.within(first, last) for first, last in zip((0, *ENDS), ENDS)]

    def run(self) -> EngineInfo:
        variables = {
            **network_environment(self.plan.index, cache_folder() / "certificates.pem", self.plan.timeout_seconds),
            "UV_CACHE_DIR": str(self.downloads / "packages"),
            "UV_PYTHON_INSTALL_DIR": str(engines_folder() / "python"),
            "UV_NO_CONFIG": "1",
            "NO_COLOR": "1",
        }
        self.uv = install_uv(self.plan, engines_folder() / "uv", self.parts[0], self.feedback)
        self._make_environment(variables)
        self._install_packages(variables)
        engine = self._check()
        self._compile()
        self._switch()
        return engine

    def _run_uv(self, part: Progress, step: str, arguments: list[str], variables: dict, while_waiting=lambda: None):
        return run_uv(
            self.uv,
            arguments,
            environment=variables,
            step=step,
            progress=part,
            feedback=self.feedback,
            while_waiting=while_waiting,
        )

    def _make_environment(self, variables: dict[str, str]) -> None:
        """Make the environment with a Python of this computer or, if none is new enough, one that uv downloads."""
        if (self.environment / "pyvenv.cfg").exists() and self.python.exists():
            return
        part = self.parts[1]
        part.on_step(tr("Looking for Python…"), 0)
        if self.environment.exists():  # what an interruption has left
            _remove(self.environment)
        step = tr("No Python could be set up")
        part.on_step(tr("Setting up Python…"), 20)
        # A Python of QGIS's own cannot be used on macOS and changes with QGIS on Windows; uv finds the system's.
        arguments = ["venv", "--python", PYTHON_VERSIONS, "--no-project", str(self.environment)]
        if self.plan.is_offline:
            self._run_uv(part, step, [*arguments, "--no-python-downloads"], variables)
            return
        try:
            self._run_uv(part, step, arguments, variables)
        except InstallationFailed as error:  # a broken Python on the path, for example
            self.progress.on_line(str(error))
            self._run_uv(part, step, [*arguments, "--managed-python", "--clear"], variables)

    def _install_packages(self, variables: dict[str, str]) -> None:
        part, calls = self.parts[2], [0]
        total = self.plan.disk_bytes

        def count() -> None:
            calls[0] += 1
            if calls[0] % CALLS_PER_COUNT == 1:
                done = min(folder_bytes(self.downloads / "packages"), total)
                text = tr("Downloading and unpacking packages: {done} of {total}")
                text = text.format(done=format_bytes(done), total=format_bytes(total))
                part.on_step(text, 100 * done / max(total, 1))

        source = ["--default-index", self.plan.index]
        if self.plan.is_offline:
            source = ["--no-index", "--find-links", self.plan.index]
        arguments = [
            "pip",
            "install",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "--python",
            str(self.python),
            *source,
            "--requirements",
            str(self.plan.requirements),
        ]
        self._run_uv(part, tr("The packages could not be installed"), arguments, variables, count)

    def _check(self) -> EngineInfo:
        self.parts[3].on_step(tr("Checking the engine…"), 0)
        try:
            return probe_python(
                str(self.python),
                folder=str(self.plan.package_folder),
                origin="profile",
                is_cancelled=self.feedback.isCanceled,
            )
        except EngineNotFound as error:
            raise InstallationFailed(str(error), error.details) from error

    def _compile(self) -> None:
        """Compile the engine's loops and run a small job of each kind, so that the first run need not."""
        part, errors = self.parts[4], []

        def read(line: str) -> bool:
            try:
                message = json.loads(line)
            except ValueError:
                return True
            if message.get("type") == "progress":
                text = message.get("text", "")
                part.on_step(tr("Compiling: {what}").format(what=text), message.get("percent", 0))
                part.on_line(text)
            elif message.get("type") == "error":
                errors.append(str(message.get("text", "")))
            return True

        folder = str(self.plan.package_folder)
        ended = run_process(
            [str(self.python), *MODULE_ARGUMENTS, "--warm-up"],
            environment=scrubbed_environment(folder),
            folder=folder,
            on_line=read,
            is_cancelled=self.feedback.isCanceled,
        )
        if ended.outcome is Outcome.CANCELLED:
            raise Cancelled(tr("Cancelled."))
        if ended.outcome is not Outcome.EXITED or ended.status != 0:
            step = tr("The engine was installed but does not compute on this computer; it is not used")
            raise failure(step, ended.log, reason=errors[-1] if errors else "")

    def _switch(self) -> None:
        try:
            switch_to(self.plan.folder)
        except OSError as error:
            raise disk_failure(tr("The new engine could not be put into use"), error) from error
        PYTHON.store("")
        forget_probes()
        # The environment shares its files with this cache where the file system allows, and needs none of them.
        shutil.rmtree(self.downloads, ignore_errors=True)


def _require_space(plan: Plan) -> None:
    """Raise `InstallationFailed` if the folder cannot be written to or the disk is too full."""
    folder = engines_folder()
    step = tr("The engine cannot be installed in {folder}").format(folder=folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / "writable.part"
        trial.write_bytes(b"")
        trial.unlink()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise disk_failure(step, error) from error
    missing = plan.disk_bytes - folder_bytes(plan.folder) - folder_bytes(cache_folder() / "downloads")
    if free < missing:
        raise failure(
            step,
            (),
            reason=tr("no space left: it needs {needed}, and {free} are free").format(
                needed=format_bytes(missing), free=format_bytes(free)
            ),
        )


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        step = tr("The remains of an interrupted installation could not be removed from {folder}")
        raise disk_failure(step.format(folder=folder), error) from error
