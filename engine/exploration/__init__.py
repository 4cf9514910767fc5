"""Interactive exploration of one landscape: movement to a target, while the target moves and the landscape is painted.

`ExplorationSession` holds a landscape at several resolutions, before and after painting, with what a next request can
use again: hierarchies, potentials, shortest paths. `picture_of` turns views into the bytes of a picture.
"""

from .pictures import Picture, picture_of
from .session import DISTANCES, QUANTITIES, ExplorationSession, Request, View

__all__ = [
    "DISTANCES",
    "ExplorationSession",
    "Picture",
    "QUANTITIES",
    "Request",
    "View",
    "picture_of",
]
