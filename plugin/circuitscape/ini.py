"""Options of a Circuitscape project, parsed from its `.ini` file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from qgis.core import QgsProcessingException

from ..i18n import tr
from .input_files import decode_lines

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


@dataclass(frozen=True)
class IniOptions:
    """Options of a project.

    Parameters
    ----------
    path
        The `.ini` file.
    values
        Values as written in the file, by option name in lower case.
    """

    path: Path
    values: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> IniOptions:
        """Read an `.ini`.

        Raises
        ------
        QgsProcessingException
            If the file cannot be read, an unknown option is switched on, or an option has an invalid value.
        """
        try:
            lines = decode_lines(path.read_bytes())
        except OSError as error:
            raise QgsProcessingException(
                tr("'{name}' cannot be read as a Circuitscape project: {reason}").format(name=path.name, reason=error)
            ) from error
        values = {}
        for number, line in enumerate(map(str.strip, lines), 1):
            # Section headers are ignored: option names are unique, and older projects have no sections.
            if not line or line.startswith(("[", "#", ";")):
                continue
            name, sign, value = re.match(r"([^=:]*)([=:]?)(.*)", line).groups()
            if not sign or not name.strip():
                raise QgsProcessingException(
                    tr(
                        "'{name}' cannot be read as a Circuitscape project: line {number} should be 'option = value', "
                        "but is '{line}'."
                    ).format(name=path.name, number=number, line=line[:60])
                )
            values[name.strip().lower()] = value.strip()
        options = cls(path, values)
        options._require_known_options()
        return options

    @property
    def name(self) -> str:
        """Prefix of the names of the result files."""
        value = PureWindowsPath(self.values.get("output_file", "")).name.split(".out")[0]
        return value if value and not value.startswith("(") else self.path.stem

    def flag(self, name: str) -> bool:
        """Return whether an option is switched on."""
        value = self.values.get(name)
        return FLAGS[name] if value is None else value.lower() in TRUE

    def word(self, name: str) -> str:
        """Return the value of an option with a fixed set of values."""
        value = self.values.get(name, "").lower().replace("_", "-")
        # Circuitscape writes "not entered" for options that were never set.
        return value if value in WORDS[name] and value != "not entered" else WORDS[name][0]

    def file(self, name: str) -> Path:
        """Return the file that an option names, searched for in the project's folder and its parents.

        Raises
        ------
        QgsProcessingException
            If the option names no file, or the file does not exist.
        """
        value = self.values.get(name, "").strip("\"'")
        if not value or value.lower() == "none" or value.startswith("("):
            raise QgsProcessingException(
                tr("'{project}' needs a file for {option}, but names none.").format(project=self.path.name, option=name)
            )
        for spelled in dict.fromkeys((value, PureWindowsPath(value).as_posix())):
            for folder in self.path.resolve().parents:
                if (folder / spelled).is_file():
                    return folder / spelled
        raise QgsProcessingException(
            tr(
                "'{project}' names a file that does not exist: {option} = {file}. It was searched for in {folder} and "
                "its parent folders."
            ).format(project=self.path.name, option=name, file=value, folder=self.path.resolve().parent)
        )

    def unused(self) -> list[str]:
        """Return the names of unknown options that are not switched on."""
        return sorted(name for name in self.values if not _is_known(name))

    def _require_known_options(self) -> None:
        invalid = [name for name, value in self.values.items() if not _is_known(name) and value.lower() in TRUE]
        invalid += [
            name for name in FLAGS if name in self.values and self.values[name].lower() not in (*TRUE, *FALSE, "none")
        ]
        for name, words in WORDS.items():
            value = self.values.get(name, words[0]).lower().replace("_", "-")
            if value not in (*words, "not entered"):
                invalid.append(name)
        if invalid:
            listed = ", ".join(f"{name} = {self.values[name]}" for name in sorted(invalid))
            raise QgsProcessingException(
                tr("'{project}' has unsupported options: {options}. Remove or correct them.").format(
                    project=self.path.name, options=listed
                )
            )
        network = self.word("data_type") == "network"
        scenario = self.word("scenario")
        if scenario == "not entered" or (network and scenario not in ("pairwise", "advanced")):
            allowed = ("pairwise", "advanced") if network else WORDS["scenario"][1:]
            raise QgsProcessingException(
                tr("'{project}': scenario must be one of {words}{of}, not '{value}'.").format(
                    project=self.path.name,
                    words=", ".join(allowed),
                    of=tr(" for a network") if network else "",
                    value=self.values.get("scenario", ""),
                )
            )


def _is_known(name: str) -> bool:
    return name in FLAGS or name in WORDS or name in FILES or name in IGNORED
