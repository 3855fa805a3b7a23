"""What reaches a core between slices: a broker's facts, a person's wishes; and a strategy that breaks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.history import History
from engine.approved import Approved, RiskApproved
from engine.errors import InternalFault
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.trading import Latch, OperatorAction
from engine.ports import Rows, Slice, VenuePosition
from runtime.config import parse_strategy
from runtime.session_core.playing import play
from runtime.session_core.steps import NO_ROWS, Send, Step
from tests.property.session_slices import Session, slices_of

MINUTE = 60 * 10**9
CLOSES = np.array([100.0, 101.0, 102.0, 103.0, 90.0, 91.0, 92.0, 93.0])
FILE = """
[strategy]
name = "mine"
class = "mine.py:Mine"
[data]
dataset = "sample:goog"
"""
CLASS = '''
from trader import Bar, Strategy


class Mine(Strategy):
    """Buys at the second bar, and remembers its fills."""

    def on_start(self) -> None:
        self.bars, self.fills = 0, []

    def on_fill(self, fill) -> None:
        self.fills.append((fill.ts_ns, str(fill.quantity), str(fill.price)))
        {on_fill}

    def on_bar(self, bar: Bar) -> None:
        self.bars += 1
        if self.bars == 2:
            self.buy(10)
        {on_bar}
'''
STOPS = "\n[exits]\nstop_loss.percent = 5\n"


def session(
    folder: Path, *, on_bar: str = "pass", on_fill: str = "pass", file: str = FILE
) -> Session:
    (folder / "mine.py").write_text(CLASS.format(on_bar=on_bar, on_fill=on_fill), "utf-8")
    history = History.from_arrays(
        "X",
        ts_close_ns=np.arange(1, 9) * MINUTE,
        open=CLOSES,
        high=CLOSES + 1,
        low=CLOSES - 1,
        close=CLOSES,
    )
    config = parse_strategy(file, folder / "mine.toml")
    made = Session(config, history)
    made.slices = slices_of(config, history)  # type: ignore[attr-defined]
    return made


def until_bar(made: Session, number: int) -> list[Slice]:
    """Return the slices up to and with a bar, counted from 1."""
    slices: list[Slice] = made.slices  # type: ignore[attr-defined]
    bars = [n for n, one in enumerate(slices) if at.KIND_BAR in one.events[:, at.EVENT_KIND]]
    return slices[: bars[number - 1] + 1]


class Venue:
    """Answers nothing at once, and notes what was sent."""

    def __init__(self) -> None:
        self.sent: list[Approved] = []

    def drive(self, step: Step, *answers: Rows) -> None:
        waiting = list(answers)
        answer: Rows | None = None
        try:
            while True:
                request = next(step) if answer is None else step.send(answer)
                answer = NO_ROWS
                if isinstance(request, Send):
                    self.sent += request.commands
                    answer = waiting.pop(0) if waiting else NO_ROWS
        except StopIteration:
            return


def fact(kind: int, ts_ns: int, *, lots: int = 0, ticks: int = 0, fee: int = 0) -> Rows:
    row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
    row[0, [at.EVENT_TS, at.EVENT_KIND, at.FACT_ORDER]] = ts_ns, kind, 1
    row[0, [at.FACT_LOTS, at.FACT_PRICE, at.FACT_FEE]] = lots, ticks, fee
    return row


def test_facts_between_slices_are_booked_and_told_at_once(tmp_path: Path) -> None:
    made, venue = session(tmp_path, on_fill="self.sell(4, limit='200')"), Venue()
    strategy = made.core._driver._strategy  # type: ignore[attr-defined]
    venue.drive(made.core.start())
    for one in until_bar(made, 2):
        venue.drive(made.core.slice(one))
    (order,) = venue.sent
    assert isinstance(order, RiskApproved) and order.quantity_lots == 10
    now = made.core.now_ns
    venue.drive(made.core.facts(fact(at.KIND_ACCEPTED, now + 5)))
    venue.drive(made.core.facts(fact(at.KIND_FILL, now + 7, lots=10, ticks=10_150, fee=10**8)))
    assert made.core.positions() == [VenuePosition(0, 10)]
    assert strategy.fills == [(now + 7, "10", "101.50")]
    # 100,000 - 10 x 101.50 - 1
    assert made.core.plain.ledger[0, at.LEDGER_CASH] == (100_000_00 - 10 * 101_50 - 1_00) * 10**6
    sold = venue.sent[-1]
    assert isinstance(sold, RiskApproved) and (sold.side, sold.quantity_lots) == (-1, 4)
    assert made.core.orders()[:, at.ORDER_ID].tolist() == [2]


def test_time_never_goes_back_with_a_fact(tmp_path: Path) -> None:
    made, venue = session(tmp_path), Venue()
    venue.drive(made.core.start())
    for one in until_bar(made, 2):
        venue.drive(made.core.slice(one))
    now = made.core.now_ns
    venue.drive(made.core.facts(fact(at.KIND_ACCEPTED, now - MINUTE)))
    rows = made.core.take_journal()
    assert rows[rows[:, at.EVENT_KIND] == at.KIND_ACCEPTED][0, at.EVENT_TS] == now
    assert made.core.now_ns == now


def test_an_answer_to_a_sending_is_of_what_it_came_of(tmp_path: Path) -> None:
    made, venue = session(tmp_path), Venue()
    venue.drive(made.core.start())
    venue.drive(made.core.start())
    slices = until_bar(made, 2)
    rejected = fact(at.KIND_REJECTED, slices[-1].ts_ns)
    rejected[0, at.EVENT_SEQUENCE] = 77
    for one in slices:
        venue.drive(made.core.slice(one), rejected)
    rows = made.core.take_journal()
    (row,) = rows[rows[:, at.EVENT_KIND] == at.KIND_REJECTED]
    assert row[at.EVENT_SEQUENCE] == 0, "of a decision"
    assert len(made.core.orders()) == 0


def test_a_persons_wish_is_an_event_of_its_own(tmp_path: Path) -> None:
    made, venue = session(tmp_path, file=FILE + STOPS), Venue()
    venue.drive(made.core.start())
    venue.drive(made.core.slice(made.slices[0]))  # type: ignore[attr-defined]
    row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
    row[0, [at.EVENT_KIND, at.EVENT_INSTRUMENT]] = at.KIND_OPERATOR, -1
    row[0, loop.OPERATOR_ACTION] = OperatorAction.PAUSE
    venue.drive(made.core.operator(row))
    assert made.core.plain.latches[Latch.PAUSE, loop.LATCH_SEVERITY] != 0
    for one in made.slices[1:]:  # type: ignore[attr-defined]
        venue.drive(made.core.slice(one))
    assert venue.sent == [], "a pause lets no entry pass"


@pytest.mark.parametrize("callback", ["on_bar", "on_fill", "on_stop"])
def test_a_strategy_that_raises_is_asked_no_more(callback: str, tmp_path: Path) -> None:
    text = {
        "on_bar": {"on_bar": "if self.bars == 3:\n            self.close(); 1 / 0"},
        "on_fill": {"on_fill": "1 / 0"},
        "on_stop": {"on_bar": "pass\n\n    def on_stop(self):\n        1 / 0"},
    }[callback]
    made = session(tmp_path, **text)
    output = made.run_all(made.slices)  # type: ignore[attr-defined]
    fault = made.core.take_fault()
    assert fault is not None and made.core.take_fault() is None
    assert (fault.strategy, fault.callback) == ("mine", callback)
    assert fault.problem == f"ZeroDivisionError in {callback}: division by zero"
    assert "mine.py, line " in fault.where
    strategy = made.core._driver._strategy  # type: ignore[attr-defined]
    assert strategy.bars == {"on_bar": 3, "on_fill": 2, "on_stop": 8}[callback]
    # What it had asked for before it raised was checked and journaled, so it is sent.
    lots = 0 if callback == "on_bar" else 10
    assert output.positions[0, at.POSITION_QUANTITY] == lots


def test_what_is_open_stays_managed_when_the_strategy_is_silent(tmp_path: Path) -> None:
    """Bought at 102 on the third bar; the fifth opens at 90, over five percent lower."""
    made = session(tmp_path, on_fill="raise ValueError('no')", file=FILE + STOPS)
    output = made.run_all(made.slices)  # type: ignore[attr-defined]
    fired = output.journal[output.journal[:, at.EVENT_KIND] == at.KIND_EXIT_FIRED]
    assert len(fired) > 0
    assert output.positions[0, at.POSITION_QUANTITY] == 0


def test_a_silenced_strategy_is_not_called(tmp_path: Path) -> None:
    made = session(tmp_path)
    made.core.silence()
    made.run_all(made.slices)  # type: ignore[attr-defined]
    assert not hasattr(made.core._driver._strategy, "bars")  # type: ignore[attr-defined]
    assert made.core.take_fault() is None


def test_a_weight_beyond_reason_silences_the_rule(tmp_path: Path) -> None:
    file = (
        '[strategy]\nname = "wild"\n[data]\ndataset = "sample:goog"\n'
        '[rules]\nweight = "where(close > 102.5, 1000, 0.5)"\n'
    )
    made = session(tmp_path, file=file)
    made.run_all(made.slices)  # type: ignore[attr-defined]
    fault = made.core.take_fault()
    assert fault is not None and fault.callback == "rules.weight"
    assert "the weight of X is 1000 at 1970-01-01T00:04" in fault.problem


def test_a_row_of_an_instrument_that_there_is_not_is_refused_and_not_computed_with(
    tmp_path: Path,
) -> None:
    made = session(tmp_path)
    made.run(until_bar(made, 3))
    row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
    row[0, at.EVENT_KIND], row[0, at.EVENT_INSTRUMENT] = at.KIND_FILL, 1
    with pytest.raises(InternalFault, match="of instrument 1, and there are 1"):
        play(made.core.facts(row), made.broker)
    row[0, at.EVENT_KIND], row[0, at.EVENT_INSTRUMENT] = at.KIND_HALT, -2
    with pytest.raises(InternalFault, match="of instrument -2, and there are 1"):
        play(made.core.operator(row), made.broker)
