"""A QGIS process that runs draws one after the other: numbers on standard input, one line of JSON each in return."""

from __future__ import annotations

import faulthandler
import gc
import importlib.util
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsMapLayer,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingUtils,
    QgsProject,
)
from qgis.PyQt.QtCore import QEventLoop

ROOT = Path(__file__).resolve().parents[2]


class Log(QgsProcessingFeedback):
    """Keeps all that a user would read."""

    def __init__(self) -> None:
        super().__init__(False)
        self.texts: list[str] = []
        self.errors: list[str] = []
        #: For engineers: set apart from what a user should read.
        self.details: list[str] = []

    def reportError(self, error, fatalError=False):  # noqa: N802, N803
        self.errors.append(error)

    def pushInfo(self, info):  # noqa: N802
        self.texts.append(info)

    def pushWarning(self, warning):  # noqa: N802
        self.texts.append(warning)

    def pushDebugInfo(self, info):  # noqa: N802
        self.details.append(info)

    def pushConsoleInfo(self, info):  # noqa: N802
        self.details.append(info)

    def setProgressText(self, text):  # noqa: N802
        self.texts.append(text)


def serve(folder: Path, seed: int) -> None:
    """Run the draws whose numbers are read until there are no more."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    log = (folder / "qgis.log").open("ab")
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    faulthandler.enable(log)
    faulthandler.register(signal.SIGUSR1, log)
    qgis = QgsApplication([], False)
    qgis.initQgis()
    provider = _register_provider()
    algorithms = sorted(provider.algorithms(), key=lambda algorithm: algorithm.name())
    answers.write(json.dumps([algorithm.name() for algorithm in algorithms]) + "\n")
    for line in sys.stdin:
        started = time.monotonic()
        answer = run_draw(seed, int(line), algorithms, folder)
        answers.write(json.dumps({**answer, "seconds": round(time.monotonic() - started, 2)}) + "\n")
    answers.close()
    os._exit(0)  # QGIS may crash in its last moments, long after the last draw


def _register_provider() -> Any:
    sys.path.append(str(Path(QgsApplication.pkgDataPath()) / "python" / "plugins"))
    from processing.core.Processing import Processing

    Processing.initialize()
    spec = importlib.util.spec_from_file_location(
        "permea", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    sys.modules["permea"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["permea"])
    from permea.ui.plugin import PermeaPlugin

    plugin = PermeaPlugin(None)
    plugin.initProcessing()
    return plugin.provider


def run_draw(seed: int, number: int, algorithms: list, folder: Path) -> dict[str, Any]:
    """Run one draw and check it; return its record."""
    from checks import (
        complete_files,
        differences,
        file_contents,
        is_explained,
        leftovers,
        message_errors,
        unreadable_outputs,
    )
    from draws import make_draw

    where = folder / f"draw {number}"
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    log_size = (folder / "qgis.log").stat().st_size
    draw = make_draw(seed, number, algorithms, where)
    algorithm = next(each for each in algorithms if each.name() == draw.algorithm)
    kinds = {each.name(): each.type() for each in algorithm.destinationParameterDefinitions()}
    _load_as_qgis_does(algorithm, draw.parameters)
    before = {name: file_contents(where / name) for name in ("inputs", "outputs")}
    # A GeoPackage gains a layer beside the one that is read from it.
    sources = {source for source in _sources(draw, kinds) if not source.endswith(".gpkg")}
    destinations = [os.path.normpath(draw.parameters[name]) for name in kinds if _is_path(draw, name)]
    destinations = [os.path.relpath(path, where / "inputs") for path in destinations if path not in sources]
    log = Log()
    outcome, message, results = _run(algorithm.id(), draw.parameters, draw.in_thread, log)
    errors = []
    if outcome == "exception":
        errors.append(f"exception: {message[:600]}")
    elif outcome == "result":
        infinite = draw.parameters.get("UNREACHABLE") not in (None, "", "nodata", 0, "0")
        errors += unreadable_outputs(results, kinds, may_be_infinite=infinite)
    elif not is_explained(message):
        errors.append(f"no words: {message!r}")
    record = {"number": number, "algorithm": draw.algorithm, "words": draw.words, "in_thread": draw.in_thread}
    record |= {"outcome": outcome, "message": message, "log": log.texts[-40:]}
    record["details"] = "\n".join(log.details)[-6000:]
    record |= {"parameters": {name: repr(value)[:300] for name, value in draw.parameters.items()}}
    # Layers keep their files open.
    results.clear()
    draw.parameters.clear()
    gc.collect()
    after = {name: file_contents(where / name) for name in ("inputs", "outputs")}
    changes = differences(before["inputs"], after["inputs"], requested=destinations)
    errors += [f"input changed: {text}" for text in changes]
    if outcome != "result":
        if isinstance(algorithm, QgsProcessingModelAlgorithm):
            before["outputs"] |= complete_files(where / "outputs", after["outputs"])  # of the steps before
        errors += [f"half-written: {text}" for text in differences(before["outputs"], after["outputs"])]
        errors += message_errors(message, [*log.texts, *log.errors])
    else:
        errors += message_errors("", [*log.texts, *log.errors])
    errors += [f"left behind: {text}" for text in leftovers(where / "outputs")]
    errors += _session_errors(folder, log_size, may_keep_job="It was not started" in message)
    return {**record, "errors": errors}


def _is_path(draw: Any, name: str) -> bool:
    value = draw.parameters.get(name)
    return isinstance(value, str) and os.path.isabs(value)


def _sources(draw: Any, kinds: dict[str, str]) -> Iterator[str]:
    """Yield from where the inputs of a draw are read; a file that another draw would read is no input of this one."""
    for name, value in draw.parameters.items():
        if name in kinds:
            continue
        if isinstance(value, QgsProcessingFeatureSourceDefinition):
            value = value.source.staticValue()
        layer = QgsProject.instance().mapLayer(value) if isinstance(value, str) else value
        source = layer.source() if isinstance(layer, QgsMapLayer) else str(value)
        yield os.path.normpath(source.partition("|")[0])


def _load_as_qgis_does(algorithm: Any, parameters: dict[str, Any]) -> None:
    """Load the layers that are passed as text: QGIS itself writes statistics beside a raster when it does."""
    context = QgsProcessingContext()
    for definition in algorithm.parameterDefinitions():
        value = parameters.get(definition.name())
        if definition.type() in ("raster", "source") and isinstance(value, str):
            QgsProcessingUtils.mapLayerFromString(value, context)
    context.temporaryLayerStore().removeAllMapLayers()


def _run(identifier: str, parameters: dict[str, Any], in_thread: bool, log: Log) -> tuple[str, str, dict[str, Any]]:
    """Return the outcome ("result", "refused", "error" or "exception"), the error, and the results."""
    import processing

    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    context.setFeedback(log)
    try:
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(identifier)
        accepted, message = algorithm.checkParameterValues(parameters, context)
        if not accepted:
            return "refused", message, {}
        if in_thread:
            return _run_in_thread(algorithm, parameters, context, log)
        return "result", "", processing.run(identifier, parameters, feedback=log, context=context)
    except QgsProcessingException as error:
        return "error", "\n".join([*log.errors, str(error)]), {}
    except Exception as error:
        return "exception", f"{type(error).__name__}: {error}", {}
    finally:
        context.temporaryLayerStore().removeAllMapLayers()
        QgsProject.instance().removeAllMapLayers()


def _run_in_thread(algorithm, parameters, context, log) -> tuple[str, str, dict[str, Any]]:
    ended: list = []
    loop = QEventLoop()
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, log)

    def end(successful: bool, results: dict) -> None:
        ended.extend((successful, results))
        loop.quit()

    task.executed.connect(end)
    QgsApplication.taskManager().addTask(task)
    if not ended:
        loop.exec()
    successful, results = ended
    if not successful:
        return "error", "\n".join(log.errors), {}
    # As a script gets them: a layer that is nowhere but in memory, not its id.
    layers = {name: context.takeResultLayer(value) for name, value in results.items() if isinstance(value, str)}
    return "result", "", {**results, **{name: layer for name, layer in layers.items() if layer is not None}}


def _session_errors(folder: Path, log_size: int, *, may_keep_job: bool) -> list[str]:
    """Return what a run has done to the session: tracebacks on standard error, lost CRSs, jobs that are still there.

    A job that needs more memory than there is stays, to be run on another computer; any other tells that the cause of
    the failure is not known.
    """
    errors = []
    with (folder / "qgis.log").open("rb") as log:
        log.seek(log_size)
        printed = log.read().decode("utf-8", "replace")
    if "Traceback" in printed:
        errors.append(f"traceback on standard error: {printed[-500:]}")
    if not QgsCoordinateReferenceSystem("EPSG:31985").toWkt():
        errors.append("QGIS has lost its coordinate systems")
    for job in Path(QgsProcessingUtils.tempFolder()).glob("permea-*"):
        if not may_keep_job:
            errors.append("unexplained failure: the job was kept for developers")
        shutil.rmtree(job, ignore_errors=True)
    return errors
