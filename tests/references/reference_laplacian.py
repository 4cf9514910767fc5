"""The Laplacian of a raster, assembled from the definition of a conductance."""

import numpy as np
import reference_dense
from scipy.sparse import coo_array, diags_array


def independent_matrix(permeability, neighbors="queen", leak=0.0):
    """Laplacian over all cells, with a leak to the ground in each; barriers are identity rows."""
    number = np.arange(permeability.size).reshape(permeability.shape)
    rows, columns = permeability.shape
    ends, weights = [], []
    for down, right in reference_dense.STEPS[neighbors]:
        source = (slice(max(0, -down), rows - max(0, down)), slice(max(0, -right), columns - max(0, right)))
        neighbour = (slice(max(0, down), rows + min(0, down)), slice(max(0, right), columns + min(0, right)))
        both = (permeability[source] > 0) & (permeability[neighbour] > 0)
        ends.append(np.stack([number[source][both], number[neighbour][both]]))
        weights.append(((permeability[source] + permeability[neighbour]) / 2 / np.hypot(down, right))[both])
    conductance = coo_array((np.concatenate(weights), np.concatenate(ends, axis=1)), shape=(number.size,) * 2).tocsr()
    return diags_array(conductance.sum(1) + np.where(permeability.ravel() > 0, leak, 1.0)) - conductance
