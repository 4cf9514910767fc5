"""Rasters on disk, atomic writing, checkpoints, result caches, fingerprints, disk space."""
