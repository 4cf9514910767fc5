"""Draws time against cells."""

import math
from pathlib import Path

import matplotlib

from .case import Case
from .targets import Reports

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

INK = "#1c2a33"
OURS = ("#0b6e4f", "#c8553d", "#28559a")
THEIRS = ("#7d8c94", "#a3a08c", "#b49fb5", "#8fb0a3", "#c2a27c")


def draw(work: Case, reports: Reports, path: Path) -> None:
    """Draw a line for each contender, its slope in the legend."""
    figure, axes = pyplot.subplots(figsize=(9, 6), dpi=120)
    colours = {True: iter(OURS), False: iter(THEIRS)}
    for contender in work.contenders:
        timed = {side: report for side, report in reports.get(contender.label, {}).items() if "seconds" in report}
        if not timed:
            continue
        cells = [side**2 for side in sorted(timed)]
        seconds = [timed[side]["seconds"] for side in sorted(timed)]
        mine = contender.is_ours
        axes.plot(
            cells,
            seconds,
            color=next(colours[mine]),
            marker="o",
            markersize=5 if mine else 4,
            linewidth=2.2 if mine else 1.3,
            linestyle="-" if mine else "--",
            label=f"{'Permea: ' if mine else ''}{contender.label}{_slope(cells, seconds)}",
        )
    axes.set(xscale="log", yscale="log", xlabel="cells", ylabel="seconds, medians")
    axes.grid(True, which="major", color="#e3e8eb", linewidth=0.8)
    axes.tick_params(colors=INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if axes.lines:
        axes.legend(frameon=False, fontsize=9, labelcolor=INK)
    axes.set_title("Time against cells, smooth landscape, 8 neighbours", loc="left", color=INK)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


def _slope(cells: list[int], seconds: list[float]) -> str:
    """Say p of time ∝ cellsᵖ from a quarter of a million cells on; below, what does not depend on the size counts."""
    kept = [(math.log(n), math.log(s)) for n, s in zip(cells, seconds, strict=True) if n >= 250_000]
    if len(kept) < 2:
        return ""
    mean_n, mean_s = (sum(values) / len(kept) for values in zip(*kept, strict=True))
    covariance = sum((n - mean_n) * (s - mean_s) for n, s in kept)
    return f", slope {covariance / sum((n - mean_n) ** 2 for n, _ in kept):.2f}"
