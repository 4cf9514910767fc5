"""Sizes of files and memory: counted while files come and go, and in decimal units everywhere."""

import pytest

from permea.plugin.byte_sizes import folder_bytes, format_bytes


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999.4, "999 bytes"),
        (999.6, "1 kB"),
        (5_430_000, "5.43 MB"),
        (17.2e9, "17.2 GB"),
        (2e12, "2 TB"),
        (1e18, "1,000,000 TB"),
    ],
)
def test_size_as_text_has_three_digits(size, text):
    assert format_bytes(size) == text


def test_size_of_a_folder_is_that_of_all_files_below(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "one").write_bytes(b"x" * 10)
    (tmp_path / "below" / "two").write_bytes(b"x" * 5)
    assert folder_bytes(tmp_path) == 15
    assert folder_bytes(tmp_path / "absent") == 0
