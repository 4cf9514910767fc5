"""Numbers in text for people: minus signs, powers of ten, and decimals that agree within a column."""

import numpy as np
import pytest

from permea.plugin.algorithms.formatting import format_column, format_number, typeset

from .printed_numbers import read

RNG = np.random.default_rng(7)


@pytest.mark.parametrize(
    "value", [0.0, 1.0, -1e-5, 1e9, -1e12, *(RNG.normal(size=60) * 10.0 ** RNG.integers(-12, 14, 60))]
)
def test_four_digits_can_be_read_back(value):
    text = format_number(float(value))
    assert read(text) == pytest.approx(value, rel=5.1e-4)
    assert "-" not in text and "e" not in text


@pytest.mark.parametrize(
    ("number", "printed"),
    [("-3.5", "−3.5"), ("1e-05", "10⁻⁵"), ("-1e-05", "−10⁻⁵"), ("3.5e-05", "3.5 × 10⁻⁵"), ("2e+10", "2 × 10¹⁰")],
)
def test_minus_signs_and_powers_of_ten_are_typeset(number, printed):
    assert typeset(number) == printed


def test_zero_has_no_sign():
    assert format_number(-0.0) == "0"


def test_columns_have_the_same_decimals():
    assert format_column([-3.2771, 1.1, 0.59]) == ["−3.277", "1.100", "0.590"]
    assert format_column([52589.65, 812.4]) == ["52,590", "812"]


def test_columns_of_very_different_numbers_lose_no_digits():
    assert format_column([52589.65, 0.0125]) == ["52,590", "0.0125"]
    assert format_column([1e-7, 2.5e-7]) == ["10⁻⁷", "2.5 × 10⁻⁷"]
