"""Edge-case rasters: holes, several components, strips, integers, degrees, a single cell.

Results are compared with sums over all pairs of cells.
"""

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from .circuitscape_cases import read_raster
from .conftest import PIXEL

NOTHING = -9999
#: A degree is no metre: pixels of a thousandth of a degree.
DEGREES = {"crs": "EPSG:4326", "geotransform": (-36.0, 0.001, 0.0, -8.0, 0.0, -0.001)}
#: How far a window reaches, in cells, and how far movers go.
REACH, FAR = 2, 1.5


def rough(rows=5, columns=6, seed=1):
    return np.random.default_rng(seed).uniform(0.2, 1.0, (rows, columns))


def with_holes():
    values = rough()
    values[1:3, 2] = values[0, 0] = values[4, 4:] = NOTHING
    return values, {"nodata": NOTHING}


def in_two_parts():
    values = rough()
    values[:, 3] = NOTHING
    return values, {"nodata": NOTHING}


def whole_numbers():
    values = np.random.default_rng(2).integers(1, 9, (5, 6)).astype(np.int16)
    values[1, 1:4], values[3, 0] = 0, NOTHING
    return values, {"nodata": NOTHING}


LANDSCAPES = {
    "holes": with_holes,
    "two parts": in_two_parts,
    "strip": lambda: (rough(1, 25), {}),
    "column": lambda: (rough(25, 1), {}),
    "whole numbers": whole_numbers,
    "degrees": lambda: (rough(), DEGREES),
    "a single cell": lambda: (np.array([[0.5]]), {}),
}


def reached(values, size):
    """Return the accessible habitat of every cell by least cost, with Floyd–Warshall in the window of each."""
    rows, columns = np.indices(values.shape).reshape(2, -1)
    land = np.where(values > 0, values, 0.0).ravel()
    steps = np.hypot(rows[:, None] - rows, columns[:, None] - columns)
    joined = (steps > 0) & (steps < 1.5) & (land[:, None] > 0) & (land > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        price = np.where(joined, steps * size / ((land[:, None] + land) / 2), np.inf)
    np.fill_diagonal(price, 0.0)
    found = np.full(land.size, np.nan)
    for cell in np.flatnonzero(land):
        near = (np.abs(rows - rows[cell]) <= REACH) & (np.abs(columns - columns[cell]) <= REACH) & (land > 0)
        cost, here = price[np.ix_(near, near)], np.flatnonzero(near).tolist().index(cell)
        for middle in range(len(cost)):
            cost = np.minimum(cost, cost[:, middle, None] + cost[middle])
        found[cell] = np.exp(-cost[here] / (FAR * size)).sum()
    return found.reshape(values.shape)


def slope(values, size):
    """Return the derivative of the sum over all cells by the permeability of a cell, by finite differences."""
    found = np.full(values.shape, np.nan)
    for cell in np.argwhere(values > 0):
        nudge = 1e-6 * values[tuple(cell)]
        changed = []
        for sign in (-1, 1):
            moved = values.astype(float)
            moved[tuple(cell)] += sign * nudge
            changed.append(np.nansum(reached(moved, size)))
        found[tuple(cell)] = (changed[1] - changed[0]) / (2 * nudge)
    return found


@pytest.mark.parametrize("kind", LANDSCAPES)
@pytest.mark.parametrize(("name", "expected"), [("windowedconnectivity", reached), ("windowedsensitivity", slope)])
def test_windows_on_edge_case_rasters(run, read, geotiff, feedback, kind, name, expected):
    values, how = LANDSCAPES[kind]()
    size = 0.001 if kind == "degrees" else PIXEL
    lengths = {"RANGE": REACH * size, "ALPHA": FAR * size, "COARSENING": 0.0}
    result = run(name, INPUT=geotiff(values, **how), **lengths)
    np.testing.assert_allclose(read(result["OUTPUT"]).band, expected(values, size), rtol=1e-5, atol=1e-5)
    assert result["CONNECTIVITY"] == pytest.approx(np.nansum(reached(values, size)), rel=1e-9)
    assert any("is in degrees" in text for text in feedback.warnings) == (kind == "degrees")


@pytest.mark.parametrize("name", ["windowedconnectivity", "windowedsensitivity"])
@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.full((3, 4), NOTHING, np.int16), "is empty: every cell is nodata"),
        (np.zeros((3, 4), np.int16), "permeability is zero in every cell, so nothing can move"),
    ],
)
def test_raster_without_passable_cells_is_rejected(run, geotiff, name, values, said):
    with pytest.raises(QgsProcessingException, match=said):
        run(name, INPUT=geotiff(values, nodata=NOTHING), RANGE=60.0, ALPHA=40.0)


def a_project_of(kind):
    """A project of resistances with focal nodes at three corners."""
    values, how = LANDSCAPES[kind]()
    points = np.zeros(values.shape, np.int16)
    for number, place in enumerate([(0, 1), (-1, 0), (0, -1)], 1):
        points[place if values.size > 1 and values.shape[1] > 1 else (0, 0)] = number
    return values, points, how


