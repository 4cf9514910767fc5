"""Where the engine's Python is, whether it works, and what it may see of QGIS's environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from qgis.core import QgsProcessingException

PACKAGE_FOLDER = str(Path(__file__).resolve().parents[1])


class EngineMissing(QgsProcessingException):
    """There is no engine that works; the message says what to do."""


@dataclass(frozen=True)
class Engine:
    """A Python that runs the engine.

    Parameters
    ----------
    python
        Path of the interpreter.
    versions
        What the probe said: ``{"python": "3.11.2", "jax": "0.10.2", …}``.
    device
        The device the engine computes on, for example ``"cpu"``.
    origin
        Who named the interpreter: ``"setting"``, ``"environment variable"`` or ``"profile"``.
    folder
        The folder that holds the `engine` package.
    probe
        The probe's whole answer.
    """

    python: str
    versions: dict = field(default_factory=dict)
    device: str = ""
    origin: str = ""
    folder: str = PACKAGE_FOLDER
    probe: dict = field(default_factory=dict)


def engine_python() -> tuple[str, str]:
    """Path of the engine's interpreter and who named it, without starting it; cheap enough for `canExecute`.

    Raises
    ------
    EngineMissing
        No interpreter is configured, or the configured one is not there.
    """
    raise NotImplementedError


def find_engine() -> Engine:
    """Find the engine's Python and make sure, once per interpreter, that it runs.

    The order: the setting ``permea/engine/python``, the environment variable ``PERMEA_ENGINE_PYTHON``, the default
    place in the profile. One that is configured and does not work is an error, never passed over for the next.

    Raises
    ------
    EngineMissing
        None is there, or the one that is there does not work.
    """
    raise NotImplementedError


def probe_python(python: str, *, folder: str = PACKAGE_FOLDER, origin: str = "") -> Engine:
    """Start an interpreter with ``-m engine --probe`` and return what it says of itself; never from memory.

    Raises
    ------
    EngineMissing
        It does not start, cannot import the engine, or answers something else.
    """
    raise NotImplementedError


def scrubbed_environment(folder: str = PACKAGE_FOLDER) -> dict[str, str]:
    """The environment variables for the engine: this process's, without what would lead another Python astray."""
    raise NotImplementedError
