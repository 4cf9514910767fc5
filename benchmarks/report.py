"""Writes what was measured as a page of tables."""

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

import psutil

from .case import Case
from .landscapes import ROOT
from .runner import BenchmarkRunner
from .suite import CASES, GPU_CASES, LARGE_CASES
from .targets import OURS, Reports, Target, difference

PICTURE = "images/benchmarks.png"

HEAD = """# Side by side

`make bench` wrote this page. It measures everything in one go, or part by part (`--only`) on one kind of machine; what
was not measured again stays as it was. Each case has a process of its own: medians of {repeat} runs after a first one,
on the same landscapes, made anew in every process. *smooth*: lognormal; *categorical*: patches of five classes,
contrast 10⁴, a tenth of the cells barriers; *fractal*: cut by rivers with a ford each; *olinda*: the sample, tiled.
All have 8 neighbours and float64. Every peer is given its matrix or its raster ready made; Permea starts from the
raster, in the environment that the plugin gives its worker, with large pages of memory where Linux has them; peers run
as they come. (Large pages would help them as well: SuperLU, for randomized paths, by a sixth.) In parentheses: peak
memory of the process, and the largest relative difference of a peer's values from ours.

{machine}

{picture}## The bars

{bars}
"""


def write(laboratory: BenchmarkRunner, page: Path, *, quick: bool) -> None:
    """Write the page from all that is known; what it says of works that were not measured here stays as it is."""
    works = [(work, _on_each(laboratory, work, quick)) for work in (*CASES, *LARGE_CASES)]
    before = PreviousReport.on(page)
    picture = f"![Time against cells]({PICTURE})\n\n" if (page.parent / PICTURE).is_file() else ""
    text = HEAD.format(
        repeat=laboratory.repeat, machine=machine(), picture=picture, bars="\n".join(_summary(works, before))
    )
    sections = [
        "\n".join(_section(work, found)) if any(found.values()) else before.sections[work.title]
        for work, found in works
        if any(found.values()) or work.title in before.sections
    ]
    on_gpu = [
        "\n".join(_section(work, found)).replace("## ", "### ", 1)
        for work in (*CASES, *GPU_CASES)
        if any((found := _on_each(BenchmarkRunner(laboratory.folder / "gpu"), work, quick)).values())
    ]
    if on_gpu:
        sections += ["## On a GPU", *on_gpu]
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n\n".join([text.rstrip(), *sections]) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class PreviousReport:
    """What a page says already.

    Parameters
    ----------
    sections
        Text under each title, with it.
    bars
        Lines of the first table for each title.
    """

    sections: dict[str, str]
    bars: dict[str, list[str]]

    @classmethod
    def on(cls, page: Path) -> "PreviousReport":
        """Read a page that this module wrote, if there is one."""
        head, *parts = re.split(r"^## ", page.read_text("utf-8") if page.is_file() else "", flags=re.MULTILINE)
        sections = {part.partition("\n")[0]: f"## {part.rstrip()}" for part in parts}
        bars: dict[str, list[str]] = {}
        for line in sections.get("The bars", "").splitlines():
            if named := re.match(r"\| \[(.*?)\]\(#", line):
                bars[named[1]] = [line]
            elif line.startswith("|  |") and bars:
                bars[list(bars)[-1]].append(line)
        return cls(sections, bars)


