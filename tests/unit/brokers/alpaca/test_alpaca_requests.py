"""What orders look like on the wire, and which are not sent at all."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from brokers.alpaca.problems import LocalRefusal
from brokers.alpaca.requests import order_body, pair_body, replace_body
from engine.approved import ReplaceApproved
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.orders import OrderFlag, OrderType, TimeInForce
from tests.unit.brokers.alpaca.messages import AAPL, PENNY, SPLIT
from tests.unit.brokers.alpaca.scripted import approved

T, F = OrderType, TimeInForce
BASE = {
    "symbol": "AAPL",
    "side": "buy",
    "type": "limit",
    "time_in_force": "day",
    "qty": "10",
    "client_order_id": "tr-abc",
    "limit_price": "180.5",
}
COIN = Instrument("BTC/USD", InstrumentKind.CRYPTO_SPOT, price_precision=1, quantity_precision=9)
HALF = 5 * 10**8  # of a share, in lots of SPLIT


def sent(instrument: Instrument = AAPL, extended_hours: bool = False, **fields: Any) -> Any:
    body = order_body(approved(**fields), instrument, "tr-abc", extended_hours=extended_hours)
    if isinstance(body, LocalRefusal):
        return body
    assert b"e+" not in body.lower()
    return msgspec.json.decode(body)


def stop(**fields: Any) -> dict[str, Any]:
    return {"limit_ticks": 0} | fields


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({}, {}),
        ({"side": -1}, {"side": "sell"}),
        ({"quantity_lots": 1_000_000}, {"qty": "1000000"}),
        ({"limit_ticks": 18000}, {"limit_price": "180"}),
        ({"limit_ticks": 7}, {"limit_price": "0.07"}),
        ({"time_in_force": F.GTC}, {"time_in_force": "gtc"}),
        ({"time_in_force": F.IOC}, {"time_in_force": "ioc"}),
        ({"time_in_force": F.FOK}, {"time_in_force": "fok"}),
        ({"flags": OrderFlag.REDUCE_ONLY}, {}),  # the venue has none: engine and gateway see to it
        ({"order_type": T.MARKET, "limit_ticks": 0}, {"type": "market", "limit_price": None}),
        ({"order_type": T.LIMIT_ON_OPEN}, {"time_in_force": "opg"}),
        ({"order_type": T.LIMIT_ON_CLOSE}, {"time_in_force": "cls"}),
        (stop(order_type=T.MARKET_ON_OPEN, time_in_force=F.GTC),
         {"type": "market", "time_in_force": "opg", "limit_price": None}),
        (stop(order_type=T.MARKET_ON_CLOSE), {"type": "market", "time_in_force": "cls", "limit_price": None}),
        (stop(order_type=T.STOP, stop_ticks=19001),
         {"type": "stop", "stop_price": "190.01", "limit_price": None}),
        ({"order_type": T.STOP_LIMIT, "stop_ticks": 18000}, {"type": "stop_limit", "stop_price": "180"}),
        (stop(order_type=T.TRAILING_STOP, trail_ticks=250, time_in_force=F.GTC),
         {"type": "trailing_stop", "trail_price": "2.5", "time_in_force": "gtc", "limit_price": None}),
        (stop(order_type=T.TRAILING_STOP, trail_ppm=12_500),
         {"type": "trailing_stop", "trail_percent": "1.25", "limit_price": None}),
    ],
)  # fmt: skip
def test_orders(fields: dict[str, Any], changed: dict[str, Any]) -> None:
    expected = {name: value for name, value in (BASE | changed).items() if value is not None}
    assert sent(**fields) == expected


def test_coins_go_out_as_the_venue_takes_them() -> None:
    """Parts of a unit until canceled, at their own price steps; at market nothing waits for a day's end."""
    terms: dict[str, Any] = {"quantity_lots": 12_345_678, "time_in_force": F.GTC}
    limit = sent(COIN, limit_ticks=97_123_5, **terms)
    assert limit == BASE | {
        "symbol": "BTC/USD", "qty": "0.012345678", "time_in_force": "gtc", "limit_price": "97123.5",
    }  # fmt: skip
    market = sent(COIN, order_type=T.MARKET, limit_ticks=0, quantity_lots=1)
    assert (market["qty"], market["time_in_force"]) == ("0.000000001", "gtc")
    stopped = sent(
        COIN, order_type=T.STOP_LIMIT, stop_ticks=90_000_0, limit_ticks=89_000_0, **terms
    )
    assert (stopped["type"], stopped["stop_price"]) == ("stop_limit", "90000")
    assert sent(COIN, quantity_lots=5, time_in_force=F.IOC)["time_in_force"] == "ioc"
    change = replace_body(ReplaceApproved(1, 0, 5 * 10**8, 97_000_0, 0), COIN, "tr-abc-r1")
    assert isinstance(change, bytes)
    assert msgspec.json.decode(change)["qty"] == "0.5"


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("bad_request", {}),  # a limit for the day
        ("bad_request", {"time_in_force": F.FOK}),
        ("bad_request", stop(order_type=T.STOP, stop_ticks=1, time_in_force=F.GTC)),
        ("bad_request", stop(order_type=T.TRAILING_STOP, trail_ticks=5, time_in_force=F.GTC)),
        ("bad_request", {"order_type": T.MARKET_ON_CLOSE, "limit_ticks": 0}),
        ("bad_request", {"order_type": T.STOP_LIMIT, "stop_ticks": 5, "time_in_force": F.IOC}),
        ("post_only", {"flags": OrderFlag.POST_ONLY, "time_in_force": F.GTC}),
        ("size_or_grid", {"limit_ticks": 18052, "time_in_force": F.GTC}),
    ],
)
def test_what_the_venue_does_not_do_with_coins_is_not_sent(
    code: str, fields: dict[str, Any]
) -> None:
    item = replace(COIN, price_step_ticks=5)
    refused = sent(item, **({"limit_ticks": 18050} | fields))
    assert isinstance(refused, LocalRefusal)
    assert refused.code == code and refused.problem


