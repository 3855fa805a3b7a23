"""What a session counts and measures: numbers that a heartbeat tells and a metrics page shows."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import msgspec

from engine.model.units import NS_PER_SECOND
from runtime.observing.events import EventName

BOUNDS_NS: Final[tuple[int, ...]] = tuple(
    step * 10**power for power in range(4, 10) for step in (1, 3)
)  # 10 us, 30 us ... 3 s
_PER_MILLE: Final = 1_000


@dataclass(slots=True)
class Histogram:
    """Durations in buckets with fixed bounds (`BOUNDS_NS`), the last without."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_NS) + 1))
    sum_ns: int = 0
    max_ns: int = 0

    def add(self, duration_ns: int) -> None:
        """Count a duration."""
        self.counts[bisect_left(BOUNDS_NS, duration_ns)] += 1
        self.sum_ns += duration_ns
        self.max_ns = max(self.max_ns, duration_ns)

    @property
    def count(self) -> int:
        """How many were counted."""
        return sum(self.counts)

    def at_most_ns(self, per_mille: int) -> int:
        """Return a bound under which so many of a thousand are: a bucket's, or the longest."""
        wanted, seen = self.count * per_mille, 0
        for count, bound in zip(self.counts, BOUNDS_NS):
            seen += count
            if seen * _PER_MILLE >= wanted:
                return min(self.max_ns, bound)
        return self.max_ns


class Latency(msgspec.Struct, frozen=True):
    """A histogram in three numbers, in milliseconds; the first two are bounds of buckets."""

    p50_ms: float
    p99_ms: float
    max_ms: float


def latency_of(histogram: Histogram) -> Latency:
    """Return what a heartbeat tells of a histogram."""
    ms = NS_PER_SECOND // 1_000
    return Latency(
        histogram.at_most_ns(500) / ms, histogram.at_most_ns(990) / ms, histogram.max_ns / ms
    )


@dataclass(slots=True)
class Counts:
    """The counters and histograms of one session."""

    slices: int = 0
    events: Counter[EventName] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    alerts: Counter[str] = field(default_factory=Counter)
    heartbeats: int = 0
    faults: int = 0  # of the observers themselves
    decision: Histogram = field(default_factory=Histogram)
    sending: Histogram = field(default_factory=Histogram)
    lag: Histogram = field(default_factory=Histogram)
