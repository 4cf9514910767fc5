"""The parameters that several algorithms share, each written once with its help."""

from __future__ import annotations

from collections.abc import Mapping

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterBand,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
)

from ..distance_registry import distance_help, distance_info, distance_names
from ..i18n import tr
from .feature_kinds import ANY_FEATURES, cells_of_features
from .parameter_types import Parameter, boolean, choice, either, meaning_of, number, only_with, optional, with_help

# θ must be positive. Below this value the walk is indistinguishable from a random walk in double precision.
MIN_THETA = 1e-12
# Above this value it is indistinguishable from the least-cost path, and θ × cost loses all significant digits.
MAX_THETA = 1e12

DEFAULT_DISPERSAL = 1000.0

#: Name of the parameter that `unreachable` returns.
UNREACHABLE = "UNREACHABLE"

LANDSCAPE_VALUES = {
    "permeability": tr("Permeability (conductance)"),
    "resistance": tr("Resistance (cost)"),
}


def alignment_note() -> str:
    """Return the sentence about rasters whose grid differs from that of the landscape."""
    return tr("If its grid differs from that of the landscape, it is resampled, with a warning in the log.")


def landscape(**conditions: tuple[str, ...]) -> list[Parameter]:
    """Return the landscape raster, its band, and the meaning of its values.

    Parameters
    ----------
    conditions
        Values of other parameters with which there is a landscape, as for `only_with`; it is optional then.
    """
    # Optional because QGIS 3.22 otherwise rejects a run that relies on the default.
    band = QgsProcessingParameterBand("BAND", tr("Band"), 1, "INPUT", optional=True)
    parameters = [
        with_help(
            QgsProcessingParameterRasterLayer("INPUT", tr("Landscape")),
            tr(
                "A raster of permeability or resistance: how easy or hard each cell is to cross. Nodata cells are "
                "barriers. Values must not be negative. Use a projected coordinate system, so that distances are in "
                "metres."
            ),
        ),
        with_help(band, tr("The band of the landscape raster; the first one if nothing is chosen.")),
        meaning_of(
            choice(
                "VALUES",
                tr("Landscape values: permeability or resistance"),
                LANDSCAPE_VALUES,
                tr(
                    "What the values of the landscape mean; there is no default. Permeability: the higher, the easier "
                    "to cross (also called conductance or affinity); 0 is a barrier. Resistance: the higher, the "
                    "harder to cross (also called cost or friction); it must be above 0. In the dialog it is preset if "
                    "the band is named “permeability” or “resistance”."
                ),
                required=True,
            ),
            "INPUT",
        ),
    ]
    return [optional(only_with(each, **conditions)) for each in parameters] if conditions else parameters


def graph(*, symmetric: bool = False) -> list[Parameter]:
    """Return the neighbourhood of a cell and the edge conductance rule; advanced.

    Parameters
    ----------
    symmetric
        Offer only rules that give a step the same conductance in both directions.
    """
    rules = {"mean": tr("Mean permeability"), "resistance": tr("Mean resistance")}
    text = tr(
        "Conductance of the edge between two neighbouring cells. Mean permeability: the mean of their permeabilities. "
        "Mean resistance: the reciprocal of the mean of their resistances, as in most least-cost tools."
    )
    if not symmetric:
        rules["target"] = tr("Permeability of the target cell")
        text += " " + tr(
            "Permeability of the target cell: that of the cell entered, so that the two directions of a step may "
            "differ."
        )
    return [
        choice(
            "NEIGHBORS",
            tr("Neighbours of a cell"),
            {"queen": tr("Eight (queen)"), "rook": tr("Four (rook)")},
            tr(
                "Eight: all surrounding cells; a diagonal step is longer (by √2 for square cells). Four: the cells "
                "that share a side; diagonal gaps cannot be crossed."
            ),
            advanced=True,
        ),
        choice("EDGE_RULE", tr("Edge conductance rule"), rules, text, advanced=True),
    ]


def sources(*, regions: bool = True, note: str = "") -> list[Parameter]:
    """Return the sources of a distance: features, or the cells of a raster.

    Parameters
    ----------
    regions
        Whether sources may be lines and polygons.
    note
        A sentence about them to append to the help.
    """
    label = tr("Sources: points, lines or polygons") if regions else tr("Sources: points")
    text = cells_of_features() if regions else tr("Each point represents the cell that contains it.")
    return either(
        with_help(
            QgsProcessingParameterFeatureSource("SOURCES", label, ANY_FEATURES[: 3 if regions else 1], optional=True),
            tr("Places such as habitat patches or observations. {cells}").format(cells=f"{text} {note}".rstrip())
            + " "
            + tr(
                "Any coordinate system. Features outside the landscape or on barriers are ignored and listed in the "
                "log. Choose either features or a raster of sources."
            ),
        ),
        with_help(
            QgsProcessingParameterRasterLayer("SOURCE_RASTER", tr("Sources: raster"), optional=True),
            tr(
                "A raster in which all cells with a value other than 0 are sources, for example habitat or the result "
                "of “Connected components”. Its first band is used."
            )
            + f" {alignment_note()} "
            + tr("Choose either features or a raster of sources."),
        ),
    )


