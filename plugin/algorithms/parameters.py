"""The parameters that several algorithms share, each written once with its help."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterBand,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterDistance,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
)

from ..distance_registry import distance_info
from ..i18n import tr

Parameter = QgsProcessingParameterDefinition

# θ has to be positive; below this the walk is random to more digits than a float holds.
SMALLEST_THETA = 1e-12

DEFAULT_DISPERSAL = 1000.0


def with_help(parameter: Parameter, text: str, *, advanced: bool = False) -> Parameter:
    """Give a parameter its help and, if asked, put it among the advanced ones."""
    parameter.setHelp(text)
    if advanced:
        parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
    return parameter


def landscape() -> list[Parameter]:
    """Return what says which raster is the landscape and what its values mean."""
    # Optional, because QGIS 3.22 otherwise refuses a run that relies on the default.
    band = QgsProcessingParameterBand("BAND", tr("Band"), 1, "INPUT", optional=True)
    return [
        with_help(
            QgsProcessingParameterRasterLayer("INPUT", tr("Landscape")),
            tr(
                "A raster that says how easy or hard it is to cross each cell. Cells without data are barriers. "
                "Values must not be negative. Use a projected coordinate system, so that distances are in metres."
            ),
        ),
        with_help(band, tr("The band of the landscape raster to use; the first one if nothing is chosen.")),
        choice(
            "VALUES",
            tr("The values of the landscape are"),
            ["permeability", "resistance"],
            tr(
                "Permeability: the higher, the easier to cross (also called conductance or affinity); 0 is a barrier. "
                "Resistance: the higher, the harder to cross (also called cost or friction); it must be above 0."
            ),
        ),
    ]


def graph(*, symmetric: bool = False) -> list[Parameter]:
    """Return how neighbouring cells are joined; advanced.

    Parameters
    ----------
    symmetric
        Offer only the rules by which going and coming back are the same.
    """
    rules = ["mean", "resistance"]
    meaning = tr(
        "How the values of two neighbouring cells make the ease of the step between them. Mean: the mean of their "
        "permeabilities. Resistance: the mean of their resistances, as in most least-cost tools."
    )
    if not symmetric:
        rules.append("target")
        meaning += " " + tr(
            "Target: the permeability of the cell that is entered, so that going there and coming back may differ."
        )
    return [
        choice(
            "NEIGHBORS",
            tr("Neighbours of a cell"),
            ["queen", "rook"],
            tr(
                "Queen: eight neighbours, diagonal steps included (√2 longer for square cells). "
                "Rook: the four neighbours that share a side; diagonal gaps then cannot be crossed."
            ),
            advanced=True,
        ),
        choice("EDGE_RULE", tr("The step between two cells takes"), rules, meaning, advanced=True),
    ]


def sources() -> list[Parameter]:
    """Return where the ways begin or end: points, or the cells of a raster."""
    return [
        with_help(
            QgsProcessingParameterFeatureSource(
                "SOURCES", tr("Sources: points"), [QgsProcessing.SourceType.TypeVectorPoint], optional=True
            ),
            tr(
                "Points, such as habitat patches or observations; each stands for the cell it falls in. Any coordinate "
                "system. Points outside the landscape or on barriers are left out and listed in the log. "
                "Give either points or a raster of sources."
            ),
        ),
        with_help(
            QgsProcessingParameterRasterLayer("SOURCE_RASTER", tr("Sources: raster"), optional=True),
            tr(
                "A raster whose cells with any value but 0 are sources, for example habitat or the result of "
                "“Connected components”; its first band is used. If its cells do not lie on those of the landscape "
                "they are brought there, and the log says so. Give either points or a raster of sources."
            ),
        ),
    ]


def focal_nodes() -> list[Parameter]:
    """Return between which places movement is asked for: points or polygons with their ids, or a raster of ids."""
    kinds = [QgsProcessing.SourceType.TypeVectorPoint, QgsProcessing.SourceType.TypeVectorPolygon]
    return [
        with_help(
            QgsProcessingParameterFeatureSource("FOCAL", tr("Focal nodes: points or polygons"), kinds, optional=True),
            tr(
                "The places between which movement is asked for, such as habitat patches or sampling sites: a point is "
                "the cell it falls in, a polygon all cells whose centres lie in it. Any coordinate system. What lies "
                "outside the landscape, on nodata or on barriers is left out and listed in the log. Give either a "
                "layer or a raster of focal nodes."
            ),
        ),
        with_help(
            QgsProcessingParameterField("ID_FIELD", tr("Field with the ids"), None, "FOCAL", optional=True),
            tr(
                "The field that names the focal nodes in tables and file names; feature ids if nothing is chosen. "
                "Polygons that share an id are one region; points must not share one."
            ),
        ),
        with_help(
            QgsProcessingParameterRasterLayer("FOCAL_RASTER", tr("Focal nodes: raster"), optional=True),
            tr(
                "A raster of whole numbers; all cells of one number above 0 are the focal node of that id. If its "
                "cells do not lie on those of the landscape they are brought there, and the log says so. Give either "
                "a layer or a raster of focal nodes."
            ),
        ),
    ]


def targets() -> list[Parameter]:
    """Return where ways from the focal nodes lead to, if not to each other."""
    kinds = [QgsProcessing.SourceType.TypeVectorPoint, QgsProcessing.SourceType.TypeVectorPolygon]
    return [
        with_help(
            QgsProcessingParameterFeatureSource("TARGETS", tr("Targets: points or polygons"), kinds, optional=True),
            tr(
                "Places that ways from the focal nodes lead to. Without targets, ways lead from the focal nodes to "
                "each other."
            ),
        ),
        with_help(
            QgsProcessingParameterField(
                "TARGET_ID_FIELD", tr("Field with the ids of the targets"), None, "TARGETS", optional=True
            ),
            tr("The field that names the targets in tables; feature ids if nothing is chosen."),
        ),
    ]


def validate_focal(provided: set[str]) -> str:
    """Return what is wrong with the choice of focal nodes, or nothing."""
    named = provided & {"FOCAL", "FOCAL_RASTER"}
    if not named:
        return tr("No focal nodes: choose either a layer of points or polygons, or a raster of ids.")
    if len(named) == 2:
        return tr("Focal nodes are given twice: choose either a layer or a raster, not both.")
    return ""


def circuit() -> list[Parameter]:
    """Return what can be done to the landscape of a circuit: regions without resistance, and a mask; advanced."""
    polygons = [QgsProcessing.SourceType.TypeVectorPolygon]
    return [
        with_help(
            QgsProcessingParameterFeatureSource("SHORT_CIRCUITS", tr("Short-circuit regions"), polygons, optional=True),
            tr(
                "Polygons within which nothing resists, such as reserves that animals cross freely: all cells whose "
                "centres lie in one are a single node. Polygons that share a cell are one region. A region takes part "
                "if one of its cells can be crossed, and then takes the others with it."
            ),
            advanced=True,
        ),
        with_help(
            QgsProcessingParameterRasterLayer("MASK", tr("Mask"), optional=True),
            tr(
                "A raster that is above 0 where the landscape counts; all other cells become barriers. If its cells do "
                "not lie on those of the landscape they are brought there, and the log says so."
            ),
            advanced=True,
        ),
    ]


def per_source() -> Parameter:
    """Return the choice between one map and one map per source."""
    return flag(
        "PER_SOURCE",
        tr("One band for each source"),
        tr(
            "Off: one map with the distance to the nearest source. On: one band for each source, named after the "
            "feature it came from."
        ),
    )


def dispersal() -> Parameter:
    """Return how far movers go."""
    return distance(
        "ALPHA",
        tr("Dispersal distance"),
        DEFAULT_DISPERSAL,
        tr(
            "The distance at which exp(−distance / dispersal distance) has fallen to 37 %. It is a cost in the unit of "
            "the distance chosen above: map units where the resistance is 1, so give a five times larger value for "
            "animals that cross resistance 5."
        ),
    )


def validate_direction(choices: dict[str, str]) -> str:
    """Return what is wrong if a distance without direction is to have one, or nothing."""
    info = distance_info(choices["DISTANCE"])
    if not info.directed_graphs and choices["EDGE_RULE"] == "target":
        return tr(
            "The {distance} distance has no direction, so the step between two cells cannot take the value of the "
            "target alone: choose mean or resistance."
        ).format(distance=tr(info.label))
    return ""


def theta(text: str) -> Parameter:
    """Return θ, between random walk and least-cost path."""
    return number("THETA", tr("θ, from wandering to straight"), 0.01, text, minimum=SMALLEST_THETA)


def theta_help() -> str:
    """Return what θ means."""
    return tr(
        "How well the movers know the landscape, per unit of cost: close to 0 they wander at random, the larger it is "
        "the closer they keep to the cheapest way. What counts is θ times the cost of the steps: with 30 m cells "
        "of resistance 5 (cost 150 a step), θ = 0.01 allows moderate detours; 0.0001 is wandering, 1 is the "
        "least-cost path."
    )


def cost() -> Parameter:
    """Return how cost follows from permeability, for randomized shortest paths."""
    return choice(
        "COST",
        tr("Cost of a step"),
        ["inverse", "minus_log"],
        tr(
            "How the cost of a step follows from its ease (permeability divided by the length of the step). "
            "Inverse: 1 / ease, that is resistance times length. Minus log: −ln(ease), the choice when permeability "
            "is a probability of moving; the ease must then be at most 1, and the cost has no unit."
        ),
        advanced=True,
    )


def measure() -> Parameter:
    """Return what is measured of randomized shortest paths."""
    return choice(
        "MEASURE",
        tr("Measure"),
        ["expected_cost", "free_energy", "survival"],
        tr(
            "Expected cost: the mean cost of the ways taken. Free energy: a distance that also rewards having "
            "many ways. Survival: the chance to arrive if every unit of cost is deadly with rate θ, 1 at the "
            "source and 0 where none can be reached: the higher, the nearer."
        ),
        advanced=True,
    )


def solver() -> Parameter:
    """Return how resistances are to be solved for, chosen by the engine unless somebody wants it otherwise."""
    parameter = choice(
        "SOLVER",
        tr("Solver of resistances"),
        ["automatic", "multigrid", "nested_dissection"],
        tr(
            "How resistances are solved for. Automatic chooses by the number of cells, of places and the free memory, "
            "and the log says which and why. Multigrid needs the least memory; nested dissection is exact, and the "
            "faster the more places there are."
        ),
        advanced=True,
    )
    # Models made before there was a choice go on as they are.
    parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagOptional)
    return parameter


def output(description: str, text: str) -> Parameter:
    """Return where the map is written."""
    return with_help(QgsProcessingParameterRasterDestination("OUTPUT", description), text)


def optional_map(name: str, description: str, text: str) -> Parameter:
    """Return where a map is written that not everybody wants."""
    destination = QgsProcessingParameterRasterDestination(name, description, optional=True, createByDefault=False)
    return with_help(destination, text)


def table(name: str, description: str, text: str, *, optional: bool = False) -> Parameter:
    """Return where a table without geometry is written."""
    return _sink(name, description, text, QgsProcessing.SourceType.TypeVector, optional)


def lines(name: str, description: str, text: str, *, optional: bool = False) -> Parameter:
    """Return where lines are written."""
    return _sink(name, description, text, QgsProcessing.SourceType.TypeVectorLine, optional)


def _sink(name: str, description: str, text: str, kind: QgsProcessing.SourceType, optional: bool) -> Parameter:
    sink = QgsProcessingParameterFeatureSink(name, description, kind, optional=optional, createByDefault=not optional)
    return with_help(sink, text)


def choice(
    name: str, description: str, options: Sequence[str], text: str, *, default: str = "", advanced: bool = False
) -> Parameter:
    """Return a choice of words, the first one the default unless another is named.

    The words themselves are the values, so that scripts stay readable and the order may change.
    """
    parameter = QgsProcessingParameterEnum(
        name, description, list(options), defaultValue=default or options[0], usesStaticStrings=True
    )
    return with_help(parameter, text, advanced=advanced)


def flag(name: str, description: str, text: str) -> Parameter:
    """Return a yes or no, no by default."""
    return with_help(QgsProcessingParameterBoolean(name, description, defaultValue=False), text)


def number(
    name: str,
    description: str,
    default: float | None,
    text: str,
    *,
    minimum: float | None,
    maximum: float | None = None,
    whole: bool = False,
    advanced: bool = False,
) -> Parameter:
    """Return a number with a smallest and a largest allowed value, if any; one without a default need not be set."""
    kind = QgsProcessingParameterNumber.Type.Integer if whole else QgsProcessingParameterNumber.Type.Double
    parameter = QgsProcessingParameterNumber(name, description, kind, defaultValue=default, optional=default is None)
    if minimum is not None:
        parameter.setMinimum(minimum)
    if maximum is not None:
        parameter.setMaximum(maximum)
    return with_help(parameter, text, advanced=advanced)


def distance(name: str, description: str, default: float, text: str) -> Parameter:
    """Return a length in the units of the landscape."""
    parameter = QgsProcessingParameterDistance(name, description, default, "INPUT", minValue=1e-9)
    return with_help(parameter, text)
