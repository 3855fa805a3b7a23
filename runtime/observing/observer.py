"""`SessionObserver`: who looks on at one session: events, alerts, health, heartbeat.

Everything it is told costs the session microseconds: rows become events, events go to queues of threads
(logs, channels, the database of alerts). A mistake in here is counted and told, and never the session's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, ParamSpec

import msgspec

from engine.model import layout as at
from engine.model.trading import Latch
from engine.model.units import NS_PER_SECOND
from engine.ports import Clock, FeedItem, Notice, NoticeKind, Rows, Slice, TimePassed
from runtime.backtest.clockwork import Clockwork
from runtime.gateway.refusals import Refused
from runtime.journal.journal import JournalState
from runtime.journal.records import Noted, StateChanged
from runtime.observing.advice import advice_on
from runtime.observing.alerting import REPEAT_NS, AlertBook, Clear, Raise, Told, alerts_of
from runtime.observing.counting import Counts, latency_of
from runtime.observing.events import CRITICAL, INFO, WARNING, Event, EventName
from runtime.observing.folding import EventFold, Known
from runtime.observing.glance import Glance, glance_of
from runtime.observing.health import (
    STALE_NS,
    Change,
    Component,
    Condition,
    HealthFold,
    MarketHours,
    stale_ns,
)
from runtime.observing.heartbeat import Heartbeat, Pulse, heartbeat_of, unhealthy_of
from runtime.observing.logs import Log
from runtime.observing.masking import Masker
from runtime.observing.supervising import HEARTBEAT_SECONDS, Alive, supervised

if TYPE_CHECKING:
    from runtime.session.parts import Observers
    from runtime.session.session import Session

LOOK_SECONDS: Final = 1.0
GLANCE_SECONDS: Final = 0.25
EVENTS_KEPT: Final = 200
_PRESSURE_HIGH: Final = 0.5
_PARTS_OF_TRADING: Final = (Component.FEED, Component.BROKER)
_BEGINNING: Final = ("created", "starting", "reconciling")
_BAD_NOTICES: Final = {
    NoticeKind.DISCONNECTED: Condition.DOWN,
    NoticeKind.STALE: Condition.DEGRADED,
    NoticeKind.GAP: Condition.DEGRADED,
}
_GOOD_NOTICES: Final = (NoticeKind.CONNECTED, NoticeKind.FILLED)
_LOUD: Final = {Condition.DEGRADED: WARNING, Condition.DOWN: CRITICAL}
_P = ParamSpec("_P")


Outlet = Callable[[Told], None]  # where alerts go: takes a message at once, without waiting


@dataclass(slots=True)
class Looks:
    """What an observer looks with.

    Parameters
    ----------
    log
        None: nothing is logged.
    outlets
        Where alerts go, from `severity` on.
    clockwork
        The calendars of the run; None: market hours are not known, and data never stale.
    is_recorded
        The feed replays what is complete: its data cannot be stale.
    known
        Returns what a session knew before it was stopped.
    strategy, span_ns
        Its name; the first and last time of what is replayed, None where the end is not known.
    glanced
        Shown what a screen shows, four times a second; None: there is no screen.
    """

    clock: Clock
    masker: Masker = field(default_factory=Masker)
    log: Log | None = None
    outlets: Sequence[Outlet] = ()
    severity: str = WARNING
    book: AlertBook = field(default_factory=AlertBook)
    clockwork: Clockwork | None = None
    is_recorded: bool = True
    known: Callable[[str], Known] = lambda session_id: Known()
    heard: Callable[[Event], None] = lambda event: None
    strategy: str = ""
    span_ns: tuple[int, int] | None = None
    glanced: Callable[[Glance], None] | None = None


class SessionObserver:
    """The observer of one session; `observers` is what the session is given."""

    def __init__(self, looks: Looks) -> None:
        self.looks, self.counts = looks, Counts()
        self.events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self.health = HealthFold(frozenset({Component.STRATEGY, Component.MONITOR}))
        self.beat: Heartbeat | None = None
        self._beat_ns = 0
        self.session: Session | None = None
        self._fold: EventFold | None = None
        self._hours: MarketHours | None = None
        self.joined_ns = self.begun_equity_minor = 0
        self._begun_ns: int | None = None
        self.item_ns: int | None = None
        self._sending_ns = 0
        self._started = ""
        self._from_threads: deque[Raise | Clear] = deque()
        self._last_slice: Slice | None = None
        self.data_ns = 0
        self._lengths: dict[int, int] = {}
        self._is_health_latched = False
        self._has_begun = False
        self._side_task: asyncio.Future[None] | None = None
        self._has_told_fault = False

    @property
    def observers(self) -> Observers:
        """What the session tells."""
        from runtime.session.parts import Observers

        return Observers(
            rows=self._shielded(self._rows),
            state=self._shielded(self._state),
            noted=self._shielded(self._noted),
            refused=self._shielded(self._refused),
            begun=self._begun,
            sending=self._sending,
            item=self._shielded(self._item),
            joined=self._joined,
            tasks=self._tasks,
            ended=self._shielded(self._ended),
            masked=self.looks.masker.text,
            pulse=self._pulse,
        )

    @property
    def is_on(self) -> bool:
        """Whether its session runs."""
        return self.session is not None and not self.session.state.is_final

    # --- what the session tells ----------------------------------------------------------------------
    def _joined(self, session: Session) -> None:
        self.session = session
        core, session_id = session.parts.core, session.parts.journal.session_id
        if self.looks.log is not None:
            self.looks.log.join(session_id, self.looks.strategy)
        self._fold = EventFold(
            core.instruments,
            session.parts.fingerprint,
            is_trading=bool(core.plain.account[at.ACCOUNT_TRADING]),
            known=self.looks.known(session_id),
        )
        work = self.looks.clockwork
        if work is not None:
            calendars = [work.number(item.calendar) for item in core.instruments]
            self._hours = MarketHours(work, calendars)
        now_ns = self.joined_ns = self.looks.clock.monotonic_ns()
        self.begun_equity_minor = core.equity_minor
        for part in Component:
            self.health.seen(part, now_ns)

    def _begun(self, item: FeedItem) -> None:
        self._begun_ns = self.looks.clock.monotonic_ns()

    def _sending(self, begins: bool) -> None:
        now_ns = self.looks.clock.monotonic_ns()
        if begins:
            if self._begun_ns is not None:
                self.counts.decision.add(now_ns - self._begun_ns)
                self._begun_ns = None
            self._sending_ns = now_ns
        else:
            self.counts.sending.add(now_ns - self._sending_ns)

    def _rows(self, rows: Rows) -> None:
        assert self._fold is not None
        for event in self._fold.take(rows):
            self.tell(event)

    def _item(self, item: FeedItem) -> None:
        self.item_ns = now_ns = self.looks.clock.monotonic_ns()
        if isinstance(item, Slice):
            self.counts.slices += 1
            self._last_slice, self.data_ns = item, item.ts_ns
            if self._begun_ns is not None:  # without a command the decision ends with the input
                self.counts.decision.add(now_ns - self._begun_ns)
        elif isinstance(item, TimePassed):
            self.data_ns = max(self.data_ns, item.now_ns)
        elif isinstance(item, Notice):
            self._notice(item, now_ns)
        self._begun_ns = None

    def _notice(self, notice: Notice, now_ns: int) -> None:
        if notice.kind in _BAD_NOTICES:
            reason = f"{notice.kind.value}: {notice.detail}"
            self.health.say(Component.FEED, _BAD_NOTICES[notice.kind], reason, now_ns)
        elif notice.kind in _GOOD_NOTICES:
            self.health.say(Component.FEED, Condition.UP, "", now_ns)

    def _state(self, changed: StateChanged) -> None:
        severity = {"halted": CRITICAL, "failed": CRITICAL, "reconciling": INFO}
        text = f"{changed.before} to {changed.after}: {changed.cause}"
        self.tell(
            Event(
                EventName.STATE_CHANGED,
                self._now_ns,
                text=text,
                reason=changed.after,
                severity=severity.get(changed.after, INFO),
            )
        )
        if changed.after == "starting":
            self._started = changed.cause
        elif changed.after in ("running", "paused") and self._started:
            self._loop(EventName.LOOP_STARTED, self._started)
            self._started = ""
        if changed.after in ("stopped", "failed"):
            self._loop(EventName.LOOP_STOPPED, changed.cause)
        if changed.after == "running":
            now_ns = self.looks.clock.monotonic_ns()
            self.health.say(Component.STRATEGY, Condition.UP, "", now_ns)

    def _loop(self, name: EventName, cause: str) -> None:
        self.tell(Event(name, self._now_ns, text=cause, reason=cause))

    def _noted(self, noted: Noted) -> None:
        severity = {"information": INFO, "debug": INFO, "": INFO}.get(
            noted.severity, noted.severity
        )
        self.tell(
            Event(
                EventName.NOTED,
                noted.ts_ns,
                text=noted.text,
                severity=severity,
                episode=noted.kind,
                reason=noted.subject,
            )
        )
        if noted.kind == "strategy" and severity == CRITICAL:
            now_ns = self.looks.clock.monotonic_ns()
            self.health.say(Component.STRATEGY, Condition.DOWN, noted.text, now_ns)

    def _refused(self, command: object, refused: Refused) -> None:
        self.counts.refusals[refused.code.name.lower()] += 1

    def _ended(self) -> None:
        self._glance()

    # --- events and alerts ---------------------------------------------------------------------------
    def tell(self, event: Event) -> None:
        """Take an event: count it, log it, keep it, and see whether somebody has to know."""
        masked = self.looks.masker.text(event.text) if event.text else ""
        if masked != event.text:
            event = msgspec.structs.replace(event, text=masked)
        self.counts.events[event.name] += 1
        self.events.append(event)
        self.looks.heard(event)
        if self.looks.log is not None:
            self.looks.log.event(event)
        for one in alerts_of(event):
            self.alert(one)

    def alert(self, one: Raise | Clear) -> None:
        """Begin, count or end an episode, and tell the channels what is to be told."""
        self._send(self.looks.book.take(one, self.looks.clock.monotonic_ns()))

    def soon(self, one: Raise | Clear) -> None:
        """Take an alert from another thread, e.g. a channel's."""
        self._from_threads.append(one)

    def _send(self, messages: Sequence[Told]) -> None:
        for told in messages:
            if not told.is_over:
                self.counts.alerts[told.severity] += 1
            self._mention(told)
            if told.severity == INFO or (told.severity != CRITICAL and self._only_critical):
                continue
            for put in self.looks.outlets:
                put(self._ours(told))

    def _ours(self, told: Told) -> Told:
        """Return a message that says whose it is, and while it lasts what to do about it."""
        session = "" if self.session is None else self.session.parts.journal.session_id
        advice = "" if told.is_over else advice_on(told.episode, session)
        text = f"{told.text}\nWhat to do: {advice}." if advice else told.text
        return msgspec.structs.replace(
            told, text=text, session=session, strategy=self.looks.strategy
        )

    @property
    def _only_critical(self) -> bool:
        return self.looks.severity == CRITICAL

    def _mention(self, told: Told) -> None:
        """Log an alert, unless it is an event of the engine that was logged as one."""
        if told.episode.startswith("engine:") and not told.is_over:
            return
        name = EventName.ALERT_CLEARED if told.is_over else EventName.ALERT_RAISED
        text = f"{told.subject}: {told.text}"
        severity = INFO if told.is_over else told.severity
        event = Event(name, self._now_ns, text=text, severity=severity, episode=told.episode)
        self.counts.events[name] += 1
        self.events.append(event)
        self.looks.heard(event)
        if self.looks.log is not None:
            self.looks.log.event(event)

    # --- health and heartbeat ----------------------------------------------------------------------
    def _tasks(self) -> Sequence[Coroutine[Any, Any, None]]:
        works = [self._look_on, self._beat_on]
        if self.looks.glanced is not None:
            works.append(self._glance_on)
        clock = self.looks.clock
        return [supervised(work, clock, restarted=self._restarted) for work in works]

    async def _glance_on(self, alive: Alive) -> None:
        while True:
            self._glance()
            alive()
            await self.looks.clock.sleep(GLANCE_SECONDS)

    def _glance(self) -> None:
        if self.session is not None and self.looks.glanced is not None:
            self.looks.glanced(glance_of(self, self.session))

    async def _look_on(self, alive: Alive) -> None:
        clock = self.looks.clock
        while True:
            before = clock.monotonic_ns()
            await clock.sleep(LOOK_SECONDS)
            now_ns = clock.monotonic_ns()
            self.counts.lag.add(max(now_ns - before - int(LOOK_SECONDS * NS_PER_SECOND), 0))
            while self._from_threads:
                self.alert(self._from_threads.popleft())
            self._send(self.looks.book.look(now_ns))
            await self._look(now_ns)
            alive()

    async def _look(self, now_ns: int) -> None:
        """Look at every part once."""
        session = self.session
        assert session is not None
        if self.item_ns is not None:
            self.health.seen(Component.FEED, self.item_ns)
        if session.is_connected:
            self.health.say(Component.BROKER, Condition.UP, "", now_ns)
        else:
            self.health.say(Component.BROKER, Condition.DOWN, "not connected", now_ns)
        self._look_at_journal(now_ns)
        self._look_at_positions(now_ns)
        if not self._is_judged(now_ns):
            return
        is_open = self._hours is None or self._hours.is_any_open(self.data_ns)
        asleep = frozenset() if is_open else frozenset({Component.FEED.value})
        for change in self.health.look(now_ns, asleep=asleep):
            self._changed(change)
        await self._latch()

    def _is_judged(self, now_ns: int) -> bool:
        """Whether it has been at work once: until then its parts come, for two minutes at most."""
        if not self._has_begun:
            assert self.session is not None
            is_whole = self.session.state not in _BEGINNING and self.session.is_connected
            is_late = now_ns - self.joined_ns > STALE_NS
            self._has_begun = (is_whole and self.data_ns > 0) or is_late
        return self._has_begun

    def _look_at_journal(self, now_ns: int) -> None:
        assert self.session is not None
        journal = self.session.parts.journal
        if journal.state is JournalState.OPEN and journal.pressure <= _PRESSURE_HIGH:
            self.health.say(Component.DATABASE, Condition.UP, "", now_ns)
        elif journal.state is JournalState.OPEN:
            reason = "the journal cannot keep up"
            self.health.say(Component.DATABASE, Condition.DEGRADED, reason, now_ns)
        else:
            reason = f"the journal is in its state {journal.state.value}"
            self.health.say(Component.DATABASE, Condition.DOWN, reason, now_ns)

    def _look_at_positions(self, now_ns: int) -> None:
        """Say of each position whose market is open for how long nothing has come of it."""
        if self.looks.is_recorded or self._hours is None:
            return
        assert self.session is not None
        core = self.session.parts.core
        self._learn_lengths()
        held = {each.instrument for each in core.positions()}
        for i, instrument in enumerate(core.instruments):
            subject = f"position {instrument.symbol}"
            if i not in held:
                self.health.forget(subject)
                continue
            last_ns = core.plain.positions[i, at.POSITION_LAST_TS]
            length_ns = self._lengths.get(i, max(self._lengths.values(), default=0))
            opened_ns = self._hours.opened_ns(i, self.data_ns)
            age = stale_ns(last_ns, length_ns, opened_ns, self.data_ns)
            condition = Condition.DEGRADED if age else Condition.UP
            reason = "no data for more than two minutes while its market is open" if age else ""
            self.health.say(subject, condition, reason, now_ns)

    def _learn_lengths(self) -> None:
        if self._last_slice is None:
            return
        for row in self._last_slice.events.tolist():
            if row[at.EVENT_KIND] == at.KIND_BAR:
                length_ns = row[at.EVENT_TS] - row[at.BAR_OPEN_TS]
                self._lengths[row[at.EVENT_INSTRUMENT]] = length_ns
        self._last_slice = None

    def _changed(self, change: Change) -> None:
        episode = f"health:{change.subject}"
        severity = _LOUD.get(change.condition, INFO)
        text = f"{change.subject} is {change.condition.value}"
        self.tell(
            Event(
                EventName.HEALTH_CHANGED,
                self._now_ns,
                severity=severity,
                episode=episode,
                reason=change.reason,
                text=": ".join(filter(None, (text, change.reason))),
            )
        )
        if change.condition is Condition.UP:
            self.alert(Clear(episode))
        else:
            self.alert(Raise(episode, severity, change.subject, change.reason, REPEAT_NS))

    async def _latch(self) -> None:
        """Tell the engine: entries stop while what trading needs is not well."""
        assert self.session is not None
        is_bad = any(
            condition is not Condition.UP
            and (name in _PARTS_OF_TRADING or name.startswith("position "))
            for name, (condition, _) in self.health.conditions().items()
        )
        if is_bad != self._is_health_latched:
            await self.session.tell_component(Latch.HEALTH, "health", is_good=not is_bad)
            self._is_health_latched = is_bad

    async def _beat_on(self, alive: Alive) -> None:
        while True:
            await self.looks.clock.sleep(HEARTBEAT_SECONDS)
            self.heartbeat()
            alive()

    def heartbeat(self) -> Heartbeat:
        """Make, log and return a heartbeat."""
        assert self.session is not None
        self.counts.heartbeats += 1
        beat = heartbeat_of(self.session, self.counts, self.health.conditions())
        self.beat, self._beat_ns = beat, self.looks.clock.monotonic_ns()
        if self.looks.log is not None:
            self.looks.log.line(EventName.HEARTBEAT, **msgspec.to_builtins(beat))
        return beat

    def _pulse(self) -> str:
        """Return, as JSON, how the session fares."""
        age_ns = self.looks.clock.monotonic_ns() - self._beat_ns
        pulse = Pulse(
            None if self.beat is None else round(age_ns / NS_PER_SECOND, 3),
            latency_of(self.counts.lag),
            latency_of(self.counts.decision),
            unhealthy_of(self.health.conditions()),
        )
        return msgspec.json.encode(pulse).decode()

    def _restarted(self, reason: str, is_too_often: bool) -> None:
        now_ns = self.looks.clock.monotonic_ns()
        self.health.say(Component.MONITOR, Condition.DEGRADED, f"restarted: {reason}", now_ns)
        self.alert(Raise("monitor", WARNING, "monitor", f"restarted: {reason}", lapse_ns=REPEAT_NS))
        if is_too_often and self.session is not None:
            text = "restarted more than five times in a minute; nothing is entered"
            self.alert(Raise("supervisor", CRITICAL, "supervisor", text))
            told = self.session.tell_component(Latch.SUPERVISOR, "supervisor", is_good=False)
            self._side_task = asyncio.ensure_future(told)

    # --- mistakes in here ------------------------------------------------------------------------------
    def _shielded(self, work: Callable[_P, None]) -> Callable[_P, None]:
        """Return a callback whose mistakes are not the session's."""

        def shielded(*args: _P.args, **kwargs: _P.kwargs) -> None:
            try:
                work(*args, **kwargs)
            except Exception as error:  # noqa: BLE001  (looking on must not end what is looked at)
                self._fault(error)

        return shielded

    def _fault(self, error: Exception) -> None:
        self.counts.faults += 1
        if self._has_told_fault:
            return
        self._has_told_fault = True
        reason = self.looks.masker.text(f"{type(error).__name__}: {error}")
        now_ns = self.looks.clock.monotonic_ns()
        self.health.say(Component.MONITOR, Condition.DEGRADED, reason, now_ns)

    @property
    def _now_ns(self) -> int:
        return 0 if self.session is None else self.session.parts.core.now_ns
