"""The options of a Circuitscape project, and where each of them has an effect."""

from __future__ import annotations

TRUE, FALSE = ("true", "1"), ("false", "0", "")

#: Boolean options and Circuitscape's defaults.
FLAGS = {
    "compress_grids": False,
    "connect_four_neighbors_only": False,
    "connect_using_avg_resistances": False,
    "ground_file_is_resistances": True,
    "habitat_map_is_resistances": True,
    "log_transform_maps": False,
    "set_focal_node_currents_to_zero": False,
    "set_null_currents_to_nodata": False,
    "set_null_voltages_to_nodata": False,
    "use_direct_grounds": False,
    "use_included_pairs": False,
    "use_mask": False,
    "use_polygons": False,
    "use_reclass_table": False,
    "use_unit_currents": False,
    "use_variable_source_strengths": False,
    "write_as_tif": False,
    "write_cum_cur_map_only": False,
    "write_cur_maps": False,
    "write_max_cur_maps": False,
    "write_volt_maps": False,
}

#: Options with a fixed set of values; the first is the default.
WORDS = {
    "data_type": ("raster", "network"),
    "scenario": ("not entered", "pairwise", "advanced", "one-to-all", "all-to-one"),
    "remove_src_or_gnd": ("keepall", "rmvsrc", "rmvgnd", "rmvall"),
}

#: Options that name a file.
FILES = (
    "ground_file",
    "habitat_file",
    "included_pairs_file",
    "mask_file",
    "point_file",
    "polygon_file",
    "reclass_file",
    "source_file",
    "variable_source_file",
)

#: Options about solvers, memory and logging, which do not affect the results and are ignored.
IGNORED = (
    "cholmod_batch_size",
    "log_file",
    "log_level",
    "low_memory_mode",
    "max_parallel",
    "output_file",
    "parallelize",
    "preemptive_memory_release",
    "precision",
    "print_rusages",
    "print_timings",
    "profiler_log_file",
    "screenprint_log",
    "solver",
    "suppress_messages",
    "use_64bit_indexing",
    "version",
)

_BETWEEN_NODES = frozenset({"pairwise", "one-to-all", "all-to-one"})

#: Flags that have no effect in some scenarios, and the scenarios in which they have one.
SCENARIOS_OF_FLAGS = {
    "ground_file_is_resistances": frozenset({"advanced"}),
    "set_focal_node_currents_to_zero": _BETWEEN_NODES,
    "use_direct_grounds": frozenset({"advanced"}),
    "use_included_pairs": _BETWEEN_NODES,
    "use_unit_currents": frozenset({"advanced"}),
    "use_variable_source_strengths": frozenset({"one-to-all", "all-to-one"}),
    "write_cum_cur_map_only": _BETWEEN_NODES,
    "write_max_cur_maps": _BETWEEN_NODES,
}

#: Flags that have no effect on networks.
RASTER_FLAGS = (
    "compress_grids",
    "connect_four_neighbors_only",
    "connect_using_avg_resistances",
    "log_transform_maps",
    "set_focal_node_currents_to_zero",
    "set_null_currents_to_nodata",
    "set_null_voltages_to_nodata",
    "use_mask",
    "use_polygons",
    "use_reclass_table",
    "write_as_tif",
    "write_max_cur_maps",
)

#: The flag that switches on the use of a file.
FLAGS_OF_FILES = {
    "included_pairs_file": "use_included_pairs",
    "mask_file": "use_mask",
    "polygon_file": "use_polygons",
    "reclass_file": "use_reclass_table",
    "variable_source_file": "use_variable_source_strengths",
}


def is_known(name: str) -> bool:
    """Return whether there is an option of a name."""
    return name in FLAGS or name in WORDS or name in FILES or name in IGNORED


def known_options() -> list[str]:
    """Return the names of all options."""
    return [*FLAGS, *WORDS, *FILES, *IGNORED]
