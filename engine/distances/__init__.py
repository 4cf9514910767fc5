"""Distances between cells of a landscape, one a file, behind the interface `AbstractDistance`.

`LCPDistance` is the cost of the cheapest path, `ResistanceDistance` the effective resistance of a network of
resistors, `RSPDistance` the expected cost of randomized shortest paths, which lie between the cheapest path and a
random walk, and `EuclideanDistance` the length of the straight line. `registry` describes them to jobs and to the
toolbox; `cost_functions` turns conductances of edges into costs.
"""

from .base import AbstractDistance
from .euclidean import EuclideanDistance
from .least_cost import LCPDistance
from .resistance import ResistanceDistance
from .rsp import RSPDistance

__all__ = ["AbstractDistance", "EuclideanDistance", "LCPDistance", "RSPDistance", "ResistanceDistance"]
