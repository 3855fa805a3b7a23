"""The core of a run, filled in from the strategy's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from data.history import History
from engine.errors import ConfigError
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.orders import OrderType, TimeInForce
from engine.model.units import MINOR_PER_UNIT, to_minor, to_quanta
from engine.rules.sizing import SIZE_EQUITY, SIZE_NOTIONAL, SIZE_QUANTITY
from engine.state import Block, Core, CoreShape, new_core
from runtime.backtest.clockwork import Clockwork
from runtime.config import StrategyConfig
from sims.fillbook import layout as book_at
from sims.fillbook.layout import Book
from sims.fillbook.settings import BookSettings, new_book, settings_block, terms_block

_PPB_OF_PERCENT = 7  # 1 % is 10^7 parts per billion


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """Everything that a run starts from; `fresh` gives new state for one fill book's settings."""

    config: StrategyConfig
    instruments: tuple[Instrument, ...]
    currencies: tuple[str, ...]
    terms: Block
    shape: CoreShape
    calendar: int = 0  # whose sessions are the account's days

    def fresh(self, settings: BookSettings) -> tuple[Block, Core, Book]:
        """Return a new core with its starting cash, and an empty fill book."""
        return *self.fresh_core(), self.fresh_book(settings)

    def fresh_core(self) -> tuple[Block, Core]:
        """Return a new core with its starting cash."""
        block, core = new_core(self.shape, self.terms)
        _fill_account(core.account, self.config, len(self.instruments))
        if self.config.is_trading:
            from runtime.backtest.trading_setup import fill_trading  # plain runs need none of it

            core.account[at.ACCOUNT_CALENDAR] = self.calendar
            fill_trading(core, self.config, self.instruments)
        cash = to_minor(self.config.account.cash, name="account.cash")
        core.ledger[0, at.LEDGER_CASH] = cash
        core.ledger[0, at.LEDGER_TRANSFERS] = -cash
        return block, core

    def fresh_book(self, settings: BookSettings) -> Book:
        """Return an empty fill book."""
        assumed = settings_block(settings)
        # Exits wait for the session; what opens must not trade where what closes cannot.
        assumed[book_at.SETTING_HOURS] = int(self.config.is_trading)
        return new_book(
            assumed,
            self.terms,
            order_capacity=self.shape.orders,
            event_capacity=max(1024, 4 * self.shape.orders),
        )


def setup_of(config: StrategyConfig, history: History, clockwork: Clockwork) -> Setup:
    """Return what runs of this strategy on this history start from.

    Raises
    ------
    ConfigError
        If an instrument's currency has no conversion, or its kind cannot pay the venue's fees.
    """
    quoted = [part.is_quoted for part in history.parts]
    return setup_for(config, history.instruments, clockwork, quoted=quoted)


def setup_for(
    config: StrategyConfig,
    instruments: tuple[Instrument, ...],
    clockwork: Clockwork,
    *,
    quoted: Sequence[bool],
) -> Setup:
    """Return what a session of this strategy starts from; `quoted` says which instruments have quotes.

    Raises
    ------
    ConfigError
        As `setup_of`.
    """
    _require_units_to_keep(config, instruments)
    account = config.account.currency
    currencies = (account, *sorted({i.currency for i in instruments} - {account}))
    terms = terms_block(
        instruments,
        config.fills.book,
        calendars=[clockwork.number(i.calendar) for i in instruments],
        quoted=quoted,
    )
    borrow = to_quanta(
        config.account.borrow_percent, _PPB_OF_PERCENT, name="account.borrow_percent"
    )
    for k, instrument in enumerate(instruments):
        terms[k, at.TERM_CURRENCY] = currencies.index(instrument.currency)
        terms[k, at.TERM_MARGINED] = int(instrument.is_margined)
        terms[k, at.TERM_BORROW_PPB] = borrow
        terms[k, at.TERM_CONVERTS] = at.UNKNOWN
    _mark_conversions(terms, config, instruments, currencies)
    if config.is_trading:
        from runtime.backtest.trading_setup import mark_terms

        mark_terms(terms, config, instruments)
    orders = max(256, 16 * len(instruments))
    shape = CoreShape(
        instruments=len(instruments),
        currencies=len(currencies),
        orders=orders,
        commands=4 * orders,
        journal=max(32768, 64 * len(instruments)) * (1 + config.is_trading),  # checks are written
        calendars=len(clockwork.names) if config.is_trading else 1,
        trading=config.is_trading,
    )
    return Setup(config, instruments, currencies, terms, shape, clockwork.account)


