"""CSV tables whose rows have more fields than headings are rejected, because QGIS drops the rest without a word."""

import gc

import pytest
from qgis.core import QgsProcessingException, QgsVectorLayer

from permea.plugin.layers import require_regular_rows


@pytest.fixture
def table(tmp_path, qgis_app):
    """Load a text as a table."""

    def load(text, encoding="utf-8"):
        path = tmp_path / "classes.csv"
        path.write_bytes(text.encode(encoding))
        layer = QgsVectorLayer(str(path), "classes", "ogr")
        assert layer.isValid()
        return layer

    yield load
    gc.collect()  # a caught exception keeps a layer alive beyond the end of QGIS


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_row_with_too_many_fields_is_named(table, encoding, end):
    text = end.join(["class,ease", "1,1", '2,"0,25"', "", "3,0,5", "4,1"])
    with pytest.raises(QgsProcessingException) as error:
        require_regular_rows(table(text, encoding))
    assert str(error.value).startswith("'classes.csv', line 5: 3 fields under 2 headings ('3,0,5').")


def test_empty_fields_at_the_end_are_accepted(table):
    require_regular_rows(table("class,ease\n1,1,,\n,,\n2,3, \n"))


def test_quote_without_an_end_is_left_to_qgis(table):
    require_regular_rows(table('class,ease\n1,"a\n' + "2,3\n" * 50_000))
