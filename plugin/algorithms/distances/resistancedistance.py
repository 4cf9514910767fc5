"""Resistance distance."""

from __future__ import annotations

from ...i18n import tr
from ..help import Help
from ..outputs import common_outputs, distance_outputs
from .base import DistanceAlgorithm


class ResistanceDistanceAlgorithm(DistanceAlgorithm):
    """Effective resistance between every cell and the sources."""

    identifier = "resistancedistance"
    title = tr("Resistance distance")
    search_words = (
        "isolation, gene flow, genetics, isolation by resistance, dispersal, resistance surface, "
        "effective resistance, circuit theory, random walk, Circuitscape, gdistance"
    )
    summary = tr("Effective resistance between every cell and the sources, with all routes counted.")
    help = Help(
        description=tr(
            "Effective resistance between every cell and the nearest source, or each source. The landscape is a "
            "network of resistors: one ampere enters at the cell and leaves at the source, and the distance is the "
            "voltage between them. Unlike the least-cost distance it accounts for all routes: two equally good routes "
            "halve it."
        ),
        when_to_use=tr(
            "Use it for random movement, such as gene flow over generations or dispersal into unknown terrain, where "
            "redundancy of routes matters. It is exact for every cell. For movement along the single optimal route "
            "use the least-cost distance."
        ),
        outputs=tr(
            "A raster of resistances in ohm: a strip of n square cells with permeability 1 has a resistance of n − 1 "
            "ohm from end to end. Compare values within one landscape only. Sources are 0. Cells that cannot reach "
            "any source are nodata, as cells without data; the log counts them."
        ),
        references=(
            "McRae, B. H. (2006). Isolation by resistance. Evolution 60, 1551–1561.",
            "McRae, B. H., Dickson, B. G., Keitt, T. H. & Shah, V. B. (2008). Using circuit theory to model "
            "connectivity in ecology, evolution, and conservation. Ecology 89, 2712–2724.",
        ),
        caption=tr(
            "The sample: effective resistance to the nearest of nine habitat patches (rings), low where many paths "
            "through forest lead there, high in the city."
        ),
    )
    source_regions = True
    source_note = tr(
        "A line or polygon is one node, without resistance inside, as a short-circuit region; each takes one "
        "computation. In a raster every marked cell is a source of its own."
    )
    task_name = "resistance.distance"
    symmetric = True
    output_title = tr("Resistance distance")
    band_name = tr("effective resistance, ohm")
    unit = "Ω"
    number_outputs = (*common_outputs(), *distance_outputs(unit))
    output_help = tr("Effective resistance to the nearest source, or one band for each source.")
