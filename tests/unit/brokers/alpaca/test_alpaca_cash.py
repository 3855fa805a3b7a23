"""What has moved the account's cash beside fills, as the venue's activities tell it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import web

from brokers.alpaca.broker import AlpacaBroker
from engine.errors import VenueError
from engine.model.units import to_minor
from engine.ports import CashEntry, CashKind
from tests.unit.brokers.alpaca.messages import FILL
from tests.unit.brokers.alpaca.scripted import ScriptedVenue, answer, broker_of, run

PATH = "GET /v2/account/activities"
K = CashKind


def activity(number: int, kind: str, amount: Any = "-0.23", **more: Any) -> dict[str, Any]:
    """Return an activity as docs.alpaca.markets shows one."""
    return {
        "activity_type": kind,
        "id": f"20261120{number:09}::5f596936-6f23-4cef-bdf1-3806aae57dbf",
        "date": "2026-11-20",
        "net_amount": amount,
    } | more


def told(
    activities: Sequence[dict[str, Any]], since: str = ""
) -> tuple[list[CashEntry], list[str]]:
    """Return what a broker makes of them, and what it has asked."""

    async def story() -> tuple[list[CashEntry], list[str]]:
        async with ScriptedVenue() as venue:

            async def page(request: web.Request) -> web.StreamResponse:
                token, size = request.query.get("page_token"), int(request.query["page_size"])
                first = 0 if token is None else [x["id"] for x in activities].index(token) + 1
                return await answer(200, activities[first : first + size])(request)

            venue.handlers[PATH] = page
            broker: AlpacaBroker = broker_of(venue)
            await broker.connect()
            venue.requests.clear()
            try:
                return list(await broker.cash_entries(since)), venue.requests
            finally:
                await broker.close()

    found: tuple[list[CashEntry], list[str]] = run(story())
    return found


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("FEE", K.FEE),
        ("PTC", K.FEE),
        ("INT", K.INTEREST),
        ("DIV", K.DIVIDEND),
        ("DIVCGL", K.DIVIDEND),
        ("DIVNRA", K.WITHHELD),
        ("CIL", K.FRACTION),
        ("CSD", K.TRANSFER),
        ("CSW", K.TRANSFER),
        ("JNLC", K.TRANSFER),
        ("SOMETHING_NEW", K.OTHER),
    ],
)
def test_every_kind_of_activity_has_a_meaning(kind: str, expected: CashKind) -> None:
    ((entry,), _) = told([activity(1, kind, symbol="AAPL", description="why")])
    assert entry.kind is expected and entry.minor == to_minor("-0.23")
    assert (entry.instrument, entry.is_foreign) == (0, False)
    assert entry.text == f"{kind} AAPL 2026-11-20 why"


def test_what_moves_no_cash_is_left_out_and_a_strangers_dividend_is_known_as_one() -> None:
    found, asked = told(
        [
            FILL,
            activity(1, "SPLIT", None),
            activity(2, "FEE", "0"),
            activity(3, "FEE", status="canceled"),
            activity(4, "DIV", 1.5, symbol="NOBODYS"),
        ]
    )
    assert [(each.minor, each.instrument, each.is_foreign) for each in found] == [
        (to_minor("1.5"), -1, True)
    ]
    assert len(asked) == 1 and "category=non_trade_activity" in asked[0]


def test_all_pages_are_read_from_a_month_before_what_is_known() -> None:
    found, asked = told([activity(n, "FEE") for n in range(230)], "20261120000000001::x")
    assert len({each.entry_id for each in found}) == 230
    assert len(asked) == 3 and all("after=2026-10-21" in each for each in asked)


def test_an_amount_that_is_none_is_no_answer() -> None:
    with pytest.raises(VenueError, match="moves NaN"):
        told([activity(1, "FEE", "NaN")])
