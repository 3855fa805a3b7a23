"""Instruments: exact money from ticks and lots, and definitions from a file."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from data.fingerprint import instrument_line
from data.instruments import read_instruments
from data.manifest import InstrumentEntry
from engine.errors import DataError, InputError
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import MINOR_PER_UNIT

K = InstrumentKind


@pytest.mark.parametrize(
    ("price", "quantity", "multiplier", "fraction"),
    [
        (2, 0, "1", Fraction(10**6)),  # shares: a cent is 10^6 minor units
        (2, 5, "1", Fraction(10)),
        (2, 0, "50", Fraction(50 * 10**6)),  # an index future
        (5, 5, "1", Fraction(1, 100)),  # ten decimals: not every product is whole money
        (8, 8, "1", Fraction(1, 10**8)),
        (0, 0, "0.1", Fraction(10**7)),
    ],
)
def test_money_is_ticks_times_lots_times_a_reduced_fraction(
    price: int, quantity: int, multiplier: str, fraction: Fraction
) -> None:
    instrument = Instrument(
        "X",
        K.CRYPTO_SPOT,
        price_precision=price,
        quantity_precision=quantity,
        multiplier=Decimal(multiplier),
    )
    assert instrument.notional_numerator == fraction.numerator
    assert instrument.notional_denominator == fraction.denominator


def test_a_hundred_shares_at_12_34_cost_1234() -> None:
    share = Instrument("GOOG", K.EQUITY)
    minor = share.price_to_ticks("12.34") * share.quantity_to_lots(100) * share.notional_numerator
    assert minor == 1234 * MINOR_PER_UNIT * share.notional_denominator


@pytest.mark.parametrize(
    ("kind", "is_margined"),
    [
        (K.EQUITY, False),
        (K.CRYPTO_SPOT, False),
        (K.BINARY_EVENT, False),
        (K.CRYPTO_PERPETUAL, True),
        (K.FX, True),
        (K.CFD, True),
        (K.FUTURE, True),
    ],
)
def test_the_kind_decides_how_a_trade_is_paid(kind: InstrumentKind, is_margined: bool) -> None:
    assert Instrument("X", kind).is_margined is is_margined


def test_a_binary_event_trades_strictly_between_zero_and_one() -> None:
    event = Instrument("WIN", K.BINARY_EVENT, price_precision=2)
    assert (event.price_min_ticks, event.price_max_ticks) == (1, 99)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"symbol": ""}, "printable text"),
        ({"symbol": "A\n"}, "printable text"),
        ({"currency": "usd"}, "capital letters"),
        ({"price_precision": 10}, "price_precision must be a whole number, 0 to 9"),
        ({"price_precision": True}, "whole number"),
        ({"quantity_precision": -1}, "quantity_precision"),
        ({"price_step_ticks": 0}, "at least 1"),
        ({"multiplier": Decimal(0)}, "greater than zero"),
        ({"multiplier": Decimal("NaN")}, "finite"),
        ({"multiplier": Decimal("1e30")}, "does not fit"),
        ({"kind": K.BINARY_EVENT, "price_precision": 0}, "at least 1"),
    ],
)
def test_an_impossible_instrument_is_refused(fields: dict[str, object], problem: str) -> None:
    values: dict[str, object] = {"symbol": "X", "kind": K.EQUITY, **fields}
    with pytest.raises(InputError, match=problem):
        Instrument(**values)  # type: ignore[arg-type]


def test_definitions_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "instruments.toml"
    path.write_text(
        '[BTCUSDT]\nkind = "crypto_spot"\ncurrency = "USDT"\nquantity_precision = 5\n'
        'tick_size = "0.05"\n["ES.Z4"]\nkind = "future"\nmultiplier = 50\n'
    )
    found = read_instruments(path)
    assert found["BTCUSDT"].price_step_ticks == 5
    assert found["BTCUSDT"].calendar == "24/7"
    assert found["ES.Z4"].multiplier == 50
    assert found["ES.Z4"].is_margined


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[X]\nkind = 'stock'", "kind must be one of equity"),
        ("[X]\nkind = 'equity'\ncurency = 'USD'", "unknown key 'curency'"),
        ("[X]\nkind = 'equity'\ntick_size = 0.01", "must be text"),
        ("[X]\nkind = 'equity'\ntick_size = '0.001'", "more than 2 decimals"),
        ("[X]\nkind = 'equity'\nprice_precision = 'two'", "whole number"),
        ("[X]\nkind = 'equity'\n[X]\nkind = 'fx'", "no TOML"),
        ("X = 1", "must be a table"),
    ],
)
def test_a_wrong_definition_names_the_place(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "instruments.toml"
    path.write_text(text)
    with pytest.raises(DataError, match=problem) as caught:
        read_instruments(path)
    assert str(path) in caught.value.where


# --- events ----------------------------------------------------------------------------------------
def test_a_contract_may_belong_to_an_event(tmp_path: Path) -> None:
    file = tmp_path / "contracts.toml"
    file.write_text(
        '[RAIN]\nkind = "binary_event"\nevent = "weather-2026-03-01"\n[ALONE]\nkind = "binary_event"\n'
    )
    read = read_instruments(file)
    assert (read["RAIN"].event, read["ALONE"].event) == ("weather-2026-03-01", "")
    assert all(InstrumentEntry.of(item).to_instrument() == item for item in read.values())


@pytest.mark.parametrize("event", [" x", "x ", "a\tb", "a\nb"])
def test_an_event_is_printable_text(event: str) -> None:
    with pytest.raises(InputError, match="the event must be printable text"):
        Instrument("RAIN", K.BINARY_EVENT, event=event)


def test_an_instrument_without_an_event_keeps_the_line_it_was_stored_with() -> None:
    """Datasets that were stored before events were known keep their fingerprint."""
    line = instrument_line(Instrument("GOOG", K.EQUITY, calendar="XNYS"))
    assert line == "GOOG\tequity\tUSD\t2\t0\t1\t1\t1\tXNYS\tNone"
    told = instrument_line(Instrument("RAIN", K.BINARY_EVENT, event="weather"))
    assert told == "RAIN\tbinary_event\tUSD\t2\t0\t1\t1\t1\t24/7\tNone\tweather"


def test_definitions_without_an_end_are_refused() -> None:
    with pytest.raises(DataError, match="more than 10,000,000 bytes"):
        read_instruments(Path("/dev/zero"))
