"""Result files in Circuitscape's formats, each written atomically."""

from __future__ import annotations

import gzip
import itertools
import os
import re
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..cancelled import stop_if_cancelled
from ..i18n import tr
from ..layers import CHECKPOINT_MANIFEST, ComputedRaster, RasterGrid, RasterRows, write_raster
from ..npy_file import row_blocks
from ..runner import PartialResult, Result
from ..system_errors import system_reason
from .project import Project, per_run_maps, writes_maps
from .raster_layers import NODATA

#: Suffix of the checkpoint folder, from which an interrupted run resumes.
CHECKPOINT_SUFFIX = "_checkpoint"

#: What follows the project's name in the names of result files.
KINDS = r"_(resistances|curmap|voltmap|cum_curmap|max_curmap|branch_currents|node_currents|voltages)[_.]"

#: Longest name of a project, in bytes: what follows it, such as ids of focal nodes, must fit into 255 bytes with it.
MAX_NAME_BYTES = 150

#: Currents below this fraction of a map's maximum are rounding errors.
NO_CURRENT_FRACTION = 1e-12

#: Format of numbers in text files: the precision of Circuitscape's.
DIGITS = "%.12g"

#: Rows of a table that exist as text at a time.
ROWS_AT_ONCE = 10_000


class ResultWriter:
    """Writer of the result files of a project.

    Parameters
    ----------
    folder
        Output folder.
    project
        The project.
    feedback
        Receives progress while rasters are written, and a warning if ESRI grids have oblong cells.

    Raises
    ------
    QgsProcessingException
        If the folder holds results of this project but no checkpoint to resume from, or if the project's name is too
        long for names of files.
    """

    def __init__(self, folder: Path, project: Project, feedback: QgsProcessingFeedback) -> None:
        self.folder, self._project, self._feedback = folder, project, feedback
        self._options = project.options
        self._written: dict[str, None] = {}
        self._warn_about_oblong_cells()
        self._require_short_name()
        self._existing = {path.name for path in folder.iterdir()}
        existing = sorted(name for name in self._existing if re.match(re.escape(self._options.name) + KINDS, name))
        if existing and not (self.checkpoint / CHECKPOINT_MANIFEST).is_file():
            raise QgsProcessingException(
                tr(
                    "'{folder}' already holds results of '{name}' ({files}), which would be overwritten. Choose "
                    "another folder, or delete them."
                ).format(
                    folder=folder,
                    name=self._options.name,
                    files=", ".join([*existing[:3], *["…"][: len(existing) - 3]]),
                )
            )

    @property
    def checkpoint(self) -> Path:
        """Checkpoint folder, from which an interrupted run resumes."""
        return self.folder / f"{self._options.name}{CHECKPOINT_SUFFIX}"

    @property
    def files(self) -> list[str]:
        """Names of the files written until now."""
        return list(self._written)

    @property
    def nodes_without_current(self) -> int:
        """Number of focal nodes whose source strength is 0, so that they have no resistance in one-to-all mode."""
        strengths = self._project.task.arrays.get("strengths")
        if strengths is None or self._options.word("scenario") != "one-to-all":
            return 0
        return int(np.count_nonzero(strengths[:, 1] == 0))

    def completed_runs(self) -> list[str]:
        """Return the runs all of whose files already exist."""
        if per_run_maps(self._options) == "none":
            return []
        return [run for run in self._project.runs if self._has_maps(run) and set(self._files_of(run)) <= self._existing]

    def write_partial(self, partial: PartialResult) -> None:
        """Write a partial result.

        Raises
        ------
        QgsProcessingException
            If a file cannot be written.
        """
        if partial.name == "resistances":
            self._resistance_matrix(partial.arrays["ids"], partial.arrays["resistances"])
            return
        if partial.name == "resistances_partial":
            self._partial_resistances(partial.arrays["ids"], partial.arrays["resistances"])
            return
        if self._has_maps(partial.name):
            self._maps(f"_{partial.name}", partial.arrays)

    def _has_maps(self, run: str) -> bool:
        return self._options.word("scenario") == "pairwise" or int(run) not in self._project.excluded_nodes

    def finish(self, result: Result) -> None:
        """Write the results that are complete only at the end of the run.

        Raises
        ------
        QgsProcessingException
            If a file cannot be written.
        """
        outputs = dict(result.outputs)
        if "resistances" in outputs and outputs["resistances"].ndim == 1:
            rows = np.column_stack([outputs["ids"], outputs["resistances"]])
            self._table("_resistances.out", _without_infinite(rows), " ", ids=1)
        if self._options.word("scenario") == "advanced":
            self._maps("", outputs)
        elif self._project.grid is None:
            if self._options.flag("write_cur_maps") or self._options.flag("write_cum_cur_map_only"):
                self._nodes("_node_currents_cum.txt", outputs["cumulative"])
                self._branches("_branch_currents_cum.txt", outputs["branches"])
        else:
            if self._options.flag("write_cur_maps") or self._options.flag("write_cum_cur_map_only"):
                self._raster("_cum_curmap", self._currents(outputs["cumulative"]))
            if self._options.flag("write_max_cur_maps"):
                self._raster("_max_curmap", self._currents(outputs["maximum"]))

    def _files_of(self, run: str) -> list[str]:
        """Return the names of the files of a run."""
        each = per_run_maps(self._options)
        kinds = []
        if each in ("currents", "both"):
            kinds += ["_curmap"] if self._project.grid is not None else ["_node_currents", "_branch_currents"]
        if each in ("potentials", "both"):
            kinds += ["_voltmap"] if self._project.grid is not None else ["_voltages"]
        ending = self._ending if self._project.grid is not None else ".txt"
        return [f"{self._options.name}{kind}_{run}{ending}" for kind in kinds]

    def _maps(self, suffix: str, arrays: dict[str, RasterRows]) -> None:
        """Write the currents and potentials of a run, or of advanced mode."""
        options = self._options
        # In advanced mode the maps are the only results, so they are always written.
        advanced = options.word("scenario") == "advanced"
        currents = "currents" in arrays and (advanced or per_run_maps(options) in ("currents", "both"))
        potentials = "potentials" in arrays and (advanced or options.flag("write_volt_maps"))
        if self._project.grid is not None:
            if currents:
                self._raster(f"_curmap{suffix}", self._currents(arrays["currents"]))
            if potentials:
                self._raster(f"_voltmap{suffix}", self._map(arrays["potentials"], "set_null_voltages_to_nodata"))
            return
        # Nodes that are not connected to a pair are omitted; advanced mode writes all nodes.
        connected = ~np.isnan(arrays["potentials"]) if "potentials" in arrays and not advanced else None
        if currents:
            self._nodes(f"_node_currents{suffix}.txt", arrays["currents"], connected)
            self._branches(f"_branch_currents{suffix}.txt", arrays["branches"])
        if potentials:
            self._nodes(f"_voltages{suffix}.txt", np.nan_to_num(arrays["potentials"]), connected)

    def _currents(self, values: RasterRows) -> RasterRows:
        """Return a map of currents as it is written: their logarithms if wanted; NaN for nodata."""
        null = "set_null_currents_to_nodata"
        if not self._options.flag("log_transform_maps"):
            return self._map(values, null)
        # Rounding errors where no current flows must not become large negative logarithms.
        blocks = (np.nan_to_num(values[rows]) for rows in row_blocks(values.shape))
        least = NO_CURRENT_FRACTION * max(float(block.max(initial=0.0)) for block in blocks)

        def logarithms(block: np.ndarray) -> np.ndarray:
            return np.where(block > least, np.log10(np.where(block > least, block, 1.0)), np.nan)

        return self._map(values, null, logarithms)

    def _map(self, values: RasterRows, null: str, change: Callable = lambda block: block) -> ComputedRaster:
        """Return a map, changed, with 0 for missing values; nodata outside the habitat if the option `null` says so."""
        mask, is_null = self._project.mask, self._options.flag(null)

        def changed(block: np.ndarray, inside: np.ndarray) -> np.ndarray:
            block = change(np.nan_to_num(block))
            return np.where(inside, block, np.nan) if is_null else block

        return ComputedRaster(changed, values, mask, dtype=np.float64)

    def _resistance_matrix(self, ids: np.ndarray, matrix: np.ndarray) -> None:
        first = " ".join(map(str, [0, *ids.tolist()])) + "\n"
        rows = (np.append(identity, _without_infinite(values))[None] for identity, values in zip(ids, matrix))
        self._text("_resistances.out", itertools.chain([first], (_lines(row, " ", 1) for row in rows)))
        self._three_columns(ids, matrix)

    def _partial_resistances(self, ids: np.ndarray, values: np.ndarray) -> None:
        """Write the rows computed until now; the full matrix is written at the end."""
        if values.ndim == 1:
            known = ~np.isnan(values)
            rows = np.column_stack([ids[known], values[known]])
            self._table("_resistances.out", _without_infinite(rows), " ", ids=1)
        else:
            self._three_columns(ids, values, without_missing=True)

    def _three_columns(self, ids: np.ndarray, matrix: np.ndarray, *, without_missing: bool = False) -> None:
        def rows_of(index: int) -> np.ndarray:
            second, values = ids[index + 1 :], matrix[index, index + 1 :]
            if without_missing:
                second, values = second[~np.isnan(values)], values[~np.isnan(values)]
            return np.column_stack([np.full(len(second), ids[index]), second, _without_infinite(values)])

        rows = (rows_of(index) for index in range(len(ids)))
        self._text("_resistances_3columns.out", (_lines(of_one, " ", 2) for of_one in rows))

    def _nodes(self, name: str, values: np.ndarray, which: np.ndarray | None = None) -> None:
        rows = np.column_stack([self._project.nodes, values])
        self._table(name, rows if which is None else rows[which], "\t", ids=1)

    def _branches(self, name: str, branches: np.ndarray) -> None:
        """Write the branches that carry current: Circuitscape lists no others."""
        branches = branches[branches[:, 2] != 0]
        ends = self._project.nodes[branches[:, :2].astype(np.int64)]
        self._table(name, np.column_stack([ends, branches[:, 2]]), "\t", ids=2)

    def _table(self, name: str, rows: np.ndarray, separator: str, ids: int = 0) -> None:
        """Write rows of numbers, of which the first ones are ids."""
        parts = (rows[start : start + ROWS_AT_ONCE] for start in range(0, len(rows), ROWS_AT_ONCE))
        self._text(name, (_lines(part, separator, ids) for part in parts))

    @property
    def _ending(self) -> str:
        if self._options.flag("write_as_tif"):
            return ".tif"
        return ".asc.gz" if self._options.flag("compress_grids") else ".asc"

    def _raster(self, name: str, values: RasterRows) -> None:
        """Write a map; NaN is nodata."""
        grid = self._project.grid
        if self._ending == ".tif":
            path = self.folder / f"{self._options.name}{name}.tif"
            write_raster(str(path), values, grid, dtype="float64", feedback=self._feedback)
            self._written[path.name] = None
            return
        left, size, _, top, _, step_down = grid.geotransform
        sizes = {"dx": repr(float(size)), "dy": repr(float(-step_down))}
        header = {
            "ncols": grid.columns,
            "nrows": grid.rows,
            "xllcorner": repr(float(left)),
            "yllcorner": repr(float(top + grid.rows * step_down)),
            **({"cellsize": repr(float(size))} if _is_square(grid) else sizes),
            "NODATA_value": f"{NODATA:g}",
        }
        head = "".join(f"{key:<13} {value}\n" for key, value in header.items())
        blocks = (values[rows] for rows in row_blocks(values.shape))
        rows = (np.where(np.isnan(row), NODATA, row)[None] for block in blocks for row in block)
        self._text(f"{name}{self._ending}", itertools.chain([head], (_lines(row, " ") for row in rows)))

    def _text(self, name: str, parts: Iterable[str]) -> None:
        """Write a text part by part: all of it may not fit in memory."""
        path = self.folder / f"{self._options.name}{name}"
        unfinished = path.with_name(f"{path.name}.part")
        try:
            with unfinished.open("wb") as file:
                compressed = name.endswith(".gz")
                with gzip.GzipFile("", "wb", fileobj=file, mtime=0) if compressed else nullcontext(file) as out:
                    for part in parts:
                        stop_if_cancelled(self._feedback)
                        out.write(part.encode("ascii"))
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        except QgsProcessingException:
            _delete(unfinished)
            raise
        except OSError as error:
            _delete(unfinished)
            raise QgsProcessingException(
                tr("'{name}' cannot be written to '{folder}': {reason}. Files written before are kept.").format(
                    name=path.name, folder=self.folder, reason=system_reason(error)
                )
            ) from error
        self._written[path.name] = None

    def _require_short_name(self) -> None:
        name = self._options.name
        if len(name.encode()) > MAX_NAME_BYTES:
            raise QgsProcessingException(
                tr(
                    "The names of the results would begin with '{name}…' ({count:,} bytes), which is too long for "
                    "names of files: at most {most:,}. Give '{project}' a shorter output_file, or rename the project."
                ).format(
                    name=name[:40], count=len(name.encode()), most=MAX_NAME_BYTES, project=self._options.path.name[:60]
                )
            )

    def _warn_about_oblong_cells(self) -> None:
        grid = self._project.grid
        if grid is None or self._ending == ".tif" or not writes_maps(self._options) or _is_square(grid):
            return
        height, width = grid.pixel_size
        self._feedback.pushWarning(
            tr(
                "The cells of the habitat are {height:.10g} high and {width:.10g} wide. The maps are ESRI grids with "
                "the sizes dx and dy, as Circuitscape writes them; some programs read only square cells. Add "
                "'write_as_tif = True' to '{project}' to write GeoTIFFs."
            ).format(height=height, width=width, project=self._options.path.name)
        )


def _delete(path: Path) -> None:
    with suppress(OSError):  # there is none, or a name that the system does not accept
        path.unlink()


def _is_square(grid: RasterGrid) -> bool:
    height, width = grid.pixel_size
    return abs(height - width) <= 1e-6 * width


def _lines(rows: np.ndarray, separator: str, ids: int = 0) -> str:
    """Return rows of numbers as text; the first columns are ids, all of whose digits count."""
    line = separator.join(["%.0f"] * ids + [DIGITS] * (rows.shape[1] - ids)) + "\n"
    return "".join(line % tuple(row) for row in rows.tolist())


def _without_infinite(values: np.ndarray) -> np.ndarray:
    """Replace infinite resistances by −1, as Circuitscape does."""
    return np.where(np.isfinite(values), values, -1.0)
