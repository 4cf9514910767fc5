"""Least-cost distance."""

from __future__ import annotations

from ...i18n import tr
from ..help import Help
from .base import DistanceAlgorithm


class LeastCostDistanceAlgorithm(DistanceAlgorithm):
    """Cost of the cheapest way from every cell to the nearest source."""

    identifier = "leastcostdistance"
    title = tr("Least-cost distance")
    summary = tr("Accumulated cost of the cheapest path from every cell to the nearest source.")
    help = Help(
        description=tr(
            "Accumulated cost of the cheapest path from every cell to the nearest source, or to each source. The cost "
            "of a step is its length times the resistance of the cells it joins; resistance is 1 / permeability."
        ),
        when_to_use=tr(
            "Use it for movement that knows the landscape and takes the one best route, such as a migration "
            "between known places. For movement without a plan use the resistance distance; for anything in between, "
            "the randomized shortest path distance."
        ),
        outputs=tr(
            "A raster of costs in map units times resistance: where the resistance is 1 the cost is the length of "
            "the path in metres, and a cost of 5,000 is as much as 5 km through such cells. Sources are 0. Cells from "
            "which no source can be reached are infinite, cells without data stay without data."
        ),
        references=(
            "Dijkstra, E. W. (1959). A note on two problems in connexion with graphs. Numerische Mathematik 1, "
            "269–271.",
            "Adriaensen, F. et al. (2003). The application of ‘least-cost’ modelling as a functional landscape model. "
            "Landscape and Urban Planning 64, 233–247.",
        ),
        caption=tr(
            "The sample: cost of the cheapest path to the nearest of nine habitat patches (rings), pale near them, "
            "dark where the way is long or leads through the city."
        ),
    )
    task_name = "leastcost.distance"
    output_title = tr("Least-cost distance")
    output_help = tr("Accumulated cost to the nearest source, or one band for each source.")
