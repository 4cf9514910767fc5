"""What is measured: works, contenders and bars, as one table."""

from dataclasses import replace

from .case import Case, Implementation
from .flow_suite import FLOW_CASES
from .targets import (
    agreement,
    compiling,
    estimate_accuracy,
    everything_solved,
    faster,
    finite_differences,
    growth,
    memory_per_cell,
    part_ratio,
    residual,
    same_memory,
    speed,
)

#: Sides of about 10⁴, 10⁵, 10⁶ and 10⁷ cells, and the two between which growth is judged.
GROWING = (100, 316, 500, 1000, 2000, 3162)


PAIR = Implementation("Permea", "ours.resistance:pair")
MAP = Implementation("Permea", "ours.resistance:everywhere")
LEAST_COST = Implementation("Permea", "ours.least_cost:least_cost")
AGGREGATION = Implementation("PyAMG, smoothed aggregation", "peers.pyamg:pair", {"kind": "aggregation"})
RUGE_STUBEN = Implementation("PyAMG, Ruge–Stüben", "peers.pyamg:pair", {"kind": "ruge-stuben"})
CHOLMOD = Implementation("CHOLMOD", "peers.cholmod:pair")
CHOLESPY = Implementation("cholespy", "peers.cholespy:pair")
MCP = Implementation("scikit-image", "peers.mcp:least_cost")
JAXSCAPE = Implementation("JAXScape", "peers.jaxscape:least_cost")
WINDOWS_ON_DISK = "ours.windows:on_disk"

# Why bars stand that are not reached.
MORE_CYCLES = "holes and contrasts take 13 to 33 cycles instead of 6, and make CHOLMOD's factor smaller"
WHOLE_RECTANGLES = "separators are those of the whole rectangle; CHOLMOD's factor shrinks with what can be crossed"
TO_THE_LAST_DIGIT = "two solves until each row is right to 1e-14, of 14 cycles where it is smooth and 30 in patches"

MEAN = {"scalar": "mean_distance", "respect_to": "permeability"}


def _rsp(theta: float) -> Case:
    return Case(
        name=f"rsp-{theta:g}",
        title=f"Randomized shortest paths, expected cost from every cell to one, θ = {theta:g}",
        contenders=(
            Implementation("Permea", "ours.rsp:expected_cost", {"theta": theta}, quick=theta < 1),
            Implementation("SuperLU", "peers.superlu:expected_cost", {"theta": theta}),
        ),
        bars=(speed(0.2, "SuperLU").standing(TO_THE_LAST_DIGIT), agreement(1e-6, "SuperLU")),
        note="SciPy's `splu` of the same system and two solves, told that the pattern is symmetric and that no "
        "pivots are needed. Where the weight of all paths underflows it has no answer, and nothing is compared. "
        "JAXScape's memory grows with edges² × cells; it cannot.",
    )


def _windows(name: str, distance: str, title: str, blocks: int, together: int) -> Case:
    options = {"distance": distance, "blocks": blocks}
    return Case(
        name=name,
        title=f"Sensitivity to permeability by windows, {title}",
        contenders=(
            Implementation("Permea", "ours.windows:sensitivity", options, quick=False),
            Implementation(
                "JAXScape", "peers.jaxscape:windowed_sensitivity", {**options, "together": together}, quick=False
            ),
        ),
        bars=(speed(0.1, "JAXScape"), agreement(1e-5, "JAXScape")),
        sides=(500,),
        landscapes=("smooth",),
        note="500², dependency range 25, coarsening 0.2: 10,000 windows of 51². Four neighbours, and the cells of a "
        "block do not reach the block itself, as JAXScape has it; compared are cells whose windows all lie inside, for "
        "at the edge it joins cells to its padding and drops windows. JAXScape is timed on some of its windows, and "
        "given quality and permeability exchanged, as it exchanges them itself. The first call in a process compiles "
        "and does not count.",
    )


