"""Interactive mode: an exploration session that answers requests until its input ends.

Requests are JSON objects on standard input, one a line; answers are JSON objects on standard output. Arrays are `.npy`
files in one folder.

- `{"op": "load", "landscape": FILE, "valid": FILE, "values": …, "neighbors": …, "edge_rule": …, "pixel_size": […]}`
- `{"op": "paint", "start": [row, column], "end": …, "radius": cells, "value": …, "extend": …}`, `undo`, `redo`,
  `prepare` (a brush has been chosen) and `save` (`"file": FILE` receives the new values of the painted cells, NaN
  elsewhere). The answer to each of these, and to `load`, is a `state` with its `sequence`. `unload` frees the memory
  and has no answer.
- `{"op": "view", "sequence": n, "target": [row, column], "distance": …, "quantity": …, "origins": …, "theta": …,
  "change": …}` is answered by a `view` of a coarse raster, and then by one of the full raster. Of several views that
  wait only the last one is computed, and the full raster is skipped when another request waits.

The answer is `no_target` if the target of a view is a barrier, has no data or lies outside, and `error` if a request
fails for another reason. The session continues after both.
"""

import json
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..exploration import ExplorationSession, Request, View, picture_of
from ..storage import write_atomically
from .failures import FailureKind, describe_failure, traceback_text
from .protocol import Reporter

#: Seconds without a request after which the session prepares for the next one.
IDLE_SECONDS = 0.4

#: Views whose files stay on disk, because the reader may still read them.
MAX_VIEWS_ON_DISK = 6

#: θ of requests that give none.
DEFAULT_THETA = Request._field_defaults["theta"]


class _Requests:
    """Requests from a stream, read in a separate thread."""

    def __init__(self, lines: Iterable[str]):
        self._waiting: deque[str] = deque()
        self._condition = threading.Condition()
        self._ended = False
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()

    def _read(self, lines: Iterable[str]) -> None:
        for line in lines:
            with self._condition:
                self._waiting.append(line)
                self._condition.notify()
        with self._condition:
            self._ended = True
            self._condition.notify()

    def take(self, seconds: float | None) -> list[str] | None:
        """Wait for a request and return all that wait; none if the time is up, None at the end of the input."""
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._ended, seconds)
            lines = list(self._waiting)
            self._waiting.clear()
            return None if self._ended and not lines else lines

    @property
    def any_waiting(self) -> bool:
        """Whether a request waits."""
        return bool(self._waiting)


