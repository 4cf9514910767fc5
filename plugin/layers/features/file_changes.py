"""Vector layers and tables whose file was changed, replaced or deleted after they were loaded, or that are edited."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from itertools import count, zip_longest
from pathlib import Path
from urllib.parse import unquote, urlparse

from qgis.core import (
    QgsFeature,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProviderRegistry,
    QgsVectorDataProvider,
    QgsVectorLayer,
    QgsWkbTypes,
)

from ...cancelled import stop_if_cancelled
from ...i18n import tr
from .file_stamps import file_stamp, is_known, remember
from .lists import named_features

# Providers that read files, of which QGIS may hold what they were when the layer was loaded.
FILE_PROVIDERS = ("ogr", "delimitedtext", "spatialite")

# Names of a file, as `folder/././file`, before one is used again; QGIS keeps unused connections for a minute.
MAX_SPELLINGS = 1000
_openings = count()


def require_current(layer: QgsVectorLayer, feedback: QgsProcessingFeedback) -> None:
    """Raise an error if the file of a layer no longer holds what QGIS reads from it; name unsaved changes.

    Parameters
    ----------
    layer
        The layer; those that are not read from a file are current.
    feedback
        Receives a warning about unsaved changes, which belong to the layer; can cancel.

    Raises
    ------
    QgsProcessingException
        The file was deleted, replaced or changed; the message says what differs.
    """
    _warn_about_unsaved_changes(layer, feedback)
    loaded = layer.dataProvider()
    if loaded is None or loaded.name() not in FILE_PROVIDERS:
        return
    path = _file_of(loaded)
    if path is None:
        return
    if not path.exists():
        text = tr("'{layer}': its file '{path}' no longer exists. Restore the file, or remove the layer.")
        raise QgsProcessingException(text.format(layer=layer.name(), path=path))
    stamp = file_stamp(path)
    if is_known(layer, stamp):
        return
    current = _opened_anew(loaded, path)
    if current is None or not current.isValid():
        text = tr(
            "'{layer}': its file '{path}' can no longer be read; it was changed after the layer was loaded. Restore "
            "the file, or remove the layer."
        )
        raise QgsProcessingException(text.format(layer=layer.name(), path=path))
    changes = list(_structure_changes(loaded, current)) or list(_feature_changes(loaded, current, feedback))
    if changes:
        raise QgsProcessingException(
            tr(
                "'{layer}': its file was changed or replaced after the layer was loaded ({changes}). Remove the layer "
                "from the project and add it again."
            ).format(layer=layer.name(), changes="; ".join(changes))
        )
    remember(layer, stamp)


def _warn_about_unsaved_changes(layer: QgsVectorLayer, feedback: QgsProcessingFeedback) -> None:
    buffer = layer.editBuffer() if layer.isEditable() else None
    if buffer is None:
        return
    changed = {*buffer.changedGeometries(), *buffer.changedAttributeValues()}
    counts = (
        (tr("{count:# feature|# features} added"), len(buffer.addedFeatures())),
        (tr("{count:,} deleted"), len(buffer.deletedFeatureIds())),
        (tr("{count:,} changed"), len(changed)),
    )
    changes = ", ".join(text.format(count=count) for text, count in counts if count)
    if changes:
        text = tr("'{layer}' is being edited. It is used as it is shown, with the unsaved changes: {changes}.")
        feedback.pushWarning(text.format(layer=layer.name(), changes=changes))


def _file_of(provider: QgsVectorDataProvider) -> Path | None:
    """Return the file of a layer; None if it is not a file on this computer."""
    decoded = QgsProviderRegistry.instance().decodeUri(provider.name(), provider.dataSourceUri())
    name = str(decoded.get("path") or "")
    path = Path(unquote(urlparse(name).path) if name.startswith("file:") else name)
    return path if path.is_absolute() and not name.startswith("/vsi") else None


def _opened_anew(provider: QgsVectorDataProvider, path: Path) -> QgsVectorDataProvider | None:
    """Open the file of a layer a second time."""
    registry, source = QgsProviderRegistry.instance(), provider.dataSourceUri()
    if provider.name() == "ogr":
        # QGIS would share its connections, with a file that may be deleted, under the same name.
        decoded, dots = registry.decodeUri("ogr", source), ["."] * (next(_openings) % MAX_SPELLINGS + 1)
        source = registry.encodeUri("ogr", {**decoded, "path": os.path.join(path.parent, *dots, path.name)})
    anew = registry.createProvider(provider.name(), source, QgsVectorDataProvider.ProviderOptions())
    if anew is not None and provider.encoding():
        anew.setEncoding(provider.encoding())
    return anew


def _structure_changes(loaded: QgsVectorDataProvider, current: QgsVectorDataProvider) -> Iterator[str]:
    fields, fields_then = ([(f.name(), f.typeName()) for f in each.fields()] for each in (current, loaded))
    if fields != fields_then:
        yield tr("fields {fields} instead of {then}").format(
            fields=_names(set(fields) - set(fields_then) or fields),
            then=_names(set(fields_then) - set(fields) or fields_then),
        )
    if current.wkbType() != loaded.wkbType():
        kinds = [QgsWkbTypes.displayString(each.wkbType()) for each in (current, loaded)]
        yield tr("geometries of type {kind} instead of {then}").format(kind=kinds[0], then=kinds[1])
    if current.crs() != loaded.crs():
        yield tr("coordinates in {crs} instead of {then}").format(
            crs=current.crs().authid() or tr("no CRS"), then=loaded.crs().authid() or tr("no CRS")
        )


def _names(fields) -> str:
    return ", ".join(sorted(f"{name} ({kind})" for name, kind in fields)) or tr("none")


def _feature_changes(
    loaded: QgsVectorDataProvider, current: QgsVectorDataProvider, feedback: QgsProcessingFeedback
) -> Iterator[str]:
    count = count_then = 0
    first = None
    for feature, feature_then in zip_longest(current.getFeatures(), loaded.getFeatures()):
        stop_if_cancelled(feedback)
        count += feature is not None
        count_then += feature_then is not None
        if first is None and not _is_same(feature, feature_then):
            first = feature or feature_then
    if count != count_then:
        yield tr("{count:# feature|# features} instead of {then:,}").format(count=count, then=count_then)
    elif first is not None:
        yield tr("{feature} differs").format(feature=named_features([first.id()]))


def _is_same(feature: QgsFeature | None, other: QgsFeature | None) -> bool:
    if feature is None or other is None:
        return False
    if feature == other:
        return True
    # NaN differs from itself.
    pairs = zip(feature.attributes(), other.attributes())
    return (
        feature.id() == other.id()
        and feature.geometry().asWkb() == other.geometry().asWkb()
        and all(a == b or _is_nan(a) and _is_nan(b) for a, b in pairs)
    )


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
