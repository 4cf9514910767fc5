"""The estimated time of runs with many focal nodes, and the progress that they report."""

from dataclasses import replace

import numpy as np
import pytest

from permea.engine.worker.protocol import Reporter
from permea.engine.worker.resumable_runs import PairNames
from permea.engine.worker.task import Job
from permea.engine.worker.tasks import TASKS

SIDE = 70
LANDSCAPE = np.ones((SIDE, SIDE))
PARAMETERS = {"values": "permeability", "neighbors": "queen", "edge_rule": "mean", "pixel_size": [1.0, 1.0]}


class Recorder(Reporter):
    """Reporter that records the progress."""

    def __init__(self):
        self.progress_reports = []

    def progress(self, percent, text):
        self.progress_reports.append((percent, text))

    def _write(self, type_, **content):
        pass


def job(task, ids, *, regions=False, arrays=None, **parameters):
    """Return a task and its job; each id is one cell, or two cells in case of regions."""
    cells = np.stack(np.divmod(np.arange(ids * (2 if regions else 1)), SIDE), axis=1)
    inputs = {"landscape": LANDSCAPE, "valid": LANDSCAPE > 0, "focal_cells": cells}
    inputs |= {"focal_ids": np.repeat(1000 + np.arange(ids), 2 if regions else 1), **(arrays or {})}
    return TASKS[task], Job({**PARAMETERS, **parameters}, inputs, Recorder())


def seconds(*args, **options):
    task, made = job(*args, **options)
    return task.estimate(made).seconds


PAIRWISE = {"mode": "pairwise", "cumulative": True, "maximum": False}


def test_sum_over_pairs_grows_with_ids_not_with_pairs():
    assert seconds("circuit.current", 4900, **PAIRWISE) < 10 * seconds("circuit.current", 1225, **PAIRWISE)


@pytest.mark.parametrize("costly", [{"maximum": True}, {"per_run_outputs": "currents"}], ids=["maximum", "maps"])
def test_maps_of_pairs_take_time_for_each_pair(costly):
    assert seconds("circuit.current", 4900, **PAIRWISE | costly) > 5 * seconds("circuit.current", 4900, **PAIRWISE)


def test_regions_take_time_for_each_pair():
    plain = seconds("distance.matrix", 2400, distance="resistance")
    assert seconds("distance.matrix", 2400, regions=True, distance="resistance") > plain + 100


def test_corridors_without_paths_need_no_memory_for_paths():
    task, plain = job("leastcost.corridor", 2000, pairs="all")
    _, with_paths = job("leastcost.corridor", 2000, pairs="all", paths=True)
    assert task.estimate(plain).bytes < task.estimate(with_paths).bytes / 2
    assert task.estimate(plain).seconds > seconds("leastcost.corridor", 100, pairs="all")


def test_network_has_an_estimate():
    edges = np.stack([np.arange(5000), np.arange(1, 5001)], axis=1)
    arrays = {"edges": edges, "conductances": np.ones(5000)}
    every = seconds("circuit.network", 2000, arrays=arrays, mode="pairwise")
    assert 0 < every < seconds("circuit.network", 2000, arrays=arrays, mode="pairwise", per_run_outputs="both") / 10


def test_names_of_millions_of_pairs_are_made_when_they_are_read():
    pairs = np.stack([np.arange(10**6), np.arange(10**6) + 2_000_000], axis=1)
    names = PairNames(pairs)
    assert len(names) == 10**6 and names[7] == "7_2000007"


def test_sum_over_pairs_reports_progress_in_steps(tmp_path):
    task, made = job("circuit.current", 60, **PAIRWISE, zero_focal_currents=True)
    made = replace(made, folder=tmp_path)
    task.run(made)
    steps = [percent for percent, text in made.report.progress_reports if text == "Sum over 1,770 pairs"]
    assert steps == sorted(steps) and len(steps) > 30 and steps[0] == 10 and steps[-1] == 98
