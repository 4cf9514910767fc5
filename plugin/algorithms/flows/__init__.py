"""Currents between focal nodes and from sources to grounds, least-cost paths and corridors, barriers."""
