"""Values that span too many orders of magnitude are named when a task has no accurate solution."""

import numpy as np
import pytest

from permea.plugin.runner import InvalidInput, Task, Unsolved
from permea.plugin.runner.value_range import explain_unsolved


def explained(**arrays):
    error = explain_unsolved(Unsolved("no accurate solution"), Task("any", {}, arrays, landscape_name="valley"))
    assert isinstance(error, InvalidInput)
    return str(error)


@pytest.mark.parametrize("value", [1e200, 1e300])
def test_far_values_are_named_however_far_they_are(value):
    landscape = np.ones((3, 4))
    landscape[1, 2] = value
    landscape[2, 0] = 1e-200
    text = explained(landscape=landscape)
    assert "'valley': the values range from 1e-200 to 1e+" in text
    assert "1 cell, the first at row" in text


def test_far_conductance_is_named_with_its_nodes():
    edges = np.array([[0, 1], [1, 2], [2, 0]])
    text = explained(conductances=np.array([1.0, 2.0, 1e-300]), edges=edges)
    assert "below the others: 1 edge, the first between the nodes 2 and 0 (1e-300)" in text


def test_values_of_a_usual_range_are_not_blamed():
    error = Unsolved("no accurate solution")
    assert explain_unsolved(error, Task("any", {}, {"landscape": np.array([[1.0, 1e8]])})) is error
