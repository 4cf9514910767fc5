"""The help of an algorithm: written once, shown in QGIS, in the browser and in the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingDestinationParameter,
    QgsProcessingOutputDefinition,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
)

from ..i18n import tr

# Width of the pictures as they are stored, in pixels.
FULL_WIDTH = 460

PAGE_STYLE = (
    "<style>body{font:16px/1.5 sans-serif;max-width:44em;margin:2em auto;padding:0 1em;color:#222}"
    "img{max-width:100%}li{margin:.3em 0}code{background:#f2f2ee;padding:0 .2em}</style>"
)


@dataclass(frozen=True)
class Help:
    """What a user needs to know about an algorithm besides its parameters and outputs, which carry their own help.

    Parameters
    ----------
    description
        What the algorithm computes, in one or two sentences.
    when_to_use
        When to use it, and which algorithm to use instead.
    outputs
        How to interpret the results.
    references
        Publications of the method.
    caption
        Caption and alternative text of the picture `resources/help/images/IDENTIFIER.png`, which
        `resources/scripts/pictures.py` draws.
    """

    description: str
    when_to_use: str
    outputs: str
    references: tuple[str, ...] = ()
    caption: str = ""


@dataclass(frozen=True)
class _HelpSection:
    title: str
    text: str = ""
    entries: tuple[tuple[str, str], ...] = ()


def as_html(algorithm: QgsProcessingAlgorithm, algorithm_help: Help, images_url: str, width: int) -> str:
    """Return the help as HTML for the panel beside the algorithm's dialog.

    Parameters
    ----------
    algorithm
        An instance with its parameters and outputs defined.
    algorithm_help
        Its help.
    images_url
        URL of the folder with the pictures, without a trailing slash.
    width
        Displayed width of the pictures, in pixels.
    """
    parts = [f"<p>{escape(algorithm_help.description)}</p>"]
    if caption := escape(algorithm_help.caption):
        parts.append(f'<p><img src="{images_url}/{algorithm.name()}.png" alt="{caption}" width="{width}"></p>')
        parts.append(f"<p><i>{caption}</i></p>")
    for section in _sections(algorithm, algorithm_help):
        parts.append(f"<h3>{escape(section.title)}</h3>")
        if section.text:
            parts.append(f"<p>{escape(section.text)}</p>")
        if section.entries:
            items = "".join(f"<li>{_bold(term)}{escape(text)}</li>" for term, text in section.entries)
            parts.append(f"<ul>{items}</ul>")
    return "\n".join(parts)


def as_page(algorithm: QgsProcessingAlgorithm, algorithm_help: Help) -> str:
    """Return the help as a complete HTML page for the browser."""
    title = escape(algorithm.displayName())
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title} · Permea</title>\n'
        f"{PAGE_STYLE}\n</head>\n<body>\n"
        f"<h1>{title}</h1>\n<p><code>permea:{algorithm.name()}</code></p>\n"
        f"{as_html(algorithm, algorithm_help, 'images', FULL_WIDTH)}\n</body>\n</html>\n"
    )


def as_markdown(algorithm: QgsProcessingAlgorithm, algorithm_help: Help) -> str:
    """Return the help as a page of the documentation, with the names for scripts."""
    parts = [
        f"# {algorithm.displayName()}",
        f"`permea:{algorithm.name()}` · {algorithm.group()}",
        algorithm_help.description,
    ]
    if caption := algorithm_help.caption:
        parts += [f"![{caption}](../../resources/help/images/{algorithm.name()}.png)", f"*{caption}*"]
    for section in _sections(algorithm, algorithm_help):
        parts.append(f"## {section.title}")
        if section.text:
            parts.append(section.text)
        if section.entries:
            parts.append("\n".join(f"- {f'**{term}**: ' if term else ''}{text}" for term, text in section.entries))
    parts.append("## " + tr("Names for scripts and models"))
    parts.append(_name_table(algorithm))
    return "\n\n".join(parts) + "\n"


def as_index(algorithms: Sequence[QgsProcessingAlgorithm]) -> str:
    """Return the documentation's list of all algorithms, by group."""
    parts = ["# " + tr("Algorithms")]
    for group in dict.fromkeys(algorithm.group() for algorithm in algorithms):
        parts.append(f"## {group}")
        members = [algorithm for algorithm in algorithms if algorithm.group() == group]
        parts.append("\n".join(f"- [{a.displayName()}]({a.name()}.md): {a.shortDescription()}" for a in members))
    return "\n\n".join(parts) + "\n"


def _sections(algorithm: QgsProcessingAlgorithm, algorithm_help: Help) -> list[_HelpSection]:
    parameters = algorithm.parameterDefinitions()
    inputs = [p for p in parameters if not isinstance(p, QgsProcessingDestinationParameter)]
    destinations = [p for p in parameters if isinstance(p, QgsProcessingDestinationParameter)]
    entries = [(p.description(), p.help()) for p in destinations]
    numbers = "; ".join(o.description()[:1].lower() + o.description()[1:] for o in _number_outputs(algorithm))
    if numbers:
        entries.append((tr("Numbers"), numbers + "."))
    sections = [
        _HelpSection(tr("When to use it"), algorithm_help.when_to_use),
        _HelpSection(tr("Inputs"), entries=tuple((p.description(), p.help()) for p in inputs)),
        _HelpSection(tr("Outputs"), algorithm_help.outputs, tuple(entries)),
        _HelpSection(tr("References"), entries=tuple(("", reference) for reference in algorithm_help.references)),
    ]
    return [section for section in sections if section.text or section.entries]


def _number_outputs(algorithm: QgsProcessingAlgorithm) -> list[QgsProcessingOutputDefinition]:
    kinds = (QgsProcessingOutputNumber, QgsProcessingOutputString)
    return [output for output in algorithm.outputDefinitions() if isinstance(output, kinds)]


def _name_table(algorithm: QgsProcessingAlgorithm) -> str:
    rows = ["| name | description | values |", "|---|---|---|"]
    for parameter in algorithm.parameterDefinitions():
        rows.append(f"| `{parameter.name()}` | {parameter.description()} | {_values(parameter)} |")
    for output in _number_outputs(algorithm):
        kind = tr("output: text") if isinstance(output, QgsProcessingOutputString) else tr("output: number")
        rows.append(f"| `{output.name()}` | {output.description()} | {kind} |")
    return "\n".join(rows)


def _values(parameter: QgsProcessingParameterDefinition) -> str:
    if isinstance(parameter, QgsProcessingDestinationParameter):
        return tr("output")
    default = parameter.defaultValue()
    if hasattr(parameter, "usesStaticStrings"):
        options = ", ".join(f"**{o}**" if o == default else o for o in parameter.options())
        return tr("required: {}").format(options) if default is None else options
    if default is not None and default != "":
        return tr("default {}").format(default)
    optional = parameter.flags() & QgsProcessingParameterDefinition.Flag.FlagOptional
    return tr("optional") if optional else tr("required")


def _bold(term: str) -> str:
    return f"<b>{escape(term)}</b>: " if term else ""
