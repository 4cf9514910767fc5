"""Maps: equal to engine results, on the grid of the landscape, with band names, numbers and log."""

import sys

import numpy as np
import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsFeature, QgsGeometry, QgsPointXY, QgsVectorLayer

from .conftest import NODATA, NORTH, PIXEL, WEST

CELLS = [(0, 0), (8, 2)]
DISTANCES = {
    "leastcostdistance": ("leastcost.distance", {}),
    "resistancedistance": ("resistance.distance", {}),
    "rspdistance": ("rsp.distance", {"theta": 0.01, "cost": "inverse", "measure": "expected_cost"}),
}


def as_stored(values):
    return np.asarray(values).astype(np.float32).astype(float)


@pytest.mark.parametrize("per_source", [False, True])
@pytest.mark.parametrize("name", DISTANCES)
def test_distance_map_equals_engine_result(run, read, ask_engine, points, valley, valley_file, name, per_source):
    task, own = DISTANCES[name]
    result = run(name, INPUT=valley_file, SOURCES=points(*CELLS), PER_SOURCE=per_source)
    valid = valley != NODATA
    arrays = {"landscape": np.where(valid, valley, np.nan), "valid": valid, "sources": np.array(CELLS)}
    expected, numbers = ask_engine(task, arrays, per_source=per_source, **own)
    bands = read(result["OUTPUT"]).bands
    reachable = np.where(np.isfinite(expected["distance"]), as_stored(expected["distance"]), np.nan)
    np.testing.assert_array_equal(bands, reachable.reshape(bands.shape))
    for key in ("active_cells", "components", "unreachable_cells", "solver"):
        assert result[key.upper()] == numbers[key]
    assert result["MAXIMUM"] == pytest.approx(numbers["maximum"], rel=1e-12)


@pytest.mark.parametrize("name", [*DISTANCES, "sensitivity", "connectedcomponents"])
def test_map_has_grid_of_landscape(run, read, points, valley, valley_file, name):
    places = {} if name == "connectedcomponents" else {"SOURCES": points(*CELLS)}
    places |= {"UNREACHABLE": "infinity"} if name in DISTANCES else {}
    result = read(run(name, INPUT=valley_file, **places)["OUTPUT"])
    landscape = read(valley_file)
    assert result.geotransform == landscape.geotransform == (WEST, PIXEL, 0.0, NORTH, 0.0, -PIXEL)
    assert QgsCoordinateReferenceSystem(result.projection).authid() == "EPSG:31985"
    assert result.band.shape == valley.shape
    np.testing.assert_array_equal(np.isnan(result.band), valley == NODATA)


def test_nodata_value_is_preserved(run, read, points, valley_file):
    assert read(run("leastcostdistance", INPUT=valley_file, SOURCES=points(*CELLS))["OUTPUT"]).nodata == NODATA


def test_zero_nodata_value_keeps_sources(run, read, geotiff, points):
    landscape = geotiff(np.pad(np.ones((3, 4)), 1), nodata=0.0)
    distance = read(run("leastcostdistance", INPUT=landscape, SOURCES=points((1, 1)))["OUTPUT"]).band
    assert distance[1, 1] == 0.0
    assert np.isnan(distance[0]).all()


def test_least_cost_in_uniform_landscape_is_path_length(run, read, geotiff, points):
    landscape = geotiff(np.ones((3, 7)))
    distance = read(run("leastcostdistance", INPUT=landscape, SOURCES=points((0, 0)))["OUTPUT"]).band
    assert distance[0, 6] == pytest.approx(6 * PIXEL)
    assert distance[2, 2] == pytest.approx(2 * np.sqrt(2) * PIXEL)


def test_least_cost_is_proportional_to_resistance(run, read, geotiff, points):
    where = {"SOURCES": points((0, 0)), "VALUES": "resistance"}
    once = run("leastcostdistance", INPUT=geotiff(np.full((4, 5), 3.0), name="once"), **where)
    twice = run("leastcostdistance", INPUT=geotiff(np.full((4, 5), 6.0), name="twice"), **where)
    np.testing.assert_allclose(read(twice["OUTPUT"]).band, 2 * read(once["OUTPUT"]).band)


