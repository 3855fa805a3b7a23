"""Alerts: which events somebody has to be told of, once an episode, and when it is over.

An episode is named (``guard:daily_loss``, ``stale:AAPL``). While it is open it is told once, however often
it is raised, unless its kind asks to be repeated. What is not critical shares a number of messages a
minute; what finds no room is told together, later: nothing is dropped. Times are monotonic.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import msgspec

from engine.model.units import NS_PER_SECOND
from runtime.observing.events import CRITICAL, INFO, SEVERITIES, WARNING, Event, EventName

REPEAT_NS: Final = 600 * NS_PER_SECOND
LAPSE_NS: Final = 600 * NS_PER_SECOND
PER_MINUTE: Final = 20
_MINUTE: Final = 60 * NS_PER_SECOND


class Raise(msgspec.Struct, frozen=True):
    """Somebody has to know.

    Parameters
    ----------
    repeat_ns
        Told again after so long, while it lasts; 0: once.
    lapse_ns
        Over when it was not raised for so long; 0: somebody says so.
    """

    episode: str
    severity: str
    subject: str
    text: str
    repeat_ns: int = 0
    lapse_ns: int = 0


class Clear(msgspec.Struct, frozen=True):
    """An episode is over, or with a ``*`` at its end all that begin so."""

    episode: str


class Told(msgspec.Struct, frozen=True):
    """One message: an episode begins, goes on, or is over (`is_over`); `count` were raised.

    `session` and `strategy` say whose it is; the observer adds them.
    """

    episode: str
    severity: str
    subject: str
    text: str
    count: int = 1
    is_over: bool = False
    session: str = ""
    strategy: str = ""


@dataclass(slots=True)
class _Episode:
    raised: Raise
    told_ns: int
    raised_ns: int
    count: int = 1


@dataclass(slots=True)
class AlertBook:
    """The episodes that are open; a pure fold.

    Parameters
    ----------
    per_minute
        How many messages that are not critical are told in a minute.
    """

    per_minute: int = PER_MINUTE
    _open: dict[str, _Episode] = field(default_factory=dict)
    _told: deque[int] = field(default_factory=deque)
    _held: list[Told] = field(default_factory=list)

    @property
    def open(self) -> tuple[Raise, ...]:
        """What lasts, the oldest first."""
        return tuple(each.raised for each in self._open.values())

    def take(self, one: Raise | Clear, now_ns: int) -> list[Told]:
        """Return what is to be told now."""
        if isinstance(one, Clear):
            return self._clear(one.episode, now_ns)
        episode = self._open.get(one.episode)
        if episode is None:
            self._open[one.episode] = _Episode(one, now_ns, now_ns)
            return self._tell(_told(one, 1), now_ns)
        episode.count += 1
        episode.raised_ns = now_ns
        is_worse = SEVERITIES.index(one.severity) > SEVERITIES.index(episode.raised.severity)
        episode.raised = one
        if is_worse or (one.repeat_ns and now_ns - episode.told_ns >= one.repeat_ns):
            episode.told_ns = now_ns
            return self._tell(_told(one, episode.count), now_ns)
        return []

    def look(self, now_ns: int) -> list[Told]:
        """Return what has become due: repetitions, what had found no room, what has lapsed."""
        found: list[Told] = []
        for name, episode in list(self._open.items()):
            one = episode.raised
            if one.lapse_ns and now_ns - episode.raised_ns >= one.lapse_ns:
                found += self._clear(name, now_ns)
            elif one.repeat_ns and now_ns - episode.told_ns >= one.repeat_ns:
                episode.told_ns = now_ns
                found += self._tell(_told(one, episode.count), now_ns)
        if self._held and self._room(now_ns) > 0:
            held, self._held = self._held, []
            self._told.append(now_ns)
            found.append(held[0] if len(held) == 1 else _together(held))
        return found

    def _clear(self, name: str, now_ns: int) -> list[Told]:
        names = [each for each in self._open if _is_meant(each, name)]
        found: list[Told] = []
        for each in names:
            episode = self._open.pop(each)
            one = episode.raised
            found += self._tell(
                Told(each, one.severity, one.subject, one.text, episode.count, is_over=True), now_ns
            )
        return found

    def _tell(self, told: Told, now_ns: int) -> list[Told]:
        is_urgent = told.severity == CRITICAL and not told.is_over
        if not is_urgent and (self._held or self._room(now_ns) <= 0):
            self._held.append(told)
            return []
        if not is_urgent:
            self._told.append(now_ns)
        return [told]

    def _room(self, now_ns: int) -> int:
        while self._told and now_ns - self._told[0] >= _MINUTE:
            self._told.popleft()
        return self.per_minute - len(self._told)


def _told(one: Raise, count: int) -> Told:
    return Told(one.episode, one.severity, one.subject, one.text, count)


def _together(held: list[Told]) -> Told:
    worst = max((each.severity for each in held), key=SEVERITIES.index)
    lines = [f"{each.subject}: {each.text}{' (over)' if each.is_over else ''}" for each in held]
    return Told("several", worst, f"{len(held)} alerts", "\n".join(lines), len(held))


def _is_meant(episode: str, name: str) -> bool:
    return episode.startswith(name[:-1]) if name.endswith("*") else episode == name


# --- which events are alerts -----------------------------------------------------------------------
_E = EventName
_REFUSALS: Final = frozenset(
    {
        "lease_lost", "account_unread", "no_certificate", "duplicate_id", "more_than_ordered",
        "check_failed", "books_differ", "outcome_unknown", "not_durable", "venue_refused", "not_sent",
    }
)  # fmt: skip
_LOUD_STATES: Final = {"halted": CRITICAL, "failed": CRITICAL}
_FEED_BAD: Final = ("disconnected", "gap", "stale", "lost")
_FEED_GOOD: Final = ("connected", "filled")


def alerts_of(event: Event) -> list[Raise | Clear]:
    """Return what an event begins or ends."""
    match event.name:
        case _E.GUARD_SET:
            return [Raise(event.episode, event.severity, "guard", event.text)]
        case _E.GUARD_CLEARED:
            found: list[Raise | Clear] = [Clear(event.episode)]
            if event.reason in ("daily_loss", "drawdown", "minimum_equity", "kill"):
                found.append(Clear("engine:not_flat*"))
            return found
        case _E.GUARD_CHANGED if event.reason in ("unprotected", "protected"):
            return []  # the engine raises an alert of its own when that lasts
        case _E.GUARD_CHANGED if event.severity == INFO:
            return [Clear(event.episode)]
        case _E.GUARD_CHANGED:
            return [Raise(event.episode, event.severity, "guard", event.text)]
        case _E.ALERT_RAISED:
            return [Raise(event.episode, event.severity, "exits", event.text, REPEAT_NS)]
        case _E.POSITION_CLOSED:
            return [Clear(f"engine:{name}:{event.symbol}:{event.position}") for name in _OF_A_TRIP]
        case _E.STATE_CHANGED:
            return _of_state(event)
        case _E.TRADE_FAILED | _E.ORDER_REFUSED if event.reason in _REFUSALS:
            text = event.text
            return [Raise(f"refused:{event.reason}", WARNING, "gateway", text, lapse_ns=LAPSE_NS)]
        case _E.NOTED:
            return _of_note(event)
    return []


_OF_A_TRIP: Final = ("exit_failed", "exit_stuck", "exit_queued", "unprotected")


def _of_state(event: Event) -> list[Raise | Clear]:
    severity = _LOUD_STATES.get(event.reason)
    if severity is not None:
        # One that is begun again and fails again is told once.
        lapse_ns = LAPSE_NS if event.reason == "failed" else 0
        episode, subject = f"state:{event.reason}", f"session {event.reason}"
        return [Raise(episode, severity, subject, event.text, lapse_ns=lapse_ns)]
    found: list[Raise | Clear] = []
    if event.reason in ("running", "paused", "stopping"):
        found.append(Clear("state:halted"))
    if event.reason == "running":
        found += [Clear(f"noted:{each}") for each in ("strategy*", "halt*", "supervisor:restarts")]
    return found


def _of_note(event: Event) -> list[Raise | Clear]:
    """Return what a note for people means; `episode` is its kind, `reason` its subject."""
    kind, subject = event.episode, event.reason
    if kind == "feed":
        if subject in _FEED_GOOD:
            return [Clear("noted:feed")]
        if subject in _FEED_BAD:
            return [Raise("noted:feed", event.severity, "feed", event.text)]
        return []
    if kind == "journal" and event.severity == INFO:
        return [Clear("noted:journal*"), Clear("noted:database*")]
    if kind in ("cash_differs", "clock", "memory") and event.severity == INFO:
        return [Clear(f"noted:{kind}:{subject}")]
    if kind == "orders" and event.severity == INFO:
        return [Clear(f"noted:orders:{subject}")]
    if event.severity == INFO:
        return []
    lapse_ns = LAPSE_NS if (kind, subject) == ("supervisor", "restarted") else 0
    return [Raise(f"noted:{kind}:{subject}", event.severity, kind, event.text, lapse_ns=lapse_ns)]
