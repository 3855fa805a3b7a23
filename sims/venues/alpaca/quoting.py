"""Market data as the venue writes them: JSON numbers, times as the caller wants them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from engine.model import layout as at
from sims.venues.alpaca.bars import Bar
from sims.venues.alpaca.market import Row
from sims.venues.alpaca.orders import Asset
from sims.venues.alpaca.words import Json, Record

Stamp: TypeAlias = Callable[[int], Json]


def bar_record(asset: Asset, bar: Bar, stamp: Stamp) -> Record:
    """Return a bar; `n` and `vw` are null where the data do not tell."""
    known = bar.count > 0 and bar.lots > 0
    mean = bar.value / bar.lots / 10**asset.instrument.price_precision if known else None
    return {
        "t": stamp(bar.start_ns),
        "o": _price(asset, bar.open),
        "h": _price(asset, bar.high),
        "l": _price(asset, bar.low),
        "c": _price(asset, bar.close),
        "v": _size(asset, bar.lots),
        "n": bar.count or None,
        "vw": mean,
    }


def quote_record(asset: Asset, row: Row, stamp: Stamp) -> Record:
    """Return a quote."""
    told: Record = {
        "t": stamp(row[at.EVENT_TS]),
        "bp": _price(asset, row[at.QUOTE_BID]),
        "bs": _size(asset, max(row[at.QUOTE_BID_SIZE], 0)),
        "ap": _price(asset, row[at.QUOTE_ASK]),
        "as": _size(asset, max(row[at.QUOTE_ASK_SIZE], 0)),
    }
    return told if asset.is_crypto else told | {"bx": "V", "ax": "V", "c": ["R"], "z": "C"}


def trade_record(asset: Asset, row: Row, stamp: Stamp) -> Record:
    """Return a print."""
    told: Record = {
        "t": stamp(row[at.EVENT_TS]),
        "p": _price(asset, row[at.TRADE_PRICE]),
        "s": _size(asset, max(row[at.TRADE_SIZE], 0)),
        "i": row[at.EVENT_SEQUENCE],
    }
    if asset.is_crypto:
        return told | {"tks": "S" if row[at.TRADE_AGGRESSOR] < 0 else "B"}
    return told | {"x": "V", "c": ["@"], "z": "C"}


def correction_record(asset: Asset, row: Row, price_ticks: int, ns: int) -> Record:
    """Return that a print had another price; its time is still in ns."""
    size = _size(asset, row[at.TRADE_SIZE])
    return {
        "T": "c",
        "S": asset.symbol,
        "t": ns,
        "x": "V",
        "oi": row[at.EVENT_SEQUENCE],
        "op": _price(asset, row[at.TRADE_PRICE]),
        "os": size,
        "oc": ["@"],
        "ci": row[at.EVENT_SEQUENCE],
        "cp": _price(asset, price_ticks),
        "cs": size,
        "cc": ["@"],
        "z": "C",
    }


def cancel_record(asset: Asset, row: Row, ns: int) -> Record:
    """Return that a print is taken back."""
    return {
        "T": "x",
        "S": asset.symbol,
        "t": ns,
        "i": row[at.EVENT_SEQUENCE],
        "x": "V",
        "p": _price(asset, row[at.TRADE_PRICE]),
        "s": _size(asset, row[at.TRADE_SIZE]),
        "a": "C",
        "z": "C",
    }


def book_record(asset: Asset, row: Row, stamp: Stamp) -> Record:
    """Return the best level of each side as a book."""
    return {
        "t": stamp(row[at.EVENT_TS]),
        "b": [
            {
                "p": _price(asset, row[at.QUOTE_BID]),
                "s": _size(asset, max(row[at.QUOTE_BID_SIZE], 0)),
            }
        ],
        "a": [
            {
                "p": _price(asset, row[at.QUOTE_ASK]),
                "s": _size(asset, max(row[at.QUOTE_ASK_SIZE], 0)),
            }
        ],
    }


def status_record(asset: Asset, row: Row, stamp: Stamp) -> Record:
    """Return a halt, or its end."""
    halted = row[at.EVENT_KIND] == at.KIND_HALT
    return {
        "t": stamp(row[at.EVENT_TS]),
        "sc": "H" if halted else "T",
        "sm": "Trading Halt" if halted else "Trading Resumption",
        "rc": "T1" if halted else "",
        "rm": "Halt News Pending" if halted else "",
        "z": "C",
    }


def _price(asset: Asset, ticks: int) -> float:
    return float(asset.instrument.ticks_to_price(ticks))


def _size(asset: Asset, lots: int) -> float | int:
    quantity = asset.instrument.lots_to_quantity(lots)
    return int(quantity) if quantity == quantity.to_integral_value() else float(quantity)
