"""An exploration: a raster layer, a target cell, strokes of a brush, and the views that the engine computes of them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ...plugin.engine_errors import EngineNotFound
from ...plugin.i18n import tr
from ...plugin.layers import ReducedLandscape, open_band, read_reduced, write_painted
from ...plugin.runner import free_memory
from ...plugin.system_errors import system_reason
from ..background import BackgroundTasks
from .engine_process import ExplorationProcess

# Most cells that are explored; they take more than 1 GB in the engine, and half a second for a sharp view.
MAX_CELLS = 1_200_000

# Memory of the engine: for itself, and for each cell with its copy for painting.
ENGINE_BYTES, CELL_BYTES = 450e6, 900

# With fewer cells a map would show nothing, however little memory is free.
FEWEST_CELLS = 20_000

# Origins of a run of an algorithm that stand for all cells.
SPREAD_ORIGINS = 100

LANDSCAPE_FILES = {"landscape": "landscape.npy", "valid": "valid.npy"}
PAINTED_FILE = "painted.npy"


@dataclass(frozen=True)
class Settings:
    """How a landscape is read.

    Parameters
    ----------
    band
        Band number, from 1.
    values
        "permeability" or "resistance".
    neighbors, edge_rule
        As the algorithms' parameters.
    """

    band: int
    values: str
    neighbors: str
    edge_rule: str


@dataclass(frozen=True)
class ViewRequest:
    """What to show; as the engine's `exploration.Request`, with rows and columns of the explored landscape."""

    target: tuple[int, int]
    distance: str
    quantity: str
    origins: tuple[tuple[int, int], ...] = ()
    theta: float = 0.01
    change: bool = False


@dataclass(frozen=True, eq=False)
class ShownView:
    """An answer of the engine.

    Parameters
    ----------
    request
        The request.
    pixels, values
        The map as bytes for colours and as numbers.
    factor
        Number of cells of the layer along one side of a cell of the map.
    numbers
        The engine's numbers: low, high, scale, mean, mean_before, origins, unreached, seconds.
    sequence
        Number of the request.
    preview
        Whether a sharper view follows.
    latency
        Seconds since the request.
    """

    request: ViewRequest
    pixels: np.ndarray
    values: np.ndarray
    factor: int
    numbers: dict = field(default_factory=dict)
    sequence: int = 0
    preview: bool = False
    latency: float = 0.0


