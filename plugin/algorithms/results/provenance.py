"""How a result was made: algorithm, parameters, version, date and the command that repeats the run."""

from __future__ import annotations

import json
from configparser import ConfigParser
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

from qgis.core import QgsLayerMetadata, QgsProcessingAlgorithm, QgsProcessingContext

from ...i18n import tr
from ...shell_quoting import quoted
from .parameters_as_text import PlainValue, plain_values, uses_selected_features

METADATA = Path(__file__).resolve().parents[3] / "metadata.txt"


@dataclass(frozen=True)
class Provenance:
    """How the results of a run were made.

    Parameters
    ----------
    algorithm, title
        Id of the algorithm with its provider, such as ``permea:sensitivity``, and what the user reads.
    summary
        What the algorithm computes, in one sentence.
    parameters
        Values of all parameters, defaults included.
    command
        Command line that repeats the run.
    version
        Version of Permea.
    date
        When the run started, with its time zone.
    """

    algorithm: str
    title: str
    summary: str
    parameters: dict[str, PlainValue]
    command: str
    version: str
    date: datetime

    @property
    def parameters_as_json(self) -> str:
        """The parameters as text."""
        return json.dumps(self.parameters, ensure_ascii=False)

    def tags(self, title: str) -> dict[str, str]:
        """Return the tags of a file, such as a GeoTIFF; three of them are standard tags of TIFF.

        Parameters
        ----------
        title
            What the file shows.
        """
        return {
            "TIFFTAG_IMAGEDESCRIPTION": title,
            "TIFFTAG_SOFTWARE": f"Permea {self.version}",
            "TIFFTAG_DATETIME": self.date.strftime("%Y:%m:%d %H:%M:%S"),
            "PERMEA_ALGORITHM": self.algorithm,
            "PERMEA_PARAMETERS": self.parameters_as_json,
            "PERMEA_VERSION": self.version,
            "PERMEA_DATE": self.date.isoformat(timespec="seconds"),
            "PERMEA_COMMAND": self.command,
        }

    def metadata(self, title: str) -> QgsLayerMetadata:
        """Return the metadata of a layer.

        Parameters
        ----------
        title
            What the layer shows.
        """
        metadata = QgsLayerMetadata()
        metadata.setType("dataset")
        metadata.setTitle(title)
        metadata.setAbstract(self.summary)
        metadata.setHistory(self.history())
        return metadata

    def history(self) -> list[str]:
        """Return how the result was made, one fact a line."""
        return [
            tr("{date}: computed by “{title}” ({algorithm}), Permea {version}.").format(
                date=self.date.isoformat(timespec="seconds"),
                title=self.title,
                algorithm=self.algorithm,
                version=self.version,
            ),
            tr("Parameters: {parameters}").format(parameters=self.parameters_as_json),
            tr("To repeat it: {command}").format(command=self.command),
        ]


def provenance_of(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> Provenance:
    """Return how the results of a run that starts now are made.

    Parameters
    ----------
    algorithm, parameters, context
        The algorithm, and what Processing passes to it.
    """
    values = plain_values(algorithm, parameters, context)
    identifier = f"permea:{algorithm.name()}"
    return Provenance(
        identifier,
        algorithm.displayName(),
        algorithm.shortDescription(),
        values,
        _command(identifier, algorithm, values, uses_selected_features(parameters)),
        permea_version(),
        datetime.now(timezone.utc).astimezone(),
    )


@lru_cache(maxsize=1)
def permea_version() -> str:
    """Return the version in `metadata.txt`; empty if it has none."""
    metadata = ConfigParser(interpolation=None)
    metadata.read(METADATA, encoding="utf-8")
    return metadata.get("general", "version", fallback="")


def _command(
    identifier: str, algorithm: QgsProcessingAlgorithm, values: dict[str, PlainValue], selected: list[str]
) -> str:
    """Return the command line that repeats a run; values that are the default are left out."""
    parts = ["qgis_process", "run", identifier]
    for name, value in values.items():
        definition = algorithm.parameterDefinition(name)
        if not definition.isDestination() and value == definition.defaultValue():
            continue
        entries = value if isinstance(value, list) else [value]
        parts += [f"--{name}={_text(entry)}" for entry in entries]
    command = " ".join(quoted(part) for part in parts)
    if selected:
        command += tr("  # with the selected features only of {names}").format(names=", ".join(selected))
    return command


def _text(value: PlainValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
