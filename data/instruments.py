"""Instrument definitions from a TOML file, one table per symbol::

    [BTCUSDT]
    kind = "crypto_spot"
    currency = "USDT"
    price_precision = 2
    quantity_precision = 5
    tick_size = "0.01"
    lot_size = "0.00001"

Only `kind` has to be there; the rest has the defaults of `Instrument`, and the calendar that is
usual for the kind.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path

from data.bounded import read_at_most
from engine.errors import DataError, InputError
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import parse_decimal, to_quanta

CALENDAR_OF_KIND = {
    InstrumentKind.EQUITY: "XNYS",
    InstrumentKind.FX: "FX",
    InstrumentKind.CFD: "FX",
    InstrumentKind.FUTURE: "FX",
    InstrumentKind.CRYPTO_SPOT: "24/7",
    InstrumentKind.CRYPTO_PERPETUAL: "24/7",
    InstrumentKind.BINARY_EVENT: "24/7",
}
_WHOLE = ("price_precision", "quantity_precision", "expires_ns")
_TEXT = ("currency", "calendar", "event")
_NUMBER = ("tick_size", "lot_size", "multiplier")
_LARGEST = 10**7  # bytes of a file of definitions
_KEYS = ("kind", *_TEXT, *_WHOLE, *_NUMBER)


def read_instruments(path: Path) -> dict[str, Instrument]:
    """Read a file of definitions.

    Raises
    ------
    DataError
        If the file cannot be read, defines a symbol twice, or a definition is wrong.
    """
    try:
        tables = tomllib.loads(read_at_most(path, _LARGEST).decode("utf-8"))
    except OSError as error:
        raise DataError(
            f"the definitions cannot be read: {error.strerror}",
            where=str(path),
            code="data.unreadable",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(
            f"the definitions are no TOML: {error}",
            where=str(path),
            remedy="one table per symbol, each symbol once",
            code="data.bad_definition",
        ) from None
    return {symbol: _instrument(symbol, table, path) for symbol, table in tables.items()}


def _instrument(symbol: str, table: object, path: Path) -> Instrument:
    where = f"{path}, [{symbol}]"
    if not isinstance(table, dict):
        raise _wrong(f"{symbol} must be a table like [{symbol}]", where)
    for key in table:
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"keys are: {', '.join(_KEYS)}"
            raise _wrong(f"unknown key {key!r}", where, hint)
    try:
        return _build(symbol, table, where)
    except DataError:
        raise
    except InputError as error:
        raise _wrong(error.problem, where) from None


def _build(symbol: str, table: Mapping[str, object], where: str) -> Instrument:
    kind = _kind(table.get("kind"), where)
    price = _whole(table, "price_precision", 2, where)
    quantity = _whole(table, "quantity_precision", 0, where)
    expires = table.get("expires_ns")
    return Instrument(
        symbol,
        kind,
        currency=_text(table, "currency", "USD", where),
        price_precision=price,
        quantity_precision=quantity,
        price_step_ticks=_step(table, "tick_size", price),
        quantity_step_lots=_step(table, "lot_size", quantity),
        multiplier=_decimal(table, "multiplier", Decimal(1)),
        calendar=_text(table, "calendar", CALENDAR_OF_KIND[kind], where),
        expires_ns=None if expires is None else _whole(table, "expires_ns", 0, where),
        event=_text(table, "event", "", where),
    )


def _kind(value: object, where: str) -> InstrumentKind:
    names = [kind.value for kind in InstrumentKind]
    if value not in names:
        raise _wrong(f"kind must be one of {', '.join(names)}, not {value!r}", where)
    return InstrumentKind(value)


def _whole(table: Mapping[str, object], key: str, default: int, where: str) -> int:
    value = table.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(f"{key} must be a whole number, not {value!r}", where)
    return value


def _text(table: Mapping[str, object], key: str, default: str, where: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise _wrong(f"{key} must be text, not {value!r}", where)
    return value


def _decimal(table: Mapping[str, object], key: str, default: Decimal) -> Decimal:
    value = table.get(key, default)
    if not isinstance(value, (str, int, Decimal)) or isinstance(value, bool):
        raise InputError(f'{key} must be text like "0.01", not {value!r}')
    return parse_decimal(value, name=key)


def _step(table: Mapping[str, object], key: str, precision: int) -> int:
    if key not in table:
        return 1
    return to_quanta(_decimal(table, key, Decimal(1)), precision, name=key)


def _wrong(problem: str, where: str, remedy: str = "") -> DataError:
    return DataError(problem, where=where, remedy=remedy, code="data.bad_definition")
