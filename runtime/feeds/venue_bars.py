"""Bars read from a venue's history: those that its stream has not told, and those of before a new feed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Final

from brokers.alpaca.actions import CorporateAction, read_actions
from brokers.alpaca.budget import Use
from brokers.alpaca.history import DAYS, MINUTES, read_bars
from engine.errors import VenueError
from engine.model.units import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND
from engine.ports import FeedItem, WarmUp
from runtime.feeds import wire
from runtime.feeds.assembling import pack_cursor
from runtime.feeds.minutes import NS_PER_NUMBER
from runtime.feeds.venue_line import VenueLine
from runtime.feeds.venue_state import VenueState
from runtime.feeds.warming import Warming, read_past, warm_up_of

CLOCK_SECONDS_MIN: Final = 0.8  # between two looks at the venue's clock, where bars wait for it


def wants_bars(state: VenueState, line: VenueLine) -> bool:
    """Return whether a bar is due that has not come."""
    is_due = state.minutes.next_ns <= min(state.over_ns, state.announced.limit_ns - 1)
    return is_due and line.may_ask


def is_long_due(state: VenueState) -> bool:
    """Return whether we have slept: what comes now is too old to be entered on."""
    due_ns = state.over_ns - state.minutes.next_ns
    return state.time.is_real and due_ns > state.settings.stale_seconds * NS_PER_SECOND


async def ask_bars(state: VenueState, line: VenueLine, *, is_gap: bool) -> AsyncIterator[FeedItem]:
    """Read the bars that have not come, and yield what that makes known.

    Parameters
    ----------
    is_gap
        Nothing is entered on what is read: it is not known how long ago it was.

    Raises
    ------
    VenueError
        If the venue refuses our keys, or its stream is mute.
    """
    stream, time, notices = line.stream, state.time, state.notices
    since_ns = state.minutes.next_ns
    if is_gap and not notices.is_in_gap:
        yield notices.gap("bars of before are read", since_ns)
    try:
        is_old = not time.is_real and time.is_older_than(CLOCK_SECONDS_MIN)
        if is_old and line.trading.budget.has_room(Use.DATA):
            await line.read_clock(time)
        until_ns, read_ns = min(state.over_ns, state.announced.limit_ns - 1), time.now_ns()
        bars = await _read(state, line, since_ns, until_ns)
    except VenueError as error:
        if not notices.is_in_gap:
            yield notices.gap(f"bars cannot be read: {error.problem}", since_ns)
        line.put_off(error)
        return
    received_ns = time.received_ns(read_ns)
    count = _put(state, bars, until_ns, received_ns)
    for item in state.minutes.confirm(until_ns, received_ns):
        yield item
    if stream is None:
        return
    if notices.is_in_gap or (count and not state.wish.is_daily):
        yield notices.filled(f"bars that the stream had not told were read: {count}", since_ns)
    line.require_voice(stream, count)


async def warm_up(state: VenueState, line: VenueLine, warming: Warming) -> WarmUp:
    """Read the bars of before; where that cannot be for long it begins without.

    Raises
    ------
    VenueError
        If the venue refuses our keys, or does not answer and may still be waited for.
    """

    async def actions(first: date, last: date) -> list[CorporateAction]:
        return await read_actions(line.data, state.wish.symbols, first, last)

    async def bars(since_ns: int, until_ns: int) -> list[wire.Bar]:
        return await _read(state, line, since_ns, until_ns)

    cursor = pack_cursor(warming.until_ns // NS_PER_NUMBER, 0)
    try:
        told = warm_up_of(warming, cursor, await read_past(warming, bars, actions))
    except VenueError as error:
        waited_ns = state.clock.monotonic_ns() - state.begun_ns
        if error.is_authorization or waited_ns < state.settings.history_seconds * NS_PER_SECOND:
            raise
        problem = f"bars of before cannot be read: {error.problem}"
        told = warm_up_of(warming, cursor, problem=problem)
    state.warming = None
    return told


async def read_minutes(
    state: VenueState, line: VenueLine, since_ns: int, until_ns: int
) -> list[wire.Bar]:
    """Return the bars of minutes that nobody waits for, as far as requests are left for that.

    Raises
    ------
    VenueError
        If the venue does not answer.
    """
    assert not state.wish.is_daily
    return await _read(state, line, since_ns, until_ns, Use.DATA)


async def _read(
    state: VenueState, line: VenueLine, since_ns: int, until_ns: int, use: Use = Use.QUESTION
) -> list[wire.Bar]:
    """Return the bars that close from one time to another, and some that close later."""
    wish = state.wish
    length_ns, timeframe = (NS_PER_DAY, DAYS) if wish.is_daily else (NS_PER_MINUTE, MINUTES)
    start_ns = since_ns - length_ns
    found = await read_bars(
        line.data, wish.symbols, start_ns, until_ns, timeframe=timeframe, feed=wish.feed, use=use
    )
    return [bar for each in found if (bar := state.messages.bar(each)) is not None]


def _put(state: VenueState, bars: Sequence[wire.Bar], until_ns: int, received_ns: int) -> int:
    """Keep the bars that are over; return how many the stream had not told."""
    over = [each for each in bars if each.ts <= until_ns]
    for each in over:
        state.prices.heard(each.symbol, each.ts)
    return sum(state.minutes.put(each, max(received_ns, each.ts)) for each in over)
