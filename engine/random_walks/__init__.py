"""Killed random walks with absorbing targets, the basis of randomized shortest paths.

Hitting weights and accumulated costs of a target (`hitting`), first passage from a source (`first_passage`), and
expected visits before a target is hit (`visits`). All systems are solved in a log scale in which nothing overflows or
underflows, found from shortest paths (`log_scaling`) and on the CPU improved by Newton's method (`newton_scaling`).
"""

from .first_passage import FirstPassage, solve_first_passage
from .hitting import solve_hitting
from .hitting_system import HittingSolution
from .transitions import log_transition_probabilities, transition_system
from .visits import ConditionedWalk, condition_on_hitting

__all__ = [
    "ConditionedWalk",
    "FirstPassage",
    "HittingSolution",
    "condition_on_hitting",
    "log_transition_probabilities",
    "solve_first_passage",
    "solve_hitting",
    "transition_system",
]
