"""From a strategy file to a session core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data.history import History
from engine.lang.program import Program
from engine.model.instruments import Instrument
from engine.model.units import to_minor
from runtime.backtest.account import Setup, setup_for
from runtime.backtest.clockwork import Clockwork
from runtime.backtest.user_strategies import load_function, load_strategy_class
from runtime.config import StrategyConfig
from runtime.session_core.core import SessionCore
from runtime.session_core.drivers.classes import ClassDriver
from runtime.session_core.drivers.driver import Driver
from runtime.session_core.drivers.functions import FunctionDriver
from runtime.session_core.drivers.inputs import volume_kinds
from runtime.session_core.drivers.rules import RulesDriver
from sims.paper import PaperBroker


@dataclass(frozen=True, slots=True)
class Market:
    """What a session has to know of its feed before it begins.

    Parameters
    ----------
    clockwork
        The calendars of the run, with every session that it will see.
    quoted
        By instrument whether the feed has quotes.
    volumes
        By instrument the kind of event that tells what has traded, 0 for none; see
        `runtime.session_core.drivers.inputs.volume_kinds`.
    timeframe
        Of its bars, as the data have it.
    """

    instruments: tuple[Instrument, ...]
    clockwork: Clockwork
    quoted: tuple[bool, ...]
    volumes: tuple[int, ...]
    timeframe: str = ""


def market_of(history: History, clockwork: Clockwork) -> Market:
    """Return that of a feed that replays a history."""
    quoted = tuple(part.is_quoted for part in history.parts)
    return Market(
        history.instruments, clockwork, quoted, volume_kinds(history), history.passport.timeframe
    )


def setup_of_session(config: StrategyConfig, market: Market) -> Setup:
    """Return what a session starts from.

    Raises
    ------
    ConfigError
        If an instrument's currency has no conversion, or its kind cannot pay the venue's fees.
    """
    return setup_for(config, market.instruments, market.clockwork, quoted=market.quoted)


def new_session_core(config: StrategyConfig, market: Market, setup: Setup) -> SessionCore:
    """Return a new core with the strategy of a file.

    Raises
    ------
    StrategyError, ConfigError, FormulaError
        If the strategy cannot be loaded.
    """
    block, core = setup.fresh_core()
    return SessionCore(block, core, driver_of(config, market), market.instruments)


def driver_of(config: StrategyConfig, market: Market) -> Driver:
    """Return who decides for a strategy."""
    symbols = [item.symbol for item in market.instruments]
    rest = (market.instruments, market.clockwork, market.volumes)
    if config.strategy.logic == "class":
        return ClassDriver(config, load_strategy_class(config, symbols), *rest)
    if config.strategy.logic == "compiled":
        function, program = load_function(config, symbols)
        return FunctionDriver(config, function, program, *rest)
    return RulesDriver(config, config.compile_rules(symbols=symbols), *rest)


def formulas_of(config: StrategyConfig, symbols: Sequence[str]) -> Program | None:
    """Return the formulas of a strategy: its rules, or the indicators that it declares.

    Raises
    ------
    StrategyError, ConfigError, FormulaError
        If the strategy cannot be loaded.
    """
    match config.strategy.logic:
        case "class":
            return load_strategy_class(config, symbols).program
        case "compiled":
            return load_function(config, symbols)[1]
        case _:
            return config.compile_rules(symbols=symbols)


def new_paper_broker(
    config: StrategyConfig, setup: Setup, core: SessionCore, *, account: str = "paper"
) -> PaperBroker:
    """Return a paper account for a core, with the fills that the file assumes."""
    return PaperBroker(
        account,
        setup.instruments,
        setup.fresh_book(config.fills.book),
        currency=config.account.currency,
        cash_minor=to_minor(config.account.cash, name="account.cash"),
        now_ns=lambda: core.now_ns,
    )