class Exploration(QObject):
    """The exploration of one layer.

    Signals
    -------
    loaded
        The landscape has been read, and views can be requested.
    viewed
        A `ShownView`.
    painted
        The engine's numbers of strokes, undone strokes and painted cells, by name.
    refused
        Why something cannot be done, and whether the cause is that no engine is installed.
    busy
        What is going on; empty at its end.
    saved
        The painted landscape has been written to this file.
    """

    loaded = pyqtSignal()
    viewed = pyqtSignal(object)
    painted = pyqtSignal(dict)
    refused = pyqtSignal(str, bool)
    busy = pyqtSignal(str)
    saved = pyqtSignal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.max_cells = MAX_CELLS
        self.process = ExplorationProcess(self)
        self.process.answered.connect(self._answered)
        self.process.ended.connect(self._ended)
        self.landscape: ReducedLandscape | None = None
        self.layer: QgsRasterLayer | None = None
        self.settings: Settings | None = None
        self.strokes, self.undone, self.painted_cells = 0, 0, 0
        self._tasks = BackgroundTasks(self)
        self._edits: list[dict] = []
        self.sequence, self._requests = 0, {}
        self._last_request: ViewRequest | None = None
        self._loads = 0
        self._save_to = ""
        self.is_ready = False

    def open(self, layer: QgsRasterLayer, settings: Settings) -> None:
        """Read a layer and start the engine, unless it is running."""
        self.forget()
        self.layer, self.settings = layer, settings
        try:
            self.process.start()
            band = open_band(layer, settings.band)
        except EngineNotFound as error:
            self.refused.emit(str(error), True)
            return
        except QgsProcessingException as error:
            self.refused.emit(str(error), False)
            return
        self.busy.emit(tr("Reading the landscape…"))
        most_cells = self._most_cells()

        def read(is_cancelled) -> ReducedLandscape:
            feedback = _Feedback(is_cancelled)
            return read_reduced(band, settings.values, most_cells, feedback)

        self._tasks.start(read, self._read, self._not_read)

    def close(self) -> None:
        """End the engine's process and forget the landscape and its strokes."""
        self.process.stop()
        self.forget()

    def forget(self) -> None:
        """Forget the landscape and its strokes; the engine keeps running."""
        self._tasks.cancel()
        self._loads += 1
        self.process.send({"op": "unload"})
        self.landscape = self.layer = self.settings = None
        self._edits.clear()
        self._requests.clear()
        self._last_request = None
        self.is_ready = False
        self.strokes = self.undone = self.painted_cells = 0

    def change_graph(self, neighbors: str, edge_rule: str) -> None:
        """Explore the same landscape with other edges; strokes are kept."""
        if self.settings is not None and self.landscape is not None:
            self.settings = Settings(self.settings.band, self.settings.values, neighbors, edge_rule)
            self._load()

    def show(self, request: ViewRequest) -> None:
        """Request a view; of several that wait only the last one is computed."""
        self._last_request = request
        if not self.is_ready:
            return
        self.sequence += 1
        self._requests[self.sequence] = (request, time.perf_counter())
        for old in [number for number in self._requests if number < self.sequence - 50]:
            del self._requests[old]
        self.process.send(
            {
                "op": "view",
                "sequence": self.sequence,
                "target": list(request.target),
                "distance": request.distance,
                "quantity": request.quantity,
                "origins": [list(origin) for origin in request.origins] or None,
                "theta": request.theta,
                "change": request.change,
            }
        )

    def prepare_painting(self) -> None:
        """Let the engine prepare for the first stroke of a brush."""
        if self.is_ready:
            self.process.send({"op": "prepare", "sequence": self._loads})

    def paint(
        self, start: tuple[float, float], end: tuple[float, float], radius: float, value: float, *, extend: bool
    ) -> None:
        """Paint along a line.

        Parameters
        ----------
        start, end
            Row and column, not rounded, of the ends.
        radius
            Radius of the brush, in cells.
        value
            The new value of the cells; 0 for a barrier.
        extend
            Whether to continue the last stroke rather than begin one.
        """
        request = {"start": list(start), "end": list(end), "radius": radius, "value": value, "extend": extend}
        self._do({"op": "paint", **request})

    def undo(self) -> None:
        """Undo the last stroke."""
        self._do({"op": "undo"})

    def redo(self) -> None:
        """Paint the last undone stroke again."""
        self._do({"op": "redo"})

    def save_painted(self, path: str) -> None:
        """Write the painted landscape to a new file; `saved` follows."""
        self._save_to = path
        self.process.send({"op": "save", "sequence": self._loads, "file": PAINTED_FILE})

    def cell_at(self, x: float, y: float) -> tuple[float, float]:
        """Return row and column, not rounded, of a point in the layer's coordinates, in the explored landscape."""
        left, width, _, top, _, step_down = self.landscape.grid.geotransform
        factor = self.landscape.factor
        return (y - top) / (step_down * factor), (x - left) / (width * factor)

    def centre_of(self, cell: tuple[int, int]) -> tuple[float, float]:
        """Return x and y of the centre of a cell of the explored landscape."""
        left, width, _, top, _, step_down = self.landscape.grid.geotransform
        factor = self.landscape.factor
        return left + (cell[1] + 0.5) * width * factor, top + (cell[0] + 0.5) * step_down * factor

    def spread_origins(self) -> list[tuple[int, int]]:
        """Return cells that stand for all cells as origins, where an algorithm takes points only."""
        return [(int(row), int(column)) for row, column in self.landscape.spread_cells(SPREAD_ORIGINS)]

    def cell_size(self) -> tuple[float, float]:
        """Return height and width of a cell of the explored landscape, in the layer's units."""
        height, width = self.landscape.grid.pixel_size
        return height * self.landscape.factor, width * self.landscape.factor

    def _most_cells(self) -> int:
        """Return how many cells can be explored with the free memory."""
        free = free_memory()
        if free is None:
            return self.max_cells
        return int(max(min(FEWEST_CELLS, self.max_cells), min(self.max_cells, (free - ENGINE_BYTES) / CELL_BYTES)))

    def _do(self, request: dict) -> None:
        if self.is_ready:
            self._edits.append(request)
            self.process.send({**request, "sequence": self._loads})

    def _read(self, landscape: ReducedLandscape) -> None:
        if not self.process.is_running:
            return  # it has ended meanwhile, and `_ended` has told the user why
        self.landscape = landscape
        try:
            for name, array in (("landscape", landscape.values), ("valid", landscape.valid)):
                np.save(self.process.folder / LANDSCAPE_FILES[name], array, allow_pickle=False)
        except OSError as error:
            text = tr("The temporary folder cannot be written to: {reason}.")
            self._not_read(text.format(reason=system_reason(error)), "")
            return
        self._load()

    def _not_read(self, message: str, _details: str) -> None:
        self.busy.emit("")
        self.close()
        self.refused.emit(message, False)

    def _load(self) -> None:
        self.is_ready = False
        self._loads += 1
        settings = self.settings
        self.busy.emit(tr("Starting the engine… After an installation this takes a minute once."))
        self.process.send(
            {
                "op": "load",
                "sequence": self._loads,
                **LANDSCAPE_FILES,
                "values": settings.values,
                "neighbors": settings.neighbors,
                "edge_rule": settings.edge_rule,
                "pixel_size": list(self.cell_size()),
            }
        )

    def _answered(self, answer: dict) -> None:
        kind = answer.get("type")
        if kind == "state":
            self._state(answer)
        elif kind == "view":
            self._view(answer)
        elif kind == "no_target":
            self.refused.emit(tr("This cell is a barrier or has no data. Choose another place."), False)
        elif kind == "error":
            self.busy.emit("")
            self.refused.emit(tr("The engine: {text}.").format(text=str(answer.get("text", "")).rstrip(".")), False)

    def _state(self, answer: dict) -> None:
        if answer["sequence"] != self._loads:
            return  # about an earlier landscape
        self.strokes, self.undone = answer["strokes"], answer["undone"]
        self.painted_cells = answer["painted_cells"]
        if answer["op"] == "load":
            self.is_ready = True
            self.busy.emit("")
            for request in self._edits:
                self.process.send({**request, "sequence": self._loads})
            self.loaded.emit()
            if self._last_request is not None:
                self.show(self._last_request)
        elif answer["op"] == "save":
            self._write_painted()
        self.painted.emit(answer)

    def _view(self, answer: dict) -> None:
        requested = self._requests.get(answer.get("sequence"))
        if requested is None or not self.is_ready:
            return
        try:
            pixels, values = (np.load(self.process.folder / answer[name]) for name in ("pixels", "values"))
        except (OSError, ValueError):
            return  # replaced by newer views
        request, since = requested
        factor, preview = answer["factor"] * self.landscape.factor, bool(answer["preview"])
        latency = time.perf_counter() - since
        self.viewed.emit(ShownView(request, pixels, values, factor, answer, answer["sequence"], preview, latency))

    def _ended(self, text: str, again: bool) -> None:
        self.is_ready = False
        self.busy.emit("")
        self.refused.emit(text, False)
        if not again or self.layer is None:
            return
        try:
            self.process.start()
        except QgsProcessingException as error:
            self.refused.emit(str(error), isinstance(error, EngineNotFound))
            return
        if self.landscape is not None:  # otherwise `_read` loads it
            self._load()

    def _write_painted(self) -> None:
        path, layer, band, factor = self._save_to, self.layer, self.settings.band, self.landscape.factor
        painted = np.load(self.process.folder / PAINTED_FILE)
        self.busy.emit(tr("Writing the painted landscape…"))

        def write(is_cancelled) -> str:
            write_painted(path, layer, band, painted, factor, _Feedback(is_cancelled))
            return path

        def written(path: str) -> None:
            self.busy.emit("")
            self.saved.emit(path)

        def not_written(message: str, _details: str) -> None:
            self.busy.emit("")
            self.refused.emit(message, False)

        self._tasks.start(write, written, not_written)


class _Feedback(QgsProcessingFeedback):
    """Feedback that is cancelled with a background task."""

    def __init__(self, is_cancelled) -> None:
        super().__init__(False)
        self._is_cancelled = is_cancelled

    def isCanceled(self) -> bool:
        return bool(self._is_cancelled())
