"""Least-cost distance."""

from __future__ import annotations

from ...i18n import tr
from ..help import Help
from .base import DistanceAlgorithm


class LeastCostDistanceAlgorithm(DistanceAlgorithm):
    """Accumulated cost of the least-cost path from every cell to the nearest source."""

    identifier = "leastcostdistance"
    title = tr("Least-cost distance")
    search_words = "isolation, dispersal, friction, cost surface, cost distance, gdistance"
    summary = tr("Accumulated cost of the least-cost path from every cell to the nearest source.")
    help = Help(
        description=tr(
            "Accumulated cost of the least-cost path from every cell to the nearest source, or to each source. The "
            "cost of a step is its length times the resistance between the two cells (see “Edge conductance rule”); "
            "resistance is 1 / permeability."
        ),
        when_to_use=tr(
            "Use it for movement with knowledge of the landscape along a single optimal route, such as migration "
            "between known places. For random movement use the resistance distance; for movement between these "
            "extremes, the randomized shortest path distance."
        ),
        outputs=tr(
            "A raster of costs in map units times resistance: where the resistance is 1, the cost is the length of "
            "the path in map units, so that a cost of 5,000 corresponds to 5 km through such cells. Sources are 0. "
            "Cells that cannot reach any source are nodata, as cells without data; the log counts them."
        ),
        references=(
            "Dijkstra, E. W. (1959). A note on two problems in connexion with graphs. Numerische Mathematik 1, "
            "269–271.",
            "Adriaensen, F. et al. (2003). The application of ‘least-cost’ modelling as a functional landscape model. "
            "Landscape and Urban Planning 64, 233–247.",
        ),
        caption=tr(
            "The sample: cost of the least-cost path to the nearest of nine habitat patches (rings), pale near them, "
            "dark where the path is long or crosses the city."
        ),
    )
    source_regions = True
    source_note = tr("The cost of a line or polygon is that of its nearest cell.")
    task_name = "leastcost.distance"
    output_title = tr("Least-cost distance")
    output_help = tr("Accumulated cost to the nearest source, or one band for each source.")
