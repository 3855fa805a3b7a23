"""A venue's history, asked of minutes of which no bar has come, once they are old enough to be final.

Nothing is decided on the answer: it stands in the session's journal, for whoever judges its days.
"""

from __future__ import annotations

from typing import Final

from brokers.alpaca.budget import Use
from engine.errors import VenueError
from engine.model.units import NS_PER_SECOND
from engine.ports import HistoryTold
from runtime.feeds.silent_minutes import Stretch
from runtime.feeds.venue_bars import read_minutes
from runtime.feeds.venue_line import VenueLine
from runtime.feeds.venue_state import VenueState

_WAITS_MOST: Final = 20  # ten minutes


def silent_stretch(state: VenueState, line: VenueLine) -> Stretch | None:
    """Return of which minutes the history is to be asked now: only while nothing else waits for an answer."""
    if state.silent is None or line.stream is None or state.notices.is_in_gap:
        return None
    if state.clock.monotonic_ns() < state.silent_after_ns or state.time.trusted_ns() is None:
        return None
    left_ns = state.minutes.next_ns - state.now_ns  # the next bar does not wait for the answer
    if state.time.is_real and left_ns < state.settings.request_seconds * NS_PER_SECOND:
        return None
    if not line.data.budget.has_room(Use.DATA):
        return None
    return state.silent.next(state.time.now_ns(), state.minutes.sure_ns)


async def ask_silent(state: VenueState, line: VenueLine, stretch: Stretch) -> HistoryTold | None:
    """Ask of them; None: it is still as it was told before."""
    assert state.silent is not None
    asked_ns = state.time.now_ns()
    try:
        found = await read_minutes(state, line, stretch.since_ns, stretch.until_ns)
    except VenueError as error:
        return _failed(state, stretch, error.problem, error.retry_after_seconds)
    numbers = {symbol: number for number, symbol in enumerate(state.wish.symbols)}
    told = state.silent.answered(stretch, ((numbers[each.symbol], each.ts) for each in found))
    if told.lacks:
        problem = f"it lacks {told.lacks} bars that the stream has told"
        failed = _failed(state, stretch, problem)
        if state.silent_failures < state.settings.fill_attempts:
            return failed
        state.silent.done(stretch)  # the venue has taken them back: so it stays
        state.silent_failures = 0
        return failed
    state.silent.done(stretch)
    state.silent_failures = 0
    return HistoryTold(stretch.since_ns, stretch.until_ns, asked_ns, told.bars, told.missed)


def _failed(
    state: VenueState, stretch: Stretch, problem: str, at_least: float = 0.0
) -> HistoryTold | None:
    """Ask again later, each time later still, and say why, once."""
    state.silent_failures += 1
    wait = state.settings.wait_seconds_max * min(state.silent_failures, _WAITS_MOST)
    wait_ns = round(max(wait, at_least) * NS_PER_SECOND)
    state.silent_after_ns = state.clock.monotonic_ns() + wait_ns
    if state.silent_failures > 1:
        return None
    return HistoryTold(stretch.since_ns, stretch.until_ns, state.time.now_ns(), {}, 0, problem)