def machine() -> str:
    """Say what the numbers were measured on, and with which versions."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file() and (names := re.findall(r"^model name\s*: (.*)$", cpuinfo.read_text("utf-8"), re.MULTILINE)):
        processor = names[0]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / 1e9
    versions = [
        f"{name} {found[0]}"
        for name, file in (
            ("JAX", "resources/engine-requirements.txt"),
            ("PyAMG", "benchmarks/requirements.txt"),
            ("scikit-image", "benchmarks/requirements.txt"),
            ("SciPy", "benchmarks/requirements.txt"),
            ("cholespy", "benchmarks/requirements.txt"),
            ("JAXScape", "benchmarks/requirements.txt"),
            ("scikit-sparse", "benchmarks/requirements-compiled.txt"),
        )
        if (found := re.findall(rf"^{name.lower()}==(\S+)", (ROOT / file).read_text("utf-8"), re.MULTILINE))
    ]
    return f"{processor}, {cores} cores, {memory:.0f} GB; Python {platform.python_version()}; {', '.join(versions)}."


def _on_each(laboratory: BenchmarkRunner, work: Case, quick: bool) -> dict[str, Reports]:
    return {landscape: laboratory.reports(work, landscape, quick) for landscape in work.landscapes}


def _summary(works: list[tuple[Case, dict[str, Reports]]], before: PreviousReport) -> list[str]:
    lines = ["| work | bar | reached | met |", "|---|---|---|---|"]
    for work, found in works:
        if not any(found.values()) and work.title in before.bars:
            lines += before.bars[work.title]
            continue
        for number, bar in enumerate(work.bars):
            figures, met = _verdicts(bar, found)
            title = f"[{work.title}](#{_anchor(work.title)})" if number == 0 else ""
            lines.append(f"| {title} | {bar.text} | {figures} | {met} |")
    return lines


def _verdicts(bar: Target, found: dict[str, Reports]) -> tuple[str, str]:
    verdicts = {place: verdict for place, reports in found.items() if (verdict := bar.verdict(reports)) is not None}
    if not verdicts:
        return "not measured", ""
    figures = [f"{place} {verdict.figure}" if len(found) > 1 else verdict.figure for place, verdict in verdicts.items()]
    missed = [place for place, verdict in verdicts.items() if not verdict.met]
    if not missed:
        return "; ".join(figures), "yes"
    where = "**no**" if len(missed) == len(verdicts) else "**not** on " + ", ".join(missed)
    return "; ".join(figures), f"{where}: {bar.reason}" if bar.reason else where


def _section(work: Case, found: dict[str, Reports]) -> list[str]:
    lines = [f"## {work.title}", ""]
    if work.note:
        lines += [work.note, ""]
    sides = sorted({side for reports in found.values() for by_side in reports.values() for side in by_side})
    labels = [contender.label for contender in work.contenders]
    lines += ["| landscape | cells | " + " | ".join(labels) + " |", "|---|---|" + "---|" * len(labels)]
    for place, reports in found.items():
        for side in sides:
            row = {label: reports[label][side] for label in labels if side in reports.get(label, ())}
            if row:
                cells = [_cell(row[label], row.get(OURS)) if label in row else "" for label in labels]
                lines.append(f"| {place} | {side}² | " + " | ".join(cells) + " |")
    if work.bars:
        lines += ["", "| bar | reached | met |", "|---|---|---|"]
        lines += [f"| {bar.text} | " + " | ".join(_verdicts(bar, found)) + " |" for bar in work.bars]
    return lines


def _cell(report: dict, ours: dict | None) -> str:
    if "error" in report:
        return report["error"].replace("|", "/")
    details = [f"{report['peak_memory'] / 1e9:.2g} GB"]
    if report["parts"]:
        details.insert(0, ", ".join(f"{part} {seconds:.3g} s" for part, seconds in report["parts"].items()))
    if "fraction" in report:
        details.append(f"{report['reached'] / 1e9:.3g} GB/s, {report['fraction']:.0%} of the memory's bandwidth")
    if "windows_per_second" in report:
        details.append(f"{report['windows_per_second']:.0f} windows per second")
    if report["case"]["repeat"] and report["contender"]["cache"]:
        details.append(f"first call {report['first_seconds']:.3g} s")
    if ours is not None and ours is not report and (apart := difference(ours, report)) is not None:
        details.append(f"differs by {apart:.0e}")
    if "note" in report:
        details.append(report["note"])
    return f"{report['seconds']:.3g} s ({'; '.join(details)})"


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
