"""Every line of walking.txt is a test: what is sent until a position is closed.

The core works with the real fill book on the line's market, through the pieces of the replay loop; in
sections with ``broker=script`` the line itself says what the broker answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from engine.jit import as_plain
from engine.kernels.orders import place
from engine.kernels.positions import apply_trade
from engine.kernels.trips import note_position
from engine.kernels.wakes import take_due
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.trading import (
    FLATTENING,
    LATCH_DAILY_LOSS,
    LATCH_DATA,
    LATCH_DATABASE,
    LATCH_KILL,
    LOCKED,
    PAUSED_ALL,
    REASONS,
    REDUCE_ONLY,
    AttemptResult,
    ExitAlert,
    ExitReason,
)
from engine.rules.turn import TURNS_MAX, watch
from engine.step import apply_event
from sims.fillbook import BookSettings
from sims.fillbook.layout import MARKET_POSITION, Book
from sims.fillbook.settings import new_book, settings_block, terms_block
from sims.replay.loop import end_waits, pass_commands
from tests.unit.trading.compiled_world import meet
from tests.unit.trading.exit_desk import SECOND, ExitDesk, Line, read_table, seconds

LINES = list(read_table("walking.txt", 4))
LOTS = 10
KINDS = {
    "canceled": at.KIND_CANCELED,
    "expired": at.KIND_EXPIRED,
    "rejected": at.KIND_REJECTED,
    "accepted": at.KIND_ACCEPTED,
    "replaced": at.KIND_REPLACED,
    "cancel_rejected": at.KIND_CANCEL_REJECTED,
}
LATCHES = {
    "pause": (LATCH_DATABASE, PAUSED_ALL),
    "lock": (LATCH_KILL, LOCKED),
    "flatten": (LATCH_DAILY_LOSS, FLATTENING),
    "old": (LATCH_DATA, REDUCE_ONLY),
}
RESULTS = {
    AttemptResult.CLOSED: "closed",
    AttemptResult.CLOSED_ELSEWHERE: "elsewhere",
    AttemptResult.TAKEN_OVER: "taken_over",
    AttemptResult.FAILED: "failed",
}
ALWAYS = ("sent", "walk", "cancel")


@dataclass(frozen=True)
class Said:
    """One thing that happened: its kind, and the words for it."""

    kind: str
    words: str
    ts: int


class WalkDesk(ExitDesk):
    """A held position, the conditions that are to fire, and a broker."""

    def __init__(self, line: Line, world: str) -> None:
        super().__init__({"collar": "100000", **line.settings}, world)
        what, *options = [part.strip() for part in line.columns[0].split(",")]
        reason, side, lots = what.split()
        self.direction = 1 if side == "sell" else -1
        self.lots = int(lots)
        self.shown: list[str] = []
        self.zero = self.now  # when the first market data comes
        self.asked = [0, 0]  # quantity and limit of the last replacement
        self.ended = 0  # the order that was canceled last
        default = "100" if self.direction > 0 else "10"
        entry = self.settings.get("entry", default)
        self.take_position(f"{'long' if self.direction > 0 else 'short'} {lots} @ {entry}")
        for row in range(1, REASONS):
            self.s.exits[row, loop.EXITS_ENABLED] = 0
        self.s.limits[loop.LIMIT_STAGES] = 0
        if "order_limit" in self.settings:
            self.s.account[at.ACCOUNT_ORDER_LIMIT] = int(self.settings["order_limit"])
        self._open_book("quote" in line.columns[1])
        for option in options:
            self._rest(option.split())
        self.first = int(self.s.account[at.ACCOUNT_JOURNAL])
        self.let_fire(reason)

    def _open_book(self, quoted: bool) -> None:
        instruments = [self.instrument, self.instrument]
        settings = BookSettings()
        terms = terms_block(instruments, settings, quoted=[quoted, quoted])
        self.arrays = new_book(settings_block(settings), terms)
        self.arrays.market[0, MARKET_POSITION] = self.direction * self.lots
        self.b: Any = Book(*(as_plain(block) for block in self.arrays))
        self.own = np.zeros((16, at.ORDER_WIDTH), dtype=np.int64)
        self.intents = self.view(self.own)
        self.signals = self.view(np.zeros((1, at.SIGNAL_WIDTH), dtype=np.int64))
        if self.world == "compiled":
            from engine.pointers import Views

            self.b = Views(self.arrays)

    def _rest(self, words: list[str]) -> None:
        """Let another order work: ``protected 45`` (a stop), ``target 60`` (a limit), ``entry 48``."""
        self.own[0] = 0
        row = self.own
        protects = words[0] != "entry"
        row[0, at.ORDER_SIDE] = -self.direction if protects else self.direction
        row[0, at.ORDER_TYPE] = at.TYPE_STOP if words[0] == "protected" else at.TYPE_LIMIT
        price = at.ORDER_STOP if words[0] == "protected" else at.ORDER_LIMIT
        row[0, price] = self.ticks(words[1])
        row[0, at.ORDER_QUANTITY] = self.lots
        row[0, at.ORDER_TIF] = at.TIF_GTC
        row[0, at.ORDER_FLAGS] = at.FLAG_REDUCE_ONLY if protects else 0
        assert self.run(place, self.intents, 0) != 0
        if not self.is_scripted:
            self.run(pass_commands, self.b)
        self.s.account[at.ACCOUNT_COMMANDS] = 0

    @property
    def is_scripted(self) -> bool:
        """Whether the line says what the broker answers."""
        return self.settings.get("broker") == "script"

    # --- what is to fire ---------------------------------------------------------------------------------
    def let_fire(self, name: str) -> None:
        """Switch a condition on, and let it hold."""
        reason, s = ExitReason[name.upper()], self.s
        s.exits[reason, loop.EXITS_ENABLED] = 1
        far = 10**8
        match reason:
            case ExitReason.TRAILING_STOP:
                s.monitors[0, loop.MONITOR_PEAK] = far if self.direction > 0 else 1
                s.monitors[0, loop.MONITOR_STOP] = far if self.direction > 0 else 1
            case ExitReason.TIME_BASED_URGENT:
                s.terms[0, at.TERM_EXPIRES] = self.now + SECOND
            case ExitReason.LIQUIDITY_DRIED_UP:
                s.monitors[0, loop.MONITOR_VOLUME] = 0
            case ExitReason.PROFIT_TARGET:
                s.monitors[0, loop.MONITOR_TARGET_GOAL] = 1 if self.direction > 0 else far
            case ExitReason.PARTIAL_EXIT_TARGET:
                s.limits[loop.LIMIT_STAGES] = 2
                s.stages[0, loop.STAGE_AT_PPM] = s.stages[1, loop.STAGE_AT_PPM] = -(10**8)
            case ExitReason.EARLY_EXIT:
                s.monitors[0, loop.MONITOR_EDGE] = 10**7
            case ExitReason.EDGE_DISAPPEARED:
                s.monitors[0, loop.MONITOR_EDGE] = -(10**7)
            case ExitReason.REBALANCE:
                s.monitors[0, loop.MONITOR_EDGE] = 10**7
                s.monitors[1, loop.MONITOR_DENIED_EDGE] = 10**8
                s.monitors[1, loop.MONITOR_DENIED_AT] = self.now
            case ExitReason.STRATEGY:
                s.monitors[0, loop.MONITOR_WANTS] |= loop.WANTS_EXIT
            case ExitReason.CIRCUIT_BREAKER:
                self.latch("flatten")

    def latch(self, word: str, *, clears: bool = False) -> None:
        """Set a latch, or clear it."""
        latch, severity = LATCHES[word]
        severity = 0 if clears else severity
        self.s.latches[latch, loop.LATCH_SEVERITY] = severity
        self.s.latches[latch, loop.LATCH_MANUAL] = int(not clears)
        self.s.account[at.ACCOUNT_SEVERITY] = severity
        self.s.account[at.ACCOUNT_TOUCHED] = 1

    # --- what happens ------------------------------------------------------------------------------------
    def happen(self, item: str) -> None:
        """Let one item of a line happen."""
        words = item.split()
        if words[0] in ("quote", "print", "bar") and not self.shown:
            self.zero = self.now + (60 if words[0] == "bar" else 1) * SECOND
        if words[0].startswith("+"):
            self.until(self.now + seconds(words[0][1:]))
            self.meet(self.market(self.shown))
        elif words[0] in ("quote", "print", "bar"):
            self.until(self.now + (60 if words[0] == "bar" else 1) * SECOND)
            self.shown = words
            self.meet(self.market(words))
        elif words[0][0].isdigit():
            self.until(self.now + seconds(words[0]))
            self.end_waits(self.now + 1)
        else:
            self.be(words)

    def be(self, words: list[str]) -> None:
        """Let something other than market data happen, a second later."""
        if words[0] == "now":
            self.let_fire(words[1])
            return
        if words[0] == "over":
            self.s.exits[ExitReason[words[1].upper()], loop.EXITS_ENABLED] = 0
            return
        self.until(self.now + SECOND)
        if words[0] in ("halt", "resume"):
            kind = at.KIND_HALT if words[0] == "halt" else at.KIND_RESUME
            self.meet(self.event(kind, 0))
        elif words[0] in ("close", "open"):
            kind = at.KIND_SESSION_CLOSE if words[0] == "close" else at.KIND_SESSION_OPEN
            self.meet(self.event(kind, -1, CALENDAR_ID=0))
        elif words[0] == "settle":
            self.meet(self.event(at.KIND_SETTLEMENT, 0, SETTLEMENT_PRICE=self.ticks(words[1])))
        elif words[0] == "split":
            numbers = {"SPLIT_NUMERATOR": int(words[1]), "SPLIT_DENOMINATOR": int(words[2])}
            self.meet(self.event(at.KIND_SPLIT, 0, **numbers))
        elif words[0] in LATCHES:
            self.latch(words[0])
            self.turn()
        elif words[0] == "anew":
            for lots in (-self.lots, self.lots):
                self.trade(lots)
        elif words[0] == "clear":
            self.latch(words[1], clears=True)
            self.turn()
        else:
            self.answer(words)

    def trade(self, lots: int) -> None:
        """Let something else change the position; `lots` are added to a long one."""
        price = self.ticks(self.shown[1])
        realized = apply_trade(self.s, 0, self.direction * lots, price, 0, at.KIND_FILL)
        note_position(self.s, 0, realized, 0)
        self.arrays.market[0, MARKET_POSITION] += self.direction * lots
        self.turn()

    def answer(self, words: list[str]) -> None:
        """The broker says something of the exit's order, of the oldest (``first canceled``), or of the
        one that ended last (``late filled 4``)."""
        order = int(self.s.monitors[0, loop.EXIT_ORDER])
        if words[0] == "first":
            order, words = int(self.s.orders[0, at.ORDER_ID]), words[1:]
        elif words[0] == "late":
            order, words = self.ended, words[1:]
        payload = {"FACT_ORDER": order}
        if words[0] == "filled":
            price = words[3] if len(words) > 3 else self.shown[1 if self.direction > 0 else 2]
            payload |= {"FACT_LOTS": int(words[1]), "FACT_PRICE": self.ticks(price)}
            kind = at.KIND_FILL
        else:
            kind = KINDS[words[0]]
        if words[0] == "replaced":
            payload |= {"FACT_LOTS": self.asked[0], "FACT_PRICE": self.asked[1]}
        self.apply(kind, 0, **payload)
        if kind in (at.KIND_CANCELED, at.KIND_EXPIRED, at.KIND_REJECTED):
            self.ended = order
        self.turn()

    def until(self, now: int) -> None:
        """Let time pass: the waits that end before `now` have their turn."""
        self.now = now
        self.end_waits(now)
        self.s.account[at.ACCOUNT_NOW] = now

    def end_waits(self, before: int) -> None:
        if not self.is_scripted:
            self.run(end_waits, self.b, self.intents, before)
            return
        while self.s.account[at.ACCOUNT_NEXT_WAKE] < before:
            self.s.account[at.ACCOUNT_NOW] = self.s.account[at.ACCOUNT_NEXT_WAKE]
            self.run(take_due)
            self.turn()

    def meet(self, event: Any) -> None:
        """Let the broker and the core meet one event."""
        view = self.view(event)
        if self.is_scripted:
            self.run(apply_event, view, 0)
            self.turn()
        else:
            self.run(meet, self.b, view, self.intents, self.signals)
        assert self.s.account[at.ACCOUNT_FAULT] == 0

    def turn(self) -> None:
        """Give the trading loop its turn; commands go nowhere, but what was asked is remembered."""
        for _ in range(TURNS_MAX):
            if self.s.account[at.ACCOUNT_TOUCHED] == 0:
                return
            self.run(watch, self.intents)
            for c in range(self.s.account[at.ACCOUNT_COMMANDS]):
                if self.s.commands[c, at.COMMAND_KIND] == at.KIND_REPLACE_SENT:
                    columns = (at.COMMAND_QUANTITY, at.COMMAND_LIMIT)
                    self.asked = [int(self.s.commands[c, column]) for column in columns]
            if not self.is_scripted:
                self.run(pass_commands, self.b)
            self.s.account[at.ACCOUNT_COMMANDS] = 0

    # --- what was said -----------------------------------------------------------------------------------
    def said(self) -> list[Said]:
        """Return what happened, in the table's words."""
        rows = self.core.journal[self.first : self.s.account[at.ACCOUNT_JOURNAL]]
        found = [self.say_row(list(map(int, row))) for row in rows]
        return [said for said in found if said is not None]

    def price(self, ticks: int) -> str:
        return f"{self.instrument.ticks_to_price(ticks).normalize():f}"

    def size(self, lots: int) -> str:
        return "" if lots == LOTS else f" x{lots}"

    def say_row(self, row: list[int]) -> Said | None:
        """Return one journal row in words; None for kinds that no line speaks of."""
        kind, ts = row[at.EVENT_KIND], row[at.EVENT_TS]
        names = {value: name for name, value in KINDS.items()}
        if kind == at.KIND_SUBMITTED:
            limit = row[at.SUBMIT_LIMIT]
            words = self.price(limit) if limit else "market"
            return Said("sent", words + self.size(row[at.FACT_LOTS]), ts)
        if kind == at.KIND_REPLACE_SENT:
            words = f"walk {self.price(row[at.SUBMIT_LIMIT])}{self.size(row[at.FACT_LOTS])}"
            return Said("walk", words, ts)
        if kind == at.KIND_CANCEL_SENT:
            return Said("cancel", "cancel", ts)
        if kind == at.KIND_FILL:
            return Said("fill", f"fill {row[at.FACT_LOTS]} @ {self.price(row[at.FACT_PRICE])}", ts)
        if kind == at.KIND_EXIT_FIRED:
            return Said("fired", f"fired {ExitReason(row[loop.FIRED_REASON]).name.lower()}", ts)
        if kind == at.KIND_EXIT_ENDED:
            name = RESULTS[AttemptResult(row[loop.EXITED_RESULT])]
            return Said(name, name, ts)
        if kind == at.KIND_ATTEMPT_ENDED:
            result = AttemptResult(row[loop.ENDED_RESULT]).name.lower()
            words = f"ended {row[loop.ENDED_NUMBER]} {result} {row[loop.ENDED_LOTS]}"
            return Said("ended", words, ts)
        if kind == at.KIND_ALERT:
            code = ExitAlert(row[loop.ALERT_CODE]).name.removeprefix("EXIT_").lower()
            return Said("alert", f"alert {code}", ts)
        return Said(names[kind], names[kind], ts) if kind in names else None


