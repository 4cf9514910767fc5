"""Circuitscape projects: valid ones of each mode, and what can be wrong in their files."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from text_files import mutate_text

HEADER = "ncols 5\nnrows 4\nxllcorner 0\nyllcorner 0\ncellsize 30\nNODATA_value -9999\n"
GRIDS = {
    "habitat.asc": "1 1 2 1 1\n1 -9999 2 1 1\n1 1 2 2 1\n1 1 1 1 1\n",
    "nodes.asc": "1 -9999 -9999 -9999 2\n" + "-9999 -9999 -9999 -9999 -9999\n" * 2 + "3 -9999 -9999 -9999 -9999\n",
    "mask.asc": "1 1 1 1 1\n1 1 1 1 1\n1 1 1 1 1\n1 1 1 1 0\n",
    "regions.asc": "0 0 0 0 0\n0 0 0 7 7\n0 0 0 0 0\n0 0 0 0 0\n",
}
TABLES = {
    "nodes.txt": "1 15 105\n2 135 105\n3 15 15\n",
    "sources.txt": "1 15 105\n1 135 105\n",
    "grounds.txt": "0 15 15\n",
    "pairs.txt": "mode include\n1 2\n1 3\n",
    "strengths.txt": "1 2.5\n2 1\n3 4\n",
    "reclass.txt": "1 10\n2 20\n",
    "network.txt": "1 2 1.0\n2 3 2.0\n3 1 0.5\n",
    "network_nodes.txt": "1\n2\n3\n",
    "network_sources.txt": "1 1.0\n",
    "network_grounds.txt": "3 0\n",
}
RASTER = {"data_type": "raster", "habitat_file": "habitat.asc", "habitat_map_is_resistances": "True"}
NETWORK = {"data_type": "network", "habitat_file": "network.txt", "habitat_map_is_resistances": "True"}
MODES = (
    {**RASTER, "scenario": "pairwise", "point_file": "nodes.asc"},
    {**RASTER, "scenario": "pairwise", "point_file": "nodes.txt", "write_cum_cur_map_only": "True"},
    {**RASTER, "scenario": "one-to-all", "point_file": "nodes.asc"},
    {**RASTER, "scenario": "all-to-one", "point_file": "nodes.txt"},
    {**RASTER, "scenario": "advanced", "source_file": "sources.txt", "ground_file": "grounds.txt"},
    {**NETWORK, "scenario": "pairwise", "point_file": "network_nodes.txt"},
    {**NETWORK, "scenario": "advanced", "source_file": "network_sources.txt", "ground_file": "network_grounds.txt"},
)
EXTRAS = (
    {"use_mask": "True", "mask_file": "mask.asc"},
    {"use_polygons": "True", "polygon_file": "regions.asc"},
    {"use_included_pairs": "True", "included_pairs_file": "pairs.txt"},
    {"use_variable_source_strengths": "True", "variable_source_file": "strengths.txt"},
    {"use_reclass_table": "True", "reclass_file": "reclass.txt"},
    {"write_volt_maps": "True"},
    {"write_max_cur_maps": "True"},
    {"log_transform_maps": "True"},
    {"compress_grids": "True"},
    {"write_as_tif": "True"},
    {"connect_four_neighbors_only": "True"},
)
VALUES = ("", "True", "False", "ture", "Yes", "1", "-1", "None", "(Browse for a file)", "absent.asc", "D:\\maps\\x.asc")
#: What replaces the habitat's header.
HEADERS = (
    HEADER.replace("cellsize 30", "cellsize 0.00833333"),
    HEADER.replace("cellsize 30", "dx 30\ndy 60"),
    HEADER.replace("cellsize 30", "cellsize -30"),
    HEADER.replace("cellsize 30", "cellsize 30,0"),
    HEADER.replace("xllcorner 0", "xllcorner 0.1"),
    HEADER.replace("xllcorner 0", "xllcenter 15"),
    HEADER.replace("ncols 5", "ncols 0"),
    HEADER.replace("ncols 5", "ncols 1000000"),
    HEADER.replace("nrows 4", "nrows -4"),
    HEADER.replace("nrows 4\n", ""),
    HEADER.replace("-9999", "nan"),
    HEADER.replace("NODATA_value -9999\n", ""),
    HEADER.upper(),
)


def write_project(folder: Path, options: dict[str, str], name: str = "project.ini") -> Path:
    """Write a project and all files that one of its kind can name."""
    for file, values in GRIDS.items():
        (folder / file).write_text(HEADER + values)
    for file, text in TABLES.items():
        (folder / file).write_text(text)
    path = folder / name
    path.write_text("[Options]\n" + "".join(f"{key} = {value}\n" for key, value in options.items()))
    return path


def valid_project(rng: random.Random, folder: Path) -> Path:
    """Write a project that Circuitscape runs."""
    return write_project(folder, {**rng.choice(MODES), "write_cur_maps": "True"})


def project_parameter(rng: random.Random, folder: Path) -> tuple[str, Any]:
    """Return a mutated project as the value of a parameter, and what it is in words."""
    options = {**rng.choice(MODES), "write_cur_maps": "True"}
    for extra in rng.sample(EXTRAS, rng.choice((0, 1, 2))):
        options |= extra
    words = [f"{options['data_type']} {options['scenario']}"]
    if rng.random() < 0.4:
        key = rng.choice([*options, "solver", "no_such_option", "use_mask"])
        options[key] = rng.choice(VALUES)
        words.append(f"{key} = {options[key]!r}")
    path = write_project(folder, options)
    if rng.random() < 0.06:
        value = rng.choice((str(folder), str(folder / "absent.ini"), "", None, 5, str(folder / "habitat.asc")))
        return f"a project as {value!r}", value
    for file in _files_to_mutate(path, options, rng):
        words.append(f"{file.name}: {_mutate(file, rng)}")
    return ", ".join(words), str(path)


def _files_to_mutate(path: Path, options: dict[str, str], rng: random.Random) -> list[Path]:
    """Return files that the project names, or the project itself."""
    named = sorted({path.parent / value for key, value in options.items() if key.endswith("_file")})
    files = [file for file in named if file.is_file()]
    return rng.sample([*files, path], min(rng.choice((0, 1, 1, 2)), len(files)))


def _mutate(file: Path, rng: random.Random) -> str:
    text = file.read_text()
    if file.suffix == ".asc" and rng.random() < 0.3:
        header = rng.choice(HEADERS)
        file.write_text(header + text[len(HEADER) :])
        return f"header {header[:60]!r}"
    words, content = mutate_text(text, rng, rng.choice((1, 1, 2)))
    file.write_bytes(content)
    return " and ".join(words)
