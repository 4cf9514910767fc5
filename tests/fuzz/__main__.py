"""Draw bad and extreme inputs for every algorithm, run them in QGIS, and report what breaks.

`make fuzz DRAWS=1000 SEED=1` runs many draws; `make fuzz SEED=1 ONLY=17,42` repeats some and prints all about them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "build" / "fuzz"


def main() -> int:
    """Run the draws that the command line asks for; return 1 if one failed a check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first draw")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--valid", action=argparse.BooleanOptionalAction, default=True, help="first run a valid input of each algorithm"
    )
    parser.add_argument("--only", default="", help="numbers of draws, separated by commas")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--records", type=Path, default=BUILD, help="folder for the record of each draw")
    parser.add_argument("--worker", type=Path, help="folder of a process that runs draws; for the harness itself")
    options = parser.parse_args()
    if options.worker is not None:
        from worker import serve

        serve(options.worker, options.seed)
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    from harness import all_algorithms, run_draws
    from report import as_table, failed_checks, failures

    started = time.monotonic()
    numbers = [int(number) for number in options.only.split(",") if number.strip()]
    if not numbers:
        valid = range(-len(all_algorithms()), 0) if options.valid else ()
        numbers = [*valid, *range(options.first, options.first + options.draws)]
    options.records.mkdir(parents=True, exist_ok=True)
    with (options.records / f"seed-{options.seed}-from-{numbers[0]}.jsonl").open("w") as file:
        records = run_draws(
            options.seed, numbers, options.processes, lambda record: print(json.dumps(record), file=file, flush=True)
        )
    for record in records:
        if record["number"] < 0 and record["outcome"] != "result":
            record["errors"].append(f"valid input: not taken: {record['message']}")
    if options.only:
        print(json.dumps(records, indent=1, ensure_ascii=False))
    print(failures(records, options.seed), as_table(records), failed_checks(records), sep="\n\n")
    failed = sum(bool(record["errors"]) for record in records)
    print(
        f"\nSeed {options.seed}: {len(records) - failed} passed, {failed} failed in {time.monotonic() - started:.0f} s"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
