"""Where the time of a bar goes, from its socket to the decision: for ``python -m benchmarks.latency --steps``."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from typing import Any

from aiohttp.client_proto import ResponseHandler

from brokers.alpaca import market_stream
from runtime.feeds.minutes import MinuteAssembler
from runtime.feeds.venue_messages import VenueMessages
from runtime.session.feeding import FeedSide
from runtime.session.intake import Intake
from runtime.session_core.core import SessionCore
from runtime.session_core.drivers.rules import RulesDriver

# What is done, by the work in it that is timed; between two of them is the way from one to the other.
_WORKS: tuple[tuple[Any, str, str], ...] = (
    (ResponseHandler, "data_received", "bytes to a frame (aiohttp)"),
    (market_stream, "decode_frame", "frame to a bar"),
    (VenueMessages, "bar", "onto the instrument's grid"),
    (MinuteAssembler, "hear", "kept until its minute is whole"),
    (MinuteAssembler, "whole", "minute to rows"),
    (RulesDriver, "read", "formulas"),
    (SessionCore, "decide", "the core's rules"),
)
_PLACES: tuple[tuple[Any, str, str], ...] = (
    (FeedSide, "_item", "the session's task has it, under its lock"),
    (Intake, "slice", "the session's own checks"),
)


class Steps:
    """Clocks at the steps between two moments; `begin` and `end` are those."""

    def __init__(self) -> None:
        self._marks: dict[str, int] = {}
        self._runs: list[dict[str, int]] = []
        for place, name, text in _WORKS:
            self._watch(place, name, text, is_work=True)
        for place, name, text in _PLACES:
            self._watch(place, name, text, is_work=False)

    def _watch(self, place: Any, name: str, text: str, *, is_work: bool) -> None:
        work: Callable[..., Any] = getattr(place, name)

        def watched(*arguments: Any, **keys: Any) -> Any:
            marks = self._marks
            if marks:
                marks.setdefault(f"to: {text}" if is_work else text, perf_counter_ns())
            done = work(*arguments, **keys)
            if marks and is_work:
                marks.setdefault(text, perf_counter_ns())
            return done

        setattr(place, name, watched)

    def begin(self, now: int) -> None:
        """A bar's bytes are here."""
        self._marks.clear()
        self._marks["begin"] = now

    def end(self, now: int) -> None:
        """It is decided on."""
        if self._marks:
            self._runs.append({**self._marks, "to: the decision": now})
            self._marks.clear()

    def show(self) -> None:
        """Print the median of each step, in the order in which they come."""
        names = {name for run in self._runs for name in run}
        when = {
            name: median(run[name] - run["begin"] for run in self._runs if name in run)
            for name in names
        }
        print(f"\n{'microseconds, p50':52} {'step':>8} {'since':>8}")
        last = "begin"
        for name in sorted(names - {"begin"}, key=lambda each: when[each]):
            both = [run[name] - run[last] for run in self._runs if name in run and last in run]
            print(f"{name:52} {median(both) / 1e3:8.1f} {when[name] / 1e3:8.1f}")
            last = name
