"""What a strategy asks of a venue that the venue does not do: looked for before anything is traded there.

`trader live` refuses, `trader promote` says it, `trader paper` on the venue's feed warns. What cannot be seen
in a strategy's file (a class that asks for a bracket of fractions) the gateway refuses, before its entry
leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from brokers.alpaca.capabilities import ALPACA as SHARES_CAN
from brokers.alpaca.capabilities import ALPACA_COINS as COINS_CAN
from brokers.alpaca.capabilities import Capabilities
from brokers.alpaca.coins import is_coin
from brokers.alpaca.costs import ALPACA_COIN_COSTS, ALPACA_COSTS
from engine.errors import InputError
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.orders import TimeInForce
from engine.rules.venue_costs import CostProfile
from runtime.config import StrategyConfig
from runtime.gateway.checks import Limits
from runtime.venues.market_access import ALPACA

T = TypeVar("T")

_CAN: Final = {(ALPACA, False): SHARES_CAN, (ALPACA, True): COINS_CAN}
_COSTS: Final = {(ALPACA, False): ALPACA_COSTS, (ALPACA, True): ALPACA_COIN_COSTS}
_BRACKET: Final = {
    "stop_loss_percent": "stop_loss = { percent = 5 }",
    "take_profit_percent": "profit_target = { high_percent = 5, medium_percent = 5, low_percent = 5 }",
    "trailing_stop_percent": "trailing_stop = { percent = 5 }",
}


class Lack(msgspec.Struct, frozen=True):
    """Something that a strategy needs and a venue does not do; what to do, and where in the file."""

    problem: str
    remedy: str
    where: str = ""


def capabilities_of(venue: str, instruments: Sequence[Instrument]) -> Capabilities:
    """Return what a venue can do with some instruments: with coins something else than with shares.

    Raises
    ------
    InputError
        If that is not known.
    """
    return _known(_CAN, venue, instruments, "can do")


def costs_of(venue: str, instruments: Sequence[Instrument]) -> CostProfile:
    """Return what trading some instruments at a venue costs at least.

    Raises
    ------
    InputError
        If that is not known.
    """
    return _known(_COSTS, venue, instruments, "costs")


def _known(
    table: Mapping[tuple[str, bool], T], venue: str, instruments: Sequence[Instrument], what: str
) -> T:
    found = table.get((venue, _has_coins(instruments)))
    if found is None:
        raise InputError(f"what {venue!r} {what} is not known", code="venue.unknown")
    return found


def lacks(config: StrategyConfig, instruments: Sequence[Instrument], venue: str) -> list[Lack]:
    """Return everything that a strategy needs and a venue does not do, as far as its file tells."""
    can = capabilities_of(venue, instruments)
    return [
        *_of_kinds(instruments, venue),
        *_of_brackets(config, instruments, can, venue),
        *_of_times(config, can, venue),
        *_of_shorts(config, can, venue),
        *_of_flips(config, can, venue),
        *_of_fractions(config, instruments, can, venue),
        *_of_prices(instruments, can, venue),
    ]


def limits_at(
    venue: str, limits: Limits, instruments: Sequence[Instrument], *, is_trading: bool = False
) -> Limits:
    """Return a gateway's limits with what a venue does not do; `is_trading`: under the trading loop."""
    can = capabilities_of(venue, instruments)
    holds = can.oco and not can.brackets and not is_trading
    return msgspec.structs.replace(
        limits,
        brackets=can.brackets,
        holds=holds,
        flips=can.flips,
        reduce_only=can.reduce_only,
    )


def _of_kinds(instruments: Sequence[Instrument], venue: str) -> Iterator[Lack]:
    """Shares in dollars, or coins by their pair with dollars, and one of both in a strategy."""
    strange = [x for x in instruments if x.kind is not InstrumentKind.EQUITY and not is_coin(x)]
    if strange:
        yield Lack(
            f"{venue} trades shares, and coins by their pair with dollars (BTC/USD), and "
            f"{strange[0].symbol} is {strange[0].kind.value} in {strange[0].currency}",
            "import the data with the venue's name for it, or leave it out",
        )
    elif _has_coins(instruments) and not all(is_coin(each) for each in instruments):
        yield Lack(
            f"shares and coins are told and traded apart at {venue}, and it has both",
            "make a strategy of each",
        )


