"""What the simulated venue really has, as the auditor asks for it, and what the wire has seen, when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, Final

from brokers.alpaca.translating import own_id
from engine.ports import leg_id
from sims.venues.alpaca import AlpacaVenue
from sims.venues.alpaca.faults import OF_ANSWERS, FaultKind
from sims.venues.alpaca.orders import Fill, Order
from tests.simulation.auditor import Violation

_MINUTE: Final = 59.999  # of a minute's last millisecond two clocks differ
_PAUSE: Final = 5.0  # seconds that are waited after a 429 that says nothing more
_LEARNS: Final = 5.0  # seconds in which a process has had its first answers
_OF_CANCELS: Final = ("cancel", "order", "order_by_client_id")  # what is canceled may be looked up


@dataclass(eq=False)
class Truth:
    """The venue as `tests.simulation.auditor` sees it.

    Parameters
    ----------
    intent_of
        Returns the session's order that is called so.
    """

    venue: AlpacaVenue
    intent_of: Callable[[str], int | None]

    @property
    def orders(self) -> dict[str, Any]:
        """Orders of ours; a replacement is the same order, and its last link is how that stands."""
        return {
            name_of(each): self._told(each)
            for each in self.venue.books.orders
            if self._is_ours(each) and each.status != "replaced"
        }

    def _told(self, order: Order) -> Any:
        client_id = name_of(order)
        filled = sum(
            each.lots * (1 if each.busts is None else -1)
            for each in self.venue.books.executions
            if name_of(each.order) == client_id
        )
        return SimpleNamespace(
            intent=self.intent_of(client_id),
            client_id=client_id,
            instrument=order.asset.number,
            filled=filled,
            status=SimpleNamespace(is_closed=order.is_final),
        )

    def _is_ours(self, order: Order) -> bool:
        return self.intent_of(name_of(order)) is not None

    @property
    def executions(self) -> list[tuple[Any, Any]]:
        """All fills, named as ours are: an order of the venue and what is filled of it."""
        return [
            (
                each.order,
                SimpleNamespace(
                    execution_id=_name(each),
                    instrument=each.order.asset.number,
                    side=each.sign,
                    lots=each.lots,
                ),
            )
            for each in self.venue.books.executions
        ]

    @property
    def surprises(self) -> set[str]:
        """Executions that nobody can know of before they are told."""
        return {
            _name(each)
            for each in self.venue.books.executions
            if each.busts is not None
            or not self._is_ours(each.order)
            or each.cumulative > each.order.lots
            or each.ts_ns >= each.order.times.get("canceled_at", 2**63)
        }

    @property
    def overfilled(self) -> set[str]:
        """Executions beyond what was ordered."""
        return {
            _name(each)
            for each in self.venue.books.executions
            if each.busts is None and each.cumulative > each.order.lots
        }

    @property
    def positions(self) -> dict[int, int]:
        """Lots held, by instrument."""
        theirs = self.venue.books.positions
        symbols = [each.symbol for each in self.venue.exchange.assets]
        return {i: int(theirs.get(symbol, Decimal(0))) for i, symbol in enumerate(symbols)}

    def working(self, instrument: int) -> tuple[int, int]:
        """Return the lots that may still be bought and sold by orders of ours."""
        works = [
            each
            for each in self.venue.books.open_orders
            if each.asset.number == instrument and self._is_ours(each)
        ]
        pairs = {each.group: each for each in works if each.group}
        works = [each for each in works if not each.group] + list(pairs.values())
        return (
            sum(self._open_lots(each) for each in works if each.sign > 0),
            sum(self._open_lots(each) for each in works if each.sign < 0),
        )

    def _open_lots(self, order: Order) -> int:
        """Return what may still be filled of an order, or of the pair that it is one of."""
        if not order.group:
            return order.open_lots
        pair = [each for each in self.venue.books.orders if each.group == order.group]
        return max(order.lots - sum(each.filled_lots for each in pair), 0)


def name_of(order: Order) -> str:
    """Return how an order is called by us: a leg by the target that it is shown with."""
    if order.parent is not None and order.order_class == "oco":
        return leg_id(own_id(order.parent.client_id))
    return own_id(order.client_id)


def _name(fill: Fill) -> str:
    """Return how a fill is called by us; one that takes another back is booked by nobody."""
    return f"{'bust/' if fill.busts else ''}{fill.order.id}/{fill.cumulative}"


class Wire:
    """Sees requests as the venue meets them; more than it allows is a violation (I20).

    A process that has just begun knows neither what another one used nor what that was told to wait for.
    """

    def __init__(
        self, venue: AlpacaVenue, now: Callable[[], float], told: Callable[[Violation], None]
    ) -> None:
        self.count, self.knows_from = 0, 0.0
        self._limit, self._now, self._told = venue.settings.requests_per_minute, now, told
        self._pause, self._is_ban = (0.0, 0.0), False
        front: Any = venue._front
        self._budget, self._disturb = front._trading, front._disturb
        front._disturb = self._meet

    def begun(self) -> None:
        """A process has begun."""
        self.knows_from, self._pause = self._now() + _LEARNS, (0.0, 0.0)

    def _meet(self, operation: str) -> Any:
        now = self._now()
        self.count += 1
        if now > self.knows_from:
            self._judge(operation, now)
        faults = self._disturb(operation)
        answers = [each for each in faults if each.kind in OF_ANSWERS]
        if answers and answers[0].kind is FaultKind.ERROR and answers[0].status in (429, 418):
            self._is_ban = answers[0].status == 418
            self._pause = (now, now + _PAUSE - 0.001)  # it is waited for to the nanosecond
        return faults

    def _judge(self, operation: str, now: float) -> None:
        began = (self._budget._began_ns or 0) / 1e9
        is_over = self._budget._used >= self._limit and now - began < _MINUTE
        if is_over:
            self._told(Violation(f"I20: {operation} is beyond the {self._limit} of a minute"))
        begins, ends = self._pause  # what is asked at the moment of its answer did not know of it
        if begins < now < ends and (self._is_ban or operation not in _OF_CANCELS):
            self._told(Violation(f"I20: {operation} is asked while the venue wants a pause"))
