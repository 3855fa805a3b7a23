"""Seeded synthetic markets: `make_world` turns a `WorldSpec` and a seed into columns.

Every strategy file may name a market's specification; what draws one is imported when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sims.worlds.spec import Hours, WorldKind, WorldSpec

if TYPE_CHECKING:
    from sims.worlds.making import make_world
    from sims.worlds.series import (
        BarSeries,
        InstrumentWorld,
        QuoteSeries,
        Settlement,
        TradeSeries,
        World,
    )

__all__ = [
    "BarSeries",
    "Hours",
    "InstrumentWorld",
    "QuoteSeries",
    "Settlement",
    "TradeSeries",
    "World",
    "WorldKind",
    "WorldSpec",
    "make_world",
]


def __getattr__(name: str) -> object:
    """Import a name when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'sims.worlds' has no attribute {name!r}")
    from importlib import import_module

    module = "sims.worlds.making" if name == "make_world" else "sims.worlds.series"
    value: object = getattr(import_module(module), name)
    globals()[name] = value
    return value
