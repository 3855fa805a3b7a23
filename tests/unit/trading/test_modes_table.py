"""Every line of modes.txt is a test; what a queue of signals remembers, and what a restart keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pytest

from engine.jit import as_plain
from engine.kernels.wakes import take_due
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.denials import Denial
from engine.model.exits import fill_exits
from engine.model.trading import (
    REASON_NONE,
    ExecutionMode,
    OperatorAction,
    QueueState,
    SizeClip,
    Tilt,
)
from engine.model.units import NS_PER_MINUTE
from engine.rules.decide import close_position
from engine.rules.own_orders import receive_order, withdraw_own
from engine.rules.sizing import SIZE_NOTIONAL
from engine.rules.turn import watch
from engine.rules.verbs import target
from engine.step import apply_event
from tests.unit.trading.account import NOW, SYMBOLS, Account, Line, read_table, to_ns

LINES = list(read_table("modes.txt"))
ABC = SYMBOLS.index("ABC")
TOLD = {
    at.KIND_SIGNAL_APPROVED: "sent",
    at.KIND_SIGNAL_QUEUED: "queued",
    at.KIND_SIGNAL_DENIED: "denied",
    at.KIND_APPROVAL_REFUSED: "refused",
}


class Session(Account):
    """An account whose signals a person may be asked about."""

    def __init__(self, settings: Mapping[str, str], world: str = "interpreted") -> None:
        mode = settings.get("mode", "approve")
        money = settings.get("money")
        rest = {key: value for key, value in settings.items() if key not in ("mode", "money")}
        super().__init__(rest, world)
        if money is not None:
            self.s.account[at.ACCOUNT_SIZE_METHOD] = SIZE_NOTIONAL
            self.s.account[at.ACCOUNT_SIZE_VALUE] = int(money) * 10**8
        self.mode(mode)
        at_limit = self.s.account[at.ACCOUNT_ENTRY_TYPE] == at.TYPE_LIMIT
        fill_exits(self.core.exits, self.core.stages, conditions=False, at_limit=at_limit)

    def mode(self, name: str) -> None:
        """Say what becomes of signals from now on."""
        self.s.account[at.ACCOUNT_MODE] = ExecutionMode[name.upper()].value

    def tilt(self, name: str) -> None:
        """Say how unusual the operator behaves."""
        self.s.guard[loop.GUARD_TILT] = Tilt[name.upper()].value

    def approve(self, number: str) -> None:
        """A person approves a signal."""
        self.decides(OperatorAction.APPROVE, int(number))

    def reject(self, number: str) -> None:
        """A person rejects a signal."""
        self.decides(OperatorAction.REJECT, int(number))

    def kill(self) -> None:
        """A person stops everything."""
        self.decides(OperatorAction.KILL, 0)

    def pause(self) -> None:
        """A person wants no entries for now."""
        self.decides(OperatorAction.PAUSE, 0)

    def decides(self, action: OperatorAction, number: int) -> None:
        """A person decides something; the turn that follows looks at it."""
        row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
        row[0, at.EVENT_TS], row[0, at.EVENT_KIND] = (
            self.s.account[at.ACCOUNT_NOW],
            at.KIND_OPERATOR,
        )
        row[0, at.EVENT_INSTRUMENT] = at.UNKNOWN
        row[0, loop.OPERATOR_ACTION], row[0, loop.OPERATOR_SIGNAL] = action.value, number
        self.run(apply_event, as_plain(row), 0)
        self.turn()

    def opens(self, lasts: str) -> None:
        """A session opens, and is known to close after some time."""
        self.session(at.KIND_SESSION_OPEN, self.s.account[at.ACCOUNT_NOW] + to_ns(lasts))

    def shuts(self) -> None:
        """The session closes."""
        self.session(at.KIND_SESSION_CLOSE, 0)

    def session(self, kind: int, closes: int) -> None:
        """Show an event of the calendar."""
        row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
        row[0, at.EVENT_TS], row[0, at.EVENT_KIND] = self.s.account[at.ACCOUNT_NOW], kind
        row[0, loop.SESSION_CLOSES] = closes
        self.run(apply_event, as_plain(row), 0)
        self.turn()

    def bar(self, symbol: str, length: str, close: str) -> None:
        """A bar closes, and what waits for it is looked at."""
        super().bar(symbol, length, close)
        self.turn()

    def tick(self, symbol: str, price: str) -> None:
        """A print, and what waits for it is looked at."""
        self.price(symbol, price)
        self.turn()

    def turn(self) -> None:
        """Look at everything once."""
        self.run(watch, self.intents)

    def filled(self, symbol: str, lots: str = "") -> None:
        """What works in an instrument trades, or some lots of it."""
        i, orders = SYMBOLS.index(symbol), self.s.orders
        rows = range(self.s.account[at.ACCOUNT_ORDERS])
        (r,) = (r for r in rows if orders[r, at.ORDER_INSTRUMENT] == i)
        rest = orders[r, at.ORDER_QUANTITY] - orders[r, at.ORDER_FILLED]
        self.event(
            at.KIND_FILL,
            symbol,
            FACT_ORDER=orders[r, at.ORDER_ID],
            FACT_LOTS=int(lots or rest),
            FACT_PRICE=orders[r, at.ORDER_LIMIT] or self.s.positions[i, at.POSITION_LAST],
        )
        self.turn()

    def split(self, symbol: str, numerator: str) -> None:
        """A split."""
        self.event(at.KIND_SPLIT, symbol, SPLIT_NUMERATOR=int(numerator), SPLIT_DENOMINATOR=1)

    def leave(self, symbol: str) -> None:
        """The strategy gives an instrument up."""
        self.run(close_position, self.intents, SYMBOLS.index(symbol), REASON_NONE)

    def own(self, symbol: str, lots: str) -> None:
        """The strategy places an order that it has sized itself."""
        self.intend(0, symbol, lots)
        self.run(receive_order, self.intents, 0)
        self.turn()

    def limit(self, symbol: str, lots: str, price: str) -> None:
        """The strategy places a limit order that it has sized itself."""
        self.intend(0, symbol, lots)
        self.intents[0, at.ORDER_TYPE] = at.TYPE_LIMIT
        self.intents[0, at.ORDER_LIMIT] = self.ticks(symbol, price)
        self.run(receive_order, self.intents, 0)
        self.turn()

    def bracket(self, symbol: str, lots: str, *stops: str) -> None:
        """The same with stops that hang on it."""
        self.intend(0, symbol, lots)
        for n, stop in enumerate(stops, start=1):
            self.intend(n, symbol, str(-int(lots)))
            self.intents[n, at.ORDER_TYPE] = at.TYPE_STOP
            self.intents[n, at.ORDER_STOP] = self.ticks(symbol, stop)
            self.intents[n, at.ORDER_PARENT], self.intents[n, at.ORDER_GROUP] = -n, -1
        for n in range(len(stops) + 1):
            self.run(receive_order, self.intents, n)

    def intend(self, n: int, symbol: str, lots: str) -> None:
        """Write a market order as the n-th intent."""
        row = self.intents
        for column in range(at.ORDER_WIDTH):
            row[n, column] = 0
        row[n, at.ORDER_INSTRUMENT] = SYMBOLS.index(symbol)
        row[n, at.ORDER_SIDE] = 1 if int(lots) > 0 else -1
        row[n, at.ORDER_QUANTITY] = abs(int(lots))
        row[n, at.ORDER_TYPE], row[n, at.ORDER_TIF] = at.TYPE_MARKET, at.TIF_GTC

    def weight(self, symbol: str, share: str) -> None:
        """The strategy wants a position of a share of equity."""
        self.run(target, self.intents, SYMBOLS.index(symbol), round(float(share) * 10**9), 0)
        self.turn()

    def weights(self, *wanted: str) -> None:
        """The strategy wants positions of shares of equity, one after the other at one time."""
        pairs = list(zip(wanted[::2], wanted[1::2], strict=True))
        asked = [(SYMBOLS.index(symbol), round(float(share) * 10**9)) for symbol, share in pairs]
        later = [each for each in asked if self.run(target, self.intents, *each, 1) == 1]
        for each in later:
            self.run(target, self.intents, *each, 0)
        self.turn()

    def withdraws(self, symbol: str) -> None:
        """The strategy withdraws all of its orders in an instrument."""
        self.run(withdraw_own, SYMBOLS.index(symbol))

    def passes(self, time: str) -> None:
        """Let time pass: what is due ends, and is looked at."""
        super().passes(time)
        if self.s.account[at.ACCOUNT_NEXT_WAKE] <= self.s.account[at.ACCOUNT_NOW]:
            self.run(take_due)
            self.turn()

    def happens(self, words: str) -> None:
        """Let one thing after another happen."""
        for item in filter(None, (item.strip() for item in words.split(";"))):
            word, *rest = item.split()
            if item.startswith("+"):
                self.passes(item[1:])
            elif word in ("buy", "sell"):
                self.signal(item)
            else:
                getattr(self, word)(*rest)

    def told(self) -> Iterator[str]:
        """Say what was told of signals."""
        for row in self.core.journal[: self.s.account[at.ACCOUNT_JOURNAL]].tolist():
            kind = row[at.EVENT_KIND]
            if kind == at.KIND_SIGNAL_QUEUED and row[loop.QUEUED_CODE] == Denial.APPROVAL_HELD:
                yield f"held {row[loop.ANSWER_LOTS]}"
            elif kind == at.KIND_SIGNAL_APPROVED or kind == at.KIND_SIGNAL_QUEUED:
                yield f"{TOLD[kind]} {row[loop.ANSWER_LOTS]}"
            elif kind == at.KIND_SIGNAL_DENIED:
                yield f"denied {Denial(row[loop.ANSWER_CODE]).name.lower()}"
            elif kind == at.KIND_APPROVAL_REFUSED:
                yield f"refused {Denial(row[loop.REFUSED_CODE]).name.lower()}"


def play(line: Line, world: str = "interpreted") -> str:
    session = Session(line.settings, world)
    session.tell(line.columns[1])
    session.happens(line.columns[0])
    assert session.s.account[at.ACCOUNT_FAULT] == 0
    waiting = session.s.monitors.tolist()
    states = (QueueState.WAITING, QueueState.APPROVED, QueueState.AFTER_EXIT)
    count = sum(row[loop.WAITING_STATE] in states for row in waiting)
    assert session.s.guard[loop.GUARD_WAITING] == count
    return "; ".join(session.told())


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_a_signal_is_sent_asked_about_or_told_as_the_table_says(line: Line) -> None:
    assert play(line) == line.columns[2], line.columns[3]


def test_the_table_tells_every_reason() -> None:
    assert len(LINES) >= 80
    told = " ".join(line.columns[2] for line in LINES)
    # what a strategy hears meanwhile, and no answer; the last is told as `held`
    quiet = (Denial.APPROVAL_AWAITED, Denial.APPROVAL_HELD)
    for code in Denial:
        if Denial.ALERT_ONLY <= code <= Denial.APPROVAL_HELD and code not in quiet:
            assert code.name.lower() in told


@pytest.mark.timeout(900)
def test_every_line_says_the_same_compiled() -> None:
    for line in LINES:
        assert play(line, "compiled") == line.columns[2], line


def session_with(words: str, **settings: str) -> Session:
    session = Session({"expiry": "5m", **settings})
    session.tell("")
    session.happens(words)
    return session


def test_what_waits_is_remembered_whole() -> None:
    session = session_with("+7s; sell ABC")
    row = session.s.monitors
    assert row[ABC, loop.WAITING_SIGNAL] == 1
    assert row[ABC, loop.WAITING_SIDE] == -1
    assert row[ABC, loop.WAITING_LOTS] == 10
    assert row[ABC, loop.WAITING_PRICE] == 10000
    assert row[ABC, loop.WAITING_SINCE] == NOW + to_ns("7s")
    assert row[ABC, loop.WAITING_EXPIRES] == NOW + to_ns("7s") + 5 * NS_PER_MINUTE
    assert session.s.account[at.ACCOUNT_NEXT_WAKE] == row[ABC, loop.WAITING_EXPIRES] + 1


def test_nothing_is_sent_and_nothing_counts_as_sent_before_a_person_has_approved() -> None:
    session = session_with("buy ABC")
    assert session.s.account[at.ACCOUNT_ORDERS] == 0
    assert session.s.account[at.ACCOUNT_SUBMITTED] == 0
    assert session.s.account[at.ACCOUNT_COMMANDS] == 0
    assert session.s.positions[ABC, at.POSITION_WORKING] == 0
    assert session.s.rings[loop.RING_ORDERS, loop.RING_COUNT] == 0
    assert session.s.account[at.ACCOUNT_LAST_DENIAL] == Denial.APPROVAL_AWAITED


def test_all_sixteen_checks_are_told_when_a_signal_comes_and_when_it_is_approved() -> None:
    session = session_with("buy ABC")
    checks = session.rows(at.KIND_CHECKED)
    assert [row[loop.CHECKED_PLACE] for row in checks] == list(range(1, 17))
    session.approve("1")
    assert len(session.rows(at.KIND_CHECKED)) == 32


def test_an_approved_signal_is_an_entry_like_any_other() -> None:
    session = session_with("buy ABC; +1m; approve 1", timeout="30s")
    row = session.s.monitors
    assert row[ABC, loop.ENTRY_SIGNAL] == 1
    assert (
        row[ABC, loop.ENTRY_EXPIRES] == NOW + 5 * NS_PER_MINUTE
    )  # of the signal, not of the approval
    assert row[ABC, loop.ENTRY_DEADLINE] == NOW + 90 * 10**9  # its wait begins when it is sent
    assert session.s.orders[0, at.ORDER_SIGNAL] == 1


def test_the_row_of_a_size_tells_that_a_person_bounded_it() -> None:
    session = session_with("buy ABC; price ABC 90; approve 1", money="1000", collar="20")
    row = session.rows(at.KIND_SIZED)[-1]
    assert (row[loop.SIZED_BEFORE], row[loop.SIZED_LOTS]) == (11, 10)
    assert row[loop.SIZED_CLIP] == SizeClip.APPROVED
    assert row[loop.SIZED_SIGNAL] == 1


def test_a_restart_keeps_the_queue_and_approves_nothing_twice() -> None:
    before = session_with("buy ABC; buy DEF; approve 2")
    after = Session({"expiry": "5m"})
    after.block[:] = before.block  # a snapshot is a copy of the block
    for session in (before, after):
        session.happens("approve 2; +1s; approve 1")
    assert list(after.told()) == ["refused approval_twice", "sent 10"]
    assert (after.block == before.block).all()


def test_turning_round_by_limits_closes_with_one_order_and_opens_with_the_next() -> None:
    session = Session({"mode": "auto", "expiry": "5m", "limit_orders": ""})
    session.tell("hold ABC 5")
    session.happens("leave ABC; sell ABC; turn; filled ABC; filled ABC")
    sent = [
        (row[at.SUBMIT_SIDE], row[at.FACT_LOTS], row[at.SUBMIT_TYPE])
        for row in session.rows(at.KIND_SUBMITTED)
    ]
    assert sent == [(-1, 5, at.TYPE_LIMIT), (-1, 10, at.TYPE_LIMIT)]
    assert session.s.positions[ABC, at.POSITION_QUANTITY] == -10
    assert session.s.monitors[ABC, loop.MONITOR_WANTS] == 0


def test_a_mode_needs_no_room_in_a_plain_core() -> None:
    assert ExecutionMode.AUTO == 0  # so that a core that nobody told a mode sends


def test_queue_states_are_told_apart() -> None:
    names: dict[str, QueueState] = {
        "buy ABC": QueueState.WAITING,
        "buy ABC; approve 1": QueueState.SENT,
        "buy ABC; halted ABC; approve 1": QueueState.DENIED,
        "buy ABC; closed; approve 1": QueueState.APPROVED,
        "buy ABC; reject 1": QueueState.REJECTED,
        "buy ABC; +6m": QueueState.EXPIRED,
        "buy ABC; leave ABC": QueueState.WITHDRAWN,
    }
    for words, state in names.items():
        assert session_with(words).s.monitors[ABC, loop.WAITING_STATE] == state, words