def test_resistance_of_strip_is_additive(run, read, geotiff, points):
    strip = geotiff(np.ones((1, 5)))
    assert read(run("resistancedistance", INPUT=strip, SOURCES=points((0, 0)))["OUTPUT"]).band[0] == pytest.approx(
        PIXEL * np.arange(5)
    )


@pytest.mark.long
def test_expected_cost_approaches_least_cost_with_theta(run, read, points, valley_file):
    places = {"INPUT": valley_file, "SOURCES": points((4, 2))}
    least = read(run("leastcostdistance", **places)["OUTPUT"]).band
    reached = np.isfinite(least)
    excess = [
        np.mean(read(run("rspdistance", THETA=theta, **places)["OUTPUT"]).band[reached] - least[reached])
        for theta in (0.001, 0.01, 0.5)
    ]
    assert excess[0] > excess[1] > excess[2] >= -1e-3


def test_survival_is_one_at_source_zero_if_unreachable(run, read, points, valley_file):
    result = run("rspdistance", INPUT=valley_file, SOURCES=points((4, 2)), MEASURE="survival", THETA=0.001)
    survival = read(result["OUTPUT"]).band
    assert survival[4, 2] == pytest.approx(1.0)
    assert np.nanmax(survival) == pytest.approx(1.0)
    assert (survival[6:, 9:] == 0).all()


def test_source_raster_equals_points(run, read, geotiff, points, valley_file):
    marks = np.zeros((9, 12), np.uint8)
    marks[tuple(np.transpose(CELLS))] = 5
    by_points = run("leastcostdistance", INPUT=valley_file, SOURCES=points(*CELLS))
    by_raster = run("leastcostdistance", INPUT=valley_file, SOURCE_RASTER=geotiff(marks, name="marks"))
    np.testing.assert_array_equal(read(by_points["OUTPUT"]).band, read(by_raster["OUTPUT"]).band)


def test_bands_are_named_after_sources(run, read, points, valley_file):
    result = read(run("leastcostdistance", INPUT=valley_file, SOURCES=points(*CELLS), PER_SOURCE=True)["OUTPUT"])
    assert result.names == ["1: patch A", "2: patch B"]
    assert [band[cell] for band, cell in zip(result.bands, CELLS, strict=True)] == [0.0, 0.0]


def test_nearest_distance_is_minimum_of_bands(run, read, points, valley_file):
    places = {"INPUT": valley_file, "SOURCES": points(*CELLS)}
    nearest = read(run("leastcostdistance", **places)["OUTPUT"]).band
    each = read(run("leastcostdistance", PER_SOURCE=True, **places)["OUTPUT"]).bands
    np.testing.assert_array_equal(nearest, np.fmin.reduce(each))


def test_raster_sources_are_named_by_position(run, read, geotiff, valley_file):
    marks = np.zeros((9, 12), np.uint8)
    marks[2, 3] = 1
    result = run("leastcostdistance", INPUT=valley_file, SOURCE_RASTER=geotiff(marks, name="marks"), PER_SOURCE=True)
    assert read(result["OUTPUT"]).names == ["row 3, column 4"]


def test_unreachable_cells_are_nodata_and_logged(run, read, points, feedback, valley_file):
    result = run("leastcostdistance", INPUT=valley_file, SOURCES=points((0, 0)))
    assert np.isnan(read(result["OUTPUT"]).band[6:, 9:]).all()
    assert result["UNREACHABLE_CELLS"] == 9
    assert np.isfinite(result["MAXIMUM"])
    [warning] = [text for text in feedback.warnings if "cannot reach any source" in text]
    assert warning.startswith("9 cells")


def test_log_summarizes_run(run, points, feedback, valley_file):
    run("leastcostdistance", INPUT=valley_file, SOURCES=points((0, 0)))
    story = "\n".join(feedback.infos)
    assert "Landscape 'valley': 9 × 12 cells of 30 × 30 m, EPSG:31985." in story
    assert "99 of 108 cells have data; 99 cells are passable. Connected components of the landscape: 2." in story
    assert "Computed in" in story and "Solver" not in story and "residual" not in story
    assert feedback.console[-1].startswith("Details for developers:\nSolver: ")
    assert feedback.percents == sorted(feedback.percents)
    assert feedback.percents[-1] == pytest.approx(100)


