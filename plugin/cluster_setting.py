"""The Dask cluster that moving-window runs use by default."""

from __future__ import annotations

from qgis.core import QgsSettings

SETTING = "permea/engine/cluster"


def cluster_address() -> str:
    """Return the address of a Dask scheduler, ``"local"`` for one on this computer, empty for none."""
    return str(QgsSettings().value(SETTING, "") or "").strip()


def set_cluster_address(address: str) -> None:
    """Store the address for later runs; empty for none."""
    if address.strip():
        QgsSettings().setValue(SETTING, address.strip())
    else:
        QgsSettings().remove(SETTING)
