"""Metadata of a layer in a file beside it (.qmd), as QGIS itself keeps those of formats without a place for them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from osgeo import gdal
from qgis.core import Qgis, QgsLayerMetadata, QgsProcessingException, QgsProcessingFeedback
from qgis.PyQt.QtXml import QDomDocument, QDomImplementation

from ...i18n import tr
from ...system_errors import system_reason
from ..gdal_errors import collected_gdal_errors

METADATA_SUFFIX = ".qmd"


def stage_metadata_file(
    target: Path, unfinished: Path, metadata: QgsLayerMetadata, outputs: Iterable[Path], feedback: QgsProcessingFeedback
) -> None:
    """Write the metadata of a file beside its unfinished version, with which they are moved to the target.

    QGIS looks for them under the file's name with the suffix ``.qmd``. An existing file of that name is kept, with a
    warning, unless it holds nothing but what an earlier run has written about the same target; and none is written
    that QGIS would take for the metadata of a file that the run does not write.

    Parameters
    ----------
    target
        Where the file is to be.
    unfinished
        Where it is until then.
    metadata
        Its metadata; the identifier is set to the name of the file.
    outputs
        Files of all outputs of the run.
    feedback
        Receives the warnings.

    Raises
    ------
    QgsProcessingException
        The file cannot be written.
    """
    existing = target.with_suffix(METADATA_SUFFIX)
    metadata.setIdentifier(target.name)
    text = tr("How '{name}' was made is not saved beside it: {reason}. It is in the log and the report of the run.")
    if existing.exists():
        if not _is_replaceable(existing, {path.name for path in outputs} | {target.name}):
            reason = tr("'{file}' holds other metadata, and was not changed").format(file=existing.name)
            feedback.pushWarning(text.format(name=target.name, reason=reason))
            return
    elif others := _others_of_that_name(target, unfinished, outputs):
        reason = tr("QGIS would show it for '{other}' too").format(other=others[0])
        feedback.pushWarning(text.format(name=target.name, reason=reason))
        return
    try:
        unfinished.with_suffix(METADATA_SUFFIX).write_text(_as_xml(metadata), encoding="utf-8")
    except OSError as error:
        text = tr("'{name}' cannot be written to '{folder}': {reason}. Free disk space, or choose another folder.")
        raise QgsProcessingException(
            text.format(name=existing.name, folder=target.parent, reason=system_reason(error))
        ) from error


def _is_replaceable(path: Path, names: set[str]) -> bool:
    """Return whether a file holds nothing but the metadata that a run has written about a file of these names."""
    document = QDomDocument()
    try:
        document.setContent(path.read_bytes())
    except OSError:
        return False
    found, written = QgsLayerMetadata(), QgsLayerMetadata()
    if not found.readMetadataXml(document.documentElement()):
        return False
    written.setIdentifier(found.identifier())
    written.setType(found.type())
    written.setTitle(found.title())
    written.setAbstract(found.abstract())
    written.setHistory(found.history())
    by_permea = any("permea:" in line for line in found.history())
    return by_permea and found.identifier() in names and _as_xml(found) == _as_xml(written)


def _others_of_that_name(target: Path, unfinished: Path, outputs: Iterable[Path]) -> list[str]:
    """Return the names of other data files beside the target whose metadata QGIS would look for in the same file."""
    written = {path.name for path in unfinished.parent.iterdir()} | {path.name for path in outputs}
    candidates = [path for path in sorted(target.parent.glob("*")) if path.stem == target.stem and path.is_file()]
    with collected_gdal_errors():
        return [each.name for each in candidates if each.name not in written and gdal.IdentifyDriver(str(each))]
    return []


def _as_xml(metadata: QgsLayerMetadata) -> str:
    kind = QDomImplementation().createDocumentType("qgis", "http://mrcc.com/qgis.dtd", "SYSTEM")
    document = QDomDocument(kind)
    root = document.createElement("qgis")
    root.setAttribute("version", Qgis.version())
    document.appendChild(root)
    metadata.writeMetadataXml(root, document)
    return document.toString(2)
