"""Vector layers of a valid kind, and errors in them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mutation import Carrier, Mutation, mutate
from qgis.core import (
    QgsFeature,
    QgsField,
    QgsGeometry,
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
    QgsProperty,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDate, QDateTime, QVariant
from raster_files import NORTH, PIXEL, UTM, WEST

CELLS = ((0, 0), (8, 2), (6, 9), (2, 7))
FORMATS = {".gpkg": "GPKG", ".shp": "ESRI Shapefile", ".geojson": "GeoJSON"}
OUTSIDE = f"Point({WEST + 1e7} {NORTH})"
BOW_TIE = (
    f"Polygon(({WEST} {NORTH},{WEST + 200} {NORTH - 200},{WEST + 200} {NORTH},{WEST} {NORTH - 200},{WEST} {NORTH}))"
)
#: Values that ids and numbers in fields can have.
ODD_VALUES = {
    "text": (
        QVariant.Type.String,
        ("", " ", "2,5", "1e400", "nan", "../up", "a/b", 'q"uote', "line\nbreak", "ä" * 300, "9" * 30, "1.5"),
    ),
    "real": (QVariant.Type.Double, (0.0, -1.0, 1.5, 1e300, 1e-300, float("nan"), float("inf"), 1e20, 2.0**53)),
    "integer": (QVariant.Type.LongLong, (0, -1, 1, 2_000_000, 2**31, 2**53 + 1, 2**63 - 1)),
    "date": (QVariant.Type.Date, (QDate(2024, 2, 29), QDate(1, 1, 1))),
    "time": (QVariant.Type.DateTime, (QDateTime(QDate(2024, 2, 29)),)),
    "boolean": (QVariant.Type.Bool, (True, False)),
}


@dataclass
class Features:
    """A layer to be made, whose parts mutations replace: per row a geometry in WKT, or None, and its attributes."""

    geometry: str
    rows: list[tuple[str | None, list[Any]]]
    fields: list[tuple[str, Any]] = field(
        default_factory=lambda: [("name", QVariant.Type.String), ("strength", QVariant.Type.Double)]
    )
    crs: str = UTM
    name: str = "features"

    def in_memory(self) -> QgsVectorLayer:
        crs = f"?crs={self.crs}" if self.crs and self.geometry != "None" else ""
        layer = QgsVectorLayer(f"{self.geometry}{crs}", self.name, "memory")
        layer.dataProvider().addAttributes([QgsField(name, kind) for name, kind in self.fields])
        layer.updateFields()
        features = []
        for wkt, values in self.rows:
            feature = QgsFeature(layer.fields())
            feature.setAttributes(values)
            if wkt is not None:
                feature.setGeometry(QgsGeometry.fromWkt(wkt))
            features.append(feature)
        layer.dataProvider().addFeatures(features)
        return layer

    def write(self, folder: Path, suffix: str) -> Path:
        path = folder / f"{self.name}{suffix}"
        options = QgsVectorFileWriter.SaveVectorOptions()
        options.driverName, options.layerName = FORMATS[suffix], "features"
        layer = self.in_memory()
        transform = QgsProject.instance().transformContext()
        QgsVectorFileWriter.writeAsVectorFormatV3(layer, str(path), transform, options)
        return path


def point(row: float, column: float) -> str:
    """Return the WKT of the centre of a cell."""
    return f"Point({WEST + (column + 0.5) * PIXEL} {NORTH - (row + 0.5) * PIXEL})"


def polygon(row: float, column: float, size: int = 2) -> str:
    """Return the WKT of a square of cells."""
    left, top = WEST + column * PIXEL, NORTH - row * PIXEL
    right, bottom = left + size * PIXEL, top - size * PIXEL
    return f"Polygon(({left} {top},{right} {top},{right} {bottom},{left} {bottom},{left} {top}))"


def valid_features(role: str, rng: random.Random) -> Features:
    """Return a layer that every algorithm accepts in a role: points, polygons, grounds, regions or table."""
    if role == "table":
        rows = [(None, [str(number), number / 4]) for number in (1, 2, 3)]
        fields = [("class", QVariant.Type.String), ("permeability", QVariant.Type.Double)]
        return Features("None", rows, fields, name="classes")
    if role == "regions":
        return Features("Polygon", [(polygon(1, 1), ["region", 1.0])], name="regions")
    if role == "grounds":
        return Features("Point", [(point(4, 11), ["ground", 1.0])], name="grounds")
    shape = polygon if role == "polygons" else point
    rows = [(shape(*cell), [f"P{number}", float(number)]) for number, cell in enumerate(CELLS[:3], 1)]
    return Features("Polygon" if role == "polygons" else "Point", rows, name=role)


def vector_parameter(role: str, rng: random.Random, folder: Path) -> tuple[str, Any]:
    """Return a layer with random errors in words, and as the value of a parameter."""
    return mutate(valid_features, role, MUTATIONS, CARRIERS, (_as_layer, _as_file), rng, folder)


# Errors in the features.


def _empty(features: Features, rng: random.Random) -> str:
    features.rows = []
    return "no features"


def _no_geometry(features: Features, rng: random.Random) -> str:
    empty = rng.choice((None, "Point EMPTY" if features.geometry == "Point" else "Polygon EMPTY"))
    some = features.rows if rng.random() < 0.3 else features.rows[:1]
    features.rows = [(empty, values) for _, values in some] + features.rows[len(some) :]
    return f"{len(some)} without geometry ({empty})"


def _outside(features: Features, rng: random.Random) -> str:
    shape = OUTSIDE if features.geometry == "Point" else polygon(10_000, 10_000)
    some = features.rows if rng.random() < 0.3 else features.rows[:1]
    features.rows = [(shape, values) for _, values in some] + features.rows[len(some) :]
    return f"{len(some)} outside"


def _shapes(features: Features, rng: random.Random) -> str:
    words, geometry, wkt = rng.choice(
        (
            ("a polygon that crosses itself", "Polygon", BOW_TIE),
            ("lines", "LineString", f"LineString({WEST} {NORTH},{WEST + 200} {NORTH - 200})"),
            ("multipoint", "MultiPoint", f"MultiPoint(({WEST + 15} {NORTH - 15}),({WEST + 200} {NORTH - 200}))"),
            ("multipolygon", "MultiPolygon", f"Multi{polygon(1, 1)}".replace("((", "(((").replace("))", ")))")),
            ("a polygon without area", "Polygon", f"Polygon(({WEST} {NORTH},{WEST} {NORTH},{WEST} {NORTH}))"),
            ("a polygon smaller than a cell", "Polygon", polygon(1.1, 1.1, 0).replace(f"{WEST + 33}", f"{WEST + 34}")),
            ("a polygon of all cells", "Polygon", polygon(-1, -1, 30)),
            ("points with height", "PointZ", f"PointZ({WEST + 15} {NORTH - 15} 3)"),
            ("a point on a corner of cells", "Point", f"Point({WEST + PIXEL} {NORTH - PIXEL})"),
            ("a point on the outer corner", "Point", f"Point({WEST + 12 * PIXEL} {NORTH - 9 * PIXEL})"),
            ("a point at NaN", "Point", "Point(nan nan)"),
            ("a point at 1e300", "Point", "Point(1e300 1e300)"),
            ("a polygon to 1e300", "Polygon", "Polygon((0 0,1e300 0,1e300 1e300,0 1e300,0 0))"),
            ("a polygon to infinity", "Polygon", "Polygon((0 0,inf 0,inf inf,0 inf,0 0))"),
            ("curved polygons", "CurvePolygon", _circle()),
        )
    )
    others = [] if geometry != features.geometry else features.rows
    features.geometry = geometry
    features.rows = [(wkt, ["odd", 1.0]), *others]
    return words


def _circle() -> str:
    x, y = WEST + 100, NORTH - 100
    return f"CurvePolygon(CircularString({x} {y},{x + 60} {y - 60},{x + 120} {y},{x + 60} {y + 60},{x} {y}))"


def _same_cell(features: Features, rng: random.Random) -> str:
    features.rows = [(features.rows[0][0], values) for _, values in features.rows]
    return "all in the same cells"


def _many(features: Features, rng: random.Random) -> str:
    shape = polygon if features.geometry == "Polygon" else point
    features.rows = [(shape(n % 9, n // 9 % 12), [f"P{n}", float(n)]) for n in range(60)]
    return "60 features"


def _values(features: Features, rng: random.Random) -> str:
    column = rng.randrange(len(features.fields))
    kind = rng.choice(list(ODD_VALUES))
    stored, values = ODD_VALUES[kind]
    features.fields[column] = (features.fields[column][0], stored)
    for _, attributes in features.rows:
        attributes[column] = rng.choice((*values, *values, None))
    return f"field {features.fields[column][0]!r} of {kind} values {[row[1][column] for row in features.rows]!r}"[:150]


def _equal_values(features: Features, rng: random.Random) -> str:
    for _, attributes in features.rows:
        attributes[0] = "1"
    return "the same id for all"


def _field_names(features: Features, rng: random.Random) -> str:
    odd = rng.choice(("fid", "Größe", 'quo"te', "a b", "NAME", "x" * 80, "select"))
    features.fields[0] = (odd, features.fields[0][1])
    return f"a field named {odd[:20]!r}"


def _crs(features: Features, rng: random.Random) -> str:
    features.crs = rng.choice(("", "EPSG:4326", "EPSG:3857", "EPSG:31984", "EPSG:2154"))
    return f"CRS {features.crs or 'none'}"


def _name(features: Features, rng: random.Random) -> str:
    features.name = rng.choice(("with space", "ünï cödé", "per%20cent", "pipe|layer", "x" * 150))
    return f"named {features.name[:20]!r}"


MUTATIONS: tuple[Mutation, ...] = (
    _empty,
    _no_geometry,
    _outside,
    _shapes,
    _same_cell,
    _many,
    _values,
    _equal_values,
    _field_names,
    _crs,
    _name,
)

# Ways to pass the layer, and errors of the layer as a whole.


def _as_layer(features: Features, rng: random.Random, folder: Path) -> tuple[str, Any]:
    return "as a layer in memory", features.in_memory()


def _as_file(features: Features, rng: random.Random, folder: Path) -> tuple[str, Any]:
    path = features.write(folder, rng.choice((".geojson", ".shp") if features.geometry != "None" else (".gpkg",)))
    return f"as {path.suffix}", str(path)


def _in_geopackage(features: Features, rng: random.Random, folder: Path) -> tuple[str, Any]:
    path = features.write(folder, ".gpkg")
    layer = rng.choice(("|layername=features", "", "|layername=absent", "|layername=features|subset=\"name\" = 'none'"))
    return f"as .gpkg{layer}", f"{path}{layer}"


def _selected(features: Features, rng: random.Random, folder: Path) -> tuple[str, Any]:
    layer = QgsProject.instance().addMapLayer(features.in_memory())
    if rng.random() < 0.5:
        layer.selectByIds([1])
    return "as its selected features", QgsProcessingFeatureSourceDefinition(layer.id(), True)


def _limited(features: Features, rng: random.Random, folder: Path) -> tuple[str, Any]:
    layer = QgsProject.instance().addMapLayer(features.in_memory())
    source = QgsProperty.fromValue(layer.id())
    return "as its first feature", QgsProcessingFeatureSourceDefinition(source, False, 1)


def _deleted(features: Features, rng: random.Random, folder: Path) -> tuple[str, Any]:
    path = features.write(folder, ".geojson" if features.geometry != "None" else ".gpkg")
    layer = QgsVectorLayer(str(path), features.name, "ogr")
    path.unlink(missing_ok=True)
    return "as a layer whose file was deleted", layer


def _damaged(features: Features, rng: random.Random, folder: Path) -> tuple[str, Any]:
    path = features.write(folder, ".gpkg")
    content = path.read_bytes() if path.exists() else b""
    path.write_bytes(content[: int(len(content) * rng.choice((0.0, 0.1, 0.6)))])
    return "as a file cut short", str(path)


def _no_layer(features: Features, rng: random.Random, folder: Path) -> tuple[str, Any]:
    text = folder / "text.gpkg"
    text.write_text("no layer")
    value = rng.choice((str(text), str(folder / "missing.shp"), str(folder), "", None, 7, [], "no such layer"))
    return f"as {value!r}", value


CARRIERS: tuple[Carrier, ...] = (
    _as_layer,
    _as_layer,
    _as_layer,
    _as_file,
    _as_file,
    _in_geopackage,
    _selected,
    _limited,
    _deleted,
    _damaged,
    _no_layer,
)
