"""Every line of sizing.txt is a test of the real kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.denials import Denial
from engine.model.instruments import Instrument
from engine.model.trading import SizeClip, SizeMethod
from engine.model.units import to_minor
from engine.rules.sizes import size_signal
from engine.state import Core
from tests.unit.core.books import COIN, EURUSD, EVENT, FUTURE, GERMAN, SHARE
from tests.unit.trading.compiled_world import call_compiled
from tests.unit.trading.trading_books import Line, TradingBooks, parts_per, read_table

D = Decimal
LINES = read_table("sizing.txt", 4)
KNOWN = {item.symbol: item for item in (SHARE, EVENT, FUTURE, COIN, GERMAN)}
METHODS = {
    "quantity": SizeMethod.QUANTITY,
    "notional": SizeMethod.NOTIONAL,
    "equity": SizeMethod.EQUITY,
    "kelly": SizeMethod.KELLY_BINARY,
    "kelly odds": SizeMethod.KELLY_ODDS,
    "kelly continuous": SizeMethod.KELLY_CONTINUOUS,
    "fixed_fraction": SizeMethod.FIXED_FRACTION,
    "vol_target": SizeMethod.VOLATILITY_TARGET,
}
INPUTS = {
    "p": loop.MONITOR_EDGE,
    "edge": loop.MONITOR_EDGE,
    "conf": loop.MONITOR_CONFIDENCE,
    "vol": loop.MONITOR_VOLATILITY,
}
BOUNDS = {
    "maximum": (
        loop.LIMIT_SIZE_MAXIMUM_UNITS_PPB,
        loop.LIMIT_SIZE_MAXIMUM_MINOR,
        loop.LIMIT_SIZE_MAXIMUM_PPM,
    ),
    "minimum": (
        loop.LIMIT_SIZE_MINIMUM_UNITS_PPB,
        loop.LIMIT_SIZE_MINIMUM_MINOR,
        loop.LIMIT_SIZE_MINIMUM_PPM,
    ),
}


class Case:
    """One line, made into a core: what it says of the account, the market and the signal."""

    def __init__(self, line: Line) -> None:
        self.method, given, self.expected, self.comment = line.columns
        self.words = [word.strip() for word in given.split(";")]
        self.item: Instrument = KNOWN[line.settings[0] if line.settings else "ABC"]
        self.side = -1 if "short" in self.words else 1
        if step := self.value("step"):
            self.item = replace(self.item, quantity_step_lots=int(step))
        foreign = self.item.currency != "USD"
        quantity, _, price = (self.value("hold") or "0 @ 0").split()
        cash = D(self.value("E") or 0) - D(quantity) * D(price)
        instruments = [self.item, EURUSD] if foreign else [self.item]
        self.books = TradingBooks(instruments)
        self.books.transfer("USD", str(cash - 100_000))
        if foreign:
            self.books.sets_rate_of("EUR", "EURUSD")
            self.books.price("EURUSD", "1.25000")
        if D(quantity) != 0:
            self.books.transfer("USD", str(D(quantity) * D(price)))
            self.books.trade(self.item.symbol, quantity, price)
        self.price = self.ticks(self.value("at") or "0")
        if last := self.value("last") or self.value("at"):
            self.books.price(self.item.symbol, last)
        self._configure()

    def value(self, name: str) -> str | None:
        """Return what stands after a word, None where the word does not stand."""
        for word in self.words:
            if word.split()[0] == name:
                return word.partition(" ")[2]
        return None

    def ticks(self, price: str) -> int:
        return self.item.price_to_ticks(price)

    def _configure(self) -> None:
        s, account, limits = self.books.s, self.books.s.account, self.books.s.limits
        name, _, value = self.method.rpartition(" ")
        method = METHODS[name.strip()]
        limits[loop.LIMIT_SIZE_METHOD] = method
        account[at.ACCOUNT_SIZE_METHOD] = min(method, SizeMethod.EQUITY)
        if method == SizeMethod.NOTIONAL:
            account[at.ACCOUNT_SIZE_VALUE] = to_minor(value)
        else:
            account[at.ACCOUNT_SIZE_VALUE] = parts_per(value, 9)
        limits[loop.LIMIT_SIZE_FRACTION_PPB] = parts_per(value, 9)
        limits[loop.LIMIT_SIZE_TARGET_PPB] = parts_per(value, 9)
        limits[loop.LIMIT_SIZE_SAMPLE] = int(self.value("n") or 0)
        limits[loop.LIMIT_EDGE_IS_PROBABILITY] = int(self.value("p") is not None)
        account[at.ACCOUNT_LEVERAGE_PPM] = parts_per(self.value("leverage") or "1", 6)
        for word, column in INPUTS.items():
            if (given := self.value(word)) is not None:
                s.monitors[0, column] = parts_per(given, 9)
        if goal := self.value("goal"):
            s.monitors[0, loop.MONITOR_GOAL] = self.ticks(goal)
        if stop := self.value("stop"):
            self._set_bracket(stop)
        if loss := self.value("stop_loss"):
            limits[loop.LIMIT_EXITS] = 1
            s.exits[1, loop.EXITS_ENABLED] = 1
            s.exits[1, loop.EXITS_THRESHOLD] = parts_per(loss, 6)
        self._set_bounds()

    def _set_bracket(self, stop: str) -> None:
        """Set the bracket's distance such that its stop lies at a price."""
        away, last = abs(self.ticks(stop) - self.price), self.price or self.ticks("100")
        ppm = D(away * 10**6) / last
        assert self.price == 0 or ppm == int(ppm), "the stop must be whole millionths away"
        self.books.s.account[at.ACCOUNT_STOP_PPM] = int(ppm)

    def _set_bounds(self) -> None:
        limits = self.books.s.limits
        for word in self.words:
            name, _, value = word.partition(" ")
            if name not in BOUNDS:
                continue
            units, minor, share = BOUNDS[name]
            if value.endswith("$"):
                limits[minor] = to_minor(value.removesuffix("$"))
            elif value.endswith("%"):
                limits[share] = parts_per(value, 6)
            else:
                limits[units] = parts_per(value, 9)

    def answer(self, core: Core, *, fast: bool) -> str:
        """Return what the kernel says, in the table's words; its journal row must say the same."""
        size: Callable[..., Any] = partial(call_compiled, size_signal) if fast else size_signal
        lots, code = size(core, 0, self.side, self.price, 7, loop.NEVER)
        assert self.books.fault == 0
        row = self.books.journal(at.KIND_SIZED)[-1]
        assert row[loop.SIZED_LOTS] == lots
        assert row[loop.SIZED_PRICE] == self.price
        assert (lots > 0) == (code == Denial.NONE)
        if code != Denial.NONE:
            return Denial(code).name.lower()
        quantity = self.item.lots_to_quantity(lots).normalize()
        clip = SizeClip(row[loop.SIZED_CLIP])
        return f"{quantity:f}" + (f" {clip.name.lower()}" if clip else "")