def focal_nodes() -> list[Parameter]:
    """Return the focal nodes: features with an ID field, or a raster of ids."""
    layer, raster = either(
        with_help(
            QgsProcessingParameterFeatureSource(
                "FOCAL", tr("Focal nodes: points, lines or polygons"), ANY_FEATURES, optional=True
            ),
            tr("The places to connect, such as habitat patches or sampling sites.")
            + f" {cells_of_features()} "
            + tr(
                "Any coordinate system. Features outside the landscape, on nodata or on barriers are ignored and "
                "listed in the log. Choose either a layer or a raster of focal nodes."
            ),
        ),
        with_help(
            QgsProcessingParameterRasterLayer("FOCAL_RASTER", tr("Focal nodes: raster"), optional=True),
            tr("A raster of whole numbers: all cells with the same number above 0 are the focal node of that id.")
            + f" {alignment_note()} "
            + tr("Choose either a layer or a raster of focal nodes."),
        ),
    )
    id_field = with_help(
        QgsProcessingParameterField("ID_FIELD", tr("ID field"), None, "FOCAL", optional=True),
        tr(
            "The field that identifies the focal nodes in tables and file names: numbers, texts, dates or times; "
            "feature ids if nothing is chosen. Polygons, or lines, with the same id form one region; the ids of points "
            "must be unique."
        ),
    )
    return [layer, id_field, raster]


def targets() -> list[Parameter]:
    """Return the optional targets of paths from the focal nodes."""
    label = tr("Targets: points, lines or polygons")
    return [
        with_help(
            QgsProcessingParameterFeatureSource("TARGETS", label, ANY_FEATURES, optional=True),
            tr(
                "Destinations of paths from the focal nodes. Without targets, the focal nodes are connected with each "
                "other."
            ),
        ),
        with_help(
            QgsProcessingParameterField(
                "TARGET_ID_FIELD", tr("ID field of the targets"), None, "TARGETS", optional=True
            ),
            tr("The field that identifies the targets in tables; feature ids if nothing is chosen."),
        ),
    ]


def validate_focal(provided: set[str]) -> str:
    """Return an error message about the choice of focal nodes; empty if it is valid."""
    chosen = provided & {"FOCAL", "FOCAL_RASTER"}
    if not chosen:
        return tr("No focal nodes: choose either a layer of points, lines or polygons, or a raster of ids.")
    if len(chosen) == 2:
        return tr("Two sets of focal nodes: choose either a layer or a raster, not both.")
    return ""


def circuit_options() -> list[Parameter]:
    """Return the short-circuit regions and the mask of a circuit; advanced."""
    polygons = [QgsProcessing.SourceType.TypeVectorPolygon]
    return [
        with_help(
            QgsProcessingParameterFeatureSource("SHORT_CIRCUITS", tr("Short-circuit regions"), polygons, optional=True),
            tr(
                "Polygons without resistance inside, such as reserves that animals cross freely: all cells whose "
                "centres lie in one polygon are a single node. Polygons that share a cell are one region. A region is "
                "included with all its cells if at least one of them is passable."
            ),
            advanced=True,
        ),
        with_help(
            QgsProcessingParameterRasterLayer("MASK", tr("Mask"), optional=True),
            tr("A raster that is above 0 in the cells to include; all other cells become barriers.")
            + f" {alignment_note()}",
            advanced=True,
        ),
    ]


def per_source() -> Parameter:
    """Return the choice between one map and one band per source."""
    return boolean(
        "PER_SOURCE",
        tr("One band for each source"),
        tr(
            "Off: one map with the distance to the nearest source. On: one band for each source, named after its "
            "feature."
        ),
    )


def distance_choice(task: str, note: str = "", *, between_nodes: bool = False, first: str = "") -> Parameter:
    """Return the choice of a distance, with the distances that the engine's registry lists for a task.

    Parameters
    ----------
    task
        Name of the engine's task.
    note
        A sentence to append to the help.
    between_nodes
        Whether distances are between focal nodes, which may be regions.
    first
        The default distance, if it is not the registry's first.
    """
    labels = {name: tr(distance_info(name).label) for name in distance_names(task, first=first)}
    options = {name: label[:1].upper() + label[1:] for name, label in labels.items()}
    text = distance_help(task, between_nodes=between_nodes, first=first)
    return choice("DISTANCE", tr("Distance"), options, f"{text} {note}".rstrip())


