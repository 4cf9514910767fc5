"""Print how many tests passed in each version of QGIS, from the reports that `qgis_matrix.sh` collects.

    python3 resources/scripts/matrix_table.py FOLDER VERSION...

The exit status is 1 if a test failed or a version has no report.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

COLUMNS = ("passed", "failed", "skipped")


def main() -> int:
    """Print the table of the versions that the command line names; return the exit status."""
    folder, versions = Path(sys.argv[1]), sys.argv[2:]
    lines, failures = table(folder, versions)
    print("\n".join(lines))
    return 1 if failures else 0


def table(folder: Path, versions: list[str]) -> tuple[list[str], list[str]]:
    """Return the lines of the table with the failed tests below it, and the failures alone."""
    lines = [f"{'QGIS':24}" + "".join(f"{column:>9}" for column in COLUMNS) + "  seconds"]
    failures = []
    for version in versions:
        report = folder / f"{version}.xml"
        if not report.is_file():
            lines.append(f"{version:24}  no report, see {folder / f'{version}.log'}")
            failures.append(f"{version}: no report")
            continue
        counts, failed, seconds = read(report)
        found = folder / f"{version}.found"
        name = found.read_text(encoding="utf-8").strip() if found.is_file() else version
        lines.append(f"{name:24}" + "".join(f"{counts[column]:9,}" for column in COLUMNS) + f"{seconds:9,.0f}")
        failures += [f"{version}: {test}" for test in failed]
    return [*lines, *(f"failed in {failure}" for failure in failures)], failures


def read(report: Path) -> tuple[Counter, list[str], float]:
    """Return the counts of a JUnit report, the names of failed tests, and the duration in seconds."""
    suite = ElementTree.parse(report).getroot().find("testsuite")
    counts, failed = Counter(), []
    for case in suite.iter("testcase"):
        outcome = "passed"
        if case.find("failure") is not None or case.find("error") is not None:
            outcome = "failed"
            failed.append(f"{case.get('classname')}::{case.get('name')}")
        elif case.find("skipped") is not None:
            outcome = "skipped"
        counts[outcome] += 1
    return counts, failed, float(suite.get("time", 0))


if __name__ == "__main__":
    sys.exit(main())
