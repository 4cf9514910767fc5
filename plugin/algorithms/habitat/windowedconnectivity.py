"""Accessible habitat, with moving windows."""

from __future__ import annotations

from ...i18n import tr
from ...runner import Result
from ..base import HABITAT
from ..help import Help
from ..outputs import RasterOutput, window_outputs
from ..parameter_values import ParameterValues
from ..results import with_distance
from ..styles import habitat_style, sample_rows
from ..window_base import WindowedAlgorithm


class WindowedConnectivityAlgorithm(WindowedAlgorithm):
    """Habitat accessible from each cell within a range, weighted by quality."""

    identifier = "windowedconnectivity"
    title = tr("Accessible habitat (moving windows)")
    search_words = (
        "conservation priority, habitat network, fragmentation, dispersal, probability of connectivity, "
        "equivalent connected area, Conefor, Graphab, ConScape, JAXScape"
    )
    toolbox_group = HABITAT
    summary = tr("How much habitat is accessible from each cell within a range, in landscapes of any size.")
    help = Help(
        description=tr(
            "For every cell, the habitat accessible from it within the dependency range: the quality of the cell "
            "times the sum of the quality of all surrounding cells, weighted by exp(−distance / dispersal distance). "
            "The sum over all cells is the connectivity of the landscape."
        ),
        when_to_use=tr(
            "Use it to find well-connected habitat, to compare landscapes or scenarios by one number, and for rasters "
            "too large for memory: windows move over the landscape, and only one batch of them is computed at a time. "
            "If paths longer than a window matter use “Connected habitat”. For the places where changes of the "
            "landscape would help most use “Sensitivity of connectivity (moving windows)”."
        ),
        outputs=tr(
            "A raster in squared units of quality: high where good habitat has much good habitat within its range, 0 "
            "in cells without quality. With coarsening, the habitat accessible from a cell is interpolated between the "
            "centres of the blocks around it."
        ),
        references=(
            "Saura, S. & Pascual-Hortal, L. (2007). A new habitat availability index to integrate connectivity in "
            "landscape conservation planning. Landscape and Urban Planning 83, 91–103.",
            "Hanski, I. & Ovaskainen, O. (2000). The metapopulation capacity of a fragmented landscape. Nature 404, "
            "755–758.",
            "McRae, B. H. et al. (2016). Conserving nature's stage: mapping omnidirectional connectivity for resilient "
            "terrestrial landscapes in the Pacific Northwest. The Nature Conservancy, Portland.",
        ),
        caption=tr(
            "The sample: accessible habitat within 3 km; dark green where good habitat is surrounded by much good "
            "habitat."
        ),
    )
    number_outputs = window_outputs(tr("accessible habitat of a cell"))
    task_name = "windowed.connectivity"
    output_title = tr("Accessible habitat")
    output_help = tr("Quality of each cell times the distance-weighted habitat within its range.")

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        values = result.outputs["connectivity"]
        style, names = habitat_style(sample_rows(values)), (tr("accessible habitat"),)
        title = with_distance(tr("Accessible habitat"), inputs)
        return [RasterOutput("OUTPUT", values, style, band_names=names, title=title)]
