"""Fingerprints of functions differ where their values do, and are the same in every process."""

import functools
import types

import numpy as np
import pytest

from permea.engine.storage import to_manifest


def with_globals(function, **values):
    """Return a function with the same code in a module where other globals hold."""
    return types.FunctionType(function.__code__, {"__builtins__": __builtins__, **values})


def sum_of_powers(distance):
    return sum(distance**exponent for exponent in EXPONENTS)  # noqa: F821


def with_keyword(exponent):
    def kernel(distance, *, power=exponent):
        return distance**power

    return kernel


class Kernel:
    def __init__(self, scale):
        self.scale = scale

    def weight(self, distance):
        return distance / self.scale


@pytest.mark.parametrize(
    ("first", "same", "other"),
    [
        (with_keyword(1), with_keyword(1), with_keyword(2)),
        (Kernel(1).weight, Kernel(1).weight, Kernel(2).weight),
        (functools.partial(np.power, 2), functools.partial(np.power, 2), functools.partial(np.power, 3)),
        *[
            tuple(with_globals(sum_of_powers, EXPONENTS=exponents) for exponents in three)
            for three in [((1, 2), (1, 2), (1, 3)), ([1], [1], [2]), ({1: 2}, {1: 2}, {2: 2})]
        ],
    ],
    ids=["keyword", "method", "partial", "global tuple", "global list", "global dictionary"],
)
def test_functions_with_other_values_have_other_fingerprints(first, same, other):
    assert to_manifest(first) == to_manifest(same) != to_manifest(other)


def test_fingerprint_of_partial_function_holds_in_every_process():
    """The representation of a partial function contains an address, which is another one in each process."""
    manifest = to_manifest(functools.partial(with_keyword(1), power=3))
    assert manifest == {"partial": to_manifest(with_keyword(1)), "arguments": [[], {"power": 3}]}


@pytest.mark.parametrize("order", [(0, 8), (8, 0)])
def test_fingerprint_does_not_depend_on_the_order_of_a_set(order):
    code = (lambda cover: cover in {0, 8}).__code__
    constants = tuple(frozenset(order) if isinstance(value, frozenset) else value for value in code.co_consts)
    function = types.FunctionType(code.replace(co_consts=constants), globals())
    assert to_manifest(function) == to_manifest(lambda cover: cover in {0, 8})


def test_object_without_fingerprint_raises():
    with pytest.raises(ValueError, match="a parameter of type Kernel cannot be stored in a manifest"):
        to_manifest({"kernel": Kernel(1)})
