"""The report: all measurements as tables on one page."""

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
from .targets import PERMEA, Reports, Target, difference

PICTURE = "images/benchmarks.png"

TARGETS_TITLE = "Targets"

HEAD = """# Benchmarks

`make bench` writes this page. It measures all cases at once, or some of them (`--only`) on the same kind of machine;
the sections of the others are kept. Each case runs in a separate process: medians of {repeat} runs after a first one,
on the same landscapes, generated anew in every process. *smooth*: lognormal; *categorical*: patches of five classes,
contrast 10⁴, a tenth of the cells barriers; *fractal*: cut by rivers with one ford each; *olinda*: the sample, tiled.
All have 8 neighbours and float64. Every peer receives its matrix or its raster ready-made; Permea starts from the
raster, in the environment that the plugin gives its worker, with huge pages of memory where Linux has them; peers run
with their defaults. (Huge pages would speed them up as well: SuperLU, for randomized paths, by a sixth.) In
parentheses: peak memory of the process, and the largest relative difference of a peer's values from Permea's.

{machine}

{picture}## {targets_title}

{targets}
"""


def write(runner: BenchmarkRunner, page: Path, *, quick: bool) -> None:
    """Write the page from all stored measurements; sections of cases that were not measured here are kept."""
    results = [(case, _reports_by_landscape(runner, case, quick)) for case in (*CASES, *LARGE_CASES)]
    previous = PreviousReport.read(page)
    picture = f"![Time against cells]({PICTURE})\n\n" if (page.parent / PICTURE).is_file() else ""
    text = HEAD.format(
        repeat=runner.repeat,
        machine=machine(),
        picture=picture,
        targets_title=TARGETS_TITLE,
        targets="\n".join(_summary(results, previous)),
    )
    sections = [
        "\n".join(_section(case, reports)) if any(reports.values()) else previous.sections[case.title]
        for case, reports in results
        if any(reports.values()) or case.title in previous.sections
    ]
    gpu_runner = BenchmarkRunner(runner.folder / "gpu")
    gpu_sections = [
        "\n".join(_section(case, reports)).replace("## ", "### ", 1)
        for case in (*CASES, *GPU_CASES)
        if any((reports := _reports_by_landscape(gpu_runner, case, quick)).values())
    ]
    if gpu_sections:
        sections += ["## On a GPU", *gpu_sections]
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n\n".join([text.rstrip(), *sections]) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class PreviousReport:
    """The contents of an earlier page.

    Parameters
    ----------
    sections
        Text of each section, with its heading, by its title.
    targets
        Rows of the first table by the title of their case.
    """

    sections: dict[str, str]
    targets: dict[str, list[str]]

    @classmethod
    def read(cls, page: Path) -> "PreviousReport":
        """Read a page that this module wrote, if there is one."""
        _, *parts = re.split(r"^## ", page.read_text("utf-8") if page.is_file() else "", flags=re.MULTILINE)
        sections = {part.partition("\n")[0]: f"## {part.rstrip()}" for part in parts}
        targets: dict[str, list[str]] = {}
        for line in sections.get(TARGETS_TITLE, "").splitlines():
            if title := re.match(r"\| \[(.*?)\]\(#", line):
                targets[title[1]] = [line]
            elif line.startswith("|  |") and targets:
                targets[list(targets)[-1]].append(line)
        return cls(sections, targets)