class Explorer:
    """Answers the requests of one session.

    Parameters
    ----------
    folder
        Landscapes are read from this folder, and views are written into it.
    report
        Receives the answers.
    """

    def __init__(self, folder: Path, report: Reporter):
        self._folder, self._report = folder, report
        self._session: ExplorationSession | None = None
        self._files: deque[Path] = deque()
        self._count = 0

    def serve(self, lines: Iterable[str]) -> None:
        """Answer requests until the input ends."""
        requests = _Requests(lines)
        self._report.answer("ready")
        warming, seconds = warm_up_exploration(), 0.0
        while (waiting := requests.take(seconds)) is not None:
            if not waiting:
                self._answer({"op": "refresh"})
                # Each step yields None; after the last one there is nothing left to do but wait.
                seconds = 0.0 if next(warming, self) is None else None
                continue
            view = None
            for request in (_parsed(line) for line in waiting):
                if request.get("op") == "view":
                    view = request
                else:
                    self._answer(request)
            if view is not None and self._answer(view, preview=True) and not requests.any_waiting:
                self._answer(view)
            seconds = IDLE_SECONDS

    def _answer(self, request: dict[str, Any], *, preview: bool = False) -> bool:
        """Answer a request; return whether it succeeded and, for a preview, whether a sharper view can follow."""
        try:
            if request.get("op") == "view":
                return self._view(request, preview)
            self._change(request)
        except Exception as error:
            failure = describe_failure(error)
            if failure.kind is not FailureKind.INPUT:
                sys.stderr.write(traceback_text(error) + "\n")
                sys.stderr.flush()
            text, sequence = failure.text, request.get("sequence")
            self._report.answer("error", kind=str(failure.kind), text=text, op=request.get("op"), sequence=sequence)
            return False
        return True

    def _change(self, request: dict[str, Any]) -> None:
        operation = request.get("op")
        if operation == "load":
            self._load(request)
        elif operation == "paint":
            start, end = (tuple(float(each) for each in request[name]) for name in ("start", "end"))
            self._loaded.paint_line(
                start, end, float(request["radius"]), float(request["value"]), extend=bool(request.get("extend"))
            )
        elif operation == "unload":
            self._session = None
            return
        elif operation == "undo":
            self._loaded.undo()
        elif operation == "redo":
            self._loaded.redo()
        elif operation == "prepare":
            self._loaded.prepare_painting()
        elif operation == "save":
            self._write(self._folder / request["file"], self._loaded.painted())
        elif operation == "refresh":
            if self._session is not None:
                self._session.refresh()
            return
        else:
            raise ValueError(f"there is no request {operation!r}")
        self._state(operation, request.get("sequence"))

    @property
    def _loaded(self) -> ExplorationSession:
        if self._session is None:
            raise ValueError("no landscape is loaded")
        return self._session

    def _load(self, request: dict[str, Any]) -> None:
        self._session = None  # frees its memory before the next session needs some
        landscape, valid = (np.load(self._folder / request[name]) for name in ("landscape", "valid"))
        height, width = request["pixel_size"]
        self._session = ExplorationSession(
            landscape,
            valid,
            values=request["values"],
            neighbors=request["neighbors"],
            edge_rule=request["edge_rule"],
            pixel_size=(height, width),
        )

    def _state(self, operation: str, sequence: int | None) -> None:
        session = self._loaded
        self._report.answer(
            "state",
            op=operation,
            sequence=sequence,
            strokes=session.strokes,
            undone=session.undone_strokes,
            painted_cells=session.painted_cells,
        )

    def _view(self, request: dict[str, Any], preview: bool) -> bool:
        session = self._loaded
        origins = request.get("origins")
        parsed = Request(
            tuple(request["target"]),
            request.get("distance", "leastcost"),
            request.get("quantity", "distance"),
            None if origins is None else tuple((row, column) for row, column in origins),
            float(request.get("theta", DEFAULT_THETA)),
            bool(request.get("change")),
        )
        if not session.is_passable(parsed.target):
            self._report.answer("no_target", sequence=request.get("sequence"))
            return False
        preview = preview and session.factor_of(parsed.distance, preview=True) > session.factor_of(parsed.distance)
        self._send(request.get("sequence"), parsed, session.view(parsed, preview=preview), preview)
        return preview

    def _send(self, sequence: int | None, request: Request, view: View, preview: bool) -> None:
        picture = picture_of(view.values, request.quantity, change=request.change)
        self._count += 1
        names = {"pixels": f"view-{self._count}-pixels.npy", "values": f"view-{self._count}-values.npy"}
        self._write(self._folder / names["pixels"], picture.pixels)
        self._write(self._folder / names["values"], view.values.astype(np.float32))
        self._files.extend(self._folder / name for name in names.values())
        while len(self._files) > 2 * MAX_VIEWS_ON_DISK:
            with suppress(OSError):  # on Windows the reader may have it open
                self._files.popleft().unlink()
        self._report.answer(
            "view",
            sequence=sequence,
            preview=preview,
            **names,
            factor=view.factor,
            low=picture.low,
            high=picture.high,
            scale=picture.scale,
            mean=view.mean,
            mean_before=view.mean_before,
            origins=view.origins,
            unreached=view.unreached,
            seconds=round(view.seconds, 4),
        )

    def _write(self, path: Path, values: np.ndarray) -> None:
        write_atomically(path, lambda file: np.lib.format.write_array(file, np.ascontiguousarray(values)))


def explore(folder: Path, report: Reporter, lines: Iterable[str]) -> None:
    """Run a session.

    Parameters
    ----------
    folder
        An existing folder, for the arrays.
    report
        Receives the answers.
    lines
        The requests.
    """
    Explorer(folder, report).serve(lines)


def warm_up_exploration() -> Iterator[None]:
    """Compile or load the kernels of an exploration step by step, because the first view would otherwise take seconds.

    Yields
    ------
    None
        After each step.
    """
    # Enough rows for levels of multigrid that several threads share.
    landscape = np.ones((600, 9))
    session = ExplorationSession(landscape, landscape > 0)
    for distance in ("leastcost", "resistance"):
        for quantity in ("distance", "flow", "sensitivity"):
            picture_of(session.view(Request((0, 0), distance, quantity)).values, quantity)
            yield
        session.paint([(12, 4)], 0.5)
        session.view(Request((0, 0), distance, change=True))
        yield


def _parsed(line: str) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except ValueError:
        return {"op": "a line that is no JSON"}
    return request if isinstance(request, dict) else {"op": "a line that is no JSON object"}
