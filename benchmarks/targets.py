"""Acceptance targets: limits of measurements, and whether they are kept."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

#: Reports of the implementations of a case on one landscape: label → side → report.
Reports = dict[str, dict[int, dict]]

#: Label of Permea's implementation.
PERMEA = "Permea"


@dataclass(frozen=True)
class Outcome:
    """A measured value as text, and whether it reaches the target."""

    value: str
    reached: bool


@dataclass(frozen=True)
class Target:
    """A target to be reached.

    Parameters
    ----------
    text
        The target in the tables.
    evaluate
        Function that returns the outcome of reports, or None while a measurement is missing. It may raise the error
        that a missing number causes.
    reason
        Why the target is waived where it is not reached, for the tables; empty if the target must be reached.
    """

    text: str
    evaluate: Callable[[Reports], Outcome | None]
    reason: str = ""

    def waived(self, reason: str) -> "Target":
        """Return the target with the reason why it is waived where it is not reached."""
        return replace(self, reason=reason)

    def outcome(self, reports: Reports) -> Outcome | None:
        """Return the outcome, or None if a measurement is missing."""
        try:
            return self.evaluate(reports)
        except (KeyError, IndexError, TypeError, ValueError):
            return None


def largest_report(reports: Reports, label: str) -> dict:
    """Return the report of an implementation on the largest raster that it computed."""
    return reports[label][max(reports[label])]


def difference(report: dict, reference: dict) -> float | None:
    """Return the largest relative difference of the values of two reports, where both have a result."""
    pairs = zip(report.get("values", ()), reference.get("values", ()), strict=False)
    differences = [abs(a - b) / abs(b) if b else abs(a) for a, b in pairs if a is not None and b is not None]
    return max(differences) if differences else None


def exponent(reports: dict[int, dict], small: int, large: int) -> float:
    """Return p of time ∝ cellsᵖ between two sides."""
    return math.log(reports[large]["seconds"] / reports[small]["seconds"]) / math.log((large / small) ** 2)


def compile_seconds(report: dict) -> float:
    """Return the time of the first call in excess of a later one."""
    return report["first_seconds"] - report["seconds"]


def speed(limit: float, *peers: str) -> Target:
    """Permea's time relative to that of the fastest of some peers."""

    def evaluate(reports: Reports) -> Outcome:
        fastest = min(report["seconds"] for peer in peers if "seconds" in (report := largest_report(reports, peer)))
        ratio = largest_report(reports, PERMEA)["seconds"] / fastest
        return _at_most(ratio, limit, f"{ratio:.3g} ×")

    names = " and ".join(peers) if len(peers) < 3 else "the fastest of " + ", ".join(peers)
    return Target(f"≤ {limit:g} × {names}", evaluate)


def part_ratio(limit: float, part: str, reference: str) -> Target:
    """Permea's time for one part of a computation relative to another part."""

    def evaluate(reports: Reports) -> Outcome:
        parts = largest_report(reports, PERMEA)["parts"]
        ratio = parts[part] / parts[reference]
        return _at_most(ratio, limit, f"{ratio:.3g} × ({parts[part]:.3g} s over {parts[reference]:.3g} s)")

    return Target(f"{part} ≤ {limit:g} × {reference}", evaluate)


def time_ratio(limit: float, label: str, reference: str) -> Target:
    """Time of one implementation relative to another, at most."""

    def evaluate(reports: Reports) -> Outcome:
        ratio = largest_report(reports, label)["seconds"] / largest_report(reports, reference)["seconds"]
        return _at_most(ratio, limit, f"{ratio:.3g} ×")

    return Target(f"{label} ≤ {limit:g} × {reference}", evaluate)


def speed_up(limit: float, label: str, reference: str) -> Target:
    """Speed of one implementation relative to another, at least."""

    def evaluate(reports: Reports) -> Outcome:
        ratio = largest_report(reports, reference)["seconds"] / largest_report(reports, label)["seconds"]
        return Outcome(f"{ratio:.2f} ×", ratio >= limit)

    return Target(f"{label} ≥ {limit:g} × as fast as {reference}", evaluate)


def growth(limit: float, label: str, small: int, large: int) -> Target:
    """Exponent of the time in the number of cells."""

    def evaluate(reports: Reports) -> Outcome:
        slope = exponent(reports[label], small, large)
        return _at_most(slope, limit, f"{slope:.2f}")

    return Target(f"{label}: slope from {small}² to {large}² ≤ {limit:g}", evaluate)