@pytest.mark.parametrize("line", LINES, ids=str)
def test_a_line_of_the_table(line: Line) -> None:
    case = Case(line)
    assert case.answer(case.books.s, fast=False) == case.expected, case.comment


def test_the_compiled_kernel_reads_the_table_alike() -> None:
    cases = [Case(line) for line in LINES]
    said = [case.answer(case.books.core, fast=True) for case in cases]
    assert said == [case.expected for case in cases]


def test_the_table_is_long_enough() -> None:
    assert len(LINES) >= 70


def test_the_row_tells_how_the_size_was_made() -> None:
    case = Case(
        Line("", 0, ("RAIN",), ("kelly 0.25", "E 10000; p 0.60; at 0.50; maximum 800", "", ""))
    )
    case.answer(case.books.s, fast=False)
    row = case.books.journal(at.KIND_SIZED)[-1]
    assert row[loop.SIZED_SIGNAL] == 7
    assert row[loop.SIZED_METHOD] == SizeMethod.KELLY_BINARY
    assert row[loop.SIZED_SHARE] == 50_000_000  # 5 % in parts of 10^9
    assert row[loop.SIZED_MINOR] == to_minor("500")
    assert row[loop.SIZED_BEFORE] == 1000
    assert row[loop.SIZED_LOTS] == 800
    assert row[loop.SIZED_CLIP] == SizeClip.MAXIMUM_QUANTITY
    assert row[loop.SIZED_PRICE] == 50


def test_a_size_without_a_rate_is_unknown() -> None:
    case = Case(Line("", 0, ("SAP",), ("equity 50%", "E 10000; at 80", "", "")))
    case.books.s.ledger[1, at.LEDGER_RATE] = 0
    assert case.answer(case.books.s, fast=False) == "size_unknown"


def test_an_equity_that_does_not_fit_is_unknown() -> None:
    case = Case(Line("", 0, (), ("equity 50%", "E 10000; at 100", "", "")))
    case.books.s.positions[0, at.POSITION_QUANTITY] = 2**62
    lots, code = size_signal(case.books.s, 0, 1, case.price, 7, loop.NEVER)
    assert (lots, code) == (0, Denial.SIZE_UNKNOWN)
