"""Options of a Circuitscape project, parsed from its `.ini` file."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from qgis.core import QgsProcessingException

from ..i18n import tr
from ..system_errors import system_reason
from .file_search import find_file, names_file
from .option_names import FALSE, FLAGS, IGNORED, TRUE, WORDS, is_known, known_options
from .text_files import decode_lines


@dataclass(frozen=True)
class IniOptions:
    """Options of a project.

    Parameters
    ----------
    path
        The `.ini` file.
    values
        Values as written in the file, by option name in lower case.
    repeated
        Options that the file gives more than once without a consequence.
    """

    path: Path
    values: dict[str, str]
    repeated: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> IniOptions:
        """Read an `.ini`.

        Raises
        ------
        QgsProcessingException
            If the file cannot be read, or gives an option twice with different values.
        """
        try:
            lines = decode_lines(path.read_bytes())
        except OSError as error:
            raise QgsProcessingException(
                tr("'{name}' cannot be read as a Circuitscape project: {reason}.").format(
                    name=path.name, reason=system_reason(error)
                )
            ) from error
        options: dict[str, tuple[int, str]] = {}
        repeated = []
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
            name, value = name.strip().lower(), _without_comment(value.strip(), path.resolve().parent)
            if name in options:
                repeated.append(name)
                first_number, first = options[name]
                if name not in IGNORED and not _same_value(name, first, value):
                    raise QgsProcessingException(
                        tr(
                            "'{project}' gives {option} twice, with different values: '{first}' in line {line_1} and "
                            "'{second}' in line {line_2}. Remove one of them."
                        ).format(
                            project=path.name,
                            option=name,
                            first=first,
                            line_1=first_number,
                            second=value,
                            line_2=number,
                        )
                    )
            options[name] = number, value
        values = {name: value for name, (_, value) in options.items()}
        return cls(path, values, tuple(dict.fromkeys(repeated)))

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

    def names_file(self, name: str) -> bool:
        """Return whether an option names a file."""
        return names_file(self.values.get(name, ""))

    def file(self, name: str) -> Path:
        """Return the file that an option names, as `find_file` finds it.

        Raises
        ------
        QgsProcessingException
            If the option names no file, or the file does not exist.
        """
        if not self.names_file(name):
            raise QgsProcessingException(
                tr("'{project}' needs a file for {option}, but names none.").format(project=self.path.name, option=name)
            )
        value = self.values[name].strip("\"'")
        file = find_file(value, self.path.resolve().parent)
        if file is None:
            raise QgsProcessingException(
                tr(
                    "'{project}' names a file that does not exist: {option} = {file}. It was searched for in {folder} "
                    "and its parent folders."
                ).format(project=self.path.name, option=name, file=value, folder=self.path.resolve().parent)
            )
        return file.path

    def relocated(self, name: str) -> Path | None:
        """Return the file that is used for an option although the project says that it lies elsewhere, else None."""
        file = find_file(self.values[name].strip("\"'"), self.path.resolve().parent) if self.names_file(name) else None
        return file.path if file is not None and file.relocated else None

    def unknown(self) -> list[str]:
        """Return the unknown options that are not switched on, with their values."""
        return sorted(self._described(name) for name in self.values if not is_known(name))

    def require_valid(self) -> None:
        """Raise an error if an unknown option is switched on, or an option has an invalid value.

        Raises
        ------
        QgsProcessingException
            Names the options, and the values that they may have.
        """
        invalid = {name: "" for name, value in self.values.items() if not is_known(name) and value.lower() in TRUE}
        for name in FLAGS:
            if name in self.values and self.values[name].lower() not in (*TRUE, *FALSE, "none"):
                invalid[name] = tr("True or False")
        for name in WORDS:
            value = self.values.get(name, "").lower().replace("_", "-")
            if value not in ("", *WORDS[name], "not entered"):
                invalid[name] = alternatives(self._allowed(name))
        if invalid:
            listed = "; ".join(
                f"{self._described(name)}: {allowed}" if allowed else self._described(name)
                for name, allowed in sorted(invalid.items())
            )
            raise QgsProcessingException(
                tr("'{project}' has invalid or unknown options. {options}. Correct or remove them.").format(
                    project=self.path.name, options=listed
                )
            )
        if self.word("scenario") not in self._allowed("scenario"):
            raise QgsProcessingException(
                tr("'{project}': scenario must be {words}{of}, not '{value}'.").format(
                    project=self.path.name,
                    words=alternatives(self._allowed("scenario")),
                    of=tr(" for a network") if self.word("data_type") == "network" else "",
                    value=self.values.get("scenario", ""),
                )
            )

    def _allowed(self, name: str) -> tuple[str, ...]:
        if name == "scenario" and self.word("data_type") == "network":
            return ("pairwise", "advanced")
        return tuple(word for word in WORDS[name] if word != "not entered")

    def _described(self, name: str) -> str:
        """Return an option with its value and, if it is unknown, a known one of a similar name."""
        text = f"{name} = {self.values[name]}"
        if is_known(name):
            return text
        similar = difflib.get_close_matches(name, known_options(), 1, 0.8)
        return text + (" " + tr("(unknown; did you mean {name}?)").format(name=similar[0]) if similar else "")


def alternatives(words: tuple[str, ...]) -> str:
    """Return words as alternatives: "a, b or c"."""
    *first, last = words
    return tr("{first} or {last}").format(first=", ".join(first), last=last) if first else last


def _same_value(name: str, first: str, second: str) -> bool:
    if name in FLAGS:
        return (first.lower() in TRUE) == (second.lower() in TRUE)
    is_word = name in WORDS or first.lower() in (*TRUE, *FALSE)
    return first == second or (is_word and first.lower() == second.lower())


def _without_comment(value: str, folder: Path) -> str:
    r"""Remove a comment after a value, except from the name of a file that has it in its name.

    Examples
    --------
    >>> _without_comment("pairwise ; all pairs", Path()), _without_comment("D:\\maps\\a;b.asc", Path())
    ('pairwise', 'D:\\maps\\a;b.asc')
    """
    bare = re.split(r"(?:^|\s)[;#]", value, maxsplit=1)[0].rstrip()
    return value if bare == value or find_file(value, folder) is not None else bare
