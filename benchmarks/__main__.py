"""Measure Permea and its peers and write docs/benchmarks.md: `make bench`."""

import argparse
import sys
import time
from pathlib import Path

from . import plot, report
from .landscapes import ROOT
from .runner import PEERS_PYTHON, BenchmarkRunner, Measurement, measurements
from .suite import CASES, GPU_CASES, LARGE_CASES


def main() -> int:
    """Run the benchmarks chosen on the command line; return 1 if one of Permea's measurements failed."""
    names = [case.name for case in (*CASES, *LARGE_CASES, *GPU_CASES)]
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=names, metavar="CASE", help=f"one of {', '.join(names)}")
    parser.add_argument("--implementation", metavar="TEXT", help="only those with this text in their label or program")
    parser.add_argument("--landscape", help="only this landscape")
    parser.add_argument("--missing", action="store_true", help="measure only what has no result yet")
    parser.add_argument("--quick", action="store_true", help="tiny rasters, as a trial; docs/ stays unchanged")
    parser.add_argument("--repeat", type=int, help="repetitions after the first run (default 3, or 1 with --quick)")
    parser.add_argument("--report", action="store_true", help="measure nothing, write the report from earlier results")
    parser.add_argument("--gpu", action="store_true", help="measure Permea on a GPU, with this Python")
    parser.add_argument("--large", action="store_true", help="only cases that take gigabytes on disk: make bench-large")
    options = parser.parse_args()

    repeat = options.repeat or (1 if options.quick else 3)
    folder = ROOT / "build" / ("bench-quick" if options.quick else "bench")
    docs = folder if options.quick else ROOT / "docs"
    runner = BenchmarkRunner(folder, repeat=repeat)
    failed = []
    if not options.report:
        measuring_runner = BenchmarkRunner(folder / "gpu", repeat=repeat, gpu=True) if options.gpu else runner
        selected = [measurement for measurement in _all(options) if _is_selected(measurement, options)]
        failed = _measure(measuring_runner, selected, options.missing)
    _write(runner, docs, options.quick)
    return 1 if failed else 0


def _all(options: argparse.Namespace) -> list[Measurement]:
    cases = LARGE_CASES if options.large else (*CASES, *GPU_CASES) if options.gpu else CASES
    return [measurement for case in cases for measurement in measurements(case, options.quick)]


def _is_selected(measurement: Measurement, options: argparse.Namespace) -> bool:
    implementation = measurement.implementation
    searched = f"{implementation.label} {implementation.program}".lower()
    return (
        (not options.only or measurement.case.name in options.only)
        and (not options.implementation or options.implementation.lower() in searched)
        and (not options.landscape or measurement.landscape == options.landscape)
        and (implementation.is_permea or not options.gpu)
    )


def _measure(runner: BenchmarkRunner, selected: list[Measurement], missing: bool) -> list[Measurement]:
    """Measure one after the other, print each result, and return Permea's measurements that failed."""
    if any(not each.implementation.is_permea for each in selected) and not PEERS_PYTHON.is_file():
        sys.exit("the peers' environment is missing: make bench makes it")
    failed = []
    for number, measurement in enumerate(selected, 1):
        if missing and runner.earlier_report(measurement) is not None:
            continue
        label = f"{measurement.case.name}: {measurement.implementation.label}, {measurement.landscape}"
        start = time.perf_counter()
        print(f"[{number}/{len(selected)}] {label} {measurement.side}² … ", end="", flush=True)
        result = runner.measure(measurement)
        total = f"({time.perf_counter() - start:.0f} s in all)"
        print(result["error"] if "error" in result else f"{result['seconds']:.3g} s", total, flush=True)
        if "error" in result and measurement.implementation.is_permea:
            failed.append(measurement)
    return failed


def _write(runner: BenchmarkRunner, docs: Path, quick: bool) -> None:
    (growth,) = (case for case in CASES if case.name == "growth")
    reports = runner.reports(growth, growth.landscapes[-1], quick)
    if any("seconds" in measured for by_side in reports.values() for measured in by_side.values()):
        plot.draw(growth, reports, docs / report.PICTURE)
    report.write(runner, docs / "benchmarks.md", quick=quick)
    print(f"written: {docs / 'benchmarks.md'}")


if __name__ == "__main__":
    sys.exit(main())