def _require_units_to_keep(config: StrategyConfig, instruments: Sequence[Instrument]) -> None:
    """Fees out of the units bought need units that are owned: coins, not contracts."""
    if config.fills.book.fees.model != "binance":
        return
    for item in instruments:
        if item.kind is not InstrumentKind.CRYPTO_SPOT:
            raise ConfigError(
                f"the binance fees keep a part of the units bought; {item.symbol} is of kind "
                f"{item.kind.value}",
                where=config.where("fills", "fees", "model"),
                remedy='use model = "bps" (a futures exchange charges money), or import the data '
                "as crypto_spot",
            )


def _mark_conversions(
    terms: NDArray[np.int64],
    config: StrategyConfig,
    instruments: Sequence[Instrument],
    currencies: Sequence[str],
) -> None:
    """Mark the pairs whose prices convert currencies, and refuse a currency without one."""
    pairs = dict(config.account.fx)
    symbols = [instrument.symbol for instrument in instruments]
    for number, currency in enumerate(currencies[1:], start=1):
        symbol = pairs.get(currency)
        if symbol is None or symbol not in symbols:
            raise ConfigError(
                f"instruments are priced in {currency}, and the account in {currencies[0]}"
                + ("" if symbol is None else f"; {symbol!r} is not among the instruments"),
                where=config.where("account", "fx"),
                remedy=f'say which instrument converts: fx = {{ {currency} = "SYMBOL" }}',
            )
        k = symbols.index(symbol)
        terms[k, at.TERM_CONVERTS] = number
        terms[k, at.TERM_CONVERTS_INVERSE] = int(instruments[k].currency == currency)


def _fill_account(row: NDArray[np.int64], config: StrategyConfig, instruments: int) -> None:
    account, execution = config.account, config.execution

    def percent(value: Decimal, name: str) -> int:
        return to_quanta(value, _PPB_OF_PERCENT, name=name)

    row[at.ACCOUNT_LEVERAGE_PPM] = to_quanta(account.leverage, 6, name="account.leverage")
    row[at.ACCOUNT_SHORT] = int(account.allow_short)
    row[at.ACCOUNT_REINVEST] = int(account.dividends == "reinvest")
    row[at.ACCOUNT_MARGIN_PPB] = percent(account.margin_interest_percent, "margin_interest_percent")
    row[at.ACCOUNT_CREDIT_PPB] = percent(account.credit_interest_percent, "credit_interest_percent")
    row[at.ACCOUNT_ENTRY_TYPE] = int(OrderType[execution.order_type.upper()])
    row[at.ACCOUNT_ENTRY_TIF] = int(TimeInForce[execution.time_in_force])
    row[at.ACCOUNT_CLOSE_FIRST] = int(execution.flips == "close_first")
    row[at.ACCOUNT_ENTRY_OFFSET_PPM] = to_quanta(execution.offset_bps * 100, 0, name="offset_bps")
    for column, value in (
        (at.ACCOUNT_STOP_PPM, execution.stop_loss_percent),
        (at.ACCOUNT_TARGET_PPM, execution.take_profit_percent),
        (at.ACCOUNT_TRAIL_PPM, execution.trailing_stop_percent),
    ):
        row[column] = 0 if value is None else to_quanta(value, 4, name="percent")
    row[at.ACCOUNT_SIZE_METHOD], row[at.ACCOUNT_SIZE_VALUE] = _size(config, instruments)


def _size(config: StrategyConfig, instruments: int) -> tuple[int, int]:
    """Return the number of the sizing method and its value in the method's units."""
    sizing = config.sizing
    match sizing.method:
        case "fixed_quantity":
            assert sizing.quantity is not None
            return SIZE_QUANTITY, to_quanta(sizing.quantity, 9, name="sizing.quantity")
        case "fixed_notional":
            assert sizing.notional is not None
            return SIZE_NOTIONAL, int(sizing.notional * MINOR_PER_UNIT)
        case "kelly" | "fixed_fraction" | "vol_target":
            return SIZE_EQUITY, 0  # sized by `engine.rules.sizes`, from the limits
    fraction = sizing.fraction if sizing.fraction is not None else Decimal("0.95")
    share = fraction / (sizing.positions or instruments)
    return SIZE_EQUITY, int(share * 10**9)


def optimistic(settings: BookSettings) -> BookSettings:
    """Return the same assumptions with every open question answered in the order's favour."""
    return replace(settings, path="optimistic", limit_fill="touch")
