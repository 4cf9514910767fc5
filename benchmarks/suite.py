"""The benchmark suite: cases, implementations and targets as one table."""

from dataclasses import replace

from .case import Case, Implementation
from .flow_suite import FLOW_CASES
from .targets import (
    agreement,
    compilation,
    constant_memory,
    estimate_accuracy,
    finite_differences,
    growth,
    memory_per_cell,
    part_ratio,
    residual,
    solved_within_memory,
    speed,
    speed_up,
)

#: Sides of about 10⁴, 10⁵, 10⁶ and 10⁷ cells, and the two between which growth is evaluated.
GROWTH_SIDES = (100, 316, 500, 1000, 2000, 3162)


PAIR = Implementation("Permea", "permea_cases.resistance:pair")
MAP = Implementation("Permea", "permea_cases.resistance:everywhere")
LEAST_COST = Implementation("Permea", "permea_cases.least_cost:least_cost")
AGGREGATION = Implementation("PyAMG, smoothed aggregation", "peers.pyamg:pair", {"kind": "aggregation"})
RUGE_STUBEN = Implementation("PyAMG, Ruge–Stüben", "peers.pyamg:pair", {"kind": "ruge-stuben"})
CHOLMOD = Implementation("CHOLMOD", "peers.cholmod:pair")
CHOLESPY = Implementation("cholespy", "peers.cholespy:pair")
MCP = Implementation("scikit-image", "peers.mcp:least_cost")
JAXSCAPE = Implementation("JAXScape", "peers.jaxscape:least_cost")
WINDOWS_ON_DISK = "permea_cases.windows:on_disk"

# Why targets are waived that are not reached.
MORE_CYCLES = "barriers and contrasts take 13 to 33 cycles instead of 6, and make CHOLMOD's factor smaller"
WHOLE_RECTANGLES = "separators are those of the whole rectangle; CHOLMOD's factor shrinks with the active cells"
FULL_ACCURACY = "two solves to a backward error of 1e-14 in each row, in 14 cycles if smooth and 30 in patches"

MEAN = {"scalar": "mean_distance", "respect_to": "permeability"}


def _rsp(theta: float) -> Case:
    return Case(
        name=f"rsp-{theta:g}",
        title=f"Randomized shortest paths, expected cost from every cell to one, θ = {theta:g}",
        implementations=(
            Implementation("Permea", "permea_cases.rsp:expected_cost", {"theta": theta}, quick=theta < 1),
            Implementation("SuperLU", "peers.superlu:expected_cost", {"theta": theta}),
        ),
        targets=(speed(0.2, "SuperLU").waived(FULL_ACCURACY), agreement(1e-6, "SuperLU")),
        note="SciPy's `splu` of the same system and two solves, with options for a symmetric pattern without "
        "pivoting. Where the weight of all paths underflows it has no result, and nothing is compared. "
        "JAXScape's memory grows with edges² × cells, so that it cannot compute this case.",
    )


def _windows(name: str, distance: str, title: str, blocks: int, batch_size: int) -> Case:
    options = {"distance": distance, "blocks": blocks}
    return Case(
        name=name,
        title=f"Sensitivity to permeability in moving windows, {title}",
        implementations=(
            Implementation("Permea", "permea_cases.windows:sensitivity", options, quick=False),
            Implementation(
                "JAXScape", "peers.jaxscape:windowed_sensitivity", {**options, "batch_size": batch_size}, quick=False
            ),
        ),
        targets=(speed(0.1, "JAXScape"), agreement(1e-5, "JAXScape")),
        sides=(500,),
        landscapes=("smooth",),
        note="500², dependency range 25, coarsening 0.2: 10,000 windows of 51². Four neighbours, and the cells of a "
        "block do not contribute to the block itself, as in JAXScape. Only cells whose windows all lie inside the "
        "raster are compared, because at the edge JAXScape connects cells to its padding and drops windows. JAXScape "
        "is timed on some of its windows, and receives quality and permeability exchanged, because it confuses them. "
        "The first call in a process compiles and does not count.",
    )


