"""The help of an algorithm, written once and shown in QGIS, in the browser and in the docs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from qgis.core import QgsProcessingDestinationParameter, QgsProcessingParameterDefinition

from ..i18n import tr

if TYPE_CHECKING:
    from .base import PermeaAlgorithm


# Pixels: of the pictures as they are.
FULL_WIDTH = 460


@dataclass(frozen=True)
class Help:
    """What a user wants to know of an algorithm; its parameters and outputs explain themselves.

    Parameters
    ----------
    what
        What it computes, in one or two sentences.
    when
        When to use it, and what to use instead.
    result
        How to read the result.
    reads
        References.
    picture
        What is to be seen on the picture, for who sees it and for who does not. The picture itself is the file
        `resources/help/images/IDENTIFIER.png`, which `resources/scripts/pictures.py` draws.
    """

    what: str
    when: str
    result: str
    reads: tuple[str, ...] = ()
    picture: str = ""


@dataclass(frozen=True)
class _HelpSection:
    title: str
    text: str = ""
    entries: tuple[tuple[str, str], ...] = ()


def as_html(algorithm: PermeaAlgorithm, images: str, width: int) -> str:
    """Return the help as the HTML that QGIS shows beside the dialog.

    Parameters
    ----------
    algorithm
        Whose help.
    images
        Where the pictures are: a URL without a slash at its end.
    width
        How wide they are shown, in pixels.
    """
    parts = [f"<p>{escape(algorithm.help.what)}</p>"]
    if seen := escape(algorithm.help.picture):
        parts.append(f'<p><img src="{images}/{algorithm.identifier}.png" alt="{seen}" width="{width}"></p>')
        parts.append(f"<p><i>{seen}</i></p>")
    for section in _sections(algorithm):
        parts.append(f"<h3>{escape(section.title)}</h3>")
        if section.text:
            parts.append(f"<p>{escape(section.text)}</p>")
        if section.entries:
            rows = "".join(f"<li>{_bold(term)}{escape(text)}</li>" for term, text in section.entries)
            parts.append(f"<ul>{rows}</ul>")
    return "\n".join(parts)


def as_page(algorithm: PermeaAlgorithm) -> str:
    """Return the help as a whole HTML page for the browser."""
    title = escape(algorithm.title)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title} · Permea</title>\n'
        "<style>body{font:16px/1.5 sans-serif;max-width:44em;margin:2em auto;padding:0 1em;color:#222}"
        "img{max-width:100%}li{margin:.3em 0}code{background:#f2f2ee;padding:0 .2em}</style>\n</head>\n<body>\n"
        f"<h1>{title}</h1>\n<p><code>permea:{algorithm.identifier}</code></p>\n"
        f"{as_html(algorithm, 'images', FULL_WIDTH)}\n</body>\n</html>\n"
    )


def as_markdown(algorithm: PermeaAlgorithm) -> str:
    """Return the help as the page in the documentation, with the names that scripts use."""
    parts = [
        f"# {algorithm.title}",
        f"`permea:{algorithm.identifier}` · {algorithm.section.title}",
        algorithm.help.what,
    ]
    if seen := algorithm.help.picture:
        parts += [f"![{seen}](../../resources/help/images/{algorithm.identifier}.png)", f"*{seen}*"]
    for section in _sections(algorithm):
        parts.append(f"## {section.title}")
        if section.text:
            parts.append(section.text)
        if section.entries:
            parts.append("\n".join(f"- {f'**{term}**: ' if term else ''}{text}" for term, text in section.entries))
    parts.append("## " + tr("Names for scripts and models"))
    parts.append(_table(algorithm))
    return "\n\n".join(parts) + "\n"


def as_index(algorithms: Sequence[PermeaAlgorithm]) -> str:
    """Return the documentation's list of all algorithms, by group."""
    parts = ["# " + tr("Algorithms")]
    for section in dict.fromkeys(algorithm.section for algorithm in algorithms):
        parts.append(f"## {section.title}")
        members = [algorithm for algorithm in algorithms if algorithm.section == section]
        parts.append("\n".join(f"- [{each.title}]({each.identifier}.md): {each.summary}" for each in members))
    return "\n\n".join(parts) + "\n"


def _sections(algorithm: PermeaAlgorithm) -> list[_HelpSection]:
    parameters = algorithm.parameterDefinitions()
    inputs = [p for p in parameters if not isinstance(p, QgsProcessingDestinationParameter)]
    outputs = [p for p in parameters if isinstance(p, QgsProcessingDestinationParameter)]
    entries = [(p.description(), p.help()) for p in outputs]
    figures = "; ".join(figure.description[:1].lower() + figure.description[1:] for figure in algorithm.figures)
    if figures:
        entries.append((tr("Numbers"), figures + "."))
    sections = [
        _HelpSection(tr("When to use it"), algorithm.help.when),
        _HelpSection(tr("Inputs"), entries=tuple((p.description(), p.help()) for p in inputs)),
        _HelpSection(tr("What comes out"), algorithm.help.result, tuple(entries)),
        _HelpSection(tr("To read"), entries=tuple(("", reference) for reference in algorithm.help.reads)),
    ]
    return [section for section in sections if section.text or section.entries]


def _table(algorithm: PermeaAlgorithm) -> str:
    rows = ["| name | what | values |", "|---|---|---|"]
    for parameter in algorithm.parameterDefinitions():
        rows.append(f"| `{parameter.name()}` | {parameter.description()} | {_values(parameter)} |")
    for figure in algorithm.figures:
        kind = tr("output: text") if figure.is_text else tr("output: number")
        rows.append(f"| `{figure.name}` | {figure.description} | {kind} |")
    return "\n".join(rows)


def _values(parameter: QgsProcessingParameterDefinition) -> str:
    if isinstance(parameter, QgsProcessingDestinationParameter):
        return tr("output")
    default = parameter.defaultValue()
    if hasattr(parameter, "usesStaticStrings"):
        return ", ".join(f"**{o}**" if o == default else o for o in parameter.options())
    if default is not None and default != "":
        return tr("default {}").format(default)
    optional = parameter.flags() & QgsProcessingParameterDefinition.Flag.FlagOptional
    return tr("optional") if optional else tr("required")


def _bold(term: str) -> str:
    return f"<b>{escape(term)}</b>: " if term else ""
