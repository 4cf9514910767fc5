"""Protocol of a raster: a shape, and slices of rows and columns."""

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class RasterLike(Protocol):
    """A raster that returns slices as arrays: an array, a memory map, or a file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, columns)."""

    def __getitem__(self, index: tuple[slice, slice]) -> Any:
        """Return a slice of rows and columns as an array."""