CASES = (
    Case(
        name="pair",
        title="Effective resistance of one pair, with its gradient",
        implementations=(PAIR, AGGREGATION, RUGE_STUBEN, CHOLMOD, CHOLESPY),
        targets=(
            speed(0.10, AGGREGATION.label, RUGE_STUBEN.label, CHOLMOD.label).waived(MORE_CYCLES),
            residual(1e-8),
            agreement(1e-6, CHOLMOD.label),
        ),
        sides=(1023,),
        note="Including set-up, to a residual of 1e-8. Peers compute the value alone, from a ready-made matrix.",
    ),
    Case(
        name="star",
        title="17 pairs among 18 points, with the gradient of their sum",
        implementations=(
            Implementation("Permea", "permea_cases.resistance:star"),
            Implementation("multigrid", "permea_cases.resistance:star", {"solver": "multigrid"}, quick=False),
            Implementation(
                "nested dissection", "permea_cases.resistance:star", {"solver": "nested dissection"}, quick=False
            ),
            Implementation("CHOLMOD", "peers.cholmod:star"),
        ),
        targets=(speed(0.35, "CHOLMOD").waived(MORE_CYCLES), residual(1e-8), agreement(1e-6, "CHOLMOD")),
        sides=(1023,),
        note="Permea: with the solver selected automatically, and with each of two others. "
        "CHOLMOD: one factorization, and all 17 right-hand sides solved at once; the values alone.",
    ),
    Case(
        name="map",
        title="Effective resistance from every cell to one, exactly",
        implementations=(
            MAP,
            Implementation("CHOLMOD", "peers.cholmod:everywhere"),
        ),
        targets=(speed(0.6, "CHOLMOD").waived(WHOLE_RECTANGLES), agreement(1e-9, "CHOLMOD")),
        sides=(1023,),
        note="Permea: from the raster to the map. CHOLMOD: its factorization alone; 200 cells are compared.",
    ),
    Case(
        name="map-gradient",
        title="Gradient of the sum of the resistance map",
        implementations=(Implementation("Permea", "permea_cases.resistance:everywhere_gradient"),),
        targets=(part_ratio(5, "gradient", "forward"), finite_differences(1e-6)),
        sides=(255,),
        note="Time of the map and of the map with its gradient together.",
    ),
    Case(
        name="kirchhoff",
        title="Kirchhoff index with the map of mean resistance, exactly, and its sensitivity",
        implementations=(Implementation("Permea", "permea_cases.kirchhoff:index_and_sensitivity"),),
        targets=(
            part_ratio(1.2, "index", "one source"),
            part_ratio(6, "sensitivity", "index"),
            finite_differences(1e-6),
        ),
        sides=(1023,),
        note="Relative to the map of resistance to one cell. Time of the index, and of the index with its sensitivity "
        "together.",
    ),
    Case(
        name="least-cost",
        title="Least cost from one cell to every other, with its gradient",
        implementations=(LEAST_COST, MCP, JAXSCAPE),
        targets=(speed(1.2, MCP.label), speed(0.05, JAXSCAPE.label), agreement(1e-9, MCP.label)),
        note="`MCP_Geometric` computes the value alone. JAXScape computes the gradient as well; its diagonal steps are "
        "as long as the others, so that its values cannot be compared.",
    ),
    _rsp(0.01),
    _rsp(10),
    Case(
        name="growth",
        title="Growth of the time with the number of cells",
        implementations=(
            Implementation("least cost", LEAST_COST.program, quick=False),
            Implementation("pair, multigrid", PAIR.program, quick=False),
            Implementation("map, nested dissection", MAP.program, max_side=2000, quick=False),
            Implementation("scikit-image", MCP.program),
            Implementation("PyAMG, smoothed aggregation", AGGREGATION.program, AGGREGATION.options, max_side=2000),
            Implementation("CHOLMOD's factor", "peers.cholmod:everywhere", {"samples": 1}, max_side=2000),
            Implementation("SuperLU's factor, RSP", "peers.superlu:expected_cost", {"theta": 0.01}, max_side=1000),
            Implementation("JAXScape, least cost", JAXSCAPE.program, max_side=1000, quick=False),
        ),
        targets=(
            growth(1.15, "least cost", 500, 2000).waived("500² fits into the processor's cache"),
            growth(1.15, "pair, multigrid", 500, 2000),
            growth(1.6, "map, nested dissection", 500, 2000),
        ),
        sides=GROWTH_SIDES,
        landscapes=("smooth",),
        note="Exponent of the time in the number of cells.",
    ),
    Case(
        name="memory",
        title="Memory of multigrid, 16 million cells",
        implementations=(Implementation("Permea", "permea_cases.resistance:pair", {"gradient": False}, quick=False),),
        targets=(memory_per_cell(600), solved_within_memory("solved within 24 GB", limit=24e9)),
        sides=(1000, 4000),
        landscapes=("smooth", "categorical"),
        note="Resistance of one pair. Peak memory in excess of that of the process with the landscape.",
        repeat=1,
    ),
    Case(
        name="contrast",
        title="Permeability over eight orders of magnitude, cell by cell",
        implementations=(replace(PAIR, quick=False), CHOLMOD),
        targets=(residual(1e-8), agreement(1e-6, CHOLMOD.label)),
        landscapes=("speckled",),
        note="A clear error is acceptable, a wrong number is not.",
    ),
    Case(
        name="compile",
        title="Compilation for a new raster size",
        implementations=tuple(
            Implementation(f"{what}, {when}", program, options, cache=cache, quick=what == "RSP")
            for what, program, options in (
                ("pair", PAIR.program, {}),
                ("map", MAP.program, {}),
                ("least cost", LEAST_COST.program, {}),
                ("RSP", "permea_cases.rsp:expected_cost", {"theta": 0.01}),
            )
            for cache, when in (
                ("empty", "first time on a machine"),
                ("numba", "first time at a size"),
                ("filled", "from the cache"),
            )
        ),
        targets=(
            compilation(8, "first time at a size"),
            compilation(8, "first time on a machine").waived("Numba compiles every kernel, once on a machine"),
            compilation(2, "from the cache").waived("JAX caches no program on disk that calls kernels on the host"),
        ),
        landscapes=("smooth",),
        note="Time of the first call in a new process in excess of a later one. Numba's kernels do not depend on the "
        "size and are compiled once on a machine; XLA's do.",
        repeat=3,
    ),
    Case(
        name="estimate",
        title="Estimated and measured time and memory of jobs",
        implementations=tuple(
            Implementation(
                what,
                "permea_cases.resource_estimates:job",
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
        targets=(
            estimate_accuracy(2, "estimated_seconds", "seconds", offset=1.0),
            estimate_accuracy(2, "estimated_bytes", "peak_memory"),
        ),
        note="Seconds of a job whose kernels are compiled, including one second to start the worker.",
    ),
    _windows("windows-least-cost", "leastcost", "least cost", 30, 30),
    _windows("windows-resistance", "resistance", "resistance", 12, 3),
    Case(
        name="windows-growth",
        title="Growth of moving windows with the number of cells",
        implementations=(Implementation("Permea", WINDOWS_ON_DISK, {"coarsening": 1.0}),),
        targets=(growth(1.05, "Permea", 100, 1000), constant_memory(0.1, "Permea", 1000, 3162)),
        sides=(100, 316, 1000, 3162),
        landscapes=("mirrored",),
        note="Sensitivity to permeability, least cost, eight neighbours, dependency range 25, blocks of 25 cells; all "
        "rasters on disk. *mirrored*: smooth tiles of 500², every other one mirrored.",
    ),
    Case(
        name="windows-dask",
        title="Moving windows on a Dask cluster",
        implementations=tuple(
            Implementation(what, "permea_cases.windows:cluster", {"workers": workers}, quick=False)
            for what, workers in (("one worker", 1), ("two workers", 2))
        ),
        targets=(speed_up(1.7, "two workers", "one worker"),),
        landscapes=("smooth",),
        note="Least cost, eight neighbours, dependency range 25, coarsening 0.2. The cluster, with its "
        "scheduler on the same two cores, is started before; the first run, in which each worker compiles, does not "
        "count.",
    ),
    Case(
        name="windows-large",
        title="100 million cells on disk, window by window",
        implementations=(Implementation("a strip", WINDOWS_ON_DISK, {"coarsening": 1.0, "rows": 1000}, quick=False),),
        targets=(solved_within_memory("in less than 8 GB", limit=8e9, label="a strip"),),
        sides=(10_000,),
        landscapes=("mirrored",),
        note="As for the growth of moving windows. A strip of 1,000 rows in `make bench`, all in `make bench-large`.",
        repeat=1,
    ),
    *FLOW_CASES,
    Case(
        name="stencil",
        title="Applying the stencil",
        implementations=(Implementation("Permea", "permea_cases.stencil:apply"),),
        sides=(2000,),
        landscapes=("smooth",),
    ),
)

#: Additional cases of `make bench-large`, which take minutes, and gigabytes on disk.
LARGE_CASES = (
    Case(
        name="windows-whole",
        title="100 million cells on disk, window by window, all of them",
        implementations=(Implementation("Permea", WINDOWS_ON_DISK, {"coarsening": 1.0}),),
        targets=(solved_within_memory("in less than 8 GB", limit=8e9),),
        sides=(10_000,),
        landscapes=("mirrored",),
        note="As for the growth of moving windows.",
        repeat=1,
    ),
)

#: Additional cases on a GPU.
GPU_CASES = (
    Case(
        name="large",
        title="Effective resistance of one pair on 16 million cells, with its gradient",
        implementations=(PAIR,),
        sides=(4000,),
        landscapes=("smooth",),
    ),
    Case(
        name="windows",
        title="10⁴ windows of 101² cells, each with its gradient",
        implementations=tuple(
            Implementation(what, program, {"count": 10_000, "side": 101, "batch_size": 1000})
            for what, program in (
                ("least cost from the centre", "permea_cases.windows:least_cost"),
                ("resistance between corners", "permea_cases.windows:resistance"),
            )
        ),
        landscapes=("smooth",),
    ),
)
