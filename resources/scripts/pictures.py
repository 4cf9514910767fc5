"""Draw the pictures of the help: each algorithm on the sample landscape, in the style that QGIS gives its result.

There are two of each: one for the page that the Help button opens, and one for the panel beside the dialog, which has
half the width, so that QGIS does not shrink it, and the legend below the map.

Run it with QGIS's Python after a change of a style or an algorithm. The environment variable `PERMEA_ENGINE_PYTHON`
names the engine's Python (default: `.venv/bin/python` in the repository). With names of algorithms on the command line,
it draws the pictures of these alone.

    make pictures
"""

from __future__ import annotations

import gc
import math
import os
import sys
from pathlib import Path

import numpy as np
from examples import EXAMPLES, PERMEABILITY, ROOT, SAMPLE, Example, read_raster
from figure import INK, map_image
from qgis.core import (
    QgsApplication,
    QgsColorRampShader,
    QgsLayerTree,
    QgsLayerTreeModel,
    QgsLegendRenderer,
    QgsLegendSettings,
    QgsLegendStyle,
    QgsMapLayer,
    QgsMapLayerLegendUtils,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterDestination,
    QgsProcessingUtils,
    QgsProject,
    QgsRasterLayer,
    QgsRasterShader,
    QgsRenderContext,
    QgsSingleBandPseudoColorRenderer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize, QSizeF, Qt
from qgis.PyQt.QtGui import QColor, QFont, QImage, QPainter
from write_help import load_checkout_as_permea

PICTURES = ROOT / "resources" / "help" / "images"
BUILD = ROOT / "build" / "pictures"

WIDTH = 460  # pixels
PANEL_WIDTH = 230
SHOWN = 0.82  # of the landscape from the north: down to the southernmost patch
RESOLUTION = 110  # dots per inch
SCREEN_RESOLUTION = 96
LEGEND_TEXT = 10.5  # points
PANEL_LEGEND_PIXELS = 11  # height of the text; a smaller one is hard to read
CLASSES_IN_A_COLUMN = 4  # of the panel's legend
MARGIN = 8  # pixels
BEHIND_LEGEND = QColor(255, 255, 255, 235)
# Little, some and much permeability, pale enough to lie behind lines.
BACKGROUND = {0.1: "#ececea", 0.5: "#dde3d6", 1.1: "#c9d6bd"}

LARGEST_FILE = 40_000  # bytes
# The more colours, the larger the file; the first that fits is taken.
COLOURS = (128, 64, 48, 32, 24, 16, 12, 8)
ROUNDS = 12  # of moving colours; then they hardly move any more
NO_DITHER = Qt.ImageConversionFlag.ThresholdDither | Qt.ImageConversionFlag.AvoidDither


def run(example: Example, folder: Path) -> dict[str, QgsMapLayer]:
    """Run an example and return its outputs by name, loaded and styled as in QGIS."""
    from permea.plugin.algorithms import ALGORITHMS

    algorithm = next(each for each in ALGORITHMS if each.identifier == example.algorithm)().create()
    folder.mkdir(parents=True, exist_ok=True)
    parameters = {**example.parameters, **example.prepare(folder)}
    outputs = {}
    for definition in algorithm.destinationParameterDefinitions():
        name, optional = definition.name(), definition.flags() & definition.FlagOptional
        if isinstance(definition, QgsProcessingParameterFolderDestination) and not optional:
            parameters[name] = str(folder / name.lower())
        elif name in example.drawn or not optional:
            ending = "tif" if isinstance(definition, QgsProcessingParameterRasterDestination) else "gpkg"
            path = str(folder / f"{name.lower()}.{ending}")
            parameters[name] = QgsProcessingOutputLayerDefinition(path, QgsProject.instance())
            outputs[path] = name
    context, feedback = QgsProcessingContext(), QgsProcessingFeedback()
    context.setProject(QgsProject.instance())
    results, successful = algorithm.run(parameters, context, feedback)
    if not successful:
        raise RuntimeError(f"permea:{example.algorithm} failed:\n{feedback.textLog()}")
    layers = {}
    for path, details in context.layersToLoadOnCompletion().items():
        layer = QgsProcessingUtils.mapLayerFromString(path, context)
        if details.postProcessor() is not None:
            details.postProcessor().postProcessLayer(layer, context, feedback)
        layers[outputs[path]] = layer.clone()
    return layers or {"OUTPUT": sum_of_currents(Path(results["OUTPUT"]))}


def sum_of_currents(folder: Path) -> QgsRasterLayer:
    """Open the cumulative current map in a folder of Circuitscape results, in the style of a current map."""
    from permea.plugin.algorithms.styles import current_style

    [path] = folder.glob("*_cum_curmap.asc")
    layer = QgsRasterLayer(str(path), path.stem)
    layer.setCrs(QgsRasterLayer(PERMEABILITY, "").crs())
    layer.setRenderer(current_style(read_raster(str(path))[0], "A").renderer(layer))
    return layer


def draw(example: Example, layers: dict[str, QgsMapLayer]) -> QImage:
    """Draw the outputs of an example, and the layers above and below them, with a legend in the lower right corner.

    That corner is sea.
    """
    picture = draw_map(example, layers)
    legend = draw_legend(example, layers, RESOLUTION, LEGEND_TEXT)
    painter = QPainter(picture)
    painter.drawImage(picture.width() - legend.width() - MARGIN, picture.height() - legend.height() - MARGIN, legend)
    painter.end()
    return picture


def draw_for_panel(example: Example, layers: dict[str, QgsMapLayer]) -> QImage:
    """Draw the same without labels in half the width, with a legend below the map."""
    for layer in layers.values():
        if isinstance(layer, QgsVectorLayer):
            layer.setLabelsEnabled(False)
    map_only = draw_map(example, layers).scaledToWidth(PANEL_WIDTH, Qt.TransformationMode.SmoothTransformation)
    how = (example, layers, SCREEN_RESOLUTION, PANEL_LEGEND_PIXELS * 72 / SCREEN_RESOLUTION)
    legend = draw_legend(*how, in_columns=True)
    if legend.width() > PANEL_WIDTH:
        legend = draw_legend(*how)
    picture = QImage(PANEL_WIDTH, map_only.height() + legend.height(), QImage.Format.Format_RGB32)
    picture.fill(QColor("white"))
    painter = QPainter(picture)
    painter.drawImage(0, 0, map_only)
    painter.drawImage(0, map_only.height(), legend)
    painter.end()
    return picture


def draw_map(example: Example, layers: dict[str, QgsMapLayer]) -> QImage:
    """Draw the outputs of an example, and the layers above and below them."""
    stack = [layers[name] for name in example.drawn]
    if example.points:
        points = QgsVectorLayer(example.points, "points", "ogr")
        points.loadNamedStyle(str(SAMPLE / "patches.qml"))
        points.setLabelsEnabled(False)
        stack.insert(0, points)
    if example.over_landscape:
        stack.append(pale_landscape())
    extent = QgsRasterLayer(PERMEABILITY, "").extent()
    if not example.whole:
        extent.setYMinimum(extent.yMaximum() - SHOWN * extent.height())
    size = QSize(WIDTH, round(WIDTH * extent.height() / extent.width()))
    return map_image(stack, extent, size, RESOLUTION).convertToFormat(QImage.Format.Format_RGB32)


def pale_landscape() -> QgsRasterLayer:
    """Open the landscape as a pale background with three classes of permeability."""
    layer = QgsRasterLayer(PERMEABILITY, "")
    ramp = QgsColorRampShader(0.0, 1.0)
    ramp.setColorRampType(QgsColorRampShader.Type.Discrete)
    items = [QgsColorRampShader.ColorRampItem(value, QColor(colour)) for value, colour in BACKGROUND.items()]
    ramp.setColorRampItemList(items)
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(ramp)
    layer.setRenderer(QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader))
    return layer


