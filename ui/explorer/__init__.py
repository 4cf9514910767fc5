"""The explorer: a dock in which a click on the map shows movement to that place, and a brush changes the landscape.

`dock` is the dock, made of `controls` and `result_box` with its `legend`. `exploration` requests views from a process
of the engine (`engine_process`). `map_view` shows them on the canvas: `overlay` draws the picture, `map_tool` reports
the mouse. `full_run` opens the algorithm that computes the same at full resolution.
"""
