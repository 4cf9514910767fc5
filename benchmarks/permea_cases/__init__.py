"""What Permea does in each case, timed from the raster to the answer, through the engine's public interface."""
