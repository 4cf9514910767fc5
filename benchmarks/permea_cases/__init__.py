"""Permea's implementations of the cases, from the raster to the answer, through the engine's public interface."""
