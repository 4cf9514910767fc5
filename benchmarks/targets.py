"""The bars: what a number must reach, and whether it does."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

#: Reports of the contenders of a work on one landscape: label → side → report.
Reports = dict[str, dict[int, dict]]

OURS = "Permea"


@dataclass(frozen=True)
class Outcome:
    """What was found, in words, and whether that is enough."""

    figure: str
    met: bool


@dataclass(frozen=True)
class Target:
    """Something to be reached.

    Parameters
    ----------
    text
        As in the tables.
    judge
        Returns a verdict on reports, or None while what it needs is not measured; may raise what a missing number
        raises.
    reason
        Why it is not reached, for the tables; nothing where it should be.
    """

    text: str
    judge: Callable[[Reports], Outcome | None]
    reason: str = ""

    def standing(self, reason: str) -> "Target":
        """Return a bar that stands although it is not reached, and says why."""
        return replace(self, reason=reason)

    def verdict(self, reports: Reports) -> Outcome | None:
        """Judge, as far as measurements are there."""
        try:
            return self.judge(reports)
        except (KeyError, IndexError, TypeError, ValueError):
            return None


def last(reports: Reports, label: str) -> dict:
    """Return the report on the largest raster that somebody was given."""
    return reports[label][max(reports[label])]


def _at_most(value: float, limit: float, figure: str) -> Outcome:
    return Outcome(figure, value <= limit)


def speed(limit: float, *peers: str) -> Target:
    """Our time over that of the fastest of some peers."""

    def judge(reports: Reports) -> Outcome:
        fastest = min(report["seconds"] for peer in peers if "seconds" in (report := last(reports, peer)))
        ratio = last(reports, OURS)["seconds"] / fastest
        return _at_most(ratio, limit, f"{ratio:.3g} ×")

    names = " and ".join(peers) if len(peers) < 3 else "the fastest of " + ", ".join(peers)
    return Target(f"≤ {limit:g} × {names}", judge)


def part_ratio(limit: float, part: str, other: str) -> Target:
    """Our time for one part over that for another."""

    def judge(reports: Reports) -> Outcome:
        parts = last(reports, OURS)["parts"]
        ratio = parts[part] / parts[other]
        return _at_most(ratio, limit, f"{ratio:.3g} × ({parts[part]:.3g} s over {parts[other]:.3g} s)")

    return Target(f"{part} ≤ {limit:g} × {other}", judge)


def difference(one: dict, other: dict) -> float | None:
    """Return the largest relative difference of the values of two reports, where both have an answer."""
    pairs = list(zip(one.get("values", ()), other.get("values", ()), strict=False))
    apart = [abs(a - b) / abs(b) if b else abs(a) for a, b in pairs if a is not None and b is not None]
    return max(apart) if apart else None


def agreement(limit: float, peer: str) -> Target:
    """The largest relative difference of our values and a peer's."""

    def judge(reports: Reports) -> Outcome | None:
        apart = difference(last(reports, OURS), last(reports, peer))
        return None if apart is None else _at_most(apart, limit, f"{apart:.1e}")

    return Target(f"equal to {peer} within {limit:.0e}", judge)


def residual(limit: float) -> Target:
    """Our relative residual."""

    def judge(reports: Reports) -> Outcome:
        report = last(reports, OURS)
        if "error" in report:
            return Outcome(f"refused: {report['error']}", True)
        found = report["residual"]
        return _at_most(found, limit, f"{found:.1e}, {report['iterations']} iterations")

    return Target(f"residual ≤ {limit:.0e}", judge)


def finite_differences(limit: float) -> Target:
    """Our gradient against finite differences."""

    def judge(reports: Reports) -> Outcome:
        found = last(reports, OURS)["difference"]
        return _at_most(found, limit, f"{found:.1e}")

    return Target(f"equal to finite differences within {limit:.0e}", judge)


def exponent(reports: dict[int, dict], small: int, large: int) -> float:
    """Return p of time ∝ cellsᵖ between two sides."""
    return math.log(reports[large]["seconds"] / reports[small]["seconds"]) / math.log((large / small) ** 2)


