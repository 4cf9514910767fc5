"""Which cluster, if any, runs that can be divided are handed to unless they say otherwise."""

from __future__ import annotations

from qgis.core import QgsSettings

SETTING = "permea/engine/cluster"


def cluster_address() -> str:
    """The address of a Dask scheduler, ``"local"`` for this computer's own, empty for none."""
    return str(QgsSettings().value(SETTING, "") or "").strip()


def remember_cluster(address: str) -> None:
    """Take another address for all runs from now on; empty for none."""
    if address.strip():
        QgsSettings().setValue(SETTING, address.strip())
    else:
        QgsSettings().remove(SETTING)