def test_second_band_as_landscape(run, read, geotiff, points):
    bands = np.stack([np.full((3, 4), 9.0), np.ones((3, 4))])
    result = run("leastcostdistance", INPUT=geotiff(bands), BAND=2, SOURCES=points((0, 0)))
    assert read(result["OUTPUT"]).band[0, 3] == pytest.approx(3 * PIXEL)


def test_rook_neighbours_do_not_cut_corners(run, read, geotiff, points):
    places = {"INPUT": geotiff(np.ones((2, 2))), "SOURCES": points((0, 0))}
    queen, rook = (read(run("leastcostdistance", NEIGHBORS=n, **places)["OUTPUT"]).band for n in ("queen", "rook"))
    assert (queen[1, 1], rook[1, 1]) == pytest.approx((np.sqrt(2) * PIXEL, 2 * PIXEL))


def test_components_are_numbered_by_size(run, read, geotiff):
    values = np.ones((4, 7))
    values[:, 4] = 0.0
    values[0, 0] = NODATA
    result = run("connectedcomponents", INPUT=geotiff(values, nodata=NODATA))
    labels = read(result["OUTPUT"])
    assert labels.type == "Int32"
    assert (labels.band[1:, :4] == 1).all() and (labels.band[:, 5:] == 2).all() and (labels.band[:, 4] == 0).all()
    assert np.isnan(labels.band[0, 0])
    assert (result["COMPONENTS"], result["LARGEST_COMPONENT_CELLS"]) == (2, 15)


@pytest.mark.parametrize(
    ("parameters", "own"),
    [
        ({}, {}),
        ({"ELASTICITY": True}, {"elasticity": True}),
        ({"RESPECT_TO": "resistance"}, {"respect_to": "resistance"}),
        ({"DISTANCE": "resistance"}, {"distance": "resistance"}),
        ({"DISTANCE": "rsp", "THETA": 0.02}, {"distance": "rsp", "theta": 0.02}),
        (
            {"SCALAR": "quality_weighted", "ALPHA": 400.0, "RESPECT_TO": "quality"},
            {"scalar": "quality_weighted", "alpha": 400.0, "respect_to": "quality"},
        ),
    ],
)
def test_sensitivity_map_equals_engine_result(run, read, ask_engine, points, valley, valley_file, parameters, own):
    result = run("sensitivity", INPUT=valley_file, SOURCES=points(*CELLS), **parameters)
    valid = valley != NODATA
    arrays = {"landscape": np.where(valid, valley, np.nan), "valid": valid, "sources": np.array(CELLS)}
    plain = {
        "scalar": "mean_distance",
        "distance": "leastcost",
        "theta": 0.01,
        "cost": "inverse",
        "respect_to": "permeability",
        "elasticity": False,
    }
    expected, numbers = ask_engine("connectivity.sensitivity", arrays, **{**plain, **own})
    np.testing.assert_array_equal(read(result["OUTPUT"]).band, as_stored(expected["sensitivity"]))
    assert result["CONNECTIVITY"] == pytest.approx(numbers["connectivity"], rel=1e-12)
    assert result["PAIRS"] == numbers["pairs"] > 0


@pytest.mark.costly_variants
@pytest.mark.parametrize("solver", ["nested_dissection", "multigrid"])
def test_solver_choice_is_applied_and_logged(run, read, points, valley_file, feedback, solver):
    places = {"INPUT": valley_file, "SOURCES": points(*CELLS), "DISTANCE": "resistance"}
    automatic, chosen = (
        read(run("sensitivity", **places, SOLVER=name)["OUTPUT"]).band for name in ("automatic", solver)
    )
    np.testing.assert_allclose(chosen, automatic, rtol=1e-5, atol=1e-9)
    assert f"{solver.replace('_', ' ')}, as requested" in "\n".join(feedback.console)


def test_sensitivity_equals_finite_difference(run, read, geotiff, points, valley):
    places = {"SOURCES": points(*CELLS), "DISTANCE": "resistance"}
    before = run("sensitivity", INPUT=geotiff(valley, nodata=NODATA, name="before"), **places)
    changed = valley.copy()
    changed[4, 1] += 1e-4
    after = run("sensitivity", INPUT=geotiff(changed, nodata=NODATA, name="after"), **places)
    gained = (after["CONNECTIVITY"] - before["CONNECTIVITY"]) / 1e-4
    assert gained < 0
    assert read(before["OUTPUT"]).band[4, 1] == pytest.approx(gained, rel=1e-3)