def compilation(limit: float, suffix: str) -> Target:
    """Longest compilation among the implementations whose label ends with a suffix."""

    def evaluate(reports: Reports) -> Outcome:
        labels = [label for label in reports if label.endswith(suffix)]
        seconds = {label: compile_seconds(largest_report(reports, label)) for label in labels}
        slowest = max(seconds, key=seconds.get)
        return _at_most(seconds[slowest], limit, f"{seconds[slowest]:.1f} s ({slowest.split(',')[0]})")

    return Target(f"{suffix} ≤ {limit:g} s", evaluate)


def agreement(limit: float, peer: str) -> Target:
    """Largest relative difference between Permea's values and a peer's."""

    def evaluate(reports: Reports) -> Outcome | None:
        largest = difference(largest_report(reports, PERMEA), largest_report(reports, peer))
        return None if largest is None else _at_most(largest, limit, f"{largest:.1e}")

    return Target(f"equal to {peer} within {limit:.0e}", evaluate)


def residual(limit: float) -> Target:
    """Permea's relative residual; an error instead of a result reaches the target as well."""

    def evaluate(reports: Reports) -> Outcome:
        report = largest_report(reports, PERMEA)
        if "error" in report:
            return Outcome(f"refused: {report['error']}", True)
        return _at_most(report["residual"], limit, f"{report['residual']:.1e}, {report['iterations']} iterations")

    return Target(f"residual ≤ {limit:.0e}", evaluate)


def finite_differences(limit: float) -> Target:
    """Relative difference between Permea's gradient and finite differences."""

    def evaluate(reports: Reports) -> Outcome:
        relative = largest_report(reports, PERMEA)["difference"]
        return _at_most(relative, limit, f"{relative:.1e}")

    return Target(f"equal to finite differences within {limit:.0e}", evaluate)


def constant_memory(limit: float, label: str, small: int, large: int) -> Target:
    """Relative difference of peak memory between two sides."""

    def evaluate(reports: Reports) -> Outcome:
        return _memory_difference(limit, *(reports[label][side] for side in (small, large)))

    return Target(f"{label}: peak memory at {small}² and {large}² within {limit:.0%}", evaluate)


def equal_memory(limit: float, label: str, reference: str) -> Target:
    """Relative difference of peak memory between two implementations."""

    def evaluate(reports: Reports) -> Outcome:
        return _memory_difference(limit, *(largest_report(reports, each) for each in (label, reference)))

    return Target(f"peak memory within {limit:.0%} of that of {reference}", evaluate)


def memory_per_cell(limit: float) -> Target:
    """Permea's peak memory in excess of the process's before, per cell of the largest raster."""

    def evaluate(reports: Reports) -> Outcome:
        side = max(reports[PERMEA])
        report = reports[PERMEA][side]
        per_cell = (report["peak_memory"] - report["memory_before"]) / side**2
        return _at_most(per_cell, limit, f"{per_cell:.0f} bytes per cell")

    return Target(f"≤ {limit:g} bytes per cell", evaluate)


def solved_within_memory(text: str, limit: float, label: str = PERMEA) -> Target:
    """The largest raster solved within a limit of peak memory, in bytes."""

    def evaluate(reports: Reports) -> Outcome:
        report = largest_report(reports, label)
        if "error" in report:
            return Outcome(report["error"], False)
        memory = report["peak_memory"]
        return _at_most(memory, limit, f"{memory / 1e9:.1f} GB, {report['seconds']:.3g} s")

    return Target(text, evaluate)


def estimate_accuracy(limit: float, estimated: str, measured: str, offset: float = 0.0) -> Target:
    """Largest ratio between an estimate and the measured value, or its inverse.

    Parameters
    ----------
    limit
        The largest accepted ratio.
    estimated, measured
        Keys in the reports.
    offset
        Part of an estimate that the measurement does not include.
    """

    def evaluate(reports: Reports) -> Outcome:
        ratios = {
            label: report[estimated] / (offset + report[measured])
            for label in reports
            if estimated in (report := largest_report(reports, label))
        }
        worst = max(ratios, key=lambda label: abs(math.log(ratios[label])))
        ratio = ratios[worst]
        return _at_most(max(ratio, 1 / ratio), limit, f"{ratio:.2g} × ({worst})")

    return Target(f"{estimated.replace('_', ' ')} within a factor of {limit:g}", evaluate)


def _at_most(value: float, limit: float, text: str) -> Outcome:
    return Outcome(text, value <= limit)


def _memory_difference(limit: float, reference: dict, report: dict) -> Outcome:
    before, after = reference["peak_memory"], report["peak_memory"]
    relative = abs(after - before) / before
    return _at_most(relative, limit, f"{relative:.1%} ({before / 1e6:.0f} and {after / 1e6:.0f} MB)")
