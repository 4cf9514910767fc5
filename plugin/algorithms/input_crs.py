"""Coordinate reference systems of the inputs, which the main thread must know before a run uses them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
)

from ..i18n import tr
from ..layers import RasterGrid, in_main_thread, is_main_thread
from .input_layers import load_raster


def open_in_main_thread(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> None:
    """Open the layers and tables of a run in the main thread, and make their coordinate reference systems known there.

    Parameters
    ----------
    algorithm, parameters, context
        The algorithm, and what Processing passes to it. In a model that runs in a thread of its own, the layers are
        opened a second time there.
    """
    if is_main_thread():
        _open(algorithm, parameters, context)
        return

    def open_and_close() -> None:
        own_context = QgsProcessingContext()
        own_context.setProject(context.project())
        _open(algorithm, parameters, own_context)

    in_main_thread(open_and_close)


def make_known_in_main_thread(definition: str) -> None:
    """Make a coordinate reference system known in the main thread.

    Parameters
    ----------
    definition
        Such as ``"EPSG:31985"``.
    """
    in_main_thread(lambda: _make_known(QgsCoordinateReferenceSystem(definition)))


def _open(algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
    for crs in _input_crs(algorithm, parameters, context):
        _make_known(crs)


def _input_crs(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> Iterator[QgsCoordinateReferenceSystem]:
    for definition in algorithm.parameterDefinitions():
        name, kind = definition.name(), definition.type()
        if parameters.get(name) is None:
            continue
        try:
            if kind == "raster":
                layer = load_raster(algorithm, parameters, name, context)
                crs = None if layer is None else layer.crs()
            elif kind in ("source", "vector"):
                source = algorithm.parameterAsSource(parameters, name, context)
                crs = None if source is None else source.sourceCrs()
            else:
                continue
        except QgsProcessingException:
            continue  # the run reports it
        if crs is not None and crs.isValid():
            yield crs


def _make_known(crs: QgsCoordinateReferenceSystem) -> None:
    """Look up a CRS in the ways in which the run will: by its code and, in memory layers, by its definition."""
    wkt = crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT_PREFERRED)
    for definition in filter(None, (crs.authid(), f"wkt:{wkt}")):
        QgsCoordinateReferenceSystem(definition).toWkt()


def warn_of_degrees(name: str, grid: RasterGrid, feedback: QgsProcessingFeedback) -> None:
    """Warn that distances are in degrees if a raster has a geographic coordinate system."""
    if grid.crs.isGeographic():
        feedback.pushWarning(
            tr(
                "'{name}' is in degrees ({crs}): distances, ranges and radii are in degrees as well, and a degree east "
                "is taken to be as long as a degree north. Reproject the raster to a projected coordinate system to "
                "use metres."
            ).format(name=name, crs=grid.crs.authid())
        )
