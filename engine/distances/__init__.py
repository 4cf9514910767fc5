"""Distances between places of a landscape, one a file, behind one interface.

`LCPDistance` knows the whole landscape, `ResistanceDistance` wanders, `RSPDistance` lies between the two at a
temperature of one's choice, and `EuclideanDistance` does not see the landscape at all.
"""

from .base import AbstractDistance
from .euclidean import EuclideanDistance
from .least_cost import LCPDistance
from .resistance import ResistanceDistance
from .rsp import RSPDistance

__all__ = ["AbstractDistance", "EuclideanDistance", "LCPDistance", "RSPDistance", "ResistanceDistance"]
