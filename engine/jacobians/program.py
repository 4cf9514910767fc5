"""A function as a program of elementary operations: its values, and the graph of their partial derivatives."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from .block_rules import block
from .elimination import ComputationalGraph, Edge
from .partial import Application
from .primitive_rules import partials
from .products import Sum, Values

#: Equations that contain a program, and the parameter that holds it.
CALLS: dict[str, str] = {
    "checkpoint": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "remat": "jaxpr",
    "remat2": "jaxpr",
}

#: Loops of at most so many steps are unrolled, longer ones are blocks.
MOST_UNROLLED_STEPS = 64


class Variable(NamedTuple):
    """A value of the program, and its vertex unless it does not depend on the inputs."""

    value: Any
    vertex: int | None = None


class Program:
    """The elementary operations of a function, traced.

    Parameters
    ----------
    function
        A function of arrays that returns a list of arrays.
    arguments
        Its arguments. NumPy arrays are constants, which patterns may depend on.
    active
        The arguments to differentiate by, whose vertices are −1, −2, ….
    """

    def __init__(self, function: Callable[..., Sequence[Any]], arguments: Sequence[Any], active: Sequence[int]):
        self._edges: dict[tuple[int, int], Edge] = {}
        self._values: dict[tuple[int, int], Callable[[], Values] | None] = {}
        self.vertices = 0
        self.inputs = [-1 - number for number in range(len(active))]
        jaxpr = jax.make_jaxpr(function)(*arguments)
        vertices = dict(zip(active, self.inputs, strict=True))
        variables = [Variable(value, vertices.get(position)) for position, value in enumerate(arguments)]
        self.outputs = self._run(jaxpr.jaxpr, jaxpr.consts, variables)
        outputs = frozenset(output.vertex for output in self.outputs if output.vertex is not None)
        self.graph = ComputationalGraph(self._edges, outputs).pruned(self.inputs)

    def values(self) -> dict[tuple[int, int], Values]:
        """Return the values of the edges of the graph."""
        return {ends: None if (value := self._values[ends]) is None else value() for ends in self.graph.edges}

    def _run(self, jaxpr: Any, constants: Sequence[Any], arguments: Sequence[Variable]) -> list[Variable]:
        """Evaluate a program, with new vertices for each call, and return its results."""
        variables: dict[Any, Variable] = {}

        def read(atom: Any) -> Variable:
            return Variable(np.asarray(atom.val)) if isinstance(atom, core.Literal) else variables[atom]

        variables.update(zip(jaxpr.constvars, (Variable(_known(value)) for value in constants), strict=True))
        variables.update(zip(jaxpr.invars, arguments, strict=True))
        for equation in jaxpr.eqns:
            results = self._apply(equation, [read(atom) for atom in equation.invars])
            variables.update(zip(equation.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def _run_nested(self, program: Any, arguments: Sequence[Variable]) -> list[Variable]:
        """Evaluate a program with or without constants of its own."""
        return self._run(getattr(program, "jaxpr", program), getattr(program, "consts", ()), arguments)

    def _apply(self, equation: Any, operands: list[Variable]) -> list[Variable]:
        """Evaluate one equation and record its partial derivatives."""
        name, params = equation.primitive.name, equation.params
        if name in CALLS:
            return self._run_nested(params[CALLS[name]], operands)
        active = [position for position, operand in enumerate(operands) if operand.vertex is not None]
        if name == "scan" and active and params["length"] <= MOST_UNROLLED_STEPS:
            return self._unroll(params, operands)
        application = Application(equation.primitive, params, [operand.value for operand in operands], [], active)
        if not active and all(isinstance(value, np.ndarray) for value in application.operands):
            results = _constants(application)
        else:
            results = application.bind(*application.operands)
        if name == "custom_linear_solve" and active:
            return self._solve(application, operands, results)
        if name == "custom_jvp_call" and active:
            return self._push_forward(application, operands, results)
        vertices = [self._new_vertex() for _ in results]
        if not active:
            return [Variable(value) for value in results]
        reached = set()
        for partial in partials(application._replace(results=results)):
            source, target = operands[partial.operand].vertex, vertices[partial.result]
            self._connect(source, target, Edge(partial.pattern, partial.copies), partial.values)
            reached.add(partial.result)
        return [Variable(v, vertices[i] if i in reached else None) for i, v in enumerate(results)]

    def _new_vertex(self) -> int:
        self.vertices += 1
        return self.vertices

    def _connect(self, source: int, target: int, edge: Edge, values: Callable[[], Values] | None) -> None:
        """Add a partial derivative; an operand that occurs twice, as in x · x, has the sum of two."""
        present = self._edges.get((source, target))
        if present is not None:
            total, other = Sum(present.pattern, edge.pattern), self._values[source, target]
            edge, added = Edge(total.pattern, False), values

            def values() -> Values:
                return total(None if other is None else other(), None if added is None else added())

        self._edges[source, target] = edge
        self._values[source, target] = values

    def _push_forward(self, application: Application, operands: list[Variable], results: list[Any]) -> list[Variable]:
        """Record a function with a derivative rule of its own: the operations of its tangents are its vertices."""
        primals = tuple(jnp.asarray(application.operands[position]) for position in application.active)

        def tangents(*directions: jax.Array) -> list[Any]:
            def function(*values: jax.Array) -> list[Any]:
                replaced = list(application.operands)
                for position, value in zip(application.active, values, strict=True):
                    replaced[position] = value
                return application.bind(*replaced)

            return jax.jvp(function, primals, directions)[1]

        jaxpr = jax.make_jaxpr(tangents)(*primals)
        directions = [
            Variable(jnp.zeros_like(value), operands[position].vertex)
            for position, value in zip(application.active, primals, strict=True)
        ]
        derivatives = self._run(jaxpr.jaxpr, jaxpr.consts, directions)
        return [Variable(value, tangent.vertex) for value, tangent in zip(results, derivatives, strict=True)]

    def _solve(self, application: Application, operands: list[Variable], results: list[Any]) -> list[Variable]:
        """Record the solution x of A(θ) x = b: dx = A⁻¹ (db − d(A(θ) x)), with x fixed in the last term.

        The operations of A(θ) x are vertices, so that only A⁻¹ is a full matrix.
        """
        lengths, programs = application.params["const_lengths"], application.params["jaxprs"]
        first_side = sum(lengths)
        parameters, sides = operands[: lengths.matvec], operands[first_side:]
        solution = [Variable(value) for value in results]
        applied = self._run_nested(programs.matvec, [*parameters, *solution])
        vertices = [self._new_vertex() for _ in results]
        reached = set()
        for position, (side, image) in enumerate(zip(sides, applied, strict=True)):
            for partial in block(application._replace(active=[first_side + position], results=results)):
                edge, inverse = Edge(partial.pattern, False), cache(partial.values)
                for source, values in ((side.vertex, inverse), (image.vertex, lambda inverse=inverse: -inverse())):
                    if source is not None:
                        self._connect(source, vertices[partial.result], edge, values)
                        reached.add(partial.result)
        return [Variable(v, vertices[i] if i in reached else None) for i, v in enumerate(results)]

    def _unroll(self, params: Mapping[str, Any], operands: list[Variable]) -> list[Variable]:
        """Record a loop of known length step by step."""
        fixed, carry, arrays = _loop_operands(params, operands)
        carried = len(carry)
        outputs: list[list[Variable]] = []
        steps = range(params["length"])
        for step in reversed(steps) if params["reverse"] else steps:
            entries = [self._apply_function(lambda array, step=step: array[step], array) for array in arrays]
            results = self._run_nested(params["jaxpr"], [*fixed, *carry, *entries])
            carry = results[:carried]
            outputs.append(results[carried:])
        if params["reverse"]:
            outputs.reverse()
        stacked = [
            self._apply_function(lambda *entries: jnp.stack(entries), *column) for column in zip(*outputs, strict=True)
        ]
        return [*carry, *stacked]

    def _apply_function(self, function: Callable, *operands: Variable) -> Variable:
        """Record a function of one result."""
        jaxpr = jax.make_jaxpr(function)(*(operand.value for operand in operands))
        return self._run(jaxpr.jaxpr, jaxpr.consts, operands)[0]


def _loop_operands(params: Mapping[str, Any], operands: list[Variable]) -> list[list[Variable]]:
    """Return the constants, the carried values and the arrays of a loop."""
    if "ft_in" in params:  # from JAX 0.11 on
        numbers = params["ft_in"].update(range(len(operands))).unpack()
        return [[operands[number] for number in group] for group in numbers]
    first, last = params["num_consts"], params["num_consts"] + params["num_carry"]
    return [operands[:first], operands[first:last], operands[last:]]


def _known(value: Any) -> Any:
    """Return a constant as a NumPy array, so that patterns may depend on it; what is being traced stays as it is."""
    if isinstance(value, jax.core.Tracer) or jax.dtypes.issubdtype(value.dtype, jax.dtypes.extended):
        return value
    return np.asarray(value)


def _constants(application: Application) -> list[Any]:
    """Return the results of an operation on constants."""
    with jax.ensure_compile_time_eval():
        return [_known(value) for value in application.bind(*map(jnp.asarray, application.operands))]
