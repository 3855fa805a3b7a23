"""The limits of a workspace, in the integers that the gateway compares."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol
from unicodedata import normalize

from engine.errors import ConfigError
from engine.model.instruments import Instrument
from engine.model.units import to_minor
from runtime.gateway.checks import Limits

_PPM_OF_PERCENT = 10_000


class Said(Protocol):
    """`[limits]` of ``trader.toml``; see `runtime.workspace_tables.LimitsTable`."""

    order_value: Decimal
    position_value: Decimal
    collar_percent: Decimal
    orders_per_minute: int
    restricted: list[str] | None


def limits_of(said: Said | None, instruments: Sequence[Instrument]) -> Limits:
    """Return what the gateway holds a session to; instruments that it does not have are passed over.

    Raises
    ------
    ConfigError
        If a share is finer than a millionth.
    """
    if said is None:
        return Limits()
    collar = said.collar_percent * _PPM_OF_PERCENT
    if collar != int(collar):
        raise ConfigError(
            f"{said.collar_percent} % is finer than a millionth",
            where="trader.toml: limits.collar_percent",
        )
    names = frozenset(map(_as_meant, said.restricted or ()))
    return Limits(
        order_value_minor=to_minor(said.order_value, name="limits.order_value"),
        position_value_minor=to_minor(said.position_value, name="limits.position_value"),
        collar_ppm=int(collar),
        orders_per_minute=said.orders_per_minute,
        restricted=frozenset(
            n for n, each in enumerate(instruments) if _as_meant(each.symbol) in names
        ),
    )


def _as_meant(symbol: str) -> str:
    """Return a symbol however it is written: rather one too many is restricted than none by a small letter.

    Examples
    --------
    >>> _as_meant(" btc/usd "), _as_meant("BTCUSD")
    ('btcusd', 'btcusd')
    """
    return normalize("NFKC", symbol).strip().casefold().replace("/", "")
