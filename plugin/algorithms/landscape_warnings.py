"""Warnings about a landscape whose name or legend contradicts the chosen meaning of its values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from qgis.core import (
    QgsPalettedRasterRenderer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsRasterLayer,
)

from ..i18n import tr
from .formatting import join_names
from .input_layers import load_raster
from .parameter_types import MEANING_OF
from .plain_values import is_provided

#: Parts of the names of layers and bands of a quantity. A coast, or Costa Rica, is no cost.
_NAMES = {
    "permeability": re.compile("permeab|conduct|suitab|affinit", re.IGNORECASE),
    "resistance": re.compile("resist|cost(?!a)|friction|impedance", re.IGNORECASE),
}
# A legend with more classes is one of values rather than of land cover.
MAX_CLASSES = 60


def landscape_warnings(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> list[str]:
    """Return warnings if the landscape is named after the other quantity, or is a map of classes.

    Parameters
    ----------
    algorithm
        The algorithm that defines the parameters.
    parameters
        Values by name, with named choices.
    context
        As passed to the algorithm by Processing.
    """
    definition = algorithm.parameterDefinition("VALUES")
    raster = definition.metadata().get(MEANING_OF) if definition is not None else None
    if not raster or not is_provided(parameters, raster) or parameters.get("VALUES") not in _NAMES:
        return []
    layer = load_raster(algorithm, parameters, raster, context)
    if layer is None:
        return []
    band = algorithm.parameterAsInt(parameters, "BAND", context) or 1
    warnings = (_name_warning(layer, band, parameters), _class_warning(layer, band, parameters))
    return [warning for warning in warnings if warning]


def _name_warning(layer: QgsRasterLayer, band: int, parameters: Mapping[str, Any]) -> str:
    said = parameters["VALUES"]
    band_name = layer.bandName(band).partition(":")[2].strip() if band <= layer.bandCount() else ""
    for name in (band_name, layer.name()):
        called = [quantity for quantity, words in _NAMES.items() if words.search(name)]
        if called and said not in called:
            return tr(
                "'{layer}' is said to hold {said}, but it is called “{name}”, as rasters of {other} are. Check the "
                "choice of permeability or resistance."
            ).format(layer=layer.name(), said=said, name=name, other=called[0])
        if called:
            return ""
    return ""


def _class_warning(layer: QgsRasterLayer, band: int, parameters: Mapping[str, Any]) -> str:
    classes = _classes(layer, band)
    if not 2 <= len(classes) <= MAX_CLASSES:
        return ""
    named = [f"{value:g} “{label}”" for value, label in classes.items() if label and label != f"{value:g}"]
    seen = tr("names of classes ({classes})").format(classes=join_names(named)) if named else tr("a colour table")
    return tr(
        "'{layer}' looks like a map of land-cover classes, because it has {seen}: the numbers of its classes are used "
        "as {said}. If they are no {said}, run “Permeability from land cover” first."
    ).format(layer=layer.name(), seen=seen, said=parameters["VALUES"])


def _classes(layer: QgsRasterLayer, band: int) -> dict[float, str]:
    """Return the label of each class of the legend, or of the colour table of the file."""
    renderer = layer.renderer()
    if isinstance(renderer, QgsPalettedRasterRenderer):
        classes = renderer.classes()
    else:
        classes = layer.dataProvider().colorTable(band) if band <= layer.bandCount() else []
    # The colour table of a file of bytes has 256 entries; those of unused values are black and have no name.
    return {
        each.value: each.label
        for each in classes
        if each.label != f"{each.value:g}" or each.color.getRgb()[:3] != (0, 0, 0)
    }
