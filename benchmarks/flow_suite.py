"""Cases of flows: currents between points and regions, least-cost paths."""

from .case import Case, Implementation
from .targets import agreement, equal_memory, speed, time_ratio

FLOW_CASES = (
    Case(
        name="currents",
        title="Cumulative current of all 153 pairs among 18 points",
        implementations=(
            Implementation("Permea", "permea_cases.flows:cumulative"),
            Implementation("17 of the pairs", "permea_cases.flows:cumulative", {"pairs": "first"}, quick=False),
            Implementation("CHOLMOD", "peers.cholmod:star"),
        ),
        targets=(
            speed(0.5, "CHOLMOD"),
            agreement(1e-6, "CHOLMOD"),
            equal_memory(0.05, "Permea", "17 of the pairs"),
        ),
        landscapes=("smooth",),
        note="From the raster to the sum, without the maximum, and the resistances. CHOLMOD: its factorization and the "
        "same 17 solves, without maps.",
    ),
    Case(
        name="regions",
        title="50 focal regions of 400 cells against 50 points",
        implementations=tuple(
            Implementation(
                label, "permea_cases.flows:resistances_of_regions", {"width": width, "maps": maps}, quick=False
            )
            for label, width, maps in (
                ("points, resistances", 1, False),
                ("regions, resistances", 20, False),
                ("points, sum of currents", 1, True),
                ("regions, sum of currents", 20, True),
            )
        ),
        targets=(
            time_ratio(5, "regions, resistances", "points, resistances"),
            time_ratio(5, "regions, sum of currents", "points, sum of currents"),
        ),
        sides=(500,),
        landscapes=("smooth",),
        note="All 1,225 pairs, starting from the raster; the sum of currents with their maximum.",
    ),
    Case(
        name="paths",
        title="100 least-cost paths from one cell",
        implementations=(
            Implementation("Permea", "permea_cases.flows:paths", {"count": 100}),
            Implementation("one search", "permea_cases.flows:distances", {"count": 100}),
            Implementation("scikit-image", "peers.mcp:least_cost", {"samples": 100}),
        ),
        targets=(
            time_ratio(1.2, "Permea", "one search"),
            speed(1.2, "scikit-image"),
            agreement(1e-9, "scikit-image"),
        ),
        landscapes=("smooth",),
        note="With their cells and lengths. *One search*: Permea's from that cell to all others, without tracing "
        "paths; scikit-image's likewise.",
    ),
)
