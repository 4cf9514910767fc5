"""Values that the format of a file cannot hold are refused rather than cut."""

import numpy as np
import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsProcessingException, QgsProcessingFeedback

from permea.plugin.algorithms.tables import Column, Table, write_table

LINE = np.array([[290_000.0, 9_120_000.0], [290_030.0, 9_120_000.0]])


@pytest.fixture
def write(tmp_path, context):
    def write(value, kind, suffix):
        table = Table("OUTPUT", (Column("from_id", kind), Column("cost")), [(value, 2.0)], [LINE])
        path = tmp_path / f"paths{suffix}"
        write_table(table, path, QgsCoordinateReferenceSystem("EPSG:31985"), context)
        return path

    return write


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("x" * 254, "text"),
        (None, "text"),
        ("", "text"),
        (2**53, "integer"),
        (-5, "integer"),
        (None, "integer"),
        (1 / 3, "real"),
        (1e17, "real"),
        (float("nan"), "real"),
    ],
)
def test_shapefile_holds_usual_values(write, value, kind):
    assert write(value, kind, ".shp").stat().st_size


def test_progress_of_writing_and_checking_does_not_go_back(tmp_path, context):
    feedback, percents = QgsProcessingFeedback(False), []
    feedback.progressChanged.connect(percents.append)
    table = Table("OUTPUT", (Column("cost"),), [(2.0,)] * 25_000, [LINE] * 25_000)
    write_table(table, tmp_path / "paths.shp", QgsCoordinateReferenceSystem("EPSG:31985"), context, feedback)
    assert percents == sorted(percents) and percents[0] < 80 < 90 < percents[-1]


@pytest.mark.parametrize(
    ("value", "kind"),
    [("x" * 255, "text"), ("ü" * 128, "text"), (10**18 - 1, "integer"), (1.7e300, "real"), (1.5e-300, "real")],
)
@pytest.mark.parametrize("suffix", [".shp", ".gpkg"])
def test_longer_values_are_refused_in_a_shapefile_only(write, tmp_path, value, kind, suffix):
    if suffix == ".gpkg":
        assert write(value, kind, suffix).is_file()
        return
    with pytest.raises(QgsProcessingException, match=r"'paths.shp' cannot hold all results: in the field 'from_id'"):
        write(value, kind, suffix)
    assert not [*tmp_path.iterdir()]
