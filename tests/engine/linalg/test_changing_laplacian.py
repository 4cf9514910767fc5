"""Potentials after small changes agree with those of a matrix set up from scratch."""

import numpy as np
import pytest

from permea.engine import GridGraph
from permea.engine.linalg import ChangingLaplacian


def arrays(permeability, neighbors="queen"):
    laplacian = GridGraph(permeability, neighbors=neighbors).laplacian()
    return np.array(laplacian.center), np.array(laplacian.edges)


def dipole(shape):
    currents = np.zeros(shape)
    currents[2, 3], currents[-3, -4] = 1, -1
    return currents


def voltage(solution):
    return solution.x[2, 3] - solution.x[-3, -4]


@pytest.mark.parametrize("neighbors", ["queen", "rook"])
@pytest.mark.parametrize(("factor", "rebuilt"), [(1.5, None), (0.01, None), (1e3, True)])
def test_potentials_follow_a_change(neighbors, factor, rebuilt):
    permeability = np.random.default_rng(0).lognormal(size=(30, 34))
    center, edges = arrays(permeability, neighbors)
    solver, b = ChangingLaplacian(center, edges), dipole(center.shape)
    before = solver.solve(b, tolerance=1e-9)
    permeability[10:14, 12:20] *= factor
    center[:], edges[:] = arrays(permeability, neighbors)
    solver.has_changed(growth=factor)
    after = solver.solve(b, before.x, tolerance=1e-9)
    fresh = ChangingLaplacian(*arrays(permeability, neighbors)).solve(b, tolerance=1e-9)
    assert voltage(after) == pytest.approx(voltage(fresh), rel=1e-8)
    assert after.power == pytest.approx(fresh.power, rel=1e-12)
    assert rebuilt is None or after.rebuilt == rebuilt


def test_the_power_of_an_inexact_solution_is_exact_to_twice_as_many_digits():
    center, edges = arrays(np.random.default_rng(0).lognormal(size=(30, 34)))
    solver, b = ChangingLaplacian(center, edges), dipole(center.shape)
    inexact, exact = solver.solve(b, tolerance=1e-3), solver.solve(b, tolerance=1e-11)
    assert inexact.power == pytest.approx(exact.power, rel=1e-6)


def test_a_good_guess_saves_iterations():
    center, edges = arrays(np.random.default_rng(0).lognormal(size=(30, 34)))
    solver, b = ChangingLaplacian(center, edges), dipole(center.shape)
    solution = solver.solve(b, tolerance=1e-8)
    assert solver.solve(b, solution.x, tolerance=1e-7).iterations == 0


def test_a_copy_changes_independently():
    permeability = np.ones((12, 12))
    center, edges = arrays(permeability)
    solver, b = ChangingLaplacian(center, edges), dipole(center.shape)
    permeability[5, :] = 1e-3
    copy = solver.of_copy(*arrays(permeability))
    copy.has_changed()
    assert copy.solve(b, tolerance=1e-9).power > 1.05 * solver.solve(b, tolerance=1e-9).power


def test_without_currents_all_potentials_are_zero():
    solver = ChangingLaplacian(*arrays(np.ones((12, 12))))
    solution = solver.solve(np.zeros((12, 12)), dipole((12, 12)), tolerance=1e-9)
    assert not solution.x.any() and solution.power == 0
