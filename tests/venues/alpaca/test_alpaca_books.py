"""The venue's own books are right, whatever is asked of it and whatever goes wrong."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from decimal import Decimal
from random import Random

import pytest

from engine.model.units import from_minor
from sims.venues.alpaca.desk import Desk
from sims.venues.alpaca.faults import Fault, FaultKind
from sims.venues.alpaca.refusals import Refusal
from sims.venues.alpaca.tickets import read_change, read_ticket
from tests.venues.alpaca.markets import venue_at

START = Decimal(100_000)


def wish(random: Random, number: int) -> dict[str, str]:
    """Return an order that may or may not make sense."""
    price = 190 + random.randint(-30, 30) / Decimal(10)
    body = {
        "symbol": random.choice(["AAPL", "AAPL", "SPY"]),
        "side": random.choice(["buy", "sell"]),
        "type": random.choice(["market", "limit", "limit", "stop", "stop_limit", "trailing_stop"]),
        "time_in_force": random.choice(["day", "gtc", "ioc", "fok"]),
        "qty": str(random.randint(1, 60)),
        "client_order_id": f"c{number}",
    }
    if body["type"] in ("limit", "stop_limit"):
        body["limit_price"] = str(price)
    if body["type"] in ("stop", "stop_limit"):
        body["stop_price"] = str(price)
    if body["type"] == "trailing_stop":
        body["trail_percent"] = "0.5"
    return body


@pytest.mark.parametrize("seed", range(60))
def test_cash_and_positions_are_the_sum_of_the_executions(seed: int) -> None:
    random = Random(seed)
    surprises = [FaultKind.LATE_FILL, FaultKind.OVERFILL, FaultKind.BUST]
    surprises += [FaultKind.PARTIAL_THEN_CANCEL, FaultKind.REJECT]
    venue = venue_at(
        faults=[Fault(kind, at=random.randint(1, 6), count=2, quantity="3") for kind in surprises]
    )
    desk, books = Desk(venue.exchange), venue.books
    for number in range(60):
        venue.advance(random.choice([0, 1, 600]))
        for symbol in ("AAPL", "SPY"):
            bid = 190 + random.randint(-20, 20) / Decimal(10)
            size = str(random.randint(1, 40))
            venue.quote(symbol, str(bid), str(bid + Decimal("0.02")), size, size)
        working = books.open_orders
        with suppress(Refusal):
            match random.randint(0, 5):
                case 0 if working:
                    desk.cancel(random.choice(working))
                case 1 if working:
                    quantity = str(random.randint(1, 90))
                    desk.replace(random.choice(working), read_change({"qty": quantity}))
                case 2:
                    desk.cancel_all()
                case _:
                    desk.submit(read_ticket(wish(random, number)))
    venue.advance(0)

    cash, held = START, defaultdict(Decimal)
    by_order: defaultdict[str, int] = defaultdict(int)
    for fill in books.executions:
        item = fill.order.asset.instrument
        quantity = fill.sign * item.lots_to_quantity(fill.lots)
        held[item.symbol] += quantity
        cash -= quantity * item.ticks_to_price(fill.price_ticks)
        by_order[fill.order.id] += fill.lots if fill.busts is None else -fill.lots
    assert {symbol: units for symbol, units in held.items() if units} == books.positions
    assert cash == books.cash
    for order in books.orders:
        assert order.filled_lots == by_order[order.id] + order.carried_lots
        assert order.is_final or order.open_lots > 0
    ids = [order.client_id for order in books.orders]
    assert len(set(ids)) == len(ids)
    assert from_minor(venue.exchange.tally.cash["USD"]) == books.cash