def draw_legend(
    example: Example, layers: dict[str, QgsMapLayer], resolution: int, text: float, in_columns: bool = False
) -> QImage:
    """Draw QGIS's legend of the outputs that an example explains.

    Parameters
    ----------
    example, layers
        The example and its outputs.
    resolution
        Dots per inch.
    text
        Size of the text in points.
    in_columns
        Whether many classes stand in two columns.
    """
    tree = QgsLayerTree()
    model = QgsLayerTreeModel(tree)
    classes = 0
    for layer in [layers[name] for name in example.explained or example.drawn]:
        QgsProject.instance().addMapLayer(layer.clone(), False)
        node = tree.addLayer(list(QgsProject.instance().mapLayers().values())[-1])
        node.setCustomProperty("legend/title-style", "hidden")
        entries = model.layerOriginalLegendNodes(node)
        # The name of the band would repeat the title.
        texts = [str(entry.data(Qt.ItemDataRole.DisplayRole)) for entry in entries]
        shown = [n for n, text in enumerate(texts) if text[:5] != "Band "]
        QgsMapLayerLegendUtils.setLegendNodeOrder(node, shown)
        model.refreshLayerLegend(node)
        classes += len(shown)
    settings = legend_settings(example.legend, text)
    if in_columns and classes > CLASSES_IN_A_COLUMN:
        settings.setColumnCount(2)
        settings.setSplitLayer(True)
    dots = resolution / 25.4  # per millimetre
    renderer = QgsLegendRenderer(model, settings)
    context = QgsRenderContext()
    context.setScaleFactor(dots)
    size = renderer.minimumSize(context)  # millimetres, in which a legend is drawn
    picture = QImage(
        math.ceil(size.width() * dots), math.ceil(size.height() * dots), QImage.Format.Format_ARGB32_Premultiplied
    )
    picture.fill(BEHIND_LEGEND)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    context = QgsRenderContext.fromQPainter(painter)
    context.setScaleFactor(dots)
    painter.scale(dots, dots)
    renderer.setLegendSize(size)
    renderer.drawLegend(context)
    painter.end()
    QgsProject.instance().removeAllMapLayers()
    return picture