def growth(limit: float, label: str, small: int, large: int) -> Target:
    """The exponent of our time in the number of cells."""

    def judge(reports: Reports) -> Outcome:
        slope = exponent(reports[label], small, large)
        return _at_most(slope, limit, f"{slope:.2f}")

    return Target(f"{label}: slope from {small}² to {large}² ≤ {limit:g}", judge)


def faster(limit: float, label: str, other: str) -> Target:
    """How many times as fast somebody is as somebody else."""

    def judge(reports: Reports) -> Outcome:
        ratio = last(reports, other)["seconds"] / last(reports, label)["seconds"]
        return Outcome(f"{ratio:.2f} ×", ratio >= limit)

    return Target(f"{label} ≥ {limit:g} × as fast as {other}", judge)


def same_memory(limit: float, label: str, small: int, large: int) -> Target:
    """The difference of peak memory between two sides."""

    def judge(reports: Reports) -> Outcome:
        one, other = (reports[label][side]["peak_memory"] for side in (small, large))
        apart = abs(other - one) / one
        return _at_most(apart, limit, f"{apart:.1%} ({one / 1e6:.0f} and {other / 1e6:.0f} MB)")

    return Target(f"{label}: peak memory at {small}² and {large}² within {limit:.0%}", judge)


def times(limit: float, label: str, other: str) -> Target:
    """How many times as long somebody takes as somebody else."""

    def judge(reports: Reports) -> Outcome:
        ratio = last(reports, label)["seconds"] / last(reports, other)["seconds"]
        return _at_most(ratio, limit, f"{ratio:.3g} ×")

    return Target(f"{label} ≤ {limit:g} × {other}", judge)


def same_memory_as(limit: float, label: str, other: str) -> Target:
    """The difference of peak memory between two contenders."""

    def judge(reports: Reports) -> Outcome:
        one, two = (last(reports, each)["peak_memory"] for each in (label, other))
        apart = abs(two - one) / one
        return _at_most(apart, limit, f"{apart:.1%} ({one / 1e6:.0f} and {two / 1e6:.0f} MB)")

    return Target(f"peak memory within {limit:.0%} of that of {other}", judge)


def memory_per_cell(limit: float) -> Target:
    """Our peak memory beyond what the process held before, per cell of the largest raster."""

    def judge(reports: Reports) -> Outcome:
        side = max(reports[OURS])
        report = reports[OURS][side]
        each = (report["peak_memory"] - report["memory_before"]) / side**2
        return _at_most(each, limit, f"{each:.0f} bytes per cell")

    return Target(f"≤ {limit:g} bytes per cell", judge)


def everything_solved(text: str, peak: float, label: str = OURS) -> Target:
    """Our largest raster solved within some memory."""

    def judge(reports: Reports) -> Outcome:
        report = last(reports, label)
        if "error" in report:
            return Outcome(report["error"], False)
        return _at_most(report["peak_memory"], peak, f"{report['peak_memory'] / 1e9:.1f} GB, {report['seconds']:.3g} s")

    return Target(text, judge)


def compile_seconds(report: dict) -> float:
    """Return what the first call took beyond a later one."""
    return report["first_seconds"] - report["seconds"]


def compiling(limit: float, when: str) -> Target:
    """The longest of our compilations."""

    def judge(reports: Reports) -> Outcome:
        found = {label: compile_seconds(last(reports, label)) for label in reports if label.endswith(when)}
        slowest = max(found, key=found.get)
        return _at_most(found[slowest], limit, f"{found[slowest]:.1f} s ({slowest.split(',')[0]})")

    return Target(f"{when} ≤ {limit:g} s", judge)


def estimate_accuracy(limit: float, what: str, measured: str, start: float = 0.0) -> Target:
    """The furthest of our forecasts from what was measured, as a factor of at least 1.

    Parameters
    ----------
    limit
        The largest factor.
    what, measured
        Names in the reports.
    start
        What a forecast counts that is over when the measurement begins.
    """

    def judge(reports: Reports) -> Outcome:
        factors = {
            label: report[what] / (start + report[measured])
            for label in reports
            if what in (report := last(reports, label))
        }
        furthest = max(factors, key=lambda label: abs(math.log(factors[label])))
        factor = factors[furthest]
        return _at_most(max(factor, 1 / factor), limit, f"{factor:.2g} × ({furthest})")

    return Target(f"{what.replace('_', ' ')} within a factor of {limit:g}", judge)