def machine() -> str:
    """Return the hardware of the measurements and the versions of the software, as text."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file() and (names := re.findall(r"^model name\s*: (.*)$", cpuinfo.read_text("utf-8"), re.MULTILINE)):
        processor = names[0]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / 1e9
    versions = [
        f"{name} {match[0]}"
        for name, file in (
            ("JAX", "resources/engine-requirements.txt"),
            ("PyAMG", "benchmarks/requirements.txt"),
            ("scikit-image", "benchmarks/requirements.txt"),
            ("SciPy", "benchmarks/requirements.txt"),
            ("cholespy", "benchmarks/requirements.txt"),
            ("JAXScape", "benchmarks/requirements.txt"),
            ("scikit-sparse", "benchmarks/requirements-compiled.txt"),
        )
        if (match := re.findall(rf"^{name.lower()}==(\S+)", (ROOT / file).read_text("utf-8"), re.MULTILINE))
    ]
    return f"{processor}, {cores} cores, {memory:.0f} GB; Python {platform.python_version()}; {', '.join(versions)}."


def _reports_by_landscape(runner: BenchmarkRunner, case: Case, quick: bool) -> dict[str, Reports]:
    return {landscape: runner.reports(case, landscape, quick) for landscape in case.landscapes}


def _summary(results: list[tuple[Case, dict[str, Reports]]], previous: PreviousReport) -> list[str]:
    lines = ["| case | target | result | reached |", "|---|---|---|---|"]
    for case, reports in results:
        if not any(reports.values()) and case.title in previous.targets:
            lines += previous.targets[case.title]
            continue
        for number, target in enumerate(case.targets):
            result, reached = _outcome_cells(target, reports)
            title = f"[{case.title}](#{_anchor(case.title)})" if number == 0 else ""
            lines.append(f"| {title} | {target.text} | {result} | {reached} |")
    return lines


def _outcome_cells(target: Target, reports: dict[str, Reports]) -> tuple[str, str]:
    """Return the result of a target on all landscapes and whether it is reached, for the tables."""
    outcomes = {
        landscape: outcome
        for landscape, by_label in reports.items()
        if (outcome := target.outcome(by_label)) is not None
    }
    if not outcomes:
        return "not measured", ""
    values = "; ".join(
        f"{landscape} {outcome.value}" if len(reports) > 1 else outcome.value for landscape, outcome in outcomes.items()
    )
    not_reached = [landscape for landscape, outcome in outcomes.items() if not outcome.reached]
    if not not_reached:
        return values, "yes"
    text = "**no**" if len(not_reached) == len(outcomes) else "**not** on " + ", ".join(not_reached)
    return values, f"{text}: {target.reason}" if target.reason else text


def _section(case: Case, reports: dict[str, Reports]) -> list[str]:
    lines = [f"## {case.title}", ""]
    if case.note:
        lines += [case.note, ""]
    sides = sorted({side for by_label in reports.values() for by_side in by_label.values() for side in by_side})
    labels = [implementation.label for implementation in case.implementations]
    lines += ["| landscape | cells | " + " | ".join(labels) + " |", "|---|---|" + "---|" * len(labels)]
    for landscape, by_label in reports.items():
        for side in sides:
            row = {label: by_label[label][side] for label in labels if side in by_label.get(label, ())}
            if row:
                cells = [_cell(row[label], row.get(PERMEA)) if label in row else "" for label in labels]
                lines.append(f"| {landscape} | {side}² | " + " | ".join(cells) + " |")
    dates = sorted({report["measured"] for report in _all_reports(reports) if "measured" in report})
    if dates:
        lines += ["", "Measured on " + (dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}") + "."]
    if case.targets:
        lines += ["", "| target | result | reached |", "|---|---|---|"]
        lines += [f"| {target.text} | " + " | ".join(_outcome_cells(target, reports)) + " |" for target in case.targets]
    return lines


def _all_reports(reports: dict[str, Reports]) -> list[dict]:
    return [report for by_label in reports.values() for by_side in by_label.values() for report in by_side.values()]


def _cell(report: dict, permea: dict | None) -> str:
    if "error" in report:
        return report["error"].replace("|", "/")
    details = [f"{report['peak_memory'] / 1e9:.2g} GB"]
    if report["parts"]:
        details.insert(0, ", ".join(f"{part} {seconds:.3g} s" for part, seconds in report["parts"].items()))
    if "fraction" in report:
        details.append(f"{report['throughput'] / 1e9:.3g} GB/s, {report['fraction']:.0%} of the memory's bandwidth")
    if "windows_per_second" in report:
        details.append(f"{report['windows_per_second']:.0f} windows per second")
    if report["case"]["repeat"] and report["implementation"]["cache"]:
        details.append(f"first call {report['first_seconds']:.3g} s")
    if permea is not None and permea is not report and (largest := difference(permea, report)) is not None:
        details.append(f"differs by {largest:.0e}")
    if "note" in report:
        details.append(report["note"])
    return f"{report['seconds']:.3g} s ({'; '.join(details)})"


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
