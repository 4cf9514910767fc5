"""Functions are equal only if they have the same values: others would run each other's compiled code."""

import types

import pytest

from permea.engine.hashable_function import HashableFunction


def with_keyword(exponent):
    def rule(source, *, power=exponent):
        return source**power

    return rule


def times(factor):
    return lambda source: source * factor


def scaled_sum(values):
    return sum(FACTOR * value for value in values)  # noqa: F821


def with_factor(factor):
    return types.FunctionType(scaled_sum.__code__, {"__builtins__": __builtins__, "FACTOR": factor})


@pytest.mark.parametrize("make", [with_keyword, times, with_factor], ids=["keyword", "enclosed", "global"])
def test_functions_are_equal_if_their_values_are(make):
    assert HashableFunction(make(2)) == HashableFunction(make(2))
    assert HashableFunction(make(2)) != HashableFunction(make(3))
    assert HashableFunction(make(2)) != HashableFunction(make(2.0))
