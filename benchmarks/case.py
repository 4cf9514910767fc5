"""What a case consists of: who does it, on what, and what is to be reached."""

from dataclasses import dataclass, field

from .targets import Target

EVERY_LANDSCAPE = ("smooth", "categorical", "fractal", "olinda")


@dataclass(frozen=True)
class Implementation:
    """Somebody who does a work.

    Parameters
    ----------
    label
        As in the tables.
    program
        Module and function, `ours.resistance:pair`. What begins with `ours` runs in the engine's environment.
    options
        Keyword arguments of the function.
    largest
        Side of the largest raster that it is given: more would not fit into 24 GB or take an hour.
    cache
        "empty", "loops" (these alone are there) or "filled": where its compiled kernels come from, when that is what
        is measured.
    quick
        Whether it is run when the benchmarks are only tried; compiling a program once is enough then.
    """

    label: str
    program: str
    options: dict = field(default_factory=dict)
    largest: int = 1_000_000
    cache: str = ""
    quick: bool = True

    @property
    def is_ours(self) -> bool:
        """Whether Permea is what runs."""
        return self.program.startswith("ours.")


@dataclass(frozen=True)
class Case:
    """Something to be done by all contenders on some landscapes.

    Parameters
    ----------
    name
        For the command line and the files.
    title, note
        For the tables.
    sides
        Of the rasters; the last one is the one in the tables.
    bars
        What is to be reached.
    """

    name: str
    title: str
    contenders: tuple[Implementation, ...]
    bars: tuple[Target, ...] = ()
    sides: tuple[int, ...] = (1000,)
    landscapes: tuple[str, ...] = EVERY_LANDSCAPE
    note: str = ""
    repeat: int | None = None
