"""Check of an ESRI ASCII grid of a project before it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qgis.core import QgsProcessingException

from ..byte_sizes import format_bytes
from ..i18n import tr
from ..layers import ascii_grid_size, require_well_formed_grid
from ..runner import free_memory

#: Bytes of memory for each cell of the habitat: the least that the engine takes for their graph.
BYTES_PER_CELL = 90


def require_readable(
    name: str, head: bytes, blocks_after: Callable[[int], Iterable[bytes]], *, is_habitat: bool = False
) -> None:
    """Raise an error if an ESRI ASCII grid does not fit in memory, or is not well formed.

    Parameters
    ----------
    name, head, blocks_after
        As for `require_well_formed_grid`.
    is_habitat
        Whether the engine computes on the cells of the grid.

    Raises
    ------
    QgsProcessingException
        Says what is invalid, and in which line.
    """
    if is_habitat:
        _require_memory(name, *ascii_grid_size(name, head))
    require_well_formed_grid(name, head, blocks_after)


def _require_memory(name: str, rows: int, columns: int) -> None:
    needed, free = rows * columns * BYTES_PER_CELL, free_memory()
    if free is not None and needed > free:
        raise QgsProcessingException(
            tr(
                "'{name}' has {rows:# row|# rows} of {columns:# cell|# cells}, which take about {needed} of memory; "
                "{free} are free. Use a smaller raster (clip it) or coarser cells."
            ).format(name=name, rows=rows, columns=columns, needed=format_bytes(needed), free=format_bytes(free))
        )
