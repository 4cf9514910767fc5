"""Widget for the cluster address, in the engine dialog."""

from __future__ import annotations

from qgis.PyQt.QtWidgets import QGroupBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from ..plugin.cluster_setting import cluster_address, set_cluster_address
from ..plugin.i18n import tr


class ClusterWidget(QGroupBox):
    """Edit the address of the Dask cluster on which moving windows are computed; each change is saved.

    Parameters
    ----------
    parent
        Parent widget.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Cluster"), parent)
        layout = QVBoxLayout(self)
        explanation = QLabel(
            tr(
                "Moving-window algorithms can run on a Dask cluster. Enter the address of its scheduler, or “local” "
                "for one process per core of this computer. The package “distributed” must be installed in the "
                "engine's environment. Leave empty to use a single process."
            )
        )
        explanation.setWordWrap(True)
        layout.addWidget(explanation)
        self.address = QLineEdit(cluster_address())
        self.address.setPlaceholderText("tcp://10.0.0.1:8786")
        self.address.setAccessibleName(tr("Address of the Dask cluster"))
        self.address.textEdited.connect(set_cluster_address)
        layout.addWidget(self.address)
