"""Completed batches are stored one by one, and read by a later run."""

import numpy as np

from permea.engine.moving_window import BatchCheckpoint
from permea.engine.moving_window.batch import BatchResult


def test_batches_stored_by_two_runs_are_completed(tmp_path):
    for numbers in ((2, 0, 2), (5,)):
        checkpoint = BatchCheckpoint(tmp_path, {"range": 3})
        for number in numbers:
            checkpoint.save(BatchResult(number, 1.0, 1, np.full((1, 2), number)))
    assert checkpoint.completed() == BatchCheckpoint(tmp_path, {"range": 3}).completed() == {0, 2, 5}
    np.testing.assert_array_equal(checkpoint.load(2).raster, [[2, 2]])
