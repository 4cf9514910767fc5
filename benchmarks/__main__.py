"""Measure Permea side by side with its peers and write docs/benchmarks.md: `make bench`."""

import argparse
import sys
import time
from pathlib import Path

from . import plot, report
from .landscapes import ROOT
from .runner import PEERS_PYTHON, BenchmarkRunner, Measurement, measurements
from .suite import CASES, GPU_CASES, LARGE_CASES


def main() -> int:
    """Do what the command line says; return 1 if one of our own measurements failed."""
    names = [work.name for work in (*CASES, *LARGE_CASES, *GPU_CASES)]
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=names, metavar="WORK", help=f"one of {', '.join(names)}")
    parser.add_argument("--contender", metavar="TEXT", help="only those whose label or program holds this text")
    parser.add_argument("--landscape", help="only on this one")
    parser.add_argument("--missing", action="store_true", help="measure only what has no result yet")
    parser.add_argument("--quick", action="store_true", help="tiny rasters, just to try; docs/ stays as it is")
    parser.add_argument("--repeat", type=int, help="repetitions after the first run (default 3, or 1 with --quick)")
    parser.add_argument("--report", action="store_true", help="measure nothing, write the report from what is there")
    parser.add_argument("--gpu", action="store_true", help="measure Permea on a GPU, with the Python that runs this")
    parser.add_argument("--large", action="store_true", help="only what takes gigabytes on disk: make bench-large")
    options = parser.parse_args()

    repeat = options.repeat or (1 if options.quick else 3)
    folder = ROOT / "build" / ("bench-quick" if options.quick else "bench")
    docs = folder if options.quick else ROOT / "docs"
    laboratory = BenchmarkRunner(folder, repeat=repeat)
    failed = []
    if not options.report:
        place = BenchmarkRunner(folder / "gpu", repeat=repeat, gpu=True) if options.gpu else laboratory
        chosen = [measurement for measurement in _all(options) if _wanted(measurement, options)]
        failed = _measure(place, chosen, options.missing)
    _write(laboratory, docs, options.quick)
    return 1 if failed else 0


def _all(options: argparse.Namespace) -> list[Measurement]:
    works = LARGE_CASES if options.large else (*CASES, *GPU_CASES) if options.gpu else CASES
    return [each for work in works for each in measurements(work, options.quick)]


def _wanted(measurement: Measurement, options: argparse.Namespace) -> bool:
    contender = measurement.contender
    return (
        (not options.only or measurement.work.name in options.only)
        and (not options.contender or options.contender.lower() in f"{contender.label} {contender.program}".lower())
        and (not options.landscape or measurement.landscape == options.landscape)
        and (contender.is_ours or not options.gpu)
    )


def _measure(laboratory: BenchmarkRunner, chosen: list[Measurement], missing: bool) -> list[Measurement]:
    """Measure one after the other, say so, and return our own that failed."""
    if any(not each.contender.is_ours for each in chosen) and not PEERS_PYTHON.is_file():
        sys.exit("the peers' environment is missing: make bench makes it")
    failed = []
    for number, each in enumerate(chosen, 1):
        where = f"{each.work.name}: {each.contender.label}, {each.landscape} {each.side}²"
        if missing and laboratory.known(each) is not None:
            continue
        start = time.perf_counter()
        print(f"[{number}/{len(chosen)}] {where} … ", end="", flush=True)
        found = laboratory.measure(each)
        took = f"(all in all {time.perf_counter() - start:.0f} s)"
        print(found["error"] if "error" in found else f"{found['seconds']:.3g} s", took, flush=True)
        if "error" in found and each.contender.is_ours:
            failed.append(each)
    return failed


def _write(laboratory: BenchmarkRunner, docs: Path, quick: bool) -> None:
    (growth,) = (work for work in CASES if work.name == "growth")
    landscape = growth.landscapes[-1]
    growths = laboratory.reports(growth, landscape, quick)
    if any("seconds" in found for sides in growths.values() for found in sides.values()):
        plot.draw(growth, growths, docs / report.PICTURE)
    report.write(laboratory, docs / "benchmarks.md", quick=quick)
    print(f"written: {docs / 'benchmarks.md'}")


if __name__ == "__main__":
    sys.exit(main())
