"""The limits of a workspace, in the integers that the gateway compares."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

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
    names = frozenset(said.restricted or ())
    return Limits(
        order_value_minor=to_minor(said.order_value, name="limits.order_value"),
        position_value_minor=to_minor(said.position_value, name="limits.position_value"),
        collar_ppm=int(collar),
        orders_per_minute=said.orders_per_minute,
        restricted=frozenset(n for n, each in enumerate(instruments) if each.symbol in names),
    )
