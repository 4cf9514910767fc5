"""The options of a Circuitscape project, as they stand in its `.ini`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from qgis.core import QgsProcessingException

from ..i18n import tr
from .input_files import lines_of_text

TRUE, FALSE = ("true", "1"), ("false", "0", "")

#: What is true or false, with Circuitscape's own defaults.
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

#: One of a few words, the first of them the default.
WORDS = {
    "data_type": ("raster", "network"),
    "scenario": ("not entered", "pairwise", "advanced", "one-to-all", "all-to-one"),
    "remove_src_or_gnd": ("keepall", "rmvsrc", "rmvgnd", "rmvall"),
}

#: Files.
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

#: How another program computes, not what: nothing here depends on it.
OF_NO_CONSEQUENCE = (
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
    """The options of a project.

    Parameters
    ----------
    path
        The `.ini`.
    values
        As they stand there, by name in lower case.
    """

    path: Path
    values: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> IniOptions:
        """Read an `.ini`.

        Raises
        ------
        QgsProcessingException
            It cannot be read; an option is not known and switched on, or has a value that makes no sense.
        """
        try:
            lines = lines_of_text(path.read_bytes())
        except OSError as error:
            raise QgsProcessingException(
                tr("'{name}' cannot be read as a Circuitscape project: {reason}").format(name=path.name, reason=error)
            ) from error
        values = {}
        for number, line in enumerate(map(str.strip, lines), 1):
            # Sections mean nothing: options have the same names everywhere, and older projects have none.
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
        """What names of result files begin with."""
        given = PureWindowsPath(self.values.get("output_file", "")).name.split(".out")[0]
        return given if given and not given.startswith("(") else self.path.stem

    def flag(self, name: str) -> bool:
        """Return whether an option is switched on."""
        given = self.values.get(name)
        return FLAGS[name] if given is None else given.lower() in TRUE

    def word(self, name: str) -> str:
        """Return an option that is one of a few words."""
        given = self.values.get(name, "").lower().replace("_", "-")
        # A project that has not been asked for it says "not entered".
        return given if given in WORDS[name] and given != "not entered" else WORDS[name][0]

    def file(self, name: str) -> Path:
        """Return a file, looked for from the project's own folder upward.

        Raises
        ------
        QgsProcessingException
            It is not named, or not there.
        """
        given = self.values.get(name, "").strip("\"'")
        if not given or given.lower() == "none" or given.startswith("("):
            raise QgsProcessingException(
                tr("'{project}' needs a file for {option}, but names none.").format(project=self.path.name, option=name)
            )
        for spelled in dict.fromkeys((given, PureWindowsPath(given).as_posix())):
            for folder in self.path.resolve().parents:
                if (folder / spelled).is_file():
                    return folder / spelled
        raise QgsProcessingException(
            tr(
                "'{project}' names a file that is not there: {option} = {given}. It was looked for in {folder} and the "
                "folders above it."
            ).format(project=self.path.name, option=name, given=given, folder=self.path.resolve().parent)
        )

    def unused(self) -> list[str]:
        """Return options that are not known, and not switched on."""
        return sorted(name for name in self.values if not _is_known(name))

    def _require_known_options(self) -> None:
        wrong = [name for name, value in self.values.items() if not _is_known(name) and value.lower() in TRUE]
        wrong += [
            name for name in FLAGS if name in self.values and self.values[name].lower() not in (*TRUE, *FALSE, "none")
        ]
        for name, words in WORDS.items():
            given = self.values.get(name, words[0]).lower().replace("_", "-")
            if given not in (*words, "not entered"):
                wrong.append(name)
        if wrong:
            listed = ", ".join(f"{name} = {self.values[name]}" for name in sorted(wrong))
            raise QgsProcessingException(
                tr("'{project}' asks for what is not supported: {options}. Remove or correct it.").format(
                    project=self.path.name, options=listed
                )
            )
        network = self.word("data_type") == "network"
        scenario = self.word("scenario")
        if scenario == "not entered" or (network and scenario not in ("pairwise", "advanced")):
            allowed = ("pairwise", "advanced") if network else WORDS["scenario"][1:]
            raise QgsProcessingException(
                tr("'{project}': scenario must be {words}{of}, not '{given}'.").format(
                    project=self.path.name,
                    words=", ".join(allowed),
                    of=tr(" in a network") if network else "",
                    given=self.values.get("scenario", ""),
                )
            )


def _is_known(name: str) -> bool:
    return name in FLAGS or name in WORDS or name in FILES or name in OF_NO_CONSEQUENCE
