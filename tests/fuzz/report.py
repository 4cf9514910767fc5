"""The counts of a run as a table, and each failure with the number that repeats it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

OUTCOMES = ("result", "refused", "error", "exception", "hang", "crash")


def as_table(records: Sequence[dict[str, Any]]) -> str:
    """Return the draws by algorithm and outcome, and by algorithm those that failed a check."""
    counts = Counter((record["algorithm"], record["outcome"]) for record in records)
    failed = Counter(record["algorithm"] for record in records if record["errors"])
    slowest: dict[str, float] = {}
    for record in records:
        slowest[record["algorithm"]] = max(slowest.get(record["algorithm"], 0.0), record["seconds"])
    names = sorted({record["algorithm"] for record in records})
    rows = [("algorithm", "draws", *OUTCOMES, "failed", "slowest")]
    for name in names:
        cells = [counts[name, outcome] for outcome in OUTCOMES]
        rows.append((name, sum(cells), *cells, failed[name], f"{slowest[name]:.1f} s"))
    totals = [sum(counts[name, outcome] for name in names) for outcome in OUTCOMES]
    rows.append(("all", sum(totals), *totals, sum(failed.values()), f"{max(slowest.values(), default=0):.1f} s"))
    return "\n".join(f"{row[0]:<32}" + "".join(f"{cell!s:>10}" for cell in row[1:]) for row in rows)


def failures(records: Sequence[dict[str, Any]], seed: int) -> str:
    """Return each draw that failed a check: how to repeat it, its mutations, and what failed."""
    lines = []
    for record in records:
        if not record["errors"]:
            continue
        how = " in a thread" if record.get("in_thread") else ""
        repeated = f", repeated in a new process: {record['repeated']}" if "repeated" in record else ""
        lines.append(f"SEED={seed} ONLY={record['number']}  {record['algorithm']}{how}: {record['outcome']}{repeated}")
        lines += [f"    {word}" for word in record["words"]]
        lines += [f"  ! {error}" for error in record["errors"]]
    return "\n".join(lines)


def failed_checks(records: Sequence[dict[str, Any]]) -> str:
    """Return how many draws failed each check."""
    kinds = Counter(kind for record in records for kind in {error.partition(":")[0] for error in record["errors"]})
    return "\n".join(f"{count:>5}  {kind}" for kind, count in kinds.most_common())