def dispersal(text: str = "") -> Parameter:
    """Return the dispersal distance, with an introductory text."""
    # Not a length, which QGIS would label with metres: its unit is that of the distance.
    return number(
        "ALPHA",
        tr("Dispersal distance"),
        DEFAULT_DISPERSAL,
        (
            text
            + " "
            + tr(
                "The distance at which the weight exp(−distance / dispersal distance) of a connection falls to 37 %, "
                "in the unit of the distance chosen above: map units where the resistance is 1. For animals that "
                "typically cross resistance 5, enter five times their dispersal distance."
            )
        ).lstrip(),
        minimum=1e-9,
        unit="distance",
    )


def validate_direction(choices: Mapping[str, str]) -> str:
    """Return an error message if a symmetric distance is combined with a directed edge rule; empty if valid."""
    info = distance_info(choices["DISTANCE"])
    if not info.directed_graphs and choices["EDGE_RULE"] == "target":
        return tr(
            "The distance “{distance}” is symmetric, so the edge conductance rule cannot be the permeability of the "
            "target cell: choose mean permeability or mean resistance."
        ).format(distance=tr(info.label))
    return ""


def theta(note: str = "") -> Parameter:
    """Return θ, between the random walk and the least-cost path.

    Parameters
    ----------
    note
        A sentence to append to its help.
    """
    text = tr(
        "How strongly individuals prefer low costs, per unit of cost (the inverse temperature of the literature): "
        "near 0 they move at random, and the larger θ, the closer they keep to the least-cost path. "
        "The product of θ and the cost of a step matters: with 30 m cells of resistance 5 (a cost of 150 per step), "
        "θ = 0.01 allows moderate detours, 0.0001 is close to a random walk and 1 gives the least-cost path."
    )
    text = f"{text} {note}".rstrip()
    label = tr("θ: from random movement (near 0) to the least-cost path (large)")
    return number("THETA", label, 0.01, text, minimum=MIN_THETA, maximum=MAX_THETA, unit="per_cost")


def only_rsp() -> str:
    """Return the note on parameters of randomized shortest paths."""
    return tr("Only for randomized shortest paths.")


def cost() -> Parameter:
    """Return the cost function of randomized shortest paths."""
    return choice(
        "COST",
        tr("Cost function"),
        {"inverse": tr("Inverse of conductance"), "minus_log": tr("−ln of conductance")},
        tr(
            "The cost of a step as a function of its conductance (permeability divided by the length of the step). "
            "Inverse: 1 / conductance, which is resistance times length. −ln: −ln(conductance), for permeabilities "
            "that are probabilities of movement; the conductance must not exceed 1, and the cost has no unit."
        ),
        advanced=True,
    )


def measure() -> Parameter:
    """Return the measure of randomized shortest paths."""
    return choice(
        "MEASURE",
        tr("Measure"),
        {
            "expected_cost": tr("Expected cost"),
            "free_energy": tr("Free energy"),
            "survival": tr("Survival probability"),
        },
        tr(
            "Expected cost: mean cost of the paths taken. Free energy: a distance that also decreases with the number "
            "of alternative paths. Survival probability: the probability of arriving if every unit of cost is lethal "
            "at rate θ; 1 at the source, 0 where no source can be reached, so that higher means closer."
        ),
        advanced=True,
    )


def unreachable(description: str, text: str) -> Parameter:
    """Return how cells without a finite value are written; advanced.

    Parameters
    ----------
    description
        Which cells these are.
    text
        The first sentence of the help.
    """
    text += " " + tr(
        "Nodata: statistics of the map and further algorithms leave them out. Infinity: they differ from cells without "
        "data, but most tools cannot compute with the map, such as zonal statistics and the raster calculator."
    )
    options = {"nodata": tr("Nodata"), "infinity": tr("Infinity")}
    return optional(choice(UNREACHABLE, description, options, text, advanced=True))


def solver() -> Parameter:
    """Return the solver of the resistance distance."""
    parameter = choice(
        "SOLVER",
        tr("Linear solver"),
        {
            "automatic": tr("Automatic"),
            "multigrid": tr("Multigrid (iterative)"),
            "nested_dissection": tr("Nested dissection (direct)"),
        },
        tr(
            "Solver of the linear systems of the resistance distance. Automatic: depends on the numbers of cells and "
            "sources and on the free memory; the log names the choice. Multigrid needs the least memory. Nested "
            "dissection is exact, and faster with many sources."
        ),
        advanced=True,
    )
    return optional(parameter)


def raster_destination(description: str, text: str) -> Parameter:
    """Return the destination of the main raster output."""
    return with_help(QgsProcessingParameterRasterDestination("OUTPUT", description), text)
