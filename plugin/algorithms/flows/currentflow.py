"""Current flow between focal nodes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
)

from ...i18n import tr
from ...runner import Job, PartialResult, Result, Task, open_job
from ..base import FLOWS, EngineAlgorithm
from ..help import Help
from ..outputs import RasterOutput, common_outputs, flow_outputs, resistance_outputs
from ..pair_tables import describe_components
from ..parameter_types import boolean, choice, only_with, optional_raster_destination, with_help
from ..parameter_values import ParameterValues
from ..parameters import circuit_options, focal_nodes, graph, landscape, raster_destination, validate_focal
from ..resume import (
    MAX_PENDING_RESULTS,
    PartialTable,
    checkpoint_folder,
    checkpoint_parameter,
    delete_cached_arrays,
    log_checkpoint_done,
    resumable,
)
from ..step_feedback import StepFeedback
from ..styles import current_style
from ..table_size import check_rows
from ..tables import Table
from .focal_inputs import read_strengths, run_names, select_pairs
from .per_pair_rasters import FILE_PREFIXES, TABLE_NAME, PairRasterFolder
from .resistance_table import count_rows, resistance_table


class CurrentFlow(EngineAlgorithm):
    """Current between focal nodes by circuit theory, and the resistance between them."""

    identifier = "currentflow"
    title = tr("Current flow")
    search_words = (
        "bottleneck, pinch point, pinchpoint, corridor, stepping stones, betweenness, centrality, gene flow, "
        "conductance, circuit theory, random walk, Circuitscape, Pinchpoint Mapper"
    )
    toolbox_group = FLOWS
    summary = tr("Current between focal nodes by circuit theory, and the resistance between them.")
    help = Help(
        description=tr(
            "Models the landscape as a network of resistors and computes the current between focal nodes: between all "
            "pairs, from each to all others, or from all others to each. The current through a cell predicts how much "
            "random movement between the focal nodes passes through it. The modes are those of Circuitscape, which is "
            "not required."
        ),
        when_to_use=tr(
            "Use it to find corridors and bottlenecks of random movement, such as dispersal or gene flow, and to use "
            "the resistance between places in statistical models. For the single optimal route use “Least-cost "
            "paths”; for known numbers of animals that leave and arrive at given places, “Current flow from sources "
            "to grounds”."
        ),
        outputs=tr(
            "A map of the current through every cell, in ampere, summed over all pairs (or focal nodes) with 1 ampere "
            "each: bright lines are corridors; where they are narrow and bright, few alternatives remain. No current "
            "flows in parts of the landscape with fewer than two focal nodes. A table of the resistances, in ohm, "
            "empty for focal nodes that are not connected. Lengths are in map units: with cells of 30 m, resistances "
            "are 30 times those of Circuitscape; currents are the same."
        ),
        references=(
            "McRae, B. H., Dickson, B. G., Keitt, T. H. & Shah, V. B. (2008). Using circuit theory to model "
            "connectivity in ecology, evolution, and conservation. Ecology 89, 2712–2724.",
            "Dickson, B. G. et al. (2019). Circuit-theory applications to connectivity science and conservation. "
            "Conservation Biology 33, 239–249.",
        ),
        caption=tr("The sample: current between all pairs of nine habitat patches (rings); bright for high current."),
    )
    number_outputs = (*common_outputs(), *flow_outputs(), *resistance_outputs())
    files_in_folders = {
        "SINGLE_MAPS": (TABLE_NAME, *(f"{prefix}_*.tif" for prefix in FILE_PREFIXES.values())),
        "CHECKPOINT": (TABLE_NAME,),
    }

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            *focal_nodes(),
            choice(
                "MODE",
                tr("Mode"),
                {"pairwise": tr("Pairwise"), "one_to_all": tr("One to all"), "all_to_one": tr("All to one")},
                tr(
                    "Pairwise: 1 ampere between each pair of focal nodes, while all others are ordinary cells. One to "
                    "all: from each focal node in turn to all others, which are grounded. All to one: from all others "
                    "to each focal node in turn. The latter two need one run for each focal node instead of one for "
                    "each pair."
                ),
            ),
            only_with(
                with_help(
                    QgsProcessingParameterField(
                        "STRENGTH_FIELD",
                        tr("Source strength field"),
                        None,
                        "FOCAL",
                        QgsProcessingParameterField.DataType.Numeric,
                        optional=True,
                    ),
                    tr(
                        "The current that each focal node injects, in ampere, for one to all and all to one; 1 if "
                        "nothing is chosen. Features with the same id must have the same strength."
                    ),
                    advanced=True,
                ),
                MODE=("one_to_all", "all_to_one"),
            ),
            with_help(
                QgsProcessingParameterFile("PAIRS", tr("File of pairs to include or exclude"), optional=True),
                tr(
                    "A text file as in Circuitscape: a first line 'mode include' or 'mode exclude', then two ids a "
                    "line; or a matrix with the smallest and largest value to include. Focal nodes that an include "
                    "file does not list are excluded. The ids must be whole numbers."
                ),
                advanced=True,
            ),
            only_with(
                boolean(
                    "ZERO_AT_FOCAL",
                    tr("Set focal node currents to zero"),
                    tr(
                        "Exclude the current through the two focal nodes of a pair from the sum, which then shows the "
                        "current that passes through each focal node between other pairs. Pairwise mode only."
                    ),
                    advanced=True,
                ),
                MODE=("pairwise",),
            ),
            *circuit_options(),
            *graph(symmetric=True),
            checkpoint_parameter(
                tr(
                    "An empty folder in which all solutions are saved as they are computed, with a table "
                    "resistances.csv of the pairs computed so far. For point focal nodes it needs the disk space of "
                    "one map (8 bytes per cell) each; it may be deleted after the run. A run with an output folder "
                    "for individual maps resumes from that folder: do not choose both."
                ),
            ),
            only_with(
                boolean(
                    "VOLTAGES",
                    tr("Write voltage maps"),
                    tr(
                        "Also write a voltage map, in volt, for each current map in the output folder for individual "
                        "maps."
                    ),
                ),
                SINGLE_MAPS=(),
            ),
            raster_destination(
                tr("Cumulative current"), tr("The current through every cell, summed over all pairs or focal nodes.")
            ),
            optional_raster_destination(
                "MAXIMUM_MAP",
                tr("Maximum current"),
                tr(
                    "The largest current through every cell in any single run, which shows the corridors of distant "
                    "and close pairs alike."
                ),
            ),
            with_help(
                QgsProcessingParameterFeatureSink(
                    "RESISTANCES", tr("Resistances"), QgsProcessing.SourceType.TypeVector, optional=True
                ),
                tr(
                    "A table with one row for each pair (from_id, to_id, resistance), or for each focal node (id, "
                    "resistance) with one to all. Ids and labels are those of the features."
                ),
            ),
            with_help(
                QgsProcessingParameterFolderDestination(
                    "SINGLE_MAPS", tr("Output folder for individual maps"), optional=True, createByDefault=False
                ),
                tr(
                    "A folder for the map of each pair (current_1_2.tif), or of each focal node, written as soon as it "
                    "is computed, and a table resistances.csv of the pairs computed so far. If the run is cancelled "
                    "or the computer fails, run it again with the same folder to resume it from its subfolder "
                    "checkpoint, which may be deleted after the run. A run with different rasters or parameters is "
                    "rejected."
                ),
            ),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        if error := validate_focal(provided):
            return error
        if "STRENGTH_FIELD" in provided and choices["MODE"] == "pairwise":
            return tr("Pairwise currents are 1 ampere for every pair, without source strengths: choose another mode.")
        if {"CHECKPOINT", "SINGLE_MAPS"} <= provided:
            return tr(
                "A run with an output folder for individual maps resumes from that folder: leave the checkpoint "
                "folder empty."
            )
        if "STRENGTH_FIELD" in provided and "FOCAL" not in provided:
            return tr("A source strength field needs a layer of focal nodes, not a raster.")
        return ""

    def task(self, inputs: ParameterValues) -> Task:
        focal = inputs.focal
        arrays: dict[str, np.ndarray] = {"focal_ids": focal.cell_ids, "focal_cells": focal.cells}
        if inputs.is_provided("PAIRS"):
            included, excluded = select_pairs(focal, Path(inputs.text("PAIRS")), inputs.feedback)
            in_run = np.isin(focal.cell_ids, included)
            arrays = {"focal_ids": focal.cell_ids[in_run], "focal_cells": focal.cells[in_run]}
            if len(excluded):
                arrays["excluded"] = excluded
        if inputs.is_provided("STRENGTH_FIELD"):
            arrays["strengths"] = read_strengths(inputs)
        if inputs.short_circuits is not None:
            arrays["short_circuits"] = inputs.short_circuits
        rows = count_rows(arrays, inputs.choice("MODE"))
        check_rows(self, inputs.parameters, "RESISTANCES", rows, inputs.feedback)
        has_maximum = inputs.is_provided("MAXIMUM_MAP")
        return inputs.task(
            "circuit.current",
            arrays,
            rasters=("cumulative", "maximum") if has_maximum else ("cumulative",),
            mode=inputs.choice("MODE"),
            zero_focal_currents=inputs.flag("ZERO_AT_FOCAL"),
            maximum=has_maximum,
        )

    def run_algorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        paths = self.output_paths(parameters, context)
        with open_job(feedback) as job:
            inputs = ParameterValues(self, parameters, context, StepFeedback(feedback, 0, 10), job.folder)
            return self._run_job(job, inputs, paths, context, feedback)

    def _run_job(
        self,
        job: Job,
        inputs: ParameterValues,
        paths: dict[str, str],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Run a job whose inputs are in its folder, with a checkpoint elsewhere if the user wants one."""
        task = self.task(inputs)
        checkpoint, pair_rasters = checkpoint_folder(inputs), self._pair_rasters(inputs, feedback)
        folder = pair_rasters.folder if pair_rasters else Path(checkpoint)
        resume_parameters: dict[str, Any] = {}
        if pair_rasters:
            resume_parameters = {
                "checkpoint": str(pair_rasters.checkpoint),
                "max_pending": MAX_PENDING_RESULTS,
                "per_run_outputs": pair_rasters.requested,
                "completed_runs": pair_rasters.completed_runs(run_names(task)),
            }
        elif checkpoint:
            resume_parameters = {"checkpoint": checkpoint, "max_pending": MAX_PENDING_RESULTS}
        table = PartialTable(
            folder / TABLE_NAME,
            lambda arrays: resistance_table(inputs, Result(arrays, {})),
            inputs.landscape.grid.crs,
            context,
            StepFeedback(feedback, 90, 90),
        )

        def write_partial_result(partial: PartialResult) -> None:
            if partial.name in ("resistances", "resistances_partial"):
                table.update(partial.arrays, final=partial.name == "resistances")
            else:
                pair_rasters.write(partial)

        task = replace(task, parameters={**task.parameters, **resume_parameters})
        on_partial_result = write_partial_result if resume_parameters else None
        with resumable(folder if resume_parameters else "", feedback):
            result = job.run(task, StepFeedback(feedback, 10, 90), on_partial_result)
            if resume_parameters:
                table.update(result.outputs, final=True)
        outputs = self.write_outputs(inputs, result, paths, context, feedback)
        log_checkpoint_done(checkpoint, feedback)
        if pair_rasters:
            delete_cached_arrays(pair_rasters.checkpoint)
            outputs["SINGLE_MAPS"] = str(pair_rasters.folder)
        return outputs

    def _pair_rasters(self, inputs: ParameterValues, feedback: QgsProcessingFeedback) -> PairRasterFolder | None:
        if not inputs.is_provided("SINGLE_MAPS"):
            return None
        folder = Path(inputs.text("SINGLE_MAPS")).absolute()
        requested = "both" if inputs.flag("VOLTAGES") else "currents"
        grid, progress = inputs.landscape.grid, StepFeedback(feedback, 10, 10)
        return PairRasterFolder(folder, inputs.focal, grid, requested, self.presenter.provenance, progress)

    def warn_about_result(self, inputs: ParameterValues, result: Result, feedback: QgsProcessingFeedback) -> None:
        if result.metrics["unconnected"]:
            feedback.pushWarning(describe_components(inputs.focal, result))

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        total, maximum = result.outputs["cumulative"], result.outputs.get("maximum")
        names = (tr("cumulative current, ampere"),)
        rasters = [RasterOutput("OUTPUT", total, current_style(total, "A"), band_names=names)]
        if maximum is not None:
            names = (tr("maximum current, ampere"),)
            rasters.append(RasterOutput("MAXIMUM_MAP", maximum, current_style(maximum, "A"), band_names=names))
        return rasters

    def table_outputs(self, inputs: ParameterValues, result: Result) -> list[Table]:
        return [resistance_table(inputs, result)]

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        numbers = result.metrics
        text = tr(
            "{runs:# run|# runs} between {focal_nodes:# focal node|# focal nodes}; the largest cumulative current is "
            "{maximum_current:.4g} A."
        )
        feedback.pushInfo(text.format(**numbers))
        if numbers["cells_without_flow"]:
            text = tr(
                "No current flows in "
                "{cells_without_flow:# cell: it lies in a component|# cells: they lie in components} of the landscape "
                "with fewer than two focal nodes."
            )
            feedback.pushWarning(text.format(**numbers))
