"""Connected habitat of each cell, over the whole landscape."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback, QgsProcessingParameterDefinition

from ...i18n import tr
from ...runner import Result, Task
from ..base import HABITAT, EngineAlgorithm
from ..formatting import format_number
from ..help import Help
from ..outputs import NumberOutput, RasterOutput, common_outputs
from ..parameter_values import ParameterValues
from ..parameters import (
    cost,
    dispersal,
    distance_choice,
    graph,
    landscape,
    only_rsp,
    raster_destination,
    theta,
    validate_direction,
)
from ..results import with_distance
from ..styles import habitat_style
from .parameters import habitat, landmark_outputs, landmarks, log_landmarks


class ConnectedHabitatAlgorithm(EngineAlgorithm):
    """Quality of every cell times its distance-weighted habitat."""

    identifier = "connectedhabitat"
    title = tr("Connected habitat")
    search_words = (
        "conservation priority, stepping stones, habitat network, fragmentation, dispersal, "
        "probability of connectivity, equivalent connected area, Conefor, Graphab, ConScape, JAXScape"
    )
    toolbox_group = HABITAT
    summary = tr("How much habitat each cell is connected with, over the whole landscape.")
    help = Help(
        description=tr(
            "For every cell its quality times the quality of all habitat in the landscape, weighted by exp(−distance "
            "/ dispersal distance). The sum over all cells is the connectivity of the landscape; its square root is "
            "the equivalent connected habitat, the size of a single patch with the same connectivity."
        ),
        when_to_use=tr(
            "Use it to see which habitat contributes to connectivity, and to compare landscapes or scenarios by one "
            "number. All paths through the whole landscape count. For rasters of many millions of cells use "
            "“Accessible habitat (moving windows)”, which is limited to a range."
        ),
        outputs=tr(
            "A raster in squared units of quality: high where good habitat is connected with much good habitat, 0 in "
            "cells without quality. Distances are from the cell to the habitat."
        ),
        references=(
            "Saura, S., Estreguil, C., Mouton, C. & Rodríguez-Freire, M. (2011). Network analysis to assess landscape "
            "connectivity trends: application to European forests. Ecological Indicators 11, 407–416.",
            "Hanski, I. & Ovaskainen, O. (2000). The metapopulation capacity of a fragmented landscape. Nature 404, "
            "755–758.",
            "Van Moorter, B., Kivimäki, I., Noack, A. et al. (2023). Accelerating advances in landscape connectivity "
            "modelling with the ConScape library. Methods in Ecology and Evolution 14, 133–145.",
        ),
        caption=tr(
            "The sample: connected habitat with a dispersal distance of 3,000; dark green where good habitat is "
            "connected with much good habitat."
        ),
    )
    number_outputs = (
        *common_outputs(),
        *landmark_outputs(),
        NumberOutput("connectivity", tr("Connectivity of the landscape (connected habitat of all cells)")),
        NumberOutput("equivalent_habitat", tr("Equivalent connected habitat (square root of the connectivity)")),
        NumberOutput("maximum", tr("Largest connected habitat of a cell")),
    )

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        return [
            *landscape(),
            *habitat(optional=False),
            distance_choice("habitat.connected"),
            theta(only_rsp()),
            dispersal(),
            landmarks(),
            cost(),
            *graph(),
            raster_destination(
                tr("Connected habitat"), tr("Quality of each cell times its distance-weighted habitat.")
            ),
        ]

    def validate(self, provided: set[str], choices: dict[str, str]) -> str:
        return validate_direction(choices)

    def task(self, inputs: ParameterValues) -> Task:
        return inputs.task(
            "habitat.connected",
            {"quality": inputs.quality("QUALITY")},
            distance=inputs.choice("DISTANCE"),
            alpha=inputs.number("ALPHA"),
            landmarks=inputs.whole_number("LANDMARKS"),
            theta=inputs.number("THETA"),
            cost=inputs.choice("COST"),
        )

    def raster_outputs(self, inputs: ParameterValues, result: Result) -> list[RasterOutput]:
        values = result.outputs["habitat"]
        title, names = with_distance(tr("Connected habitat"), inputs), (tr("connected habitat"),)
        return [RasterOutput("OUTPUT", values, habitat_style(values), band_names=names, title=title)]

    def log_result(self, result: Result, feedback: QgsProcessingFeedback) -> None:
        log_landmarks(result, feedback)
        total, size = format_number(result.metrics["connectivity"]), format_number(result.metrics["equivalent_habitat"])
        text = tr("Connectivity of the landscape: {total}; equivalent connected habitat: {size}.")
        feedback.pushInfo(text.format(total=total, size=size))
