"""The rule of each primitive: how its results depend on its operands."""

from collections.abc import Callable, Iterator

import jax.numpy as jnp

from .block_rules import BACKWARD_BLOCKS, BLOCKS, FORWARD_BLOCKS, block
from .elementwise_rules import ELEMENTWISE, elementwise, select
from .index_rules import (
    IDENTITIES,
    MOVES,
    added_entries,
    copied_entries,
    identities,
    largest_entries,
    sorted_entries,
)
from .partial import Application, Partial
from .reduction_rules import (
    contraction,
    cumulative,
    reduced_extreme,
    reduced_product,
    reduced_sum,
)

#: What has a derivative of zero wherever it has one.
ZERO = frozenset("ceil floor iota nextafter round sign stop_gradient".split())

Rule = Callable[[Application], Iterator[Partial]]

RULES: dict[str, Rule] = {
    **dict.fromkeys(ELEMENTWISE, elementwise),
    **dict.fromkeys(IDENTITIES, identities),
    **dict.fromkeys(MOVES, copied_entries),
    **dict.fromkeys(BLOCKS | FORWARD_BLOCKS | BACKWARD_BLOCKS, block),
    **dict.fromkeys(["reduce_max", "reduce_min"], reduced_extreme),
    **dict.fromkeys(["cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp"], cumulative),
    **dict.fromkeys(["scatter-add", "scatter-sub"], added_entries),
    "dot_general": contraction,
    "reduce_prod": reduced_product,
    "reduce_sum": reduced_sum,
    "select_n": select,
    "sort": sorted_entries,
    "top_k": largest_entries,
}


def partials(application: Application) -> list[Partial]:
    """Return the derivatives of the results of a primitive by its active operands.

    Raises
    ------
    NotImplementedError
        If the primitive has no rule, or a result is complex.
    """
    name = application.primitive.name
    kinds = [value.dtype for value in application.results]
    if any(jnp.issubdtype(kind, jnp.complexfloating) for kind in kinds):
        raise NotImplementedError(f"{name} has a complex result; vertex elimination differentiates real numbers only")
    if name in ZERO or not any(jnp.issubdtype(kind, jnp.floating) for kind in kinds):
        return []
    if name not in RULES:
        raise NotImplementedError(
            f"vertex elimination has no rule for the primitive {name!r}. Write what uses it as a function with "
            "jax.custom_jvp or jax.custom_vjp, which are differentiated by their own rules"
        )
    return list(RULES[name](application))
