"""Shortest paths on a raster: Dijkstra, fast sweeping, and the differentiable distance."""