@pytest.mark.long
def test_seed_determines_sample(run, read, valley_file):
    def of(seed):
        return read(run("sensitivity", INPUT=valley_file, SAMPLES=8, SEED=seed)["OUTPUT"]).band

    first = of(3)
    np.testing.assert_array_equal(first, of(3))
    assert not np.array_equal(first, of(4), equal_nan=True)


def test_quality_is_resampled_and_logged(run, read, geotiff, points, feedback, valley_file):
    coarse = geotiff(np.ones((3, 4)), geotransform=(WEST, 90.0, 0.0, NORTH, 0.0, -90.0), name="quality")
    places = {"INPUT": valley_file, "SOURCES": points(*CELLS), "SCALAR": "quality_weighted"}
    aligned = run("sensitivity", QUALITY=coarse, **places)
    assert any("quality" in text for text in feedback.infos + feedback.warnings)
    everywhere_one = run("sensitivity", **places)
    np.testing.assert_allclose(read(aligned["OUTPUT"]).band, read(everywhere_one["OUTPUT"]).band, rtol=1e-6)


def test_landscape_in_degrees_gives_warning(run, geotiff, qgis_app, feedback):
    landscape = geotiff(np.ones((3, 4)), geotransform=(-35.0, 0.01, 0.0, -8.0, 0.0, -0.01), crs="EPSG:4326")
    place = QgsVectorLayer("Point?crs=EPSG:4326&field=name:string", "place", "memory")
    feature = QgsFeature(place.fields())
    feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(-34.995, -8.005)))
    place.dataProvider().addFeature(feature)
    run("leastcostdistance", INPUT=landscape, SOURCES=place)
    assert any("is in degrees (EPSG:4326)" in text for text in feedback.warnings)


def test_sample_is_copied_to_destinations(run, tmp_path, sample, read):
    target = tmp_path / "here.tif"
    result = run("loadsampledata", PERMEABILITY=str(target), PATCHES=str(tmp_path / "patches.gpkg"))
    assert result["PERMEABILITY"] == str(target)
    np.testing.assert_array_equal(read(target).band, read(sample["permeability.tif"]).band)
    patches = QgsVectorLayer(result["PATCHES"], "patches")
    assert patches.featureCount() == QgsVectorLayer(sample["patches.gpkg"], "shipped").featureCount() > 3
    assert "name" in patches.fields().names()


def test_sample_loads_as_memory_layers(run, read):
    result = run("loadsampledata", QUALITY="TEMPORARY_OUTPUT")
    patches = result["PATCHES"]
    assert patches.featureCount() > 3
    assert np.nanmax(read(result["QUALITY"]).band) <= 1


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("leastcostdistance", {"SOURCES": "patches.gpkg"}),
        ("resistancedistance", {"SOURCES": "patches.gpkg"}),
        pytest.param("rspdistance", {"SOURCES": "patches.gpkg", "THETA": 0.005}, marks=pytest.mark.costly),
        ("sensitivity", {"SOURCES": "patches.gpkg"}),
        ("connectedcomponents", {}),
    ],
)
def test_algorithms_run_on_sample(run, read, sample, name, parameters):
    places = {key: sample.get(value, value) for key, value in parameters.items()}
    result = run(name, INPUT=sample["permeability.tif"], **places)
    made, landscape = read(result["OUTPUT"]), read(sample["permeability.tif"])
    assert made.geotransform == landscape.geotransform
    assert np.isnan(made.band[np.isnan(landscape.band)]).all()
    assert np.isnan(made.band).sum() == np.isnan(landscape.band).sum() + result.get("UNREACHABLE_CELLS", 0)
    assert result["ACTIVE_CELLS"] == np.isfinite(landscape.band).sum()
    different = np.unique(made.band[np.isfinite(made.band)]).size
    assert different == result["COMPONENTS"] == 2 if name == "connectedcomponents" else different > 1000


def test_qgis_does_not_import_jax(run, points, valley_file):
    run("leastcostdistance", INPUT=valley_file, SOURCES=points(*CELLS))
    assert not {"jax", "jaxlib", "equinox"} & {module.partition(".")[0] for module in sys.modules}
