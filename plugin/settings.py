"""Permea's settings: their values, where QGIS stores them, and how they reach the engine.

The dialog *Plugins ▸ Permea ▸ Settings…*, the page of Processing's options and the run itself read and write them here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from qgis.core import QgsProcessingException, QgsSettings

from .decimal_numbers import parse_number
from .i18n import tr

BYTES_PER_GB = 1e9

# Values of the setting of the device, and what the user reads.
AUTOMATIC, CPU, CUDA = "automatic", "cpu", "cuda"
DEVICES = {AUTOMATIC: tr("Automatic"), CPU: tr("Processor (CPU)"), CUDA: tr("NVIDIA graphics card")}

# A week: a longer time is a typing error.
MOST_MINUTES = 7 * 24 * 60
MOST_THREADS = 4096
MOST_GB = 100_000.0

# Variables that set the number of threads of the engine's libraries; NPROC is XLA's.
THREAD_VARIABLES = (
    "PERMEA_THREADS",
    "NPROC",
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


class InvalidSetting(QgsProcessingException):
    """A stored setting cannot be used."""


@dataclass(frozen=True, eq=False)
class Setting:
    """A setting that is stored as text.

    Parameters
    ----------
    key
        In QGIS's settings.
    label, explanation
        What the user reads, in one line and as a tooltip.
    default
        The value where nothing is stored.
    parse
        Returns the value of a text; raises a `ValueError` that says what is wrong.
    choices
        What the user reads for each value, if there are few.
    unit, empty
        The unit of a number, and what 0 or an empty text means.
    is_file
        Whether the value is the path of a file.
    """

    key: str
    label: str
    explanation: str
    default: Any
    parse: Callable[[str], Any]
    choices: dict[str, str] = field(default_factory=dict)
    unit: str = ""
    empty: str = ""
    is_file: bool = False

    def complete_label(self) -> str:
        """Return the label with unit and meaning of 0, for a list of settings.

        Examples
        --------
        >>> THREADS.complete_label(), MEMORY.complete_label()
        ('Threads (0: one for each core)', 'Memory limit (GB; 0: what is free)')
        """
        zero = tr("0: {meaning}").format(meaning=self.empty) if self.empty and self.default != "" else ""
        notes = "; ".join(filter(None, (self.unit, zero)))
        return f"{self.label} ({notes})" if notes else self.label

    def text(self) -> str:
        """Return what is stored, empty if nothing is."""
        stored = QgsSettings().value(self.key)
        return "" if stored is None else str(stored).strip()

    def value(self) -> Any:
        """Return the value.

        Raises
        ------
        InvalidSetting
            What is stored cannot be used.
        """
        text = self.text()
        try:
            return self.parse(text) if text else self.default
        except ValueError as error:
            message = tr("The setting '{label}' of Permea is '{text}': {reason}. Correct it in {place}.")
            raise InvalidSetting(
                message.format(label=self.label, text=text, reason=error, place=settings_menu())
            ) from error

    def shown(self) -> Any:
        """Return what a dialog shows: the value, the user's words for a choice, or a text that is not valid."""
        text = self.text()
        try:
            value = self.parse(text) if text else self.default
        except ValueError:
            return text
        # Qt shows plain texts in its lists, and none of a subclass.
        return str(self.choices[value]) if value in self.choices else value

    def entered(self, shown: Any) -> str:
        """Return the text to store for what a dialog shows."""
        names = {name: value for value, name in self.choices.items()}
        text = str(shown).strip()
        return names.get(text, text)

    def store(self, text: str) -> None:
        """Store a text; an empty one, or that of the default, removes what is stored.

        Raises
        ------
        ValueError
            It cannot be used; the message says why.
        """
        text = text.strip()
        if text and self.parse(text) != self.default:
            QgsSettings().setValue(self.key, text)
        else:
            QgsSettings().remove(self.key)


def settings_menu() -> str:
    """Return where the user changes settings."""
    return tr("Plugins ▸ Permea ▸ Settings…")


