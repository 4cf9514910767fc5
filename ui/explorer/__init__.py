"""The explorer: a dock in which a click on the map shows movement to that place, and a brush changes the landscape.

`dock` is the dock, made of `controls`, `legend` and `result_box`. `exploration` connects it with a process of the
engine (`engine_process`), `overlay` draws the map, `map_tool` listens to the mouse.
"""
