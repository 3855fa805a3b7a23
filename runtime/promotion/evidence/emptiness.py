"""Bars that did not come since nobody traded, as a venue's history has said: what a session's journal has of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.model import layout as at
from engine.ports import Rows
from runtime.feeds.silent_minutes import Proven
from runtime.promotion.evidence.seen import Seen

_DIFFERS = "it lacks bars that were recorded"
_UNASKED = "it was not asked of all of them"


@dataclass(frozen=True, slots=True)
class Emptiness:
    """By instrument the closes of a day's empty bars; and why it is not known of others, where that is so."""

    bars: Sequence[set[int]]
    problem: str


def emptiness(
    seen: Seen, bars: Rows, spans: Sequence[tuple[int, int]], came: Sequence[set[int]]
) -> Emptiness:
    """Return which of a day's bars were empty.

    An answer that lacks what was recorded is not the venue's whole history, and nothing of that day is proven.

    Parameters
    ----------
    bars
        Those that came.
    spans
        Open and close of each that the day has.
    came
        By instrument the closes of those that came.
    """
    nothing: list[set[int]] = [set() for _ in came]
    if not seen.history or not spans:
        return Emptiness(nothing, "")
    first_ns, last_ns = spans[0][0], spans[-1][1]
    own = [each for each in seen.history if each.since_ns < last_ns and each.until_ns > first_ns]
    proven = Proven()
    for each in own:
        proven.add(each.since_ns, each.until_ns, each.asked_ns, each.bars, each.problem)
    columns = (at.EVENT_INSTRUMENT, at.BAR_OPEN_TS, at.EVENT_TS)
    if any(proven.is_empty(*bar) for bar in bars[:, columns].tolist()):
        return Emptiness(nothing, _DIFFERS)
    empty = [
        {span[1] for span in spans if span[1] not in its and proven.is_empty(number, *span)}
        for number, its in enumerate(came)
    ]
    is_left = any(_is_left(proven, number, spans, its) for number, its in enumerate(came))
    problem = own[-1].problem if own else ""
    return Emptiness(empty, (problem or _UNASKED) if is_left else "")


def _is_left(proven: Proven, number: int, spans: Sequence[tuple[int, int]], came: set[int]) -> bool:
    """Return whether nobody has asked of a bar that did not come."""
    return any(span[1] not in came and not proven.was_asked(number, *span) for span in spans)
