"""Progress of an installation: steps, bytes and lines of its log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Progress:
    """Where an installation reports to; its functions are called in the thread that installs.

    Parameters
    ----------
    on_step
        Called with a text for the user and the percentage that is done.
    on_line
        Called with each line of the log.
    """

    on_step: Callable[[str, float], None] = field(default=lambda text, percentage: None)
    on_line: Callable[[str], None] = field(default=lambda line: None)

    def within(self, first: float, last: float) -> Progress:
        """Return a progress whose 0 to 100 are a part of this one's."""

        def on_step(text: str, percentage: float) -> None:
            self.on_step(text, first + (last - first) * min(max(percentage, 0.0), 100.0) / 100)

        return Progress(on_step, self.on_line)
