"""Habitat within reach, in landscapes of any size."""

from __future__ import annotations

from ...i18n import tr
from ...runner import Result
from ..base import HABITAT
from ..help import Help
from ..outputs import RasterOutput, window_outputs
from ..parameter_values import ParameterValues
from ..styles import habitat_style, sample_rows
from ..window_base import WindowedAlgorithm


class WindowedConnectivityAlgorithm(WindowedAlgorithm):
    """Quality-weighted connectivity over windows, and each cell's part of it."""

    identifier = "windowedconnectivity"
    title = tr("Habitat within reach (moving windows)")
    toolbox_group = HABITAT
    summary = tr("How much habitat can be reached from each cell, in landscapes of any size.")
    help = Help(
        description=tr(
            "For every cell, the habitat that can be reached from it within the dependency range: the quality of the "
            "cell, times the sum of the quality of all cells around, each weighted with exp(−distance / dispersal "
            "distance). The sum over all cells is the connectivity of the landscape."
        ),
        when_to_use=tr(
            "Use it to find where habitat is well connected, to compare landscapes or scenarios by one number, and "
            "for rasters too large for the memory: windows move over the landscape, and only a batch of them is "
            "computed at a time. Where ways longer than a window count use “Connected habitat”. Where changing the "
            "landscape would help most is what “Sensitivity of connectivity (moving windows)” says."
        ),
        outputs=tr(
            "A raster without unit, or in the unit of the quality squared: high where good habitat has much good "
            "habitat within reach, 0 where a cell has no quality itself. Cells of one block share the distances of "
            "the block's centre, so a strong coarsening shows as squares."
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
            "The sample: habitat within reach, within 3 km; dark green where good habitat has much good habitat "
            "around it."
        ),
    )
    number_outputs = window_outputs(tr("part of a cell"))
    task_name = "windowed.connectivity"
    output_title = tr("Habitat within reach")
    output_help = tr("Quality of each cell, times the habitat within its reach.")

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        values = result.outputs["connectivity"]
        return [
            RasterOutput("OUTPUT", values, habitat_style(sample_rows(values)), band_names=(tr("habitat within reach"),))
        ]
