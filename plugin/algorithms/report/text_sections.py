"""The sections of a report in words and numbers."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any

from osgeo import gdal
from qgis.core import Qgis

from ...byte_sizes import format_bytes
from ...i18n import tr
from ..formatting import typeset
from ..results import permea_version
from .citation import citation
from .contents import Contents
from .plots import rounded_number
from .repeat import memory_layers, python_call
from .settings import Setting

# Numbers about the computation rather than the landscape, by their key.
TECHNICAL = (
    "solver", "iterations", "residual", "seconds", "peak_memory_bytes", "kcl_residual", "flow_balance_error",
)  # fmt: skip

# Ends of the range of a map, of which one that is negligible is 0 but for rounding.
RANGE = ("minimum", "maximum")

# Lines of the log in the report.
MAX_LOG_LINES = 400


def lead(contents: Contents, settings: Sequence[Setting], now: datetime) -> str:
    """Return what was requested, in a few words, and when."""
    words = [
        tr("{caption}: {value}").format(caption=each.short_caption, value=each.value)
        for each in settings
        if each.is_effective
        and (each.kind in ("raster", "source", "file") or (each.kind == "enum" and not each.is_advanced))
    ]
    about = f"<p>{escape('; '.join(words))}.</p>" if words else ""
    algorithm = contents.algorithm
    summary = tr("{algorithm}: {summary}").format(
        algorithm=algorithm.displayName(), summary=algorithm.shortDescription()
    )
    zone = f"{now:%z}"
    when = tr("{date}, Permea {version}, QGIS {qgis}").format(
        date=f"{now:%Y-%m-%d %H:%M} UTC{typeset(zone[:3])}:{zone[3:5]}",
        version=permea_version(),
        qgis=Qgis.QGIS_VERSION,
    )
    return f'<p class="lead">{escape(summary)}</p>{about}<p class="date">{escape(when)}</p>'


def warnings_section(warnings: Sequence[str]) -> str:
    """Return the warnings of the run; empty if there are none."""
    if not warnings:
        return ""
    items = "".join(f"<li>{escape(text)}</li>" for text in warnings)
    return f'<section class="warnings"><h2>{escape(tr("Warnings"))}</h2><ul>{items}</ul></section>'


def numbers_section(contents: Contents) -> str:
    """Return the numbers about the landscape; empty if there are none."""
    ends = [contents.number(key) for key in RANGE]
    span = max((abs(end) for end in ends), default=0.0) if None not in ends else 0.0
    rows = [
        (output.description, f"{_number(value, span if output.key in RANGE else 0.0)} {output.unit}".rstrip())
        for output, value in contents.numbers.items()
        if output.key not in TECHNICAL and value is not None and value != ""
    ]
    return _section(tr("Numbers"), f'<div class="values">{_table(rows)}</div>' if rows else "")


def reading_section(contents: Contents) -> str:
    """Return how to interpret the results."""
    text = contents.algorithm.help.outputs
    return _section(tr("How to read the results"), f"<p>{escape(text)}</p>" if text else "")


def settings_section(settings: Sequence[Setting]) -> str:
    """Return the parameters of the run; those without an effect are named below the table."""
    rows = []
    for setting in (each for each in settings if each.is_effective):
        note = f" {tr('(default)')}" if setting.is_default else ""
        source = f'<br><span class="source">{escape(setting.detail)}</span>' if setting.detail else ""
        rows.append(f"<tr><th>{escape(setting.caption)}</th><td>{escape(setting.value + note)}{source}</td></tr>")
    body = f"<table>{''.join(rows)}</table>" if rows else ""
    if unused := [setting for setting in settings if not setting.is_effective]:
        names = ", ".join(f"{setting.caption} ({setting.value})" for setting in unused)
        text = tr("Without effect on this run: {names}.").format(names=names)
        body += f'<p class="note">{escape(text)}</p>'
    return _section(tr("Parameters"), body)


def computation_section(contents: Contents) -> str:
    """Return the solver, the time and the memory of the run."""
    rows = [(tr("Duration of the run"), _seconds(contents.log.seconds))]
    if (seconds := contents.number("seconds")) is not None:
        rows.append((tr("of which computing"), _seconds(seconds)))
    if solver := contents.number("solver"):
        rows.append((tr("Solver"), str(solver)))
    if memory := contents.number("peak_memory_bytes"):
        rows.append((tr("Peak memory of the engine"), format_bytes(memory)))
    return _section(tr("Computation"), _table(rows))


def repeat_section(contents: Contents) -> str:
    """Return how to repeat the run."""
    provenance = contents.algorithm.presenter.provenance
    python = python_call(contents.algorithm, provenance)
    parts = [
        f"<p>{escape(tr('In a terminal:'))}</p><pre>{escape(provenance.command)}</pre>",
        f"<p>{escape(tr('In the Python console of QGIS:'))}</p><pre>{escape(python)}</pre>",
    ]
    if layers := list(memory_layers(contents.algorithm, contents.parameters, contents.context)):
        text = tr("Save these temporary layers to files first, and use the files in the commands: {layers}.").format(
            layers=", ".join(layers)
        )
        parts.append(f"<p>{escape(text)}</p>")
    return _section(tr("How to repeat it"), "".join(parts))


def citation_section(contents: Contents, now: datetime) -> str:
    """Return how to cite the plugin and the method."""
    items = [citation(now.date()), *contents.algorithm.help.references]
    return _section(tr("How to cite"), "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in items) + "</ul>")


def details_section(contents: Contents) -> str:
    """Return the folded details for developers."""
    rows = [
        (output.description, _number(value))
        for output, value in contents.numbers.items()
        if output.key in TECHNICAL and value is not None and value != ""
    ]
    rows += [
        (tr("Algorithm"), contents.algorithm.id()),
        (tr("Software"), f"Permea {permea_version()}, QGIS {Qgis.QGIS_VERSION}, GDAL {gdal.__version__}"),
        (tr("Computer"), platform.platform()),
    ]
    lines = contents.log.lines[:MAX_LOG_LINES]
    if len(contents.log.lines) > MAX_LOG_LINES:
        lines.append(tr("({count:# more line|# more lines})").format(count=len(contents.log.lines) - MAX_LOG_LINES))
    commands_run = "".join(f"<pre>{escape(command)}</pre>" for command in contents.log.commands)
    log = f"<pre>{escape(chr(10).join(lines))}</pre>" if lines else ""
    title = escape(tr("Details for developers"))
    return f"<details><summary>{title}</summary>{_table(rows)}{commands_run}{log}</details>"


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def _table(rows: Sequence[tuple[str, str]]) -> str:
    body = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{body}</table>" if rows else ""


def _number(value: Any, span: float = 0.0) -> str:
    if isinstance(value, str):
        return value
    return typeset(f"{value:,}") if isinstance(value, int) else rounded_number(float(value), span)


def _seconds(seconds: float) -> str:
    if seconds < 100:
        return tr("{seconds:.1f} s").format(seconds=seconds)
    minutes, rest = divmod(round(seconds), 60)
    return tr("{minutes:,} min {seconds} s").format(minutes=minutes, seconds=rest)
