"""Installation of the engine: a Python with locked packages, in the user's profile."""

from .commands import installation_commands
from .failures import InstallationFailed
from .installation import install
from .plan import INDEX_SETTING, Package, Plan, measured_devices, plan_installation
from .progress import Progress

__all__ = [
    "INDEX_SETTING",
    "InstallationFailed",
    "Package",
    "Plan",
    "Progress",
    "install",
    "installation_commands",
    "measured_devices",
    "plan_installation",
]