def legend_settings(heading: str, text: float) -> QgsLegendSettings:
    """Return the settings of a legend; the size of its text is in points."""
    settings = QgsLegendSettings()
    settings.setTitle(heading)
    settings.setWrapChar("|")
    settings.setFontColor(INK)
    settings.setSymbolSize(QSizeF(5.0, 3.4) * (text / LEGEND_TEXT))
    font = QFont("DejaVu Sans")
    font.setPointSizeF(text)
    for part in (QgsLegendStyle.Style.Title, QgsLegendStyle.Style.SymbolLabel):
        style = settings.style(part)
        style.setFont(font)
        settings.setStyle(part, style)
    return settings


def save(picture: QImage, path: Path) -> int:
    """Write a picture with as many colours as the size limit allows, and return the number of bytes."""
    for count in COLOURS:
        few = picture.convertToFormat(QImage.Format.Format_Indexed8, palette(picture, count), NO_DITHER)
        if not few.save(str(path), "PNG", 0):  # 0: the strongest compression
            raise OSError(f"{path} cannot be written.")
        if path.stat().st_size <= LARGEST_FILE:
            return path.stat().st_size
    raise OSError(f"{path} has {path.stat().st_size} bytes, more than {LARGEST_FILE}, with {COLOURS[-1]} colours.")


def palette(picture: QImage, count: int) -> list[int]:
    """Return the palette of a picture by k-means clustering of its colours (Lloyd 1982)."""
    bits = picture.constBits()
    bits.setsize(picture.sizeInBytes())
    pixels = np.frombuffer(bits, np.uint8).reshape(-1, 4)[:, :3]  # blue, green, red
    found, times = np.unique(pixels @ (1, 256, 65536), return_counts=True)
    colours = np.stack([found & 255, found >> 8 & 255, found >> 16], axis=1).astype(float)
    times = np.sqrt(times)  # so that few pixels, such as those of the legend, keep their colours
    by_lightness = np.argsort(colours @ (0.11, 0.59, 0.30))
    evenly = (np.arange(count) + 0.5) / count * times.sum()
    means = colours[by_lightness[np.searchsorted(np.cumsum(times[by_lightness]), evenly)]]
    for _ in range(ROUNDS):
        nearest = ((colours[:, None] - means) ** 2).sum(2).argmin(1)
        weights = np.bincount(nearest, times, count)
        used = weights > 0
        for channel in range(3):
            sums = np.bincount(nearest, times * colours[:, channel], count)
            means[used, channel] = sums[used] / weights[used]
    return [QColor(*(round(each) for each in mean[::-1])).rgb() for mean in means]


def draw_both(example: Example) -> None:
    """Run an example and draw its pictures for the page and for the panel."""
    layers = run(example, BUILD / example.algorithm)
    for drawn, folder in ((draw, PICTURES), (draw_for_panel, PICTURES / "panel")):
        path = folder / f"{example.algorithm}.png"
        print(f"{save(drawn(example, layers), path):>7,} bytes  {path.relative_to(ROOT)}", flush=True)


def main() -> int:
    """Draw the pictures named on the command line, or all; return the exit status."""
    os.environ.setdefault("PERMEA_ENGINE_PYTHON", str(ROOT / ".venv" / "bin" / "python"))
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    wanted = set(sys.argv[1:]) or {example.algorithm for example in EXAMPLES}
    application = QgsApplication([], True)
    application.initQgis()
    load_checkout_as_permea()
    (PICTURES / "panel").mkdir(parents=True, exist_ok=True)
    for example in (example for example in EXAMPLES if example.algorithm in wanted):
        draw_both(example)
    gc.collect()  # closes rasters before GDAL ends
    application.exitQgis()
    return 0


if __name__ == "__main__":
    sys.exit(main())