def test_no_pair_of_orders_is_sent_for_coins() -> None:
    target = approved(side=-1, time_in_force=F.GTC)
    loss = approved(side=-1, time_in_force=F.GTC, order_type=T.STOP, limit_ticks=0, stop_ticks=170)
    refused = pair_body(target, loss, COIN, "tr-abc")
    assert isinstance(refused, LocalRefusal) and "pairs" in refused.problem


def test_limit_orders_of_the_day_may_trade_around_it() -> None:
    assert sent(extended_hours=True)["extended_hours"] is True
    for fields in ({"time_in_force": F.GTC}, {"order_type": T.MARKET, "limit_ticks": 0}):
        assert "extended_hours" not in sent(extended_hours=True, **fields)


def test_fractions_of_a_share() -> None:
    half = sent(SPLIT, quantity_lots=HALF)
    assert (half["qty"], half["symbol"]) == ("0.5", "SPLIT")
    assert sent(SPLIT, quantity_lots=1)["qty"] == "0.000000001"
    assert sent(SPLIT, quantity_lots=2 * HALF, time_in_force=F.GTC)["qty"] == "1"


def test_a_fraction_is_closed_for_the_day_whatever_was_asked_for() -> None:
    until_canceled: dict[str, Any] = {"quantity_lots": HALF, "time_in_force": F.GTC}
    assert (
        sent(SPLIT, **until_canceled, order_type=T.MARKET, limit_ticks=0)["time_in_force"] == "day"
    )
    closing = sent(SPLIT, **until_canceled, flags=OrderFlag.REDUCE_ONLY)
    assert (closing["type"], closing["time_in_force"]) == ("limit", "day")
    whole = sent(AAPL, time_in_force=F.GTC, flags=OrderFlag.REDUCE_ONLY)
    assert whole["time_in_force"] == "gtc"


def test_prices_under_a_dollar_may_be_finer() -> None:
    assert sent(PENNY, limit_ticks=9_999)["limit_price"] == "0.9999"
    assert sent(PENNY, limit_ticks=10_000)["limit_price"] == "1"