def engine_variables() -> dict[str, str]:
    """Return the environment variables by which the engine gets the settings.

    Raises
    ------
    InvalidSetting
        A setting cannot be used.
    """
    variables = {}
    if (device := DEVICE.value()) != AUTOMATIC:
        variables["JAX_PLATFORMS"] = device
    if threads := THREADS.value():
        variables |= dict.fromkeys(THREAD_VARIABLES, str(threads))
    if gigabytes := MEMORY.value():
        variables["PERMEA_MEMORY_BYTES"] = str(round(gigabytes * BYTES_PER_GB))
    return variables


def stored_settings() -> dict[str, str]:
    """Return the texts of all settings, by key: what must not change while an engine stays loaded."""
    return {setting.key: setting.text() for setting in SETTINGS}


def _whole(smallest: int, largest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        """Return a whole number between the limits."""
        if not text.isdecimal() or not smallest <= int(text) <= largest:
            raise ValueError(
                tr("give a whole number from {smallest} to {largest:,}").format(smallest=smallest, largest=largest)
            )
        return int(text)

    return parse


def _gigabytes(text: str) -> float:
    number = parse_number(text, "," if "," in text else ".")
    if number is None or not 0 <= number <= MOST_GB:
        raise ValueError(tr("give a number of gigabytes, for example 8, or 0 for no limit"))
    return number


def _device(text: str) -> str:
    if text not in DEVICES:
        raise ValueError(tr("give one of {devices}").format(devices=", ".join(DEVICES)))
    return text


def _cluster(text: str) -> str:
    if text != "local" and (":" not in text or any(letter.isspace() for letter in text)):
        raise ValueError(tr("give the address of a scheduler such as tcp://10.0.0.1:8786, or local"))
    return text


def _file(text: str) -> str:
    if not os.path.isfile(text):
        raise ValueError(tr("there is no such file"))
    return text


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(tr("give true or false"))
    return text.lower() == "true"


PYTHON = Setting(
    "permea/engine/python",
    tr("Python of the engine"),
    tr("A Python that has the engine's packages, instead of the one that Permea installs. Empty for that one."),
    "",
    _file,
    empty=tr("the installed engine"),
    is_file=True,
)
DEVICE = Setting(
    "permea/engine/device",
    tr("Device"),
    tr("Where the engine computes. Automatic: on a graphics card if it was installed for one, else on the processor."),
    AUTOMATIC,
    _device,
    DEVICES,
)
THREADS = Setting(
    "permea/engine/threads",
    tr("Threads"),
    tr("How many cores of the processor the engine uses at most."),
    0,
    _whole(0, MOST_THREADS),
    empty=tr("one for each core"),
)
MEMORY = Setting(
    "permea/engine/memory",
    tr("Memory limit"),
    tr("A run that is estimated to need more memory in the engine is not started."),
    0.0,
    _gigabytes,
    unit=tr("GB"),
    empty=tr("what is free"),
)
CLUSTER = Setting(
    "permea/engine/cluster",
    tr("Cluster address"),
    tr(
        "Moving-window algorithms can run on a Dask cluster: the address of its scheduler, or “local” for one process "
        "per core of this computer. The package “distributed” must be installed in the engine's environment. Empty for "
        "a single process."
    ),
    "",
    _cluster,
    empty=tr("none"),
)
KEEP_MINUTES = Setting(
    "permea/engine/keep_minutes",
    tr("After a run, the engine stays loaded"),
    tr("A run that follows starts several seconds sooner. Meanwhile the engine keeps a few hundred MB of memory."),
    10,
    _whole(0, MOST_MINUTES),
    unit=tr("minutes"),
    empty=tr("not at all"),
)
KEEP_JOBS = Setting(
    "permea/engine/keep_jobs",
    tr("Keep the files of each run until QGIS is closed"),
    tr("They can be run again without QGIS, by the command in the log of the run."),
    False,
    _boolean,
)

#: All settings, in the order of the dialog.
SETTINGS = (PYTHON, DEVICE, THREADS, MEMORY, KEEP_MINUTES, CLUSTER, KEEP_JOBS)
