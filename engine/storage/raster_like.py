"""What counts as a raster: rows and columns that can be sliced."""

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class RasterLike(Protocol):
    """Anything with rows and columns that can be sliced: an array in memory, a memory map, a file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, columns)."""

    def __getitem__(self, place: tuple[slice, slice]) -> Any:
        """Return a part as an array."""
