"""Near the ends of int64: an order is denied, or the run stops with clean books; nothing wraps."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from engine.errors import InputError
from engine.model import layout as at
from engine.model.denials import Denial
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_HOUR
from engine.rules.sizing import SIZE_EQUITY, SIZE_QUANTITY
from engine.state import Block, Core, CoreShape, new_core
from runtime.backtest.machine import Machine
from sims.fillbook.layout import Book
from sims.fillbook.settings import BookSettings, new_book, settings_block, terms_block
from sims.replay.columns import Lanes
from sims.replay.stream import Source
from tests.unit.core.books import check_books

MAX = 2**63 - 1
SHARE = Instrument("ABC", InstrumentKind.EQUITY)
FINE = Instrument("FINE", InstrumentKind.CRYPTO_SPOT, "USD", 9, 9)
FUTURE = Instrument("ES", InstrumentKind.FUTURE)


class Extreme:
    """An account and one instrument at the end of the range; stands in for a run's setup."""

    def __init__(self, instrument: Instrument, cash: int, **account: int) -> None:
        self.instruments, self.currencies = (instrument,), ("USD",)
        self.shape = CoreShape(1, 1, orders=16, commands=64, journal=512)
        self.terms = terms_block([instrument], BookSettings())
        self.terms[0, at.TERM_MARGINED] = int(instrument.is_margined)
        self.terms[0, at.TERM_CONVERTS] = at.UNKNOWN
        self.cash = cash
        self.account = {
            "LEVERAGE_PPM": MAX,
            "SHORT": 1,
            "ENTRY_TYPE": at.TYPE_MARKET,
            "ENTRY_TIF": at.TIF_GTC,
            "SIZE_METHOD": SIZE_EQUITY,
            "SIZE_VALUE": 10**9,
        } | account

    def fresh(self, settings: BookSettings) -> tuple[Block, Core, Book]:
        block, core = new_core(self.shape, self.terms)
        for name, value in self.account.items():
            core.account[getattr(at, f"ACCOUNT_{name}")] = value
        core.ledger[0, at.LEDGER_CASH] = self.cash
        core.ledger[0, at.LEDGER_TRANSFERS] = -self.cash
        book = new_book(settings_block(settings), self.terms, order_capacity=16, event_capacity=64)
        return block, core, book


def play(
    setup: Extreme,
    closes: list[int],
    bits: list[int],
    *extra: Source,
    compiled: bool = False,
) -> Machine:
    """Run bars with the given closes (they open at the close before) and signals."""
    machine = Machine(cast(Any, setup), BookSettings(), compiled)
    ts = (1 + np.arange(len(closes), dtype=np.int64)) * NS_PER_HOUR
    price = np.array(closes, dtype=np.int64)
    opens = np.concatenate([price[:1], price[:-1]])
    columns = {
        at.BAR_OPEN_TS: ts - NS_PER_HOUR,
        at.BAR_OPEN: opens,
        at.BAR_HIGH: np.maximum(opens, price),
        at.BAR_LOW: np.minimum(opens, price),
        at.BAR_CLOSE: price,
        at.BAR_VOLUME: at.UNKNOWN,
        at.BAR_FILLS: 1,
    }
    bars = Source(at.KIND_BAR, 0, ts, columns, bits=np.array(bits, dtype=np.uint8))
    timer = Source(at.KIND_TIMER, -1, ts)
    machine.attach(Lanes([bars, timer, *extra], setup.terms))
    machine.replay()
    return machine


def denials(machine: Machine) -> list[Denial]:
    rows = np.concatenate(machine.journal_rows())
    return [
        Denial(int(reason))
        for reason in rows[rows[:, at.EVENT_KIND] == at.KIND_DENIED, at.FACT_REASON]
    ]


ENTER = at.SIGNAL_ENTRY
UNIT = 10**8


@pytest.mark.parametrize(
    ("price", "reasons"),
    # 9,223,372,036 shares at 10.00 are 92,233,720,360 dollars: 2^63 minor units are 8.55 more.
    [(1_000, []), (1_001, [Denial.VALUE_TOO_LARGE])],
)
def test_an_order_whose_value_does_not_fit_is_denied(price: int, reasons: list[Denial]) -> None:
    setup = Extreme(SHARE, 10**18, SIZE_METHOD=SIZE_QUANTITY, SIZE_VALUE=MAX)
    machine = play(setup, [price] * 3, [ENTER, 0, 0])
    assert denials(machine) == reasons
    check_books(machine.plain)


def test_a_price_that_explodes_under_a_position_stops_the_run_with_clean_books() -> None:
    setup = Extreme(SHARE, 10**18)
    machine = Machine(cast(Any, setup), BookSettings(), is_compiled=False)
    with pytest.raises(InputError, match="left the range of 64 bits") as caught:
        play(setup, [100, 100, 100_000_000], [ENTER, 0, 0])
    assert caught.value.code == "engine.out_of_range"
    assert "before anything was booked" in caught.value.problem
    assert machine.plain.account[at.ACCOUNT_FAULT] == at.FAULT_NONE


