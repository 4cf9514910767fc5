"""Axes of the plots in reports."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from permea.plugin.algorithms.color_ramps import CURRENT
from permea.plugin.algorithms.renderers import LogPseudocolor
from permea.plugin.algorithms.report.axes import linear_ticks, logarithmic_ticks
from permea.plugin.algorithms.report.pictures import draw, legend_of_style
from permea.plugin.algorithms.report.plots import WIDTH, histogram_svg
from permea.plugin.algorithms.styles import corridor_style, distance_style, sensitivity_style

from .printed_numbers import read

RNG = np.random.default_rng(11)
LOWS, SPANS = RNG.normal(size=40) * 100, 10.0 ** RNG.uniform(-6, 9, 40)
LINEAR = np.stack([LOWS, LOWS + SPANS], 1).tolist()
LOWS, RATIOS = 10.0 ** RNG.uniform(-12, 6, 40), 10.0 ** RNG.uniform(0.5, 12, 40)
LOGARITHMIC = np.stack([LOWS, LOWS * RATIOS], 1).tolist()
SHORT = re.compile(r"−?(\d{1,3}(,\d{3})*(\.\d+)?|[1-9]|([1-9] × )?10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)")


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-0.3455, 0.0), (142.8, 45640.0), *LINEAR])
def test_linear_ticks_are_evenly_spaced_round_numbers(low, high):
    ticks = linear_ticks(low, high)
    values, labels = [value for value, _ in ticks], [label for _, label in ticks]
    assert 2 <= len(values) <= 6
    steps = np.diff(values)
    step = steps.mean()
    np.testing.assert_allclose(steps, step, rtol=1e-6)
    mantissa = step / 10.0 ** math.floor(math.log10(step) + 1e-9)
    assert min(abs(mantissa - round_number) for round_number in (1, 2, 5)) < 1e-6
    slack = 1e-6 * (high - low)
    assert low - slack <= values[0] and values[-1] <= high + slack
    assert [read(label) for label in labels] == pytest.approx(values, abs=1e-6 * step)


@pytest.mark.parametrize(("low", "high"), [(0.0007056, 0.4981), (3.456e-5, 0.02), *LOGARITHMIC])
def test_logarithmic_ticks_are_decades_with_few_digits(low, high):
    ticks = logarithmic_ticks(low, high)
    values, labels = [value for value, _ in ticks], [label for _, label in ticks]
    assert 2 <= len(values) <= 8
    assert low * (1 - 1e-6) <= values[0] and values[-1] <= high * (1 + 1e-6)
    assert [read(label) for label in labels] == pytest.approx(values, rel=1e-9)
    assert all(SHORT.fullmatch(label) for label in labels)
    if high / low > 1e4:
        assert all(math.log10(value) == pytest.approx(round(math.log10(value)), abs=1e-9) for value in values)


def labels_of(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_histogram_of_currents_has_decades_below_its_bars():
    values = np.geomspace(2e-6, 0.3, 5000)
    style = LogPseudocolor(1e-5, 0.3, CURRENT, "A")
    svg = histogram_svg(values, "current, A", "cells", legend_of_style(style))
    assert labels_of(svg) == ["10⁻⁵", "0.0001", "0.001", "0.01", "0.1"]
    places = [float(x) for x in re.findall(r'<text x="([\d.]+)"', svg)]
    np.testing.assert_allclose(np.diff(places)[1:], np.diff(places)[1:].mean(), rtol=0.01)
    assert "Histogram of current, A: cells by value" in svg and "logarithmic axis" in svg


def test_zeros_on_a_logarithmic_axis_are_counted():
    values = np.concatenate([np.zeros(3000), np.geomspace(1e-4, 1.0, 1000)])
    svg = histogram_svg(values, "current, A", "cells", legend_of_style(LogPseudocolor(1e-3, 1.0, CURRENT, "A")))
    assert "75\u00a0% are 0" in svg


def test_histogram_of_a_corridor_shows_what_its_map_shows():
    values = np.concatenate([np.linspace(0, 100, 1000), np.linspace(100, 80_000, 4000)])
    _, legend = draw(values[None], corridor_style(values[None]))
    svg = histogram_svg(values, "excess cost", "cells", legend)
    assert max(read(label) for label in labels_of(svg)) <= legend.entries[-1].value < 1000
    assert "80\u00a0% beyond the axis" in svg
    assert len(set(re.findall(r'fill="(#\w+)"', svg))) > 10


def test_labels_at_the_ends_of_an_axis_are_not_cut_off():
    svg = histogram_svg(np.linspace(0, 5_000_000, 500), "cost", "cells")
    for place, label in re.findall(r'<text x="([\d.]+)"[^>]*>([^<]*)<', svg):
        assert 3.5 * len(label) <= float(place) <= 640 - 3.5 * len(label)


def test_few_cells_with_an_effect_are_visible_among_zeros():
    values = np.concatenate([np.zeros(9000), -np.geomspace(1.0, 1000.0, 1000)])
    style = sensitivity_style(values[None], "Ω per unit", negative_helps=True)
    svg = histogram_svg(values, "sensitivity, Ω per unit", "cells", draw(values[None], style)[1])
    assert "90\u00a0% are 0 and not shown" in svg
    assert min(read(label) for label in labels_of(svg)) >= style.low
    heights = [float(height) for height in re.findall(r'<rect [^>]*height="([\d.]+)"', svg)]
    assert sum(height > 5 for height in heights) >= 10


def test_axis_ends_where_the_colours_end():
    values = np.concatenate([np.linspace(0, 100, 5000), np.geomspace(100, 10_000, 50)])
    style = distance_style(values[None])
    svg = histogram_svg(values, "cost", "cells", draw(values[None], style)[1])
    assert style.high < 150 and max(read(label) for label in labels_of(svg)) <= style.high


def test_labels_are_legible_in_print():
    """At least 7 points at the printed width of a plot, which the template gives in multiples of 9 points."""
    template = (Path(__file__).parents[3] / "resources" / "report" / "page.html").read_text(encoding="utf-8")
    printed = template.partition("@media print")[2]
    width = 9 * float(re.search(r"\.plot { max-width: (\d+)em", printed)[1])
    size = float(re.search(r"\.plot text { font-size: (\d+)px", printed)[1])
    assert size * width / WIDTH >= 7