def _has_coins(instruments: Sequence[Instrument]) -> bool:
    return any(is_coin(each) for each in instruments)


def _of_brackets(
    config: StrategyConfig, instruments: Sequence[Instrument], can: Capabilities, venue: str
) -> Iterator[Lack]:
    """A stop and a target hang on an entry; the trading loop would change their size as it goes."""
    wanted = [key for key in _BRACKET if getattr(config.execution, key) is not None]
    parts = [each.symbol for each in instruments if each.lot_size % 1]
    for key in wanted if not can.brackets else ():
        if not can.oco or config.is_trading:
            problem = f"hangs a protective order on each entry, and {venue} is sent none"
        elif key == "trailing_stop_percent":
            problem = f"hangs a trailing stop on each entry, and {venue} is sent none"
        elif parts:
            problem = (
                f"hangs an order on each entry, and {venue} takes none for fractions of a share"
            )
        else:
            continue
        yield Lack(
            f"execution.{key} {problem}",
            f"have the trading loop watch the price: [exits] {_BRACKET[key]}",
            config.where("execution", key),
        )


def _of_times(config: StrategyConfig, can: Capabilities, venue: str) -> Iterator[Lack]:
    wanted = config.execution.time_in_force
    if TimeInForce[wanted] not in can.times_in_force:
        yield Lack(
            f"{venue} has no orders that are {wanted}",
            "choose one of " + ", ".join(each.name for each in can.times_in_force),
            config.where("execution", "time_in_force"),
        )


def _of_shorts(config: StrategyConfig, can: Capabilities, venue: str) -> Iterator[Lack]:
    if not config.account.allow_short:
        return
    if not can.short:
        yield Lack(
            f"{venue} lets nobody sell short",
            "take the short rules out, or say allow_short = false",
            config.where("account", "allow_short"),
        )


def _of_flips(config: StrategyConfig, can: Capabilities, venue: str) -> Iterator[Lack]:
    if can.flips or not _can_flip(config) or config.execution.flips == "close_first":
        return
    needs_loop = config.rules is not None and config.rules.weight is None and not config.is_trading
    yield Lack(
        f"it may go from long to short by one order, and {venue} refuses to sell more than is held",
        'say flips = "close_first" in [execution]'
        + (", and add [exits], which may be empty" if needs_loop else ""),
        config.where("execution", "flips"),
    )


def _can_flip(config: StrategyConfig) -> bool:
    """Return whether a strategy may hold both sides: a class or a function that may be short may do so."""
    rules = config.rules
    if not config.account.allow_short or rules is None or rules.weight is not None:
        return config.account.allow_short
    return rules.entry is not None and rules.short_entry is not None


def _of_fractions(
    config: StrategyConfig, instruments: Sequence[Instrument], can: Capabilities, venue: str
) -> Iterator[Lack]:
    parts = [each.symbol for each in instruments if each.lot_size % 1 and not is_coin(each)]
    if not parts:
        return
    named = _named(parts)
    whole = 'import the data with a definition that says lot_size = "1"'
    if not can.fractional:
        yield Lack(f"{venue} trades no fractions of a share, and {named} is traded in them", whole)
    elif config.execution.time_in_force == "GTC" and config.execution.order_type == "limit":
        yield Lack(
            f"{venue} takes limits for fractions of a share for the day only, and {named} is traded in "
            "them until canceled",
            f'say time_in_force = "DAY", or {whole}',
            config.where("execution", "time_in_force"),
        )


def _of_prices(instruments: Sequence[Instrument], can: Capabilities, venue: str) -> Iterator[Lack]:
    """Data may be finer, as prints lie between the prices that may be asked; orders may not.

    The definition is the same in backtest, on paper and live, and the certificate is for it.
    """
    if can.price_decimals is None:
        return
    step = Decimal(1).scaleb(-can.price_decimals)
    finer = [each for each in instruments if each.tick_size % step]
    if finer:
        precision = max(each.price_precision for each in finer)
        yield Lack(
            f"orders for {_named([each.symbol for each in finer])} would have finer prices than "
            f"{venue} takes, which is {step}",
            f"import the data with a definition that says price_precision = {precision} and "
            f'tick_size = "{step}"',
        )


def _named(symbols: Sequence[str]) -> str:
    return ", ".join(symbols[:3]) + (f" and {len(symbols) - 3} more" if len(symbols) > 3 else "")
