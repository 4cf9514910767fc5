"""Distances of every cell to sources, and between features."""
