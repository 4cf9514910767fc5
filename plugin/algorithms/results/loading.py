"""How QGIS shows the results of a run when it loads them: name, group, style and metadata."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsLayerMetadata,
    QgsLayerTreeGroup,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsRasterLayer,
    QgsVectorLayer,
)

from ...i18n import tr
from ..renderers import Style, hide_infinite_cells

# Property of a node in the layer tree.
POSITION = "permea/position"


@dataclass(frozen=True)
class Presentation:
    """How QGIS shows a result.

    Parameters
    ----------
    name
        Name of the layer; empty to leave it as it is. A name that a model or a script has chosen has precedence, and
        so has that of the file if the user prefers file names (Settings ▸ Options ▸ Processing).
    default_name
        The name that Processing gives it.
    group
        Name of the group in the layer tree; empty for none.
    position
        Position among the layers of the group, from the top.
    style
        Layer style; None for QGIS's own.
    metadata
        Metadata of the layer; None for none.
    crs
        CRS of a layer whose file holds none.
    columns
        Names of the columns of a table whose file holds none.
    """

    name: str = ""
    default_name: str = ""
    group: str = ""
    position: int = 0
    style: Style | None = None
    metadata: QgsLayerMetadata | None = None
    crs: QgsCoordinateReferenceSystem | None = None
    columns: tuple[str, ...] = ()


# QGIS stores only a bare pointer to a post-processor and calls it after the algorithm has been deleted, so each one is
# kept alive here, by output, for the session.
_post_processors: dict[str, _PostProcessor] = {}


def show_when_loaded(path: str, presentation: Presentation, context: QgsProcessingContext) -> None:
    """Have QGIS show an output in a certain way when it loads it.

    Parameters
    ----------
    path
        The output as the algorithm returns it.
    presentation
        How to show it.
    context
        Context of the run, which lists the layers to load.
    """
    if not context.willLoadLayerOnCompletion(path):
        return
    details = context.layerToLoadOnCompletionDetails(path)
    group = presentation.group
    if details.name not in ("", presentation.default_name):
        group = ""  # the output of a model or script, which arranges its layers itself
    elif presentation.name:
        details.name = presentation.name
    if group and hasattr(details, "groupName"):  # since QGIS 3.32
        details.groupName, details.layerSortKey = group, -presentation.position
        group = ""
    _post_processors[path] = _PostProcessor(presentation, group)
    details.setPostProcessor(_post_processors[path])


def group_when_loaded(run: str, date: datetime, context: QgsProcessingContext) -> None:
    """Have QGIS load all outputs of a model into a group, in the order in which the model's steps show them.

    Parameters
    ----------
    run
        Name of the run.
    date
        When it started: two runs of the same name differ by their time.
    context
        Context of the run, which lists the layers to load.
    """
    group = group_name(run, date)
    for path in context.layersToLoadOnCompletion():
        details = context.layerToLoadOnCompletionDetails(path)
        if hasattr(details, "groupName"):  # since QGIS 3.32
            details.groupName = group
        elif path in _post_processors:
            _post_processors[path].group = group


def group_name(run: str, date: datetime) -> str:
    """Return the name of the group of a run, with its time."""
    return tr("{run} ({time})").format(run=run, time=date.strftime("%H:%M:%S"))


class _PostProcessor(QgsProcessingLayerPostProcessorInterface):
    """Sets style, metadata and group of a layer after QGIS has loaded it; runs in the main thread.

    Parameters
    ----------
    presentation
        How to show the layer.
    group
        Group to move it to; empty if QGIS does so itself.
    """

    def __init__(self, presentation: Presentation, group: str) -> None:
        super().__init__()
        self._presentation, self.group = presentation, group

    def postProcessLayer(
        self, layer: QgsMapLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        if not isinstance(layer, (QgsRasterLayer, QgsVectorLayer)) or layer.dataProvider() is None:
            return
        if isinstance(layer, QgsRasterLayer):
            # Infinite cells, if they are kept, stay in the file. As nodata of the layer they are transparent and do not
            # spoil a stretch or histogram that the user makes later.
            hide_infinite_cells(layer)
        if self._presentation.crs is not None and not layer.crs().isValid():
            layer.setCrs(self._presentation.crs)
        for number, name in enumerate(self._presentation.columns):
            layer.setFieldAlias(number, name)
        if self._presentation.metadata is not None:
            layer.setMetadata(self._presentation.metadata)
        if self._presentation.style is not None:
            layer.setRenderer(self._presentation.style.renderer(layer))
            layer.triggerRepaint()
        if self.group:
            _move_to_group(layer, self.group, self._presentation.position)


def _move_to_group(layer: QgsMapLayer, name: str, position: int) -> None:
    """Move a layer of a project to a group at the top of the layer tree, or of QGIS's group for results."""
    project = layer.project()
    node = project.layerTreeRoot().findLayer(layer.id()) if project is not None else None
    if node is None:
        return
    parent = _results_group(project.layerTreeRoot()) or project.layerTreeRoot()
    group = parent.findGroup(name) or parent.insertGroup(0, name)
    moved = node.clone()
    moved.setCustomProperty(POSITION, position)
    above = [each for each in group.children() if int(each.customProperty(POSITION, 0)) <= position]
    group.insertChildNode(len(above), moved)
    node.parent().removeChildNode(node)


def _results_group(root: QgsLayerTreeGroup) -> QgsLayerTreeGroup | None:
    """Return the group in which the user wants all results of Processing; None if there is no such group."""
    from processing.core.ProcessingConfig import ProcessingConfig

    name = ProcessingConfig.getSetting(ProcessingConfig.RESULTS_GROUP_NAME)
    return root.findGroup(name) if name else None
