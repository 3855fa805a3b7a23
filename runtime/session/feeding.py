"""`FeedSide`: what a session's feed tells, taken one item after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Final

import msgspec

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.trading import ApiErrorClass
from engine.model.units import NS_PER_SECOND
from engine.ports import (
    AsksHistory,
    EvidenceClass,
    FeedItem,
    HistoryTold,
    Notice,
    NoticeKind,
    Slice,
    TellsAge,
    TimePassed,
    WarmUp,
)
from runtime.journal.failures import NotDurable
from runtime.journal.records import OperatorInput
from runtime.session.condition import Condition
from runtime.session.intake import Intake, to_bytes
from runtime.session.parts import Asked, Parts
from runtime.session.surroundings import Surroundings
from runtime.session.thin_days import ThinDays
from runtime.session.tidying import tidy
from runtime.session.wishes import PART, part_rows

LATES_MAX: Final = 3
_PRESSURE_OF_REPLAY: Final = 0.25  # then replayed data waits for the journal
_BAD: Final = (NoticeKind.DISCONNECTED, NoticeKind.GAP, NoticeKind.STALE)
_GOOD: Final = (NoticeKind.CONNECTED, NoticeKind.FILLED)


class FeedSide:
    """See the module.

    Parameters
    ----------
    compare
        Holds books and broker against each other; called when the market closes.
    ask
        Has something done as if a person had asked for it; under the lock.
    tell_age
        Tells the engine whether the data are of now, where that has changed; under the lock.
    """

    def __init__(
        self,
        parts: Parts,
        condition: Condition,
        intake: Intake,
        lock: asyncio.Lock,
        surroundings: Surroundings,
        compare: Callable[[], Awaitable[None]],
        ask: Callable[[Asked], Awaitable[str]],
        tell_age: Callable[[], Awaitable[None]],
    ) -> None:
        self._parts, self._condition, self._intake = parts, condition, intake
        self._lock, self._surroundings = lock, surroundings
        self._compare, self._ask, self._tell_age = compare, ask, tell_age
        self._late_ns = round(parts.options.decision_seconds * NS_PER_SECOND)
        self._lates = 0  # in a row
        self._is_day_begun = False
        # What is replayed has no days of its own.
        self._has_days = isinstance(parts.feed, TellsAge)
        core = parts.core
        self._thin = ThinDays(
            [core.plain.terms[i, at.TERM_CALENDAR] for i in range(len(core.instruments))],
            [each.symbol for each in core.instruments],
            asks_history=isinstance(parts.feed, AsksHistory) and parts.feed.asks_history,
        )

    async def run(self) -> None:
        """Take what the feed has, until it ends."""
        parts, journal = self._parts, self._parts.journal
        throttles = parts.feed.evidence is EvidenceClass.REHEARSAL
        items: AsyncIterator[FeedItem] = parts.feed.items(self._intake.cursor)
        async for item in items:
            if type(item) is TimePassed and self._is_idle_until(item.now_ns):
                self._surroundings.data_ns = item.now_ns
                parts.observers.begun(item)
                parts.observers.item(item)
                continue
            if type(item) is Slice:
                await self._begin_day(item)
            async with self._lock:
                await self._item(item)
            tidy()
            if throttles and journal.pressure > _PRESSURE_OF_REPLAY:
                with suppress(NotDurable):  # then the emergency file has it
                    await journal.durable(journal.head[0])

    async def _begin_day(self, one: Slice) -> None:
        """Have the account read before a day's first bar: what has happened over night is seen first."""
        kind = one.events[-1, at.EVENT_KIND]
        if kind == at.KIND_SESSION_CLOSE:
            self._is_day_begun = False
        elif at.KIND_BAR <= kind <= at.KIND_TRADE and not self._is_day_begun:
            self._is_day_begun = True
            if self._surroundings.venue is not None:
                await self._surroundings.venue.read_anew()

    def _is_idle_until(self, now_ns: int) -> bool:
        """Return whether no wait ends until a time, and nothing is under way that could begin one."""
        return self._parts.core.next_wake_ns > now_ns and not self._lock.locked()

    async def _item(self, item: FeedItem) -> None:
        self._parts.observers.begun(item)
        match item:
            case WarmUp():
                self._warm(item)
            case Slice():
                self._surroundings.data_ns = item.ts_ns
                self._hear(item)
                await self._tell_age()
                await self._intake.slice(item)
                self._tell_of_thin(item)
                if item.events[0, at.EVENT_KIND] == at.KIND_SESSION_CLOSE:
                    await self._compare()
                spent_ns = self._parts.core.guard.take_spent_ns()
                if spent_ns is not None:  # else the strategy is not shown such a slice
                    await self._follow_pace(spent_ns)
            case TimePassed():
                self._surroundings.data_ns = item.now_ns
                await self._tell_age()
                await self._intake.time(item.now_ns)
            case HistoryTold():
                self._keep_history(item)
            case Notice():
                self._heed(item)
                if item.is_refused:
                    await self._tell_refused()
        self._parts.observers.item(item)
        self._condition.follow()

    def _hear(self, one: Slice) -> None:
        """Let an instrument that was silent be entered again when it has data."""
        silent = self._surroundings.silent
        if not silent:
            return
        kinds, numbers = one.events[:, at.EVENT_KIND], one.events[:, at.EVENT_INSTRUMENT]
        is_market = (kinds >= at.KIND_BAR) & (kinds <= at.KIND_TRADE)
        for number in silent.intersection(numbers[is_market].tolist()):
            symbol = self._parts.core.instruments[number].symbol
            self._condition.note("feed", "info", "heard", f"{symbol}: its data come again")
            self._surroundings.silent -= {number}

    def _warm(self, past: WarmUp) -> None:
        """Let formulas see what was before the first slice, once."""
        if self._intake.cursor:
            return
        self._intake.warm(past)
        severity = "warning" if past.is_short else "info"
        self._condition.note("feed", severity, "warm-up", past.detail)

    def _tell_of_thin(self, one: Slice) -> None:
        if self._has_days:
            said = self._thin.take(one.events)
            if said:
                self._condition.note("days", "warning", "thin", said)

    def _keep_history(self, told: HistoryTold) -> None:
        """Keep what the venue's history has said of minutes without a bar, and say what a person should know."""
        masked = self._parts.observers.masked(told.problem)  # a venue's own words
        told = msgspec.structs.replace(told, problem=masked)
        self._intake.history(told)
        note = self._condition.note
        if told.problem:
            text = (
                "whether minutes without a bar were traded in is asked again: the venue's history"
            )
            note("days", "warning", "history", f"{text} does not say: {told.problem}")
        if told.missed:
            text = f"{told.missed} bars that the venue's history has had not come when their minutes were"
            note("days", "warning", "missed", f"{text} decided on: what was decided stands")
        said = self._thin.told(told)
        if said:
            note("days", "warning", "thin", said)

    async def _follow_pace(self, spent_ns: int) -> None:
        """Pause a strategy that was too slow three times in a row; what it wanted has expired."""
        self._lates = self._lates + 1 if spent_ns > self._late_ns else 0
        if self._lates < LATES_MAX or self._condition.standing.is_paused:
            return
        self._lates = 0
        seconds = self._parts.options.decision_seconds
        why = f"{LATES_MAX} decisions in a row took longer than {seconds:g} seconds"
        self._condition.note("strategy", "critical", "slow", why)
        await self._ask(Asked("pause", "watchdog", why))

    async def _tell_refused(self) -> None:
        """Tell the engine's breaker that the venue refuses us: it pauses everything."""
        now_ns = self._parts.core.now_ns
        rows = part_rows(at.KIND_API_ERROR, now_ns)
        rows[0, loop.ERROR_CLASS] = ApiErrorClass.AUTHORIZATION
        await self._intake.take(OperatorInput(now_ns, to_bytes(rows), PART, "feed"))

    def _heed(self, notice: Notice) -> None:
        """Follow what the feed says of itself: without a whole feed nothing is entered.

        Where one instrument is silent, nothing is entered in that one.
        """
        condition, is_bad = self._condition, notice.kind in _BAD
        condition.note("feed", "warning" if is_bad else "info", notice.kind.value, notice.detail)
        if notice.kind is NoticeKind.STALE and notice.instrument >= 0:
            self._surroundings.silent |= {notice.instrument}
        elif is_bad:
            condition.hold("feed", f"feed {notice.kind.value}: {notice.detail}")
        elif notice.kind in _GOOD:
            condition.free("feed", "the feed is whole again")
