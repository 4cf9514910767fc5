"""What is measured of flows: currents between points and regions, cheapest paths."""

from .case import Case, Implementation
from .targets import agreement, same_memory_as, speed, times

FLOW_CASES = (
    Case(
        name="currents",
        title="Cumulative current of all 153 pairs among 18 points",
        contenders=(
            Implementation("Permea", "ours.flows:cumulative"),
            Implementation("17 of the pairs", "ours.flows:cumulative", {"pairs": "first"}, quick=False),
            Implementation("CHOLMOD", "peers.cholmod:star"),
        ),
        bars=(
            speed(0.5, "CHOLMOD"),
            agreement(1e-6, "CHOLMOD"),
            same_memory_as(0.05, "Permea", "17 of the pairs"),
        ),
        landscapes=("smooth",),
        note="From the raster to the sum, without the maximum, and the resistances. CHOLMOD: its factor and the same "
        "17 solves; it forms no maps.",
    ),
    Case(
        name="regions",
        title="50 focal regions of 400 cells beside 50 points",
        contenders=tuple(
            Implementation(label, "ours.flows:among", {"width": width, "maps": maps}, quick=False)
            for label, width, maps in (
                ("points, resistances", 1, False),
                ("regions, resistances", 20, False),
                ("points, sum of currents", 1, True),
                ("regions, sum of currents", 20, True),
            )
        ),
        bars=(
            times(5, "regions, resistances", "points, resistances"),
            times(5, "regions, sum of currents", "points, sum of currents"),
        ),
        sides=(500,),
        landscapes=("smooth",),
        note="All 1,225 pairs, from the raster on; the sum of currents with their maximum.",
    ),
    Case(
        name="paths",
        title="100 least-cost paths from one cell",
        contenders=(
            Implementation("Permea", "ours.flows:paths", {"count": 100}),
            Implementation("one search", "ours.flows:search", {"count": 100}),
            Implementation("scikit-image", "peers.mcp:least_cost", {"samples": 100}),
        ),
        bars=(
            times(1.2, "Permea", "one search"),
            speed(1.2, "scikit-image"),
            agreement(1e-9, "scikit-image"),
        ),
        landscapes=("smooth",),
        note="With their cells and lengths. *One search*: ours from that cell to all others, nothing followed back; "
        "scikit-image's likewise.",
    ),
)
