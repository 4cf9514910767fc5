"""Ways to solve on a raster's graph, one a file.

`interface` says what a linear solver is and how its solutions are differentiated; `automatic` chooses one.
"""
