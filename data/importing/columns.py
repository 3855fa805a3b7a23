"""Which column is what: the usual spellings, and what a person says instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from data.importing.options import KINDS
from data.importing.source import Source, unknown_column
from engine.errors import DataError

# Role to spellings, lower case, words joined by one underscore; earlier spellings win.
_TIME = ("ts", "timestamp", "datetime", "date_time", "time_stamp", "timestamp_utc", "ts_event", "t")
_SYMBOL = ("symbol", "ticker", "instrument", "sym", "code", "ric", "market", "asset")
_ALIASES: dict[str, dict[str, tuple[str, ...]]] = {
    "bars": {
        "time": _TIME,
        "date": ("trade_date", "trading_date", "trading_day", "session", "date", "day"),
        "clock": ("time", "time_of_day", "hour"),
        "ts_open": ("ts_open", "open_time", "opentime", "bar_open", "start_time", "start"),
        "ts_close": ("ts_close", "close_time", "closetime", "bar_close", "end_time", "end"),
        "symbol": _SYMBOL,
        "open": ("open", "o", "open_price", "px_open"),
        "high": ("high", "h", "high_price", "px_high", "max"),
        "low": ("low", "l", "low_price", "px_low", "min"),
        "close": ("close", "c", "close_price", "px_last", "last", "close_last"),
        "volume": ("volume", "v", "vol", "qty", "base_volume", "px_volume"),
    },
    "quotes": {
        "time": (*_TIME, "time"),
        "symbol": _SYMBOL,
        "bid": ("bid", "bid_price", "best_bid", "bp", "b", "bidprice"),
        "ask": ("ask", "ask_price", "best_ask", "ap", "a", "askprice", "offer"),
        "bid_size": ("bid_size", "bid_qty", "bid_quantity", "bs", "bidsize", "bid_volume"),
        "ask_size": ("ask_size", "ask_qty", "ask_quantity", "as", "asksize", "ask_volume"),
    },
    "trades": {
        "time": (*_TIME, "time"),
        "symbol": _SYMBOL,
        "price": ("price", "p", "px", "trade_price", "last"),
        "size": ("size", "s", "qty", "quantity", "amount", "volume", "trade_size", "sz"),
        "aggressor": ("aggressor", "side", "taker_side", "aggressor_side"),
    },
    "actions": {
        "date": ("ex_date", "exdate", "ts_ex", "effective_date", "date", "ts", "timestamp"),
        "symbol": _SYMBOL,
        "kind": ("kind", "type", "action", "action_type"),
        "ratio": ("ratio", "split_ratio", "split"),
        "ratio_numerator": ("ratio_numerator", "numerator", "split_to", "new_rate"),
        "ratio_denominator": ("ratio_denominator", "denominator", "split_from", "old_rate"),
        "amount": ("amount", "cash_amount", "dividend", "cash", "rate", "value"),
        "new_symbol": ("new_symbol", "new_ticker"),
    },
}
_REQUIRED = {
    "bars": ("open", "high", "low", "close"),
    "quotes": ("time", "bid", "ask"),
    "trades": ("time", "price", "size"),
    "actions": ("date", "kind"),
}
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Layout:
    """The kind of a table, the column of each role, and the columns that have none."""

    kind: str
    roles: Mapping[str, str]
    ignored: tuple[str, ...]

    def column(self, role: str) -> str | None:
        """Return the column of a role, or None when the table has none."""
        return self.roles.get(role) or None


def find_layout(source: Source, kind: str | None, said: Mapping[str, str]) -> Layout:
    """Return which column is what.

    Parameters
    ----------
    said
        Role to column as the person gave it; wins over every spelling.

    Raises
    ------
    DataError
        If a column is missing, unknown, ambiguous, or the kind cannot be told.
    """
    kind = kind or _kind_of(source, said)
    aliases = _ALIASES[kind]
    unknown = [role for role in said if role not in aliases]
    if unknown:
        raise DataError(
            f"{kind} have no role {unknown[0]!r}",
            where=str(source.path),
            remedy=f"roles are: {', '.join(aliases)}",
            code="data.unknown_role",
        )
    roles = _detected(source, aliases)
    roles.update({role: _require_columns(source, name) for role, name in said.items()})
    taken = {name for role in said for name in said[role].split("+")}
    roles = {r: n for r, n in roles.items() if r in said or n not in taken}
    if "time" in said:
        roles = {r: n for r, n in roles.items() if r in said or r not in ("date", "clock")}
    _require_roles(source, kind, roles)
    used = {part for name in roles.values() for part in name.split("+")}
    return Layout(kind, roles, tuple(name for name in source.names if name not in used))


def _kind_of(source: Source, said: Mapping[str, str]) -> str:
    for kind in KINDS:
        found = {**_detected(source, _ALIASES[kind]), **said}
        if all(role in found for role in _REQUIRED[kind]):
            return kind
    raise DataError(
        f"the columns fit no kind of data: {', '.join(source.names)}",
        where=str(source.path),
        remedy=(
            "bars need open, high, low, close; quotes bid, ask; trades price, size; actions "
            "ex_date, kind. Name the columns, e.g. --column close=Last, and the kind: --kind bars"
        ),
        code="data.missing_column",
    )


def _detected(source: Source, aliases: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    words: dict[str, str] = {}
    for name in source.names:
        words.setdefault(_word(name), name)
    found: dict[str, str] = {}
    for role, spellings in aliases.items():
        for spelling in spellings:
            if spelling in words and words[spelling] not in found.values():
                found[role] = words[spelling]
                break
    return found


def _word(name: str) -> str:
    return _NOT_A_WORD.sub("_", name.strip().lower()).strip("_")


def _require_columns(source: Source, name: str) -> str:
    for part in name.split("+") if name else ():
        if part not in source.names:
            raise unknown_column(source, part)
    return name


def _require_roles(source: Source, kind: str, roles: Mapping[str, str]) -> None:
    missing = [role for role in _REQUIRED[kind] if not roles.get(role)]
    if kind == "bars" and not any(
        roles.get(r) for r in ("time", "date", "clock", "ts_open", "ts_close")
    ):
        missing.append("time")
    if missing:
        raise DataError(
            f"{kind} need a column for {', '.join(missing)}",
            where=str(source.path),
            remedy=(
                f"the file has: {', '.join(source.names)}; name it, e.g. --column {missing[0]}=NAME"
            ),
            code="data.missing_column",
        )
