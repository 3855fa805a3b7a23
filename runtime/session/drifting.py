"""What a live session does is held against the evidence that its certificate was earned with, day by day.

A thin shell over `engine.gate.drift`: at each close of the account's day the day's return, and what its fills
cost against a shadow, go into the monitors. Their state stands in the journal as a note, so that a session that
goes on, or the next one under the same certificate, goes on with it. An alarm suspends the certificate: that is
in the record of certificates before anything else is said of it, and from then on nothing is entered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from engine.errors import InputError, TraderError
from engine.gate.drift import Baseline, DriftState, LiveDay, follow
from engine.model import layout as at
from engine.ports import FeedItem, Slice
from runtime.journal.records import Noted, Record
from runtime.results.daily import trading_days

if TYPE_CHECKING:
    from runtime.session.session import Session

KIND: Final = "drift"
STATE: Final = "state"  # subject of the notes that have the monitors' state
ALARM: Final = "alarm"  # and of those of an alarm


class Followed(msgspec.Struct, frozen=True):
    """Where the monitors stand: after which close, with which equity, of which core's certificate."""

    fingerprint: str
    equity_minor: int
    state: DriftState
    closed_ns: int = 0  # of the session whose journal has it; its fills up to then were counted
    transfers_minor: int | None = None  # paid in less taken out until then, by the session's ledger


class DriftFollower:
    """Follows a session's days.

    Parameters
    ----------
    baseline
        Of the evidence that was promoted.
    followed
        Where the monitors stood before; `Followed.equity_minor` is what the session begins with.
    calendar
        Of the account's days.
    costs
        Returns what the fills since a time cost against a shadow, in basis points; it may take long.
    suspend
        Lets the certificate count no longer, for a reason.
    """

    def __init__(
        self,
        baseline: Baseline,
        followed: Followed,
        calendar: str,
        costs: Callable[[int], Awaitable[Sequence[float]]],
        suspend: Callable[[str], Awaitable[None]],
    ) -> None:
        self.followed = followed
        self._baseline, self._calendar = baseline, calendar
        self._costs, self._suspend = costs, suspend
        self._closes: asyncio.Queue[tuple[int, int, int]] = asyncio.Queue()
        self.session: Session | None = None

    def item(self, item: FeedItem) -> None:
        """See what the feed has told: the close of a day is one to be followed."""
        if self.session is None or not isinstance(item, Slice):
            return
        if item.events[0, at.EVENT_KIND] == at.KIND_ACCRUAL:
            core = self.session.parts.core
            self._closes.put_nowait((item.ts_ns, core.equity_minor, core.transfers_minor))

    def tasks(self, session: Session) -> Sequence[Coroutine[Any, Any, None]]:
        """Return what runs as long as the session."""
        self.session = session
        return (self._run(session),)

    async def _run(self, session: Session) -> None:
        while True:
            await self.day(session, *await self._closes.get())

    async def day(
        self, session: Session, ts_ns: int, equity_minor: int, transfers_minor: int = 0
    ) -> None:
        """Follow a day that has closed; whatever cannot be followed is as an alarm."""
        before = self.followed
        number = int(trading_days(self._calendar, np.array([ts_ns]))[0])
        if before.state.last_day is not None and number <= before.state.last_day:
            return  # it was followed before a crash
        known = before.transfers_minor
        flow_minor = 0 if known is None else transfers_minor - known
        try:
            costs = await self._costs(before.closed_ns)
            day = LiveDay(
                day_number=number,
                equity_before_minor=before.equity_minor,
                equity_minor=equity_minor,
                flow_minor=flow_minor,
                shortfalls_bps=tuple(costs),
            )
            state, alarms = follow(self._baseline, before.state, day)
        except (InputError, TraderError) as error:
            await self._alarm(session, f"the day cannot be judged: {error.problem}")
            return
        self.followed = Followed(before.fingerprint, equity_minor, state, ts_ns, transfers_minor)
        text = msgspec.json.encode(self.followed).decode()
        session.note(KIND, "info", STATE, text)
        if alarms:
            await self._alarm(session, " ".join(each.sentence for each in alarms))

    async def _alarm(self, session: Session, reason: str) -> None:
        await self._suspend(reason)
        session.note(KIND, "critical", ALARM, f"{reason} The certificate is suspended.")


def followed_in(records: Iterable[Record], fingerprint: str) -> Followed | None:
    """Return where the monitors of a core stand by a journal's records, in their order; None: nowhere.

    An alarm has ended the certificate: under another one they begin anew.
    """
    found: Followed | None = None
    for record in records:
        match record:
            case Noted(kind=kind, subject=subject, text=text) if (kind, subject) == (KIND, STATE):
                read = msgspec.json.decode(text, type=Followed)
                found = read if read.fingerprint == fingerprint else found
            case Noted(kind=kind, subject=subject) if (kind, subject) == (KIND, ALARM):
                found = None if found is None else _anew(found)
            case _:
                pass
    return found


def _anew(followed: Followed) -> Followed:
    state = DriftState(last_day=followed.state.last_day, alarms=followed.state.alarms)
    return msgspec.structs.replace(followed, state=state)
