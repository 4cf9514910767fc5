"""Current between focal nodes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterDestination,
)

from ...circuitscape import pairs_of
from ...i18n import tr
from ...layers import FocalNodes
from ...runner import PartialResult, Result, Task, open_job
from ..base import FLOWS, EngineAlgorithm
from ..help import Help
from ..outputs import RasterOutput, common_outputs, flow_outputs, resistance_outputs
from ..pair_tables import describe_components
from ..parameter_values import ParameterValues
from ..parameters import choice, circuit, flag, focal_nodes, graph, landscape, output, validate_focal, with_help
from ..resume import (
    PartialTable,
    checkpoint_folder,
    checkpoint_parameter,
    delete_cached_arrays,
    log_checkpoint_done,
    resume_hint,
)
from ..step_feedback import StepFeedback
from ..styles import current_style
from ..tables import Column, Table
from .per_pair_rasters import PairRasterFolder

#: Parts of the result that the engine is ahead of what is written.
AHEAD = 4


class CurrentFlow(EngineAlgorithm):
    """Where current flows between places, and the resistance between them."""

    identifier = "currentflow"
    title = tr("Current flow")
    toolbox_group = FLOWS
    summary = tr("Where movement between places flows by circuit theory, and the resistance between them.")
    help = Help(
        description=tr(
            "Takes the landscape for a network of resistors and lets current flow between focal nodes: between every "
            "two of them, from each to all others, or from all others to each. The current through a cell says how "
            "much random movement between the places passes there. What Circuitscape computes, without Circuitscape."
        ),
        when_to_use=tr(
            "Use it to find corridors and bottlenecks for movement without a plan, such as dispersal or gene flow, and "
            "to compare places by their resistance in statistics. For the one best way use least-cost paths; for given "
            "numbers of animals that set out here and arrive there, “Current flow from sources to grounds”."
        ),
        outputs=tr(
            "A map of the current through every cell, in ampere, summed over all pairs (or focal nodes), of which each "
            "sends 1 ampere: bright lines are corridors, and where they are narrow and bright little is left if they "
            "are cut. Nothing flows in parts of the landscape with fewer than two focal nodes. A table of the "
            "resistances, in ohm, with an empty cell for focal nodes that are not connected. Lengths count in map "
            "units: with cells of 30 m resistances are 30 times those that Circuitscape gives, currents the same."
        ),
        references=(
            "McRae, B. H., Dickson, B. G., Keitt, T. H. & Shah, V. B. (2008). Using circuit theory to model "
            "connectivity in ecology, evolution, and conservation. Ecology 89, 2712–2724.",
            "Dickson, B. G. et al. (2019). Circuit-theory applications to connectivity science and conservation. "
            "Conservation Biology 33, 239–249.",
        ),
        caption=tr(
            "The sample: current between every two of nine habitat patches (rings); bright where much movement passes."
        ),
    )
    number_outputs = (*common_outputs(), *flow_outputs(), *resistance_outputs())

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            *focal_nodes(),
            choice(
                "MODE",
                tr("Mode"),
                ["pairwise", "one_to_all", "all_to_one"],
                tr(
                    "Pairwise: 1 ampere between every two focal nodes, all others being ordinary cells. One to all: "
                    "from each focal node in turn to all others, which are grounded. All to one: from all others to "
                    "each in turn. The latter two need one run for each focal node instead of one for each pair."
                ),
            ),
            with_help(
                QgsProcessingParameterField(
                    "STRENGTH_FIELD",
                    tr("Field with the strengths"),
                    None,
                    "FOCAL",
                    QgsProcessingParameterField.DataType.Numeric,
                    optional=True,
                ),
                tr(
                    "How many ampere each focal node sends, for one to all and all to one; 1 for all if nothing is "
                    "chosen. Of features that share an id the first one counts."
                ),
                advanced=True,
            ),
            with_help(
                QgsProcessingParameterFile("PAIRS", tr("File of pairs to include or exclude"), optional=True),
                tr(
                    "A text file as Circuitscape takes it: a first line 'mode include' or 'mode exclude', then two ids "
                    "a line; or a matrix with its smallest and largest values that count. Focal nodes that an include "
                    "file does not mention are left out. The ids must be whole numbers."
                ),
                advanced=True,
            ),
            with_help(
                flag("ZERO_AT_FOCAL", tr("No current at the focal nodes themselves"), ""),
                tr(
                    "Leave the current through the two focal nodes of a pair out of the sum, so that what passes "
                    "through a focal node between others can be seen. Pairwise only."
                ),
                advanced=True,
            ),
            *circuit(),
            *graph(symmetric=True),
            checkpoint_parameter(
                tr("Folder of an unfinished run, to continue it"),
                tr(
                    "An empty folder in which everything that had to be solved for is kept as it comes, and a table "
                    "resistances.csv of the pairs that are known. For points it takes the disk space of a map (of 8 "
                    "bytes a cell) for each of them, and may be deleted afterwards. A folder of single maps is gone "
                    "on with by itself: do not choose both."
                ),
            ),
            flag(
                "VOLTAGES",
                tr("Voltage maps, too"),
                tr("Write a map of the voltages beside each map of currents in the folder of single maps, in volt."),
            ),
            output(
                tr("Cumulative current"), tr("The current through every cell, summed over all pairs or focal nodes.")
            ),
            with_help(
                QgsProcessingParameterRasterDestination(
                    "MAXIMUM_MAP", tr("Maximum current"), optional=True, createByDefault=False
                ),
                tr("The largest current through every cell in any single run: corridors of far and near pairs alike."),
            ),
            with_help(
                QgsProcessingParameterFeatureSink(
                    "RESISTANCES", tr("Resistances"), QgsProcessing.SourceType.TypeVector, optional=True
                ),
                tr(
                    "A table with a row for each pair (from_id, to_id, resistance), or for each focal node (id, "
                    "resistance) with one to all. Ids and labels are those of the features."
                ),
            ),
            with_help(
                QgsProcessingParameterFolderDestination(
                    "SINGLE_MAPS", tr("Folder of single maps"), optional=True, createByDefault=False
                ),
                tr(
                    "A folder that receives the map of each pair (current_1_2.tif), or of each focal node, as soon as "
                    "it is known, and a table resistances.csv of the pairs that are known. If the run is cancelled or "
                    "the computer fails, run it again with the same folder: it goes on where it was, and refuses if "
                    "anything else has changed."
                ),
            ),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        if problem := validate_focal(provided):
            return problem
        if "STRENGTH_FIELD" in provided and choices["MODE"] == "pairwise":
            return tr(
                "Strengths have no part in pairwise current, which is 1 ampere for every pair: choose another mode."
            )
        if {"CHECKPOINT", "SINGLE_MAPS"} <= provided:
            return tr(
                "A run with a folder of single maps is continued from there: leave the folder of an unfinished run "
                "empty."
            )
        if "STRENGTH_FIELD" in provided and "FOCAL" not in provided:
            return tr("A field with strengths needs a layer of focal nodes, not a raster.")
        return ""

    def task(self, inputs: ParameterValues) -> Task:
        focal = inputs.focal
        arrays: dict[str, np.ndarray] = {}
        owners, excluded = focal.owners, None
        if inputs.is_provided("PAIRS"):
            taken, excluded = _chosen(focal, Path(inputs.text("PAIRS")))
            keep = np.isin(focal.cell_ids, taken)
            arrays |= {"focal_ids": focal.cell_ids[keep], "focal_cells": focal.cells[keep]}
        else:
            arrays |= {"focal_ids": focal.ids[owners], "focal_cells": focal.cells}
        if excluded is not None and len(excluded):
            arrays["excluded"] = excluded
        if inputs.is_provided("STRENGTH_FIELD"):
            arrays["strengths"] = _strengths(inputs)
        if inputs.short_circuits is not None:
            arrays["short_circuits"] = inputs.short_circuits
        task = inputs.task(
            "circuit.current",
            arrays,
            mode=inputs.choice("MODE"),
            zero_focal_currents=inputs.flag("ZERO_AT_FOCAL"),
            maximum=inputs.is_provided("MAXIMUM_MAP"),
        )
        return replace(task, rasters=("cumulative", "maximum") if task.parameters["maximum"] else ("cumulative",))

    def run_algorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        paths = self.output_paths(parameters, context)
        inputs = ParameterValues(self, parameters, context, StepFeedback(feedback, 0, 10))
        task = self.task(inputs)
        kept, maps = checkpoint_folder(inputs), self._folder(inputs, feedback)
        place = maps.folder if maps else Path(kept)
        go_on: dict[str, Any] = {"checkpoint": str(maps.kept if maps else kept), "max_pending": AHEAD}
        if maps:
            go_on |= {
                "per_run_outputs": "both" if inputs.flag("VOLTAGES") else "currents",
                "completed_runs": maps.have(_runs(task)),
            }
        elif not kept:
            go_on = {}
        table = PartialTable(
            place / "resistances.csv",
            lambda arrays: self.table_outputs(inputs, Result(arrays, {}))[0],
            inputs.landscape.frame.crs,
            context,
        )

        def take(piece: PartialResult) -> None:
            if piece.name in ("resistances", "resistances_partial"):
                table.take(piece.arrays, whole=piece.name == "resistances")
            else:
                maps.take(piece)

        task = replace(task, parameters={**task.parameters, **go_on})
        with open_job(feedback) as job, resume_hint(place if go_on else "", feedback):
            result = job.run(task, StepFeedback(feedback, 10, 90), take if go_on else None)
            if go_on:
                table.take(result.outputs, whole=True)
        outputs = self.write_outputs(inputs, result, paths, context, feedback)
        log_checkpoint_done(kept, feedback)
        if maps:
            delete_cached_arrays(maps.kept)
            outputs["SINGLE_MAPS"] = str(maps.folder)
        return outputs

    def _folder(self, inputs: ParameterValues, feedback: QgsProcessingFeedback) -> PairRasterFolder | None:
        if not inputs.is_provided("SINGLE_MAPS"):
            return None
        folder = Path(inputs.text("SINGLE_MAPS")).absolute()
        each = "both" if inputs.flag("VOLTAGES") else "currents"
        return PairRasterFolder(folder, inputs.focal, inputs.landscape.frame, each, StepFeedback(feedback, 10, 10))

    def write_outputs(
        self,
        inputs: ParameterValues,
        result: Result,
        paths: dict[str, str],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        outputs = super().write_outputs(inputs, result, paths, context, feedback)
        if result.metrics["unconnected"]:
            feedback.pushWarning(describe_components(inputs.focal, result))
        return outputs

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        total, largest = result.outputs["cumulative"], result.outputs.get("maximum")
        maps = [
            RasterOutput("OUTPUT", total, current_style(total, "A"), band_names=(tr("cumulative current, ampere"),))
        ]
        if largest is not None:
            names = (tr("maximum current, ampere"),)
            maps.append(RasterOutput("MAXIMUM_MAP", largest, current_style(largest, "A"), band_names=names))
        return maps

    def table_outputs(self, inputs: ParameterValues, result: Result) -> list[Table]:
        names, labels = inputs.focal.named(), dict(zip(inputs.focal.ids.tolist(), inputs.focal.labels))
        ids, values = result.outputs["ids"].tolist(), result.outputs["resistances"]
        kind = "integer" if all(isinstance(name, int) for name in names.values()) else "text"
        if values.ndim == 1:
            columns = (Column("id", kind), Column("label", "text"), Column("resistance"))
            rows = [(names[one], labels[one], value) for one, value in zip(ids, values.tolist())]
            return [Table("RESISTANCES", columns, rows)]
        columns = (
            Column("from_id", kind),
            Column("to_id", kind),
            Column("from_label", "text"),
            Column("to_label", "text"),
            Column("resistance"),
        )
        rows = [
            (names[ids[i]], names[ids[j]], labels[ids[i]], labels[ids[j]], values[i, j])
            for i, j in zip(*np.triu_indices(len(ids), 1))
            if not np.isnan(values[i, j])
        ]
        return [Table("RESISTANCES", columns, rows)]

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        text = tr(
            "{runs:,} runs between {focal_nodes:,} focal nodes; the largest sum of currents is {maximum_current:.4g}."
        )
        feedback.pushInfo(text.format(**numbers))
        text = tr("Largest current that is not conserved, beside the largest current: {:.1e}.")
        feedback.pushInfo(text.format(numbers["kcl_residual"]))
        if numbers["cells_without_flow"]:
            text = tr(
                "{cells_without_flow:,} cells lie in parts of the landscape with fewer than two focal nodes: nothing "
                "flows there."
            )
            feedback.pushWarning(text.format(**numbers))


def _runs(task: Task) -> list[str]:
    ids = np.unique(task.arrays["focal_ids"]).tolist()
    if task.parameters["mode"] != "pairwise":
        return [str(identity) for identity in ids]
    return [f"{one}_{other}" for place, one in enumerate(ids) for other in ids[place + 1 :]]


def _chosen(focal: FocalNodes, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Ids of the focal nodes that take part, and the pairs that do not, int64 (k, 2)."""
    if not path.is_file():
        raise QgsProcessingException(tr("There is no file of pairs '{path}'.").format(path=path))
    pairs = pairs_of(path)
    known = focal.ids.tolist()
    unknown = sorted(pairs.mentioned - set(known))
    if not all(isinstance(name, int) for name in focal.names) or len(unknown) == len(pairs.mentioned):
        raise QgsProcessingException(
            tr("'{name}' names none of the focal nodes: it holds {ids}, and the focal nodes are {known}.").format(
                name=path.name,
                ids=", ".join(str(identity) for identity in unknown[:5]),
                known=", ".join(str(name) for name in focal.names[:5]),
            )
        )
    taken = [identity for identity in known if identity in pairs.mentioned] if pairs.include else known
    if len(taken) < 2:
        raise QgsProcessingException(
            tr("'{name}' leaves one focal node, and current flows between two or more.").format(name=path.name)
        )
    excluded = [
        (one, other)
        for place, one in enumerate(taken)
        for other in taken[place + 1 :]
        if ((one, other) in pairs.listed) != pairs.include
    ]
    return np.array(taken, np.int64), np.array(excluded, np.int64).reshape(-1, 2)


def _strengths(inputs: ParameterValues) -> np.ndarray:
    """The strength of each focal node by id, float64 (n, 2)."""
    field, id_field = inputs.text("STRENGTH_FIELD"), inputs.text("ID_FIELD") if inputs.is_provided("ID_FIELD") else ""
    by_name = {str(name): identity for identity, name in inputs.focal.named().items()}
    found: dict[int, float] = {}
    wrong = []
    for feature in inputs.features("FOCAL").getFeatures():
        name = feature.attribute(id_field) if id_field else feature.id()
        name = str(int(name)) if isinstance(name, float) and name.is_integer() else str(name).strip()
        value = feature.attribute(field)
        if name not in by_name or by_name[name] in found:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value) or value == 0:
            wrong.append(str(feature.id()))
            continue
        found[by_name[name]] = float(value)
    if wrong:
        raise QgsProcessingException(
            tr("The field '{field}' holds no number other than 0 in {count:,} focal nodes: features {which}.").format(
                field=field, count=len(wrong), which=", ".join(wrong[:20])
            )
        )
    return np.array(sorted(found.items()), float)