def test_a_gain_that_does_not_fit_is_not_half_booked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short future that is closed at a hundred times its price: the loss leaves the range."""
    made: list[Machine] = []
    genuine = Machine.__post_init__

    def remember(machine: Machine) -> None:
        genuine(machine)
        made.append(machine)

    monkeypatch.setattr(Machine, "__post_init__", remember)
    setup = Extreme(FUTURE, 4 * 10**18)
    shorts = [at.SIGNAL_SHORT_ENTRY, 0, 0, 0]
    with pytest.raises(InputError, match="left the range"):
        play(setup, [100, 100, 1_000, 1_000], shorts)
    (machine,) = made
    check_books(machine.plain)
    assert machine.plain.ledger[0, at.LEDGER_CASH] == 4 * 10**18


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (at.KIND_DIVIDEND, {at.DIVIDEND_MINOR: MAX // 2}),
        (at.KIND_FUNDING, {at.FUNDING_PPB: MAX // 2, at.FUNDING_MARK: 0}),
        (at.KIND_FUNDING, {at.FUNDING_PPB: 1, at.FUNDING_MARK: MAX}),
        (at.KIND_SPLIT, {at.SPLIT_NUMERATOR: MAX // 2, at.SPLIT_DENOMINATOR: 1}),
        (at.KIND_SPLIT, {at.SPLIT_NUMERATOR: 10**17, at.SPLIT_DENOMINATOR: 10**17 - 1}),
        (at.KIND_SETTLEMENT, {at.SETTLEMENT_PRICE: MAX}),
        (at.KIND_TRANSFER, {at.TRANSFER_CURRENCY: 0, at.TRANSFER_MINOR: MAX}),
    ],
    ids=lambda value: at.EventKind(value).name if isinstance(value, int) else "",
)
def test_an_event_that_does_not_fit_stops_the_run_and_changes_nothing(
    kind: int, payload: dict[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Machine] = []
    genuine = Machine.__post_init__
    monkeypatch.setattr(Machine, "__post_init__", lambda m: (genuine(m), made.append(m))[0])
    setup = Extreme(SHARE, 10**18)
    when = np.array([3 * NS_PER_HOUR - 1], dtype=np.int64)
    instrument = -1 if kind == at.KIND_TRANSFER else 0
    event = Source(kind, instrument, when, dict(payload))
    with pytest.raises(InputError, match="left the range"):
        play(setup, [100] * 4, [ENTER, 0, 0, 0], event)
    check_books(made[0].plain)
    assert made[0].plain.ledger[0, at.LEDGER_CASH] == 0  # all of it was invested before
    assert made[0].plain.positions[0, at.POSITION_QUANTITY] == 10**10


# --- random ends of the range -------------------------------------------------------------------------
def outcome(seed: int, *, compiled: bool) -> str:
    """Run one extreme world; return its hash, or what it said when it stopped."""
    rng = Random(seed)
    top = rng.choice((10**6, 10**11, 10**15, MAX // 2, MAX))
    setup = Extreme(
        rng.choice((SHARE, FINE, FUTURE)),
        rng.choice((10**8, 10**15, MAX)),
        LEVERAGE_PPM=rng.choice((10**6, 10**9, MAX)),
        SIZE_METHOD=rng.choice((SIZE_QUANTITY, SIZE_EQUITY)),
        SIZE_VALUE=rng.choice((10**8, 10**9, MAX // 2, MAX)),
        STOP_PPM=rng.choice((0, 10_000)),
        TARGET_PPM=rng.choice((0, 999_999)),
        MARGIN_PPB=rng.choice((0, 10**9)),
        REINVEST=1,
    )
    closes = [max(1, rng.randrange(top) if rng.random() < 0.3 else top - 1) for _ in range(12)]
    bits = [rng.choice((0, 1, 2, 4, 8, 9)) for _ in closes]
    split = Source(
        at.KIND_SPLIT,
        0,
        np.array([5 * NS_PER_HOUR], dtype=np.int64),
        {
            at.SPLIT_NUMERATOR: rng.choice((1, 3, 10**9)),
            at.SPLIT_DENOMINATOR: rng.choice((1, 2, 10**9)),
        },
    )
    dividend = Source(
        at.KIND_DIVIDEND,
        0,
        np.array([7 * NS_PER_HOUR], dtype=np.int64),
        {at.DIVIDEND_MINOR: rng.choice((1, 10**8, MAX))},
    )
    try:
        machine = play(setup, closes, bits, split, dividend, compiled=compiled)
    except InputError as stopped:
        assert stopped.code == "engine.out_of_range"
        return str(stopped)
    check_books(machine.plain)
    clockwork = SimpleNamespace(periods_per_year=252.0, account_calendar="24/7")
    return machine.output(cast(Any, clockwork), setup.cash).state_hash


# 890 split a position out of the range of the fill book.
EXTREMES = (*range(300), 890)


def test_random_extremes_end_well() -> None:
    """Interpreted integers are exact: what would not fit a block raises, and nothing does."""
    outcomes = [outcome(seed, compiled=False) for seed in EXTREMES]
    stopped = sum("left the range" in said for said in outcomes)
    assert 20 < stopped < 280, f"{stopped} of {len(outcomes)} stopped"


def test_compiled_extremes_end_the_same_way() -> None:
    """A wrap in the compiled world would give another hash or another message."""
    for seed in EXTREMES:
        assert outcome(seed, compiled=True) == outcome(seed, compiled=False), f"seed {seed}"
