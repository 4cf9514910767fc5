"""Run a Circuitscape project."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
)

from ...cancelled import stop_if_cancelled
from ...circuitscape import (
    IniOptions,
    Project,
    ResultWriter,
    is_omniscape,
    log_ignored,
    omniscape_outputs,
    omniscape_parameters,
    read_project,
)
from ...detailed_exception import log_details
from ...i18n import tr
from ...layers import StagedFiles, created_folder
from ...runner import Job, open_job
from ..base import FLOWS, EngineRequiredAlgorithm
from ..destinations import require_valid_destinations
from ..help import Help
from ..outputs import NumberOutput, common_outputs, conservation_output, solver_details
from ..parameter_types import boolean, with_help
from ..report import Contents, write_report
from ..resume import MAX_PENDING_RESULTS, delete_cached_arrays, resumable
from ..step_feedback import StepFeedback
from .movingwindowcurrent import MovingWindowCurrent
from .project_layers import MAX_LAYERS, load_result_files, maps_of_project


class CircuitscapeProject(EngineRequiredAlgorithm):
    """A Circuitscape `.ini` file, its input files, and results with Circuitscape's file names."""

    identifier = "circuitscapeproject"
    title = tr("Run a Circuitscape project")
    search_words = "conductance, circuit theory, Circuitscape, Omniscape"
    toolbox_group = FLOWS
    summary = tr("Runs the .ini file of a Circuitscape project and writes the files that Circuitscape would write.")
    help = Help(
        description=tr(
            "Runs a Circuitscape project without Circuitscape: pairwise, one-to-all, all-to-one and advanced mode on "
            "rasters, pairwise and advanced mode on networks, with focal regions, short-circuit regions, mask, "
            "included or excluded pairs, variable source strengths and conflict policies. The results agree with the "
            "expected results of Circuitscape's own tests. Projects of Omniscape are run as well."
        ),
        when_to_use=tr(
            "Use it for existing projects, to reproduce published work, or to compare. For a new question, “Current "
            "flow” and “Current flow from sources to grounds” take layers instead of files."
        ),
        outputs=tr(
            "A folder with the files that Circuitscape would write: NAME_resistances.out and "
            "NAME_resistances_3columns.out (−1 for nodes that are not connected), NAME_curmap_1_2.asc and "
            "NAME_voltmap_1_2.asc for each pair, NAME_cum_curmap.asc and NAME_max_curmap.asc, as requested by the "
            "project. Each file is written as soon as it is computed. If the run is cancelled or the computer fails, "
            "run it again with the same folder to resume it; it is rejected if the project or its files have changed. "
            "The checkpoint is in the folder NAME_checkpoint, which may be deleted after the run; during a run "
            "between points it takes 8 bytes for each cell and point. For a project of Omniscape: cum_currmap.tif and, "
            "if the project asks for them, flow_potential.tif and normalized_cum_currmap.tif."
        ),
        references=(
            "McRae, B. H., Dickson, B. G., Keitt, T. H. & Shah, V. B. (2008). Using circuit theory to model "
            "connectivity in ecology, evolution, and conservation. Ecology 89, 2712–2724.",
            "Anantharaman, R., Hall, K., Shah, V. B. & Edelman, A. (2020). Circuitscape in Julia: high performance "
            "connectivity modelling to support conservation decisions. JuliaCon Proceedings 1, 58.",
        ),
        caption=tr(
            "The sample as a Circuitscape project: the cumulative current between nine focal nodes (rings), the file "
            "NAME_cum_curmap.asc."
        ),
    )
    writes_report = True
    number_outputs = (
        *common_outputs(),
        NumberOutput("focal_nodes", tr("Focal nodes"), remark=tr("(empty in advanced mode)")),
        NumberOutput("runs", tr("Runs whose maps were summed"), remark=tr("(empty without a cumulative map)")),
        NumberOutput(
            "unconnected",
            tr("Pairs, or focal nodes, that are not connected"),
            remark=tr("(empty in advanced mode)"),
        ),
        conservation_output(),
        NumberOutput("files", tr("Files written in this run")),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            with_help(
                QgsProcessingParameterFile(
                    "INPUT", tr("Circuitscape project"), QgsProcessingParameterFile.Behavior.File, "ini"
                ),
                tr(
                    "The .ini file of Circuitscape, or of Omniscape, which is run as “Moving-window current”. Relative "
                    "paths in it are resolved from its own folder upwards; files of another computer (D:\\…) are "
                    "searched for beside the .ini file. Rasters may be ESRI grids (.asc) or GeoTIFFs, optionally "
                    "compressed (.gz). Options about solvers, memory and logs have no effect; unknown options that are "
                    "switched on are rejected, and the log names other options without an effect."
                ),
            ),
            with_help(
                QgsProcessingParameterFolderDestination("OUTPUT", tr("Output folder")),
                tr(
                    "The folder for the results; it is created if it does not exist. Results of other runs in it are "
                    "never overwritten."
                ),
            ),
            boolean(
                "LOAD",
                tr("Load the maps and tables"),
                tr(
                    "Load the result files into the project, with styles and in a group. Of more than "
                    "{limit:# file|# files} only the sums and the resistances are loaded."
                ).format(limit=MAX_LAYERS),
                default=True,
            ),
        ]

    def run_algorithm(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        path = Path(self.parameterAsFile(parameters, "INPUT", context))
        feedback.setProgressText(tr("Reading the project"))
        options = IniOptions.read(path)
        folder = Path(self.parameterAsString(parameters, "OUTPUT", context)).absolute()
        if is_omniscape(options):
            load = self.parameterAsBoolean(parameters, "LOAD", context)
            return self._run_omniscape(options, folder, load, parameters, context, feedback)
        require_valid_destinations(self, parameters, context)
        options.require_valid()
        log_ignored(options, feedback)
        load = self.parameterAsBoolean(parameters, "LOAD", context)
        with open_job(feedback) as job:
            project = read_project(options, job.folder, StepFeedback(feedback, 0, 5))
            with created_folder(folder):
                return self._run_project(job, project, folder, load, parameters, context, feedback)

    def _run_project(
        self,
        job: Job,
        project: Project,
        folder: Path,
        load: bool,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Run a project whose files have been read."""
        writer = ResultWriter(folder, project, StepFeedback(feedback, 5, 5))
        completed = writer.completed_runs()
        if completed:
            text = tr(
                "{count:,} of {all:# run|# runs} {count:is|are} already complete in the folder and {count:is|are} "
                "skipped."
            )
            feedback.pushInfo(text.format(count=len(completed), all=len(project.runs)))
        resume_parameters = {
            "checkpoint": str(writer.checkpoint),
            "completed_runs": completed,
            "max_pending": MAX_PENDING_RESULTS,
        }
        task = replace(project.task, parameters={**project.task.parameters, **resume_parameters})
        with resumable(folder, feedback):
            result = job.run(task, StepFeedback(feedback, 5, 97), writer.write_partial)
        writer.finish(result)
        delete_cached_arrays(writer.checkpoint)
        if load:
            crs = project.grid.crs if project.grid is not None else QgsCoordinateReferenceSystem()
            load_result_files(writer.files, folder, project.options.name, crs, self.presenter, context, feedback)
        self._log_result(result.metrics, writer, feedback)
        numbers = {output: result.metrics.get(output.key) for output in self.number_outputs}
        maps = maps_of_project(writer.files, folder, project.options.name)
        contents = Contents(self, parameters, context, project.grid, maps, feedback, numbers=numbers)
        with StagedFiles() as staged:
            report = write_report(contents, staged)
            staged.replace_targets()
        by_name = {output.name: value for output, value in numbers.items()}
        return {"OUTPUT": str(folder), **report, **by_name, "FILES": len(writer.files)}

    def _run_omniscape(
        self,
        options: IniOptions,
        folder: Path,
        load: bool,
        chosen: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Run a project of Omniscape as moving-window current, with Omniscape's file names."""
        algorithm = MovingWindowCurrent()
        algorithm.initAlgorithm()
        text = tr("'{project}' is a project of Omniscape; it is run as “{algorithm}”.")
        feedback.pushInfo(text.format(project=options.path.name, algorithm=algorithm.displayName()))
        files = {name: folder / file for name, file in omniscape_outputs(options).items()}
        existing = [file.name for file in files.values() if file.exists()]
        if existing:
            raise QgsProcessingException(
                tr("'{folder}' already holds {files}, which would be overwritten. Choose another folder.").format(
                    folder=folder, files=", ".join(existing)
                )
            )
        with omniscape_parameters(options, feedback) as parameters, created_folder(folder):
            paths = {name: _destination(file, context, load) for name, file in files.items()}
            paths["REPORT"] = chosen.get("REPORT")
            result = algorithm.processAlgorithm({**parameters, **paths}, context, feedback)
            stop_if_cancelled(feedback)
        names = [output.name for output in self.number_outputs] + ["REPORT"] * ("REPORT" in result)
        return {"OUTPUT": str(folder), **{name: result.get(name) for name in names}, "FILES": len(files)}

    @staticmethod
    def _log_result(numbers: dict[str, Any], writer: ResultWriter, feedback: QgsProcessingFeedback) -> None:
        text = tr("Computed in {seconds:.1f} s; {files:# file|# files} written to '{folder}'.")
        feedback.pushInfo(
            text.format(
                seconds=numbers["seconds"],
                files=len(writer.files),
                folder=writer.folder,
            )
        )
        if numbers.get("unconnected"):
            numbers = {**numbers, "unconnected": numbers["unconnected"] - writer.nodes_without_current}
        if numbers.get("unconnected"):
            text = tr(
                "{unconnected:# pair or focal node is|# pairs or focal nodes are} not connected, because barriers "
                "separate them. Their resistance is −1 and no current flows."
            )
            feedback.pushWarning(text.format(**numbers))
        if numbers.get("cells_without_flow"):
            text = tr(
                "No current flows in "
                "{cells_without_flow:# cell: it lies in a component|# cells: they lie in components} of the landscape "
                "with fewer than two focal nodes, or without a source or a ground."
            )
            feedback.pushInfo(text.format(**numbers))
        log_details(solver_details(numbers), feedback)


def _destination(file: Path, context: QgsProcessingContext, load: bool) -> QgsProcessingOutputLayerDefinition:
    """Return the destination of a raster, which QGIS loads into the project if there is one."""
    return QgsProcessingOutputLayerDefinition(str(file), context.project() if load else None)
