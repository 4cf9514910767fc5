"""Residuals of free energy and expected cost, as the CPU's kernels compute them."""

import numpy as np
import pytest

from permea.engine.random_walks.transition_kernels import _ratio


@pytest.mark.parametrize(
    ("residual", "scale", "expected"), [(-1.0, 4.0, 0.25), (0.0, 0.0, 0.0), (1.0, 0.0, np.inf), (np.nan, 1.0, np.inf)]
)
def test_undefined_residual_is_an_infinite_error(residual, scale, expected):
    assert _ratio(residual, scale) == expected
