"""A draw: one algorithm with a valid input, after one to three mutations, determined by the seed and a number."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from base_inputs import ALTERNATIVES, raster_role, valid_inputs, vector_role
from destinations import destination_parameter, valid_destination
from plain_values import (
    band_parameter,
    boolean_parameter,
    choice_parameter,
    field_parameter,
    folder_parameter,
    matrix_parameter,
    number_parameter,
    text_parameter,
)
from projects import project_parameter
from qgis.core import QgsProcessingAlgorithm, QgsProcessingParameterDefinition
from raster_files import raster_parameter
from text_files import class_table_parameter, pairs_parameter
from vector_layers import vector_parameter

DESTINATIONS = ("rasterDestination", "sink", "folderDestination", "fileDestination")
#: How often the parameters of a type are mutated, relative to one another; 1 for other types.
WEIGHTS = {"raster": 6, "source": 6, "file": 4, "number": 2, "distance": 2, "matrix": 4, "field": 2}
FOLDERS = ("inputs", "outputs", "work")


@dataclass(frozen=True)
class Draw:
    """One run to try.

    Parameters
    ----------
    algorithm
        Name of the algorithm.
    parameters
        Its parameters, as a script would pass them.
    words
        The mutations, in words.
    in_thread
        Whether it runs in a thread, as from the toolbox, rather than as from a script.
    """

    algorithm: str
    parameters: dict[str, Any]
    words: tuple[str, ...]
    in_thread: bool


def make_draw(seed: int, number: int, algorithms: Sequence[QgsProcessingAlgorithm], folder: Path) -> Draw:
    """Write the inputs of a draw below a folder.

    Parameters
    ----------
    seed, number
        Determine the draw. Numbers below 0 are the valid input of each algorithm: −1 is that of the first.
    algorithms
        All algorithms of the provider.
    folder
        An empty folder.
    """
    rng = random.Random(f"{seed}:{number}")
    for name in FOLDERS:
        (folder / name).mkdir()
    if number < 0:
        algorithm = algorithms[-number - 1]
        rng = random.Random(number)
        parameters = valid_inputs(algorithm, rng, folder / "inputs")
        parameters |= _outputs(algorithm, folder / "outputs", lambda: True)
        return Draw(algorithm.name(), parameters, ("valid",), False)
    algorithm = algorithms[number % len(algorithms)]
    parameters = valid_inputs(algorithm, rng, folder / "inputs")
    parameters |= _variants(algorithm, rng)
    parameters |= _outputs(algorithm, folder / "outputs", lambda: rng.random() < 0.3)
    words = _mutate(algorithm, parameters, rng, folder, rng.choice((1, 1, 1, 2, 2, 3)))
    return Draw(algorithm.name(), parameters, tuple(words), rng.random() < 0.2)


def _variants(algorithm: QgsProcessingAlgorithm, rng: random.Random) -> dict[str, Any]:
    """Return other valid choices than the default for some of the choices and check boxes."""
    chosen = {}
    for definition in algorithm.parameterDefinitions():
        if rng.random() < 0.25 and definition.type() == "enum":
            chosen[definition.name()] = rng.choice(definition.options())
        elif rng.random() < 0.25 and definition.type() == "boolean":
            chosen[definition.name()] = not definition.defaultValue()
    return chosen


def _outputs(algorithm: QgsProcessingAlgorithm, folder: Path, is_written: Any) -> dict[str, str]:
    return {
        definition.name(): valid_destination(definition, folder)
        for definition in algorithm.destinationParameterDefinitions()
        if not definition.flags() & definition.FlagOptional or is_written()
    }


def _mutate(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], rng: random.Random, folder: Path, count: int
) -> list[str]:
    definitions = [definition for definition in algorithm.parameterDefinitions() if definition.type() in GENERATORS]
    words = []
    for turn in range(min(count, len(definitions))):
        # A layer that is part of the valid input matters more than one that is left out.
        weights = [WEIGHTS.get(d.type(), 1) * (3 if d.name() in parameters else 1) for d in definitions]
        definition = definitions.pop(rng.choices(range(len(definitions)), weights)[0])
        if rng.random() < 0.02:
            parameters["NEIGHBOURS"] = "rook"
            words.append("NEIGHBOURS: no such parameter")
            continue
        where = folder / "inputs" / f"mutation {turn + 1}"
        where.mkdir()
        said, value = GENERATORS[definition.type()](algorithm, definition, rng, where, parameters)
        parameters[definition.name()] = value
        words.append(f"{definition.name()}: {said}".replace(str(folder), "…"))
        for names in ALTERNATIVES:
            if definition.name() in names and rng.random() < 0.9:
                for other in names - {definition.name()}:
                    parameters.pop(other, None)
    return words


def _raster(algorithm, definition, rng, folder, parameters):
    return raster_parameter(raster_role(algorithm, definition.name()), rng, folder)


def _source(algorithm, definition: QgsProcessingParameterDefinition, rng, folder, parameters):
    role = vector_role(definition, rng)
    if role == "table" and rng.random() < 0.6:
        return class_table_parameter(rng, folder)
    return vector_parameter(role, rng, folder)


def _file(algorithm, definition, rng, folder, parameters):
    if definition.name() == "PAIRS":
        return pairs_parameter(rng, folder)
    if definition.name() == "CHECKPOINT":
        return folder_parameter(rng, folder.parents[1] / "work")
    return project_parameter(rng, folder)


def _destination(algorithm, definition, rng, folder, parameters):
    others = [
        parameters[other.name()]
        for other in algorithm.destinationParameterDefinitions()
        if other.name() != definition.name() and isinstance(parameters.get(other.name()), str)
    ]
    folder.rmdir()
    draw = folder.parents[1]
    return destination_parameter(definition, rng, draw / "inputs", draw / "outputs", others)


#: The generator of each type of parameter of QGIS.
GENERATORS = {
    "raster": _raster,
    "source": _source,
    "file": _file,
    "band": lambda algorithm, definition, rng, folder, parameters: band_parameter(rng),
    "boolean": lambda algorithm, definition, rng, folder, parameters: boolean_parameter(rng),
    "distance": lambda algorithm, definition, rng, folder, parameters: number_parameter(definition, rng),
    "enum": lambda algorithm, definition, rng, folder, parameters: choice_parameter(definition, rng),
    "field": lambda algorithm, definition, rng, folder, parameters: field_parameter(rng),
    "matrix": lambda algorithm, definition, rng, folder, parameters: matrix_parameter(rng),
    "number": lambda algorithm, definition, rng, folder, parameters: number_parameter(definition, rng),
    "string": lambda algorithm, definition, rng, folder, parameters: text_parameter(rng),
    **dict.fromkeys(DESTINATIONS, _destination),
}