@pytest.mark.parametrize(
    ("code", "instrument", "fields"),
    [
        ("size_or_grid", PENNY, {"limit_ticks": 10_001}),  # 1.0001
        ("size_or_grid", PENNY, {"order_type": T.STOP_LIMIT, "limit_ticks": 9_999, "stop_ticks": 19_999}),
        ("size_or_grid", SPLIT, {"quantity_lots": HALF, "time_in_force": F.GTC}),
        ("size_or_grid", SPLIT, {"quantity_lots": HALF, "time_in_force": F.IOC}),
        ("size_or_grid", SPLIT, {"quantity_lots": HALF, "order_type": T.LIMIT_ON_OPEN}),
        ("size_or_grid", SPLIT, stop(quantity_lots=HALF, order_type=T.TRAILING_STOP, trail_ticks=9)),
        ("bad_request", AAPL, {"time_in_force": F.GTD, "expires_ns": 10**18}),
        ("bad_request", AAPL, stop(order_type=T.STOP, stop_ticks=1, time_in_force=F.IOC)),
        ("post_only", AAPL, {"flags": OrderFlag.POST_ONLY}),
        ("not_tradable", Instrument("BTCUSD", InstrumentKind.CRYPTO_SPOT), {}),
        ("not_tradable", Instrument("BTC/USDT", InstrumentKind.CRYPTO_SPOT, "USDT"), {}),
        ("not_tradable", Instrument("AAPL", InstrumentKind.EQUITY, "EUR"), {}),
    ],
)  # fmt: skip
def test_what_the_venue_has_no_word_for_is_not_sent(
    code: str, instrument: Instrument, fields: dict[str, Any]
) -> None:
    refused = sent(instrument, **fields)
    assert isinstance(refused, LocalRefusal)
    assert (refused.code, refused.outcome.status) == (code, "refused")
    assert refused.problem


@pytest.mark.parametrize("name", ["", "x" * 129])
def test_a_name_that_the_venue_does_not_take_is_not_sent(name: str) -> None:
    assert isinstance(order_body(approved(), AAPL, name), LocalRefusal)


def test_replacements() -> None:
    body = replace_body(ReplaceApproved(1, 0, 8, 18100, 0), AAPL, "tr-abc-r1")
    assert isinstance(body, bytes)
    expected = {"qty": "8", "client_order_id": "tr-abc-r1", "limit_price": "181"}
    assert msgspec.json.decode(body) == expected
    for change, instrument in (
        (ReplaceApproved(1, 2, HALF, 18100, 0), SPLIT),
        (ReplaceApproved(1, 1, 8, 10_001, 0), PENNY),
    ):
        assert isinstance(replace_body(change, instrument, "x"), LocalRefusal)
    assert Decimal("0.5") == SPLIT.lots_to_quantity(HALF)


TARGET = {"side": -1, "time_in_force": F.GTC, "parent_id": 7, "group_id": 7}
STOP = TARGET | {"order_type": T.STOP, "limit_ticks": 0, "stop_ticks": 17000}


def paired(target: dict[str, Any], stop: dict[str, Any], instrument: Instrument = AAPL) -> Any:
    body = pair_body(approved(**target), approved(**stop), instrument, "tr-abc")
    return body if isinstance(body, LocalRefusal) else msgspec.json.decode(body)


def test_a_target_and_a_stop_are_one_order() -> None:
    """As in the vendor's documents: the target is the order, the prices stand in its two parts."""
    assert paired(TARGET, STOP) == {
        "symbol": "AAPL",
        "side": "sell",
        "type": "limit",
        "time_in_force": "gtc",
        "qty": "10",
        "client_order_id": "tr-abc",
        "order_class": "oco",
        "take_profit": {"limit_price": "180.5"},
        "stop_loss": {"stop_price": "170"},
    }


@pytest.mark.parametrize(
    ("problem", "target", "stop", "instrument"),
    [
        ("bad_request", TARGET, STOP | {"quantity_lots": 9}, AAPL),
        ("bad_request", TARGET, STOP | {"side": 1}, AAPL),
        ("bad_request", STOP, TARGET, AAPL),
        ("bad_request", TARGET, TARGET, AAPL),
        ("size_or_grid", TARGET | {"quantity_lots": HALF}, STOP | {"quantity_lots": HALF}, SPLIT),
    ],
)
def test_what_is_no_pair_is_not_sent(
    problem: str, target: dict[str, Any], stop: dict[str, Any], instrument: Instrument
) -> None:
    found = paired(target, stop, instrument)
    assert isinstance(found, LocalRefusal) and found.code == problem