def judge(line: Line, world: str) -> tuple[list[str], list[str]]:
    """Return what the line expects and what happened, in the same words and detail."""
    desk = WalkDesk(line, world)
    for item in line.columns[1].split(";"):
        desk.happen(item.strip())
    expected = [item.strip() for item in line.columns[2].split(";")]
    expected = [] if expected == ["-"] else expected
    named = {item.split()[0] for item in expected}
    heard = [said for said in desk.said() if said.kind in ALWAYS or said.kind in named]
    words = []
    for n, said in enumerate(heard):
        like = expected[n] if n < len(expected) else ""
        when = f"{(said.ts - desk.zero) / SECOND:g}s"
        words.append(f"{said.words} at {when}" if " at " in like else said.words)
    return expected, words


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_what_is_sent_is_what_the_table_says(line: Line) -> None:
    expected, said = judge(line, "interpreted")
    assert said == expected


def test_the_compiled_core_sends_what_the_table_says() -> None:
    wrong = []
    for line in LINES:
        expected, said = judge(line, "compiled")
        if said != expected:
            wrong.append(f"{line.name}\n  {expected}\n  {said}")
    assert not wrong, "\n".join(wrong)


def test_a_walk_that_our_checks_refuse_is_recorded_with_its_own_time() -> None:
    market = "quote 50 52; split 2 1; quote 25 26; +58s"  # 20 are over the limit of an order
    desk = WalkDesk(
        Line(0, "", {"order_limit": "15"}, ("early_exit sell 10", market)), "interpreted"
    )
    for item in market.split("; "):
        desk.happen(item)
    (row,) = desk.rows(at.KIND_ATTEMPT_ENDED)
    assert row[loop.ENDED_RESULT] == AttemptResult.DENIED
    assert row[loop.ENDED_SENT] - desk.zero == 60 * SECOND


def test_the_table_is_long_enough_to_be_believed() -> None:
    assert len(LINES) >= 90
