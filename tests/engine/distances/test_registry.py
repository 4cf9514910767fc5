"""The entries of the registry match the distances, and a distance that only has an entry runs in every task."""

import os

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from permea.engine import AbstractDistance, GridGraph, LCPDistance
from permea.engine.distances.registry import (
    DistanceEntry,
    distance_entry,
    distance_names,
    entry_of,
    register,
    unregister,
)
from permea.engine.worker.distance_estimates import ESTIMATES
from permea.engine.worker.distance_factory import PARAMETER_READERS, make_distance
from permea.engine.worker.protocol import Reporter
from permea.engine.worker.task import Job
from permea.engine.worker.tasks import TASKS

SCALE = 0.3
LANDSCAPE = np.random.default_rng(61).lognormal(size=(6, 7))
LANDSCAPE[2, 3] = 0
QUALITY = np.random.default_rng(62).uniform(0, 1, LANDSCAPE.shape)
PARAMETERS = {
    "values": "permeability",
    "neighbors": "queen",
    "edge_rule": "mean",
    "pixel_size": [1.0, 1.0],
    "theta": SCALE,
    "cost": "inverse",
    "respect_to": "permeability",
}
EACH_DISTANCE = pytest.mark.parametrize("name", distance_names())


class ScaledCost(AbstractDistance):
    """Distance that is registered by the tests only: θ times the least cost."""

    theta: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def from_sources(self, grid, sources):
        return self.theta * LCPDistance().from_sources(grid, sources)

    def to_targets(self, grid, targets):
        return self.theta * LCPDistance().to_targets(grid, targets)


@pytest.fixture
def scaled():
    accepted_by = distance_entry("leastcost").tasks
    register(
        DistanceEntry("scaled", ScaledCost, "scaled cost", "θ times the least cost", ("theta",), tasks=accepted_by)
    )
    yield
    unregister("scaled")


def run(task, folder, distance, inputs, **parameters):
    """The outputs and metrics of a task, run in this process, with its estimate of memory."""
    inputs = {"landscape": LANDSCAPE, "valid": np.ones(LANDSCAPE.shape, bool), **inputs}
    folder.mkdir()
    with open(os.devnull, "w") as nowhere:
        job = Job({**PARAMETERS, **parameters, "distance": distance}, inputs, Reporter(nowhere), folder)
        assert TASKS[task].estimate(job).bytes > 0
        result = TASKS[task].run(job)
    return {name: np.asarray(array[:]) for name, array in result.outputs.items()}, result.metrics


POINTS = {"focal_ids": np.array([1, 2, 3]), "focal_cells": np.array([[0, 0], [5, 6], [1, 5]])}
TASK_INPUTS = {
    "distance.matrix": (POINTS, {}),
    "connectivity.sensitivity": ({"sources": POINTS["focal_cells"]}, {"scalar": "mean_distance"}),
    "flow.barriers": (POINTS, {}),
    "habitat.connected": ({"quality": QUALITY}, {"landmarks": 2}),
    "windowed.connectivity": ({"quality": QUALITY}, {"range": 3.0, "coarsening": 0.5}),
    "windowed.sensitivity": ({"quality": QUALITY}, {"range": 3.0, "coarsening": 0.5}),
}
IN_UNITS_OF_DISTANCE = ("distance.matrix", "connectivity.sensitivity", "flow.barriers")


@pytest.mark.parametrize("task", TASK_INPUTS)
def test_registered_distance_runs_in_task(task, scaled, tmp_path):
    """Distances and their gradients scale with θ; a kernel exp(−d / α) with α = θ is that of the cost with α = 1."""
    inputs, parameters = TASK_INPUTS[task]
    outputs, metrics = run(task, tmp_path / "scaled", "scaled", inputs, **parameters, alpha=SCALE)
    expected, expected_metrics = run(task, tmp_path / "plain", "leastcost", inputs, **parameters, alpha=1.0)
    factor = SCALE if task in IN_UNITS_OF_DISTANCE else 1.0
    assert outputs.keys() == expected.keys() and metrics.keys() == expected_metrics.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(outputs[name], factor * array, rtol=1e-9, atol=1e-12)


def test_every_task_with_a_choice_of_distances_is_tested():
    assert set(TASK_INPUTS) == {task for name in distance_names() for task in distance_entry(name).tasks}
    assert set(TASK_INPUTS) <= set(TASKS)


@EACH_DISTANCE
def test_entry_names_known_parameters_and_estimates(name):
    entry = distance_entry(name)
    assert set(entry.parameters) <= set(PARAMETER_READERS)
    assert entry.estimate in ESTIMATES
    assert entry_of(made(entry)) == entry


def made(entry):
    """Make the distance of an entry as a job does."""
    with open(os.devnull, "w") as nowhere:
        return make_distance(Job(PARAMETERS, {}, Reporter(nowhere)), entry)


def computed(name, edge_rule="mean"):
    """Return the function of the permeability that gives the distances between all cells."""
    distance = made(distance_entry(name))
    return lambda permeability: distance(GridGraph(permeability, LANDSCAPE > 0, 41, edge_rule=edge_rule))


@EACH_DISTANCE
def test_entry_symmetry_matches_the_distances(name):
    entry, distances = distance_entry(name), computed(name)(LANDSCAPE)
    symmetric = np.allclose(distances, distances.T, rtol=1e-9)
    assert symmetric == (entry.symmetric != "never")
    if not entry.directed_graphs:
        with pytest.raises(ValueError, match="undirected"):
            computed(name, "target")(LANDSCAPE)
    else:
        directed = computed(name, "target")(LANDSCAPE)
        assert np.allclose(directed, directed.T, rtol=1e-9) == (entry.symmetric == "always")


@EACH_DISTANCE
def test_entry_differentiability_matches_the_gradient(name):
    entry = distance_entry(name)
    gradient = jax.grad(lambda permeability: computed(name)(permeability).sum())(jnp.asarray(LANDSCAPE))
    assert bool((gradient != 0).any()) == entry.differentiable == entry.depends_on_landscape
    if entry.monotone:
        assert (np.asarray(gradient) <= 1e-9).all()


def test_unknown_distance_is_rejected():
    with pytest.raises(ValueError, match=f"must be one of {', '.join(distance_names())}, not 'rps'"):
        distance_entry("rps")
