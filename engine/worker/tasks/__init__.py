"""The tasks that a job folder can name, one a file, and the table of them.

A new task is a subclass of `Task` in a file of its own and an entry in `TASKS`.
"""

from ..task import Task
from .barriers import BarriersTask
from .circuit_advanced import CircuitAdvancedTask
from .circuit_current import CircuitCurrentTask
from .circuit_network import CircuitNetworkTask
from .connected_components import ConnectedComponentsTask
from .connected_habitat import ConnectedHabitatTask
from .distance_matrix import DistanceMatrixTask
from .flow_divergence import FlowDivergenceTask
from .least_cost_corridor import LeastCostCorridorTask
from .least_cost_distance import LeastCostDistanceTask
from .least_cost_paths import LeastCostPathsTask
from .resistance_distance import ResistanceDistanceTask
from .rsp_distance import RSPDistanceTask
from .rsp_flow import RSPFlowTask
from .sensitivity import SensitivityTask
from .windowed_connectivity import WindowedConnectivityTask
from .windowed_current import WindowedCurrentTask
from .windowed_current_sensitivity import WindowedCurrentSensitivityTask
from .windowed_sensitivity import WindowedSensitivityTask

#: Every task by its name.
TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        LeastCostDistanceTask(),
        ResistanceDistanceTask(),
        RSPDistanceTask(),
        DistanceMatrixTask(),
        LeastCostPathsTask(),
        LeastCostCorridorTask(),
        RSPFlowTask(),
        BarriersTask(),
        CircuitCurrentTask(),
        CircuitAdvancedTask(),
        CircuitNetworkTask(),
        ConnectedComponentsTask(),
        ConnectedHabitatTask(),
        FlowDivergenceTask(),
        SensitivityTask(),
        WindowedConnectivityTask(),
        WindowedSensitivityTask(),
        WindowedCurrentTask(),
        WindowedCurrentSensitivityTask(),
    )
}

__all__ = ["TASKS"]
