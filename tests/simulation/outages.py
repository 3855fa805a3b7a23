"""When something is away, by a plan that a world was given."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outages:
    """Spans of seconds of a world, from each start until its end."""

    spans: tuple[tuple[float, float], ...]

    def end(self, seconds: float) -> float | None:
        """Return when the outage of a moment ends; None where there is none."""
        for start, end in self.spans:
            if start <= seconds < end:
                return end
        return None

    def until_next(self, seconds: float) -> float:
        """Return how long it is to the next one, never quite nothing."""
        waits = [start - seconds for start, _ in self.spans if start > seconds]
        return max(min(waits, default=1e6), 0.001)
