"""The part of the engine dialog that keeps the address of a cluster."""

from __future__ import annotations

from qgis.PyQt.QtWidgets import QGroupBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from ..plugin.cluster_setting import cluster_address, set_cluster_address
from ..plugin.i18n import tr


class ClusterWidget(QGroupBox):
    """Show the address that runs with moving windows start from, and keep what is typed.

    Parameters
    ----------
    parent
        The widget that the box belongs to.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Cluster"), parent)
        layout = QVBoxLayout(self)
        explanation = QLabel(
            tr(
                "Algorithms with moving windows can compute on a Dask cluster: the address of its scheduler, or "
                "“local” for one process on each core of this computer. Needs the package “distributed” in the "
                "engine's environment. Empty: a single process."
            )
        )
        explanation.setWordWrap(True)
        layout.addWidget(explanation)
        self.address = QLineEdit(cluster_address())
        self.address.setPlaceholderText("tcp://10.0.0.1:8786")
        self.address.setAccessibleName(tr("Address of a Dask cluster"))
        self.address.textEdited.connect(set_cluster_address)
        layout.addWidget(self.address)
