"""What a workspace's ``[limits]`` allowed when a certificate was asked for: nothing larger is traded under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from engine.model.instruments import Instrument
from engine.model.units import from_minor
from runtime.gateway.checks import Limits


class AllowedLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of a workspace; 0: there is none of the kind.

    Parameters
    ----------
    order_value_minor, position_value_minor
        In minor units of the account's currency.
    collar_ppm
        In parts per million of the last price.
    restricted
        Of what is traded the symbols in which only closing is allowed, sorted.
    """

    order_value_minor: int
    position_value_minor: int
    collar_ppm: int
    orders_per_minute: int
    restricted: list[str]


_PPM_OF_PERCENT: Final = 10_000


def allowed_by(limits: Limits, instruments: Sequence[Instrument]) -> AllowedLimits:
    """Return what a gateway's limits allow before a certificate's stage makes them smaller."""
    return AllowedLimits(
        order_value_minor=limits.order_value_minor,
        position_value_minor=limits.position_value_minor,
        collar_ppm=limits.collar_ppm,
        orders_per_minute=limits.orders_per_minute,
        restricted=sorted(instruments[n].symbol for n in limits.restricted),
    )


def larger(now: AllowedLimits, approved: AllowedLimits) -> list[str]:
    """Say which limits allow more than was approved, as ``trader.toml`` has them; nothing where none does.

    Examples
    --------
    >>> approved = AllowedLimits(10**12, 0, 200_000, 100, [])
    >>> larger(AllowedLimits(2 * 10**12, 10**12, 0, 99, ["A"]), approved)
    ['order_value is 20000, and 10000 was approved', 'collar_percent is none, and 20 was approved']
    """
    found = [
        f"{name} is {_told(name, have)}, and {_told(name, most)} was approved"
        for (name, have), (_, most) in zip(_values(now), _values(approved), strict=True)
        if most and not 0 < have <= most
    ]
    freed = sorted(set(approved.restricted) - set(now.restricted))
    return [*found, f"restricted has no {', '.join(freed)} any more"] if freed else found


def limits_told(limits: AllowedLimits) -> list[str]:
    """Return the limits as a person reads them before signing.

    Examples
    --------
    >>> limits_told(AllowedLimits(10**12, 0, 200_000, 100, ["GME"]))
    ['order_value 10000', 'position_value none', 'collar_percent 20', 'orders_per_minute 100', 'restricted GME']
    """
    told = [f"{name} {_told(name, value)}" for name, value in _values(limits)]
    return [*told, f"restricted {', '.join(limits.restricted)}"] if limits.restricted else told


def _values(limits: AllowedLimits) -> Sequence[tuple[str, int]]:
    """Return the limits by their names in ``trader.toml``."""
    return (
        ("order_value", limits.order_value_minor),
        ("position_value", limits.position_value_minor),
        ("collar_percent", limits.collar_ppm),
        ("orders_per_minute", limits.orders_per_minute),
    )


def _told(name: str, value: int) -> str:
    if value == 0:
        return "none"
    if name.endswith("_value"):
        return f"{from_minor(value).normalize():f}"
    return f"{value / _PPM_OF_PERCENT:g}" if name == "collar_percent" else str(value)
