"""Draw the pictures of the help: each algorithm on the sample landscape, in the style that QGIS gives its result.

Run with QGIS's Python after changing a style or an algorithm; it needs the engine, whose Python the environment
variable `PERMEA_ENGINE_PYTHON` names (default: `.venv/bin/python` in the repository). Algorithms named on the command
line have their pictures drawn alone.

    make pictures
"""

from __future__ import annotations

import gc
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
from qgis.PyQt.QtCore import QRectF, QSize, QSizeF, Qt
from qgis.PyQt.QtGui import QColor, QFont, QImage, QPainter
from write_help import load_checkout_as_permea

PICTURES = ROOT / "resources" / "help" / "images"
BUILD = ROOT / "build" / "pictures"

WIDTH = 460  # pixels
SHOWN = 0.82  # of the landscape from the north: down to the southernmost patch
RESOLUTION = 110  # dots an inch
DOTS = RESOLUTION / 25.4  # a millimetre
LEGEND_TEXT = 10.5  # points
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
    """Draw the outputs of an example with their legend, and the layers above and below them."""
    shown = [layers[name] for name in example.drawn]
    stack = list(shown)
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
    picture = map_image(stack, extent, size, RESOLUTION).convertToFormat(QImage.Format.Format_RGB32)
    draw_legend(picture, [layers[name] for name in example.explained or example.drawn], example.legend)
    return picture


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


def draw_legend(picture: QImage, layers: list[QgsMapLayer], heading: str) -> None:
    """Draw QGIS's legend of some layers into the lower right corner of a picture, which is sea."""
    tree = QgsLayerTree()
    model = QgsLayerTreeModel(tree)
    for layer in layers:
        QgsProject.instance().addMapLayer(layer, False)
        node = tree.addLayer(layer)
        node.setCustomProperty("legend/title-style", "hidden")
        entries = model.layerOriginalLegendNodes(node)
        # What the heading says need not be said again by the name of the band.
        texts = [str(entry.data(Qt.ItemDataRole.DisplayRole)) for entry in entries]
        QgsMapLayerLegendUtils.setLegendNodeOrder(node, [n for n, text in enumerate(texts) if text[:5] != "Band "])
        model.refreshLayerLegend(node)
    renderer = QgsLegendRenderer(model, legend_settings(heading))
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    context = QgsRenderContext.fromQPainter(painter)
    context.setScaleFactor(DOTS)
    size = renderer.minimumSize(context)  # millimetres, in which a legend is drawn
    painter.translate(picture.width() - size.width() * DOTS - MARGIN, picture.height() - size.height() * DOTS - MARGIN)
    painter.scale(DOTS, DOTS)
    painter.fillRect(QRectF(0, 0, size.width(), size.height()), BEHIND_LEGEND)
    renderer.setLegendSize(size)
    renderer.drawLegend(context)
    painter.end()
    QgsProject.instance().removeAllMapLayers()


def legend_settings(heading: str) -> QgsLegendSettings:
    """Return the settings of a legend."""
    settings = QgsLegendSettings()
    settings.setTitle(heading)
    settings.setWrapChar("|")
    settings.setFontColor(INK)
    settings.setSymbolSize(QSizeF(5.0, 3.4))
    font = QFont("DejaVu Sans")
    font.setPointSizeF(LEGEND_TEXT)
    for part in (QgsLegendStyle.Style.Title, QgsLegendStyle.Style.SymbolLabel):
        style = settings.style(part)
        style.setFont(font)
        settings.setStyle(part, style)
    return settings


def save(picture: QImage, path: Path) -> int:
    """Write a picture with as many colours as the size limit allows, and return the number of bytes."""
    for count in COLOURS:
        few = picture.convertToFormat(QImage.Format.Format_Indexed8, palette(picture, count), NO_DITHER)
        if not few.save(str(path), "PNG", 0):  # 0: packed as tightly as can be
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


def main() -> int:
    """Draw the pictures named on the command line, or all; return the exit status."""
    os.environ.setdefault("PERMEA_ENGINE_PYTHON", str(ROOT / ".venv" / "bin" / "python"))
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    wanted = set(sys.argv[1:]) or {example.algorithm for example in EXAMPLES}
    application = QgsApplication([], True)
    application.initQgis()
    load_checkout_as_permea()
    PICTURES.mkdir(parents=True, exist_ok=True)
    for example in (example for example in EXAMPLES if example.algorithm in wanted):
        picture = draw(example, run(example, BUILD / example.algorithm))
        path = PICTURES / f"{example.algorithm}.png"
        print(f"{save(picture, path):>7,} bytes  {path.relative_to(ROOT)}", flush=True)
    gc.collect()  # a raster that GDAL still has open would be closed after GDAL has ended
    application.exitQgis()
    return 0


if __name__ == "__main__":
    sys.exit(main())