@pytest.mark.parametrize("scenario", ["pairwise", "one-to-all", "all-to-one"])
@pytest.mark.parametrize("kind", ["holes", "two parts", "strip", "whole numbers", "degrees"])
def test_current_is_conserved_on_edge_case_rasters(run, project, geotiff, tmp_path, kind, scenario):
    """Currents are conserved, zero in components without focal nodes, and defined in all cells with data."""
    values, points, how = a_project_of(kind)
    geotiff(values, name="land", **how)
    geotiff(points, name="ids", **{key: value for key, value in how.items() if key != "nodata"})
    path = project(
        habitat_file="land.tif",
        point_file="ids.tif",
        habitat_map_is_resistances="False",
        scenario=scenario,
        write_as_tif="True",
        write_volt_maps="True",
    )
    result = run("circuitscapeproject", INPUT=str(path), OUTPUT=str(tmp_path / "results"))
    assert result["UNCONSERVED"] is not None and result["UNCONSERVED"] < 1e-9
    folder = tmp_path / "results"
    maps = {file.name: read_raster(file)[0] for file in folder.glob("*map*.tif")}
    land = values > 0
    assert maps and all(np.isfinite(each).all() and (each[~land] == 0).all() for each in maps.values())
    there = len({int(number) for number in points[land]} - {0})
    rows = np.loadtxt(folder / "strip_resistances.out")
    if scenario == "pairwise":
        resistance = rows[1:, 1:]
        joined = resistance[np.triu_indices(len(resistance), 1)] >= 0
        assert result["RUNS"] == joined.sum() and (result["UNCONNECTED"] == (~joined).sum())
        for one, other in np.argwhere(np.triu(resistance > 0)):
            pair = f"{int(rows[0, one + 1])}_{int(rows[0, other + 1])}"
            volt, current = (maps[f"strip_{what}_{pair}.tif"] for what in ("voltmap", "curmap"))
            assert volt.max() == pytest.approx(resistance[one, other]) and current.max() == pytest.approx(1)
        total = np.sum([each for name, each in maps.items() if name.startswith("strip_curmap")], axis=0)
        np.testing.assert_allclose(maps["strip_cum_curmap.tif"], total, rtol=1e-6, atol=1e-9)
    else:
        assert result["FOCAL_NODES"] == 3 and len(rows) == 3 and there >= 2
    if kind == "strip" and scenario == "pairwise":
        steps = 2 / (values[0, 1:-1] + values[0, 2:])
        assert resistance[np.ix_([0], [2])].item() == pytest.approx(steps.sum(), rel=1e-6)


def test_single_cell_circuit_is_rejected(run, project, tmp_path):
    path = project(rasters={"habitat": [[3]], "points": [[1]]})
    with pytest.raises(QgsProcessingException, match="'points.asc' has only one focal node; at least two are needed"):
        run("circuitscapeproject", INPUT=str(path), OUTPUT=str(tmp_path / "results"))


CLASSES = {1: 0.5, 2: 1.0, 3: 0.0, 8: 0.25}
COVERS = {
    "holes": (np.array([[1, 2, NOTHING], [3, NOTHING, 8]], np.int16), {"nodata": NOTHING}),
    "strip": (np.array([[1, 2, 3, 8, 1] * 5], np.int16), {}),
    "no data is 0": (np.array([[0, 1], [2, 0]], np.uint8), {"nodata": 0}),
    "degrees": (np.array([[1, 2], [3, 8]], np.int16), DEGREES),
    "a single cell": (np.array([[2]], np.int16), {}),
}


@pytest.mark.parametrize("kind", COVERS)
def test_land_cover_keeps_nodata_and_georeference(run, read, geotiff, kind):
    cover, how = COVERS[kind]
    rows = [str(each) for pair in CLASSES.items() for each in pair]
    path = geotiff(cover, **how)
    result = run("permeabilityfromlandcover", INPUT=path, MATRIX=rows)
    found, expected = read(result["OUTPUT"]), np.vectorize(lambda each: CLASSES.get(int(each), np.nan))(cover)
    np.testing.assert_array_equal(found.band, np.where(cover == how.get("nodata"), np.nan, expected))
    assert (found.geotransform, found.projection) == (read(path).geotransform, read(path).projection)


@pytest.mark.parametrize(
    ("name", "parameter", "others"),
    [
        ("currentflowadvanced", "SOURCE_RASTER", ("GROUND_RASTER",)),
        ("currentflowadvanced", "GROUND_RASTER", ("SOURCE_RASTER",)),
        ("currentflow", "MASK", ("FOCAL_RASTER",)),
        ("connectedhabitat", "QUALITY", ()),
        ("movingwindowcurrent", "SOURCE_STRENGTH", ()),
    ],
)
def test_undeclared_nan_is_rejected_in_every_raster(run, geotiff, plain, name, parameter, others):
    holes, ids = np.arange(63.0).reshape(7, 9), geotiff(np.arange(63.0).reshape(7, 9), name="ids")
    holes[2, 3] = np.nan
    with pytest.raises(QgsProcessingException, match=r"'holes': the value is NaN .* in 1 cell, at row 3, column 4"):
        run(name, INPUT=plain, **{parameter: geotiff(holes, name="holes")}, **dict.fromkeys(others, ids))


def test_infinite_sources_are_rejected(run, geotiff, plain):
    sources = np.ones((7, 9))
    sources[0, 0] = np.inf
    with pytest.raises(QgsProcessingException, match="strengths are infinite in 1 cell, the first at row 1, column 1"):
        run("currentflowadvanced", INPUT=plain, SOURCE_RASTER=geotiff(sources, name="s"), GROUND_RASTER=plain)
