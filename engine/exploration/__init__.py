"""Interactive exploration of one landscape: movement to a target, while the target moves and the landscape is painted.

`ExplorationSession` holds a landscape at several resolutions, before and after painting, with the multigrid
hierarchies, potentials and shortest paths that later requests reuse. `picture_of` turns a view into the bytes of a
picture.
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
