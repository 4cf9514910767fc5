"""Plot of computation time against the number of cells."""

import math
from pathlib import Path

import matplotlib

from .case import Case
from .targets import Reports

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

INK = "#1c2a33"
PERMEA_COLOURS = ("#0b6e4f", "#c8553d", "#28559a")
PEER_COLOURS = ("#7d8c94", "#a3a08c", "#b49fb5", "#8fb0a3", "#c2a27c")

#: Cells from which slopes are fitted: on smaller rasters, costs that do not depend on the size dominate.
MIN_CELLS_OF_SLOPE = 250_000


def draw(case: Case, reports: Reports, path: Path) -> None:
    """Draw a line for each implementation, with its slope in the legend."""
    figure, axes = pyplot.subplots(figsize=(9, 6), dpi=120)
    colours = {True: iter(PERMEA_COLOURS), False: iter(PEER_COLOURS)}
    for implementation in case.implementations:
        by_side = reports.get(implementation.label, {})
        timed = {side: report for side, report in by_side.items() if "seconds" in report}
        if not timed:
            continue
        cells = [side**2 for side in sorted(timed)]
        seconds = [timed[side]["seconds"] for side in sorted(timed)]
        is_permea = implementation.is_permea
        axes.plot(
            cells,
            seconds,
            color=next(colours[is_permea]),
            marker="o",
            markersize=5 if is_permea else 4,
            linewidth=2.2 if is_permea else 1.3,
            linestyle="-" if is_permea else "--",
            label=f"{'Permea: ' if is_permea else ''}{implementation.label}{_slope(cells, seconds)}",
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
    """Return p of time ∝ cellsᵖ as text, by least squares on large rasters; empty for fewer than two of them."""
    logs = [(math.log(n), math.log(s)) for n, s in zip(cells, seconds, strict=True) if n >= MIN_CELLS_OF_SLOPE]
    if len(logs) < 2:
        return ""
    mean_n, mean_s = (sum(values) / len(logs) for values in zip(*logs, strict=True))
    covariance = sum((n - mean_n) * (s - mean_s) for n, s in logs)
    return f", slope {covariance / sum((n - mean_n) ** 2 for n, _ in logs):.2f}"
