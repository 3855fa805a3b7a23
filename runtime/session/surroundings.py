"""`Surroundings`: what the gateway's checks look at outside a request, as it is when they ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.model import layout as at
from engine.ports import TellsAge
from runtime.gateway.checks import Market, Situation
from runtime.session.condition import Condition
from runtime.session.parts import Parts
from runtime.session.states import SessionState
from runtime.session.venue import VenueSide

_UNREAD = "it was not read since the market's day began"
_CLOSED = (SessionState.STOPPED, SessionState.FAILED, SessionState.CREATED)


class Surroundings:
    """See the module.

    Parameters
    ----------
    needs_certificate
        What is sent leaves this process.
    """

    def __init__(self, parts: Parts, condition: Condition, *, needs_certificate: bool) -> None:
        self.decided_ns = 0  # monotonic: when the input in hand was taken
        self.data_ns = 0  # up to when the market is known, in the feed's time; 0: not yet
        # instruments of which nothing has come for too long
        self.silent: frozenset[int] = frozenset()
        self.state_in_hand: SessionState | None = None  # of an input that a crash has cut off
        self.is_withdrawing = False  # nothing new leaves, not even what closes,
        self.is_wish = False  # but what was wished for just now
        self.venue: VenueSide | None = None
        self._parts, self._condition = parts, condition
        self._needs_certificate = needs_certificate
        self._dated = parts.feed if isinstance(parts.feed, TellsAge) else None

    def decides(self) -> None:
        """What is decided from now on is decided now."""
        self.decided_ns = self._parts.clock.monotonic_ns()

    @contextmanager
    def wished(self) -> Iterator[None]:
        """What leaves meanwhile was wished for."""
        self.is_wish = True
        try:
            yield
        finally:
            self.is_wish = False

    def situation(self) -> Situation:
        """Return all of it."""
        parts, venue, condition = self._parts, self.venue, self._condition
        killed, closes = parts.switch.flags()
        state = self.state_in_hand or condition.state
        # With the trading loop it is the engine that closes everything, not by the wish alone.
        closes_all = condition.standing.is_closing and not self.judges_again
        withdraws = self.is_withdrawing or closes_all
        return Situation(
            now_ns=parts.core.now_ns,
            decided_ns=self.decided_ns,
            monotonic_ns=parts.clock.monotonic_ns(),
            may_enter=state.enters and not closes_all,
            may_close=state not in _CLOSED and (self.is_wish or not withdraws),
            is_killed=killed,
            kill_closes=closes,
            lease_until_ns=parts.journal.lease.until_monotonic_ns,
            severity=condition.severity,
            certificate=parts.certificate() if self._needs_certificate else "",
            account=_UNREAD if venue is not None and not venue.is_read else "",
            is_account_late=venue is not None and venue.is_late,
            cash="" if venue is None else venue.cash_differs,
            pressure=parts.journal.pressure,
            quarantined=frozenset() if venue is None else venue.quarantined,
            markets=self._market,
            silent=self.silent,
            stated=_nothing_stated if venue is None else venue.stated,
            data_age_ns=self._data_age_ns(),
            judges_again=self.judges_again,
        )

    @property
    def judges_again(self) -> bool:
        """Whether the engine judges its exits again at each bar."""
        return bool(self._parts.core.plain.account[at.ACCOUNT_TRADING])

    @property
    def is_of_before(self) -> bool:
        """Whether what is known of the market is too old to decide on."""
        return self._data_age_ns() > self._parts.limits.data_age_ns

    def _data_age_ns(self) -> int:
        return 0 if self._dated is None else self._dated.age_ns(self.data_ns) or 0

    def _market(self, i: int) -> Market:
        row = self._parts.core.plain.positions
        return Market(row[i, at.POSITION_LAST], row[i, at.POSITION_QUANTITY])


def _nothing_stated(instrument: int) -> int | None:
    """A paper market holds what its session holds."""
    return None
