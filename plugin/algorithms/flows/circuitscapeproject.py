"""A Circuitscape project, run as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
)

from ...circuitscape import IniOptions, ResultWriter, read_project
from ...i18n import tr
from ...runner import open_job
from ..base import FLOWS, EngineRequiredAlgorithm
from ..help import Help
from ..outputs import NumberOutput, common_outputs
from ..parameters import with_help
from ..resume import delete_cached_arrays, resume_hint
from ..step_feedback import StepFeedback

#: Parts of the result that the engine is ahead of what is written.
AHEAD = 4


class CircuitscapeProject(EngineRequiredAlgorithm):
    """An `.ini` of Circuitscape, its files, and the results under the names that Circuitscape gives them."""

    identifier = "circuitscapeproject"
    title = tr("Run a Circuitscape project")
    toolbox_group = FLOWS
    summary = tr("Runs the .ini of a Circuitscape project as it is, and writes the files Circuitscape would write.")
    help = Help(
        description=tr(
            "Runs a project of Circuitscape without Circuitscape: pairwise, one-to-all, all-to-one and advanced mode "
            "on rasters, pairwise and advanced mode on networks, with focal regions, short-circuit regions, mask, "
            "included or excluded pairs, variable source strengths and conflict policies. The results agree with "
            "those that Circuitscape's own tests expect."
        ),
        when_to_use=tr(
            "Use it for projects that exist already, to repeat published work, or to compare. For a new question "
            "“Current flow” and “Current flow from sources to grounds” take layers instead of files."
        ),
        outputs=tr(
            "A folder with the files that Circuitscape would write: NAME_resistances.out and "
            "NAME_resistances_3columns.out (−1 where two nodes are not connected), NAME_curmap_1_2.asc and "
            "NAME_voltmap_1_2.asc for each pair, NAME_cum_curmap.asc and NAME_max_curmap.asc, as far as the project "
            "asks for them. Each is written as soon as it is known. If the run is cancelled or the computer fails, run "
            "it again with the same folder: it goes on where it was, and refuses if the project or its files have "
            "changed. For that it keeps a folder NAME_unfinished, which may be deleted with the results; while a run "
            "between points goes on, it takes 8 bytes for each cell and point."
        ),
        references=(
            "McRae, B. H., Dickson, B. G., Keitt, T. H. & Shah, V. B. (2008). Using circuit theory to model "
            "connectivity in ecology, evolution, and conservation. Ecology 89, 2712–2724.",
            "Anantharaman, R., Hall, K., Shah, V. B. & Edelman, A. (2020). Circuitscape in Julia: high performance "
            "connectivity modelling to support conservation decisions. JuliaCon Proceedings 1, 58.",
        ),
        caption=tr(
            "The sample as a project of Circuitscape: the sum of the currents between nine focal nodes (rings), "
            "the file NAME_cum_curmap.asc."
        ),
    )
    number_outputs = (
        *common_outputs(),
        NumberOutput("focal_nodes", tr("Focal nodes (empty in advanced mode)")),
        NumberOutput("runs", tr("Runs whose maps were summed (empty where there was no sum)")),
        NumberOutput("unconnected", tr("Pairs, or focal nodes, that are not connected (empty in advanced mode)")),
        NumberOutput(
            "kcl_residual",
            tr("Largest current that is not conserved, beside the largest current"),
            output="UNCONSERVED",
        ),
        NumberOutput("files", tr("Files written in this run")),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            with_help(
                QgsProcessingParameterFile(
                    "INPUT", tr("Circuitscape project"), QgsProcessingParameterFile.Behavior.File, "ini"
                ),
                tr(
                    "The .ini file. Files that it names by relative paths are looked for from its own folder upward. "
                    "Rasters may be ESRI grids (.asc) or GeoTIFFs, packed (.gz) or not. Options about solvers, "
                    "memory and logs are of no consequence; one that is not known and switched on is refused."
                ),
            ),
            with_help(
                QgsProcessingParameterFolderDestination("OUTPUT", tr("Folder of results")),
                tr(
                    "The folder that receives the results; it is made if it is not there. Results of other runs in it "
                    "are never overwritten."
                ),
            ),
        ]

    def run_algorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        path = Path(self.parameterAsFile(parameters, "INPUT", context))
        feedback.setProgressText(tr("Reading the project"))
        options = IniOptions.read(path)
        if options.unused():
            text = tr("Options that are not known and not switched on: {}.")
            feedback.pushInfo(text.format(", ".join(options.unused())))
        project = read_project(options, StepFeedback(feedback, 0, 5))
        target = Path(self.parameterAsString(parameters, "OUTPUT", context)).absolute()
        folder = ResultWriter(target, project, StepFeedback(feedback, 5, 5))
        have = folder.have()
        if have:
            text = tr("{count:,} of {all:,} runs are in the folder already and are not written again.")
            feedback.pushInfo(text.format(count=len(have), all=len(project.runs)))
        go_on = {"checkpoint": str(folder.kept), "completed_runs": have, "max_pending": AHEAD}
        task = replace(project.task, parameters={**project.task.parameters, **go_on})
        with open_job(feedback) as job, resume_hint(target, feedback):
            result = job.run(task, StepFeedback(feedback, 5, 97), folder.take)
        folder.finish(result)
        delete_cached_arrays(folder.kept)
        self._report(result.metrics, folder, feedback)
        numbers = {figure.name: result.metrics.get(figure.key) for figure in self.number_outputs}
        return {"OUTPUT": str(target), **numbers, "FILES": len(folder.files)}

    @staticmethod
    def _report(numbers: dict[str, Any], folder: ResultWriter, feedback: QgsProcessingFeedback) -> None:
        text = tr("Computed in {seconds:.1f} s with {solver}; {files:,} files written to '{folder}'.")
        feedback.pushInfo(
            text.format(
                seconds=numbers["seconds"],
                solver=numbers["solver"] or tr("no solver"),
                files=len(folder.files),
                folder=folder.folder,
            )
        )
        if numbers.get("kcl_residual") is not None:
            text = tr("Largest current that is not conserved, beside the largest current: {:.1e}.")
            feedback.pushInfo(text.format(numbers["kcl_residual"]))
        if numbers.get("unconnected"):
            text = tr(
                "{unconnected:,} of the pairs or focal nodes are not connected: barriers part them. Their resistance "
                "is −1, and nothing flows."
            )
            feedback.pushWarning(text.format(**numbers))
        if numbers.get("cells_without_flow"):
            text = tr(
                "{cells_without_flow:,} cells lie in parts of the landscape where nothing flows, as fewer than two "
                "focal nodes, or no source and ground, lie there."
            )
            feedback.pushInfo(text.format(**numbers))
