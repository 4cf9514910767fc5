"""A benchmark case: its implementations, its landscapes, and the targets to be reached."""

from dataclasses import dataclass, field

from .targets import Target

ALL_LANDSCAPES = ("smooth", "categorical", "fractal", "olinda")

#: A side larger than that of any raster.
UNLIMITED_SIDE = 1_000_000


@dataclass(frozen=True)
class Implementation:
    """One program that computes a case.

    Parameters
    ----------
    label
        Name in the tables.
    program
        Module and function, `permea_cases.resistance:pair`. Modules of `permea_cases` run in the engine's environment.
    options
        Keyword arguments of the function.
    max_side
        Side of the largest raster that it computes; larger ones would take more than 24 GB or an hour.
    cache
        State of the caches of compiled kernels before each measurement, where compilation is measured: "empty",
        "numba" (only Numba's kernels) or "filled".
    quick
        Whether it runs in a quick trial of the benchmarks, for which one case of each compiled program is enough.
    """

    label: str
    program: str
    options: dict = field(default_factory=dict)
    max_side: int = UNLIMITED_SIDE
    cache: str = ""
    quick: bool = True

    @property
    def is_permea(self) -> bool:
        """Whether it is Permea's."""
        return self.program.startswith("permea_cases.")


@dataclass(frozen=True)
class Case:
    """A computation for all implementations on some landscapes.

    Parameters
    ----------
    name
        Name on the command line and in file names.
    title, note
        Heading and text in the report.
    implementations
        The programs to compare.
    targets
        Targets to be reached.
    sides
        Sides of the rasters; targets are evaluated on the last one.
    landscapes
        Names of the landscapes.
    repeat
        Repetitions after the first run; the runner's if None.
    """

    name: str
    title: str
    implementations: tuple[Implementation, ...]
    targets: tuple[Target, ...] = ()
    sides: tuple[int, ...] = (1000,)
    landscapes: tuple[str, ...] = ALL_LANDSCAPES
    note: str = ""
    repeat: int | None = None