CASES = (
    Case(
        name="pair",
        title="Effective resistance of one pair, with its gradient",
        contenders=(PAIR, AGGREGATION, RUGE_STUBEN, CHOLMOD, CHOLESPY),
        bars=(
            speed(0.10, AGGREGATION.label, RUGE_STUBEN.label, CHOLMOD.label).standing(MORE_CYCLES),
            residual(1e-8),
            agreement(1e-6, CHOLMOD.label),
        ),
        sides=(1023,),
        note="Set-up included, residual 1e-8. Peers compute the value alone, from a matrix that is given to them.",
    ),
    Case(
        name="star",
        title="17 pairs among 18 points, with the gradient of their sum",
        contenders=(
            Implementation("Permea", "ours.resistance:star"),
            Implementation("multigrid", "ours.resistance:star", {"solver": "multigrid"}, quick=False),
            Implementation("nested dissection", "ours.resistance:star", {"solver": "nested dissection"}, quick=False),
            Implementation("CHOLMOD", "peers.cholmod:star"),
        ),
        bars=(speed(0.35, "CHOLMOD").standing(MORE_CYCLES), residual(1e-8), agreement(1e-6, "CHOLMOD")),
        sides=(1023,),
        note="Permea: with the solver that it chooses, and with either of two. "
        "CHOLMOD: one factor, and all 17 right-hand sides solved at once; the values alone.",
    ),
    Case(
        name="map",
        title="Effective resistance from every cell to one, exactly",
        contenders=(
            MAP,
            Implementation("CHOLMOD", "peers.cholmod:everywhere"),
        ),
        bars=(speed(0.6, "CHOLMOD").standing(WHOLE_RECTANGLES), agreement(1e-9, "CHOLMOD")),
        sides=(1023,),
        note="Permea: from the raster to the map. CHOLMOD: its factor alone; 200 cells are compared.",
    ),
    Case(
        name="map-gradient",
        title="Gradient of the sum of that map",
        contenders=(Implementation("Permea", "ours.resistance:everywhere_gradient"),),
        bars=(part_ratio(5, "gradient", "forward"), finite_differences(1e-6)),
        sides=(255,),
        note="The time is that of the map and of the map with its gradient together.",
    ),
    Case(
        name="least-cost",
        title="Least cost from one cell to every other, with its gradient",
        contenders=(LEAST_COST, MCP, JAXSCAPE),
        bars=(speed(1.2, MCP.label), speed(0.05, JAXSCAPE.label), agreement(1e-9, MCP.label)),
        note="`MCP_Geometric` computes the value alone. JAXScape computes the gradient, too; its diagonal steps are as "
        "long as the others, so its values cannot be compared.",
    ),
    _rsp(0.01),
    _rsp(10),
    Case(
        name="growth",
        title="How the time grows with the number of cells",
        contenders=(
            Implementation("least cost", LEAST_COST.program, quick=False),
            Implementation("pair, multigrid", PAIR.program, quick=False),
            Implementation("map, nested dissection", MAP.program, largest=2000, quick=False),
            Implementation("scikit-image", MCP.program),
            Implementation("PyAMG, smoothed aggregation", AGGREGATION.program, AGGREGATION.options, largest=2000),
            Implementation("CHOLMOD's factor", "peers.cholmod:everywhere", {"samples": 1}, largest=2000),
            Implementation("SuperLU's factor, RSP", "peers.superlu:expected_cost", {"theta": 0.01}, largest=1000),
            Implementation("JAXScape, least cost", JAXSCAPE.program, largest=1000, quick=False),
        ),
        bars=(
            growth(1.15, "least cost", 500, 2000).standing("500² fits into the processor's cache"),
            growth(1.15, "pair, multigrid", 500, 2000),
            growth(1.6, "map, nested dissection", 500, 2000),
        ),
        sides=GROWING,
        landscapes=("smooth",),
        note="Exponent of the time in the number of cells.",
    ),
    Case(
        name="memory",
        title="Memory of multigrid, 16 million cells",
        contenders=(Implementation("Permea", "ours.resistance:pair", {"gradient": False}, quick=False),),
        bars=(memory_per_cell(600), everything_solved("solved within 24 GB", peak=24e9)),
        sides=(1000, 4000),
        landscapes=("smooth", "categorical"),
        note="Resistance of one pair. Peak memory beyond that of the process with the landscape in it.",
        repeat=1,
    ),
    Case(
        name="contrast",
        title="Permeability over eight orders of magnitude, cell by cell",
        contenders=(replace(PAIR, quick=False), CHOLMOD),
        bars=(residual(1e-8), agreement(1e-6, CHOLMOD.label)),
        landscapes=("speckled",),
        note="A clear error would do, a wrong number not.",
    ),
    Case(
        name="compile",
        title="Compilation for a raster size that is new",
        contenders=tuple(
            Implementation(f"{what}, {when}", program, options, cache=cache, quick=what == "RSP")
            for what, program, options in (
                ("pair", PAIR.program, {}),
                ("map", MAP.program, {}),
                ("least cost", LEAST_COST.program, {}),
                ("RSP", "ours.rsp:expected_cost", {"theta": 0.01}),
            )
            for cache, when in (
                ("empty", "first time on a machine"),
                ("loops", "first time at a size"),
                ("filled", "from the cache"),
            )
        ),
        bars=(
            compiling(8, "first time at a size"),
            compiling(8, "first time on a machine").standing("Numba compiles every loop, once on a machine"),
            compiling(2, "from the cache").standing("JAX keeps no program that calls loops on disk"),
        ),
        landscapes=("smooth",),
        note="The first call in a new process less a later one. Loops do not depend on the size: Numba compiles them "
        "once on a machine. What XLA compiles depends on it.",
        repeat=3,
    ),
    Case(
        name="forecast",
        title="What a job is forecast to take, and what it takes",
        contenders=tuple(
            Implementation(
                what,
                "ours.forecasts:job",
                {"task": task, "points": points, "parameters": parameters},
                quick=points == 1,
            )
            for what, task, points, parameters in (
                ("least cost", "leastcost.distance", 1, {}),
                ("resistance map", "resistance.distance", 1, {}),
                ("RSP", "rsp.distance", 1, {"theta": 0.01, "cost": "inverse", "measure": "expected_cost"}),
                ("sensitivity, least cost", "connectivity.sensitivity", 8, {**MEAN, "distance": "leastcost"}),
                ("sensitivity, resistance", "connectivity.sensitivity", 8, {**MEAN, "distance": "resistance"}),
            )
        ),
        bars=(
            estimate_accuracy(2, "foreseen_seconds", "seconds", start=1.0),
            estimate_accuracy(2, "foreseen_bytes", "peak_memory"),
        ),
        note="Seconds: of a job whose kernels are compiled, with one second for the worker to start.",
    ),
    _windows("windows-least-cost", "leastcost", "least cost", 30, 30),
    _windows("windows-resistance", "resistance", "resistance", 12, 3),
    Case(
        name="windows-growth",
        title="How windows grow with the landscape",
        contenders=(Implementation("Permea", WINDOWS_ON_DISK, {"coarsening": 1.0}),),
        bars=(growth(1.05, "Permea", 100, 1000), same_memory(0.1, "Permea", 1000, 3162)),
        sides=(100, 316, 1000, 3162),
        landscapes=("mirrored",),
        note="Sensitivity to permeability, least cost, eight neighbours, dependency range 25, blocks of 25 cells; all "
        "rasters on disk. *mirrored*: a smooth tile of 500², every other one mirrored.",
    ),
    Case(
        name="windows-dask",
        title="Windows by workers of a Dask cluster",
        contenders=tuple(
            Implementation(what, "ours.windows:cluster", {"workers": workers}, quick=False)
            for what, workers in (("one worker", 1), ("two workers", 2))
        ),
        bars=(faster(1.7, "two workers", "one worker"),),
        landscapes=("smooth",),
        note="Least cost, eight neighbours, dependency range 25, coarsening 0.2. The cluster, scheduler and all on "
        "the same two cores, is there already; the first run, in which each worker compiles, does not count.",
    ),
    Case(
        name="windows-large",
        title="100 million cells on disk, window by window",
        contenders=(Implementation("a strip", WINDOWS_ON_DISK, {"coarsening": 1.0, "rows": 1000}, quick=False),),
        bars=(everything_solved("in less than 8 GB", peak=8e9, label="a strip"),),
        sides=(10_000,),
        landscapes=("mirrored",),
        note="As for the growth of windows. In `make bench` a strip of 1,000 rows, in `make bench-large` the whole.",
        repeat=1,
    ),
    *FLOW_CASES,
    Case(
        name="stencil",
        title="Applying the stencil",
        contenders=(Implementation("Permea", "ours.stencil:apply"),),
        sides=(2000,),
        landscapes=("smooth",),
    ),
)

#: Besides the works above, in `make bench-large`: they take minutes, and gigabytes on disk.
LARGE_CASES = (
    Case(
        name="windows-whole",
        title="100 million cells on disk, window by window, all of them",
        contenders=(Implementation("Permea", WINDOWS_ON_DISK, {"coarsening": 1.0}),),
        bars=(everything_solved("in less than 8 GB", peak=8e9),),
        sides=(10_000,),
        landscapes=("mirrored",),
        note="As for the growth of windows.",
        repeat=1,
    ),
)

#: Besides the works above, where there is a GPU.
GPU_CASES = (
    Case(
        name="large",
        title="Effective resistance of one pair on 16 million cells, with its gradient",
        contenders=(PAIR,),
        sides=(4000,),
        landscapes=("smooth",),
    ),
    Case(
        name="windows",
        title="10⁴ windows of 101² cells, each with its gradient",
        contenders=tuple(
            Implementation(what, program, {"count": 10_000, "side": 101, "together": 1000})
            for what, program in (
                ("least cost from the centre", "ours.windows:least_cost"),
                ("resistance between corners", "ours.windows:resistance"),
            )
        ),
        landscapes=("smooth",),
    ),
)
