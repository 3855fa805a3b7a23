"""Reads tests/scenarios/gateway.txt: each line is a test of the gateway's checks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from engine.approved import Approved, CancelApproved, ReplaceApproved, RiskApproved
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.orders import OrderFlag, OrderType, TimeInForce
from engine.model.trading import Severity
from engine.ports import Rows, SubmitOutcome, SubmitStatus
from runtime.gateway.checks import Limits, Market, Situation
from runtime.gateway.gateway import Gateway
from runtime.gateway.ids import client_id, intent_id
from runtime.gateway.ledger import OrderLedger, Sent
from runtime.gateway.refusals import SENTENCES, Refusal, Refused
from runtime.journal.records import Intent

TABLE = Path(__file__).parents[2] / "scenarios" / "gateway.txt"
ABC = Instrument("ABC", InstrumentKind.EQUITY, "USD", price_precision=3, price_step_ticks=10)
SECOND = 10**9
EARLIER = 7  # the order of ours that works already


@dataclass(frozen=True)
class Line:
    """One test."""

    section: str
    number: int
    limits: str
    given: str
    command: str
    expected: str

    def __str__(self) -> str:
        return f"{self.section}:{self.number}"


def lines() -> list[Line]:
    found, section, limits = [], "", ""
    for number, text in enumerate(TABLE.read_text().splitlines(), 1):
        if text.startswith("## "):
            section = text[3:]
        elif text.startswith("@ limits"):
            limits = text[8:].strip()
        elif text.strip() and not text.startswith("#"):
            given, command, expected, _ = (part.strip() for part in text.split("|"))
            found.append(Line(section, number, limits, given, command, expected))
    return found


class Taking:
    """A broker that takes everything and remembers what it was sent."""

    name = "taking"

    def __init__(self) -> None:
        self.sent: list[tuple[Approved, str]] = []

    async def _take(self, command: Approved, name: str) -> SubmitOutcome:
        self.sent.append((command, name))
        return SubmitOutcome(SubmitStatus.TAKEN)

    submit = cancel = replace = _take


@dataclass
class Desk:
    """A gateway in the situation that a line tells of."""

    line: Line
    broker: Taking = field(default_factory=Taking)
    told: list[Refused] = field(default_factory=list)
    kept: list[Intent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.values: dict[str, Any] = {
            "now_ns": 1,
            "decided_ns": 100 * SECOND,
            "monotonic_ns": 100 * SECOND,
            "may_enter": True,
            "may_close": True,
            "is_killed": False,
            "kill_closes": False,
            "lease_until_ns": 1000 * SECOND,
            "severity": Severity.ACTIVE,
            "certificate": "",
            "account": "",
            "pressure": 0.0,
            "quarantined": frozenset(),
        }
        self.last, self.engine_lots = 100_000, None
        self.gateway = Gateway(
            self.broker,  # type: ignore[arg-type]  # only what sends is asked
            [ABC],
            OrderLedger(),
            session="s",
            account="paper",
            limits=limits_of(self.line.limits),
            situation=lambda: Situation(markets=self._market, **self.values),
            note=lambda outcome: None,
            told=lambda command, refused: self.told.append(refused),
        )
        for fact in self.line.given.split(";"):
            self._give(fact.strip())

    def _market(self, instrument: int) -> Market:
        held = self.gateway.books.positions.get(0, 0)
        return Market(self.last, held if self.engine_lots is None else self.engine_lots)

    def _give(self, fact: str) -> None:
        values, books = self.values, self.gateway.books
        match fact.split():
            case ["running"]:
                pass
            case ["killed"]:
                values["is_killed"] = True
            case ["killed", "and", "closing"]:
                values["is_killed"] = values["kill_closes"] = True
            case ["lease", "lost"]:
                values["lease_until_ns"] = 0
            case ["lease", "ends", "now"]:
                values["lease_until_ns"] = values["monotonic_ns"]
            case ["lease", "ends", "in", ns, "ns"]:
                values["lease_until_ns"] = values["monotonic_ns"] + int(ns)
            case ["paused"]:
                values["may_enter"] = False
            case ["stopped"]:
                values["may_enter"] = values["may_close"] = False
            case ["severity", name]:
                values["severity"] = Severity[name.upper()]
            case ["no", "certificate"]:
                values["certificate"] = "it has expired"
            case ["cash", "differs"]:
                values["cash"] = "the venue states 1, the books explain 2"
            case ["account", "unread", *for_long]:
                values["account"] = "it was not read"
                values["is_account_late"] = bool(for_long)
            case ["no", "price"]:
                self.last = 0
            case ["decided", seconds, "s", "ago"]:
                values["decided_ns"] -= int(Decimal(seconds) * SECOND)
            case ["data", seconds, "s", "old"]:
                values["data_age_ns"] = int(Decimal(seconds) * SECOND)
            case ["judges", "again"]:
                values["judges_again"] = True
            case ["sent", "before"]:
                books.begin(order_intent(1, 1, 10, 0))
                books.mark(1, Sent.ENDED)
            case ["sent", count]:
                books._sent_at.extend([1] * int(count))
            case ["held", lots]:
                books.set_position(0, int(lots))
            case ["engine", "holds", lots]:
                self.engine_lots = int(lots)
            case ["venue", "states", lots]:
                values["stated"] = lambda instrument: int(lots)
            case ["lots", "of", step]:
                odd = replace(ABC, quantity_step_lots=int(step))
                self.gateway._instruments = [odd]
            case ["quarantined"]:
                values["quarantined"] = frozenset({0})
            case ["silent"]:
                values["silent"] = frozenset({0})
            case ["journal", how, *_]:
                values["pressure"] = 0.5 if how == "half" else 0.51
            case ["a", "check", "breaks"]:
                self._market = None  # type: ignore[method-assign, assignment]
            case [("working" | "unknown") as how, side, lots, "@", price, *filled]:
                sign = 1 if side == "buy" else -1
                books.begin(order_intent(EARLIER, sign, int(lots), ticks(price)))
                books.mark(EARLIER, Sent.UNKNOWN if how == "unknown" else Sent.TAKEN)
                if filled:
                    books.hear(fill(EARLIER, int(filled[1])))
            case _:
                raise AssertionError(f"line {self.line.number}: {fact!r} is not known")


def limits_of(text: str) -> Limits:
    made = Limits(orders_per_minute=3)
    for word in text.split():
        name, value = word.split("=")
        if name == "least_lots":
            made = msgspec.structs.replace(made, least_lots=(int(value),))
        elif name.endswith("_value"):
            made = msgspec.structs.replace(made, **{name + "_minor": int(value) * 10**8})
        else:
            made = msgspec.structs.replace(made, **{name: int(value)})
    return made


def ticks(text: str) -> int:
    return int(Decimal(text) * 1000)


def order_intent(order_id: int, side: int, lots: int, limit: int) -> Intent:
    named = intent_id("s", order_id, 0)
    name = client_id("paper", named, 0)
    return Intent(named, name, 0, at.KIND_SUBMITTED, order_id, 0, side, lots, limit)


def fill(order_id: int, lots: int) -> Rows:
    rows = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
    rows[0, at.EVENT_KIND], rows[0, at.FACT_ORDER], rows[0, at.FACT_LOTS] = (
        at.KIND_FILL,
        order_id,
        lots,
    )
    return rows


def command_of(text: str) -> Approved:
    match text.split():
        case ["cancel"]:
            return CancelApproved(EARLIER, 0)
        case ["replace", lots, "@", price]:
            return ReplaceApproved(EARLIER, 0, int(lots), ticks(price), 0)
        case [side, lots, *rest]:
            limit = ticks(rest[1]) if rest[:1] == ["@"] else 0
            stop = ticks(rest[1]) if rest[:1] == ["stop"] else 0
            flags = OrderFlag.REDUCE_ONLY if rest[-1:] == ["reducing"] else OrderFlag(0)
            kind = OrderType.LIMIT if limit else OrderType.STOP if stop else OrderType.MARKET
            sign = 1 if side == "buy" else -1
            return RiskApproved(
                1,
                0,
                sign,
                kind,
                TimeInForce.GTC,
                int(lots),
                limit,
                stop,
                0,
                0,
                0,
                flags,
                0,
                0,
            )
    raise AssertionError(text)


@pytest.mark.parametrize("line", lines(), ids=str)
def test_a_line_of_the_table(line: Line) -> None:
    desk = Desk(line)
    command = command_of(line.command)

    async def durable(intents: tuple[Intent, ...], refused: Rows) -> None:
        desk.kept.extend(intents)

    facts = asyncio.run(desk.gateway.send((command,), durable))
    if line.expected == "-":
        assert desk.told == []
        assert [each for each, _ in desk.broker.sent] == [command]
        assert len(desk.kept) == 1
        assert len(facts) == 0
        return
    assert [refused.code for refused in desk.told] == [Refusal[line.expected.upper()]]
    assert desk.broker.sent == []
    assert desk.kept == []
    assert facts[:, at.FACT_REASON].tolist() == [Refusal[line.expected.upper()]]


def test_every_refusal_of_the_checks_is_in_the_table() -> None:
    after_the_checks = {
        Refusal.NOT_DURABLE,
        Refusal.VENUE_REFUSED,
        Refusal.NOT_SENT,
    }
    told = {Refusal[line.expected.upper()] for line in lines() if line.expected != "-"}
    assert told | after_the_checks == set(Refusal)
    assert set(SENTENCES) == set(Refusal)


def test_what_cannot_be_made_durable_is_not_sent() -> None:
    desk = Desk(Line("", 0, "", "running", "", ""))

    async def durable(intents: tuple[Intent, ...], refused: Rows) -> None:
        raise OSError("the disk is full")

    facts = asyncio.run(desk.gateway.send((command_of("buy 10"),), durable))
    assert desk.broker.sent == []
    assert facts[:, at.FACT_REASON].tolist() == [Refusal.NOT_DURABLE]
    assert desk.gateway.books.working(0) == (0, 0)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"is_killed": True}, Refusal.KILLED),
        ({"lease_until_ns": 0}, Refusal.LEASE_LOST),
        ({"may_enter": False}, Refusal.SESSION_NOT_RUNNING),
        ({"monotonic_ns": 131 * SECOND}, Refusal.INTENT_EXPIRED),
        ({"certificate": "it was revoked"}, Refusal.NO_CERTIFICATE),
        ({"data_age_ns": 31 * SECOND}, Refusal.DATA_TOO_OLD),
    ],
)
def test_what_changes_while_an_intent_is_made_durable_is_heeded(
    changed: dict[str, Any], code: Refusal
) -> None:
    desk = Desk(Line("", 0, "", "running", "", ""))

    async def durable(intents: tuple[Intent, ...], refused: Rows) -> None:
        desk.values |= changed

    facts = asyncio.run(desk.gateway.send((command_of("buy 10"),), durable))
    assert desk.broker.sent == []
    assert facts[:, at.FACT_REASON].tolist() == [code]
    assert desk.gateway.books.live() == ()


def test_an_exit_that_closes_all_is_not_taken_for_an_entry_after_it_is_durable() -> None:
    desk = Desk(Line("", 0, "", "paused; held 10", "", ""))

    async def durable(intents: tuple[Intent, ...], refused: Rows) -> None:
        pass

    facts = asyncio.run(desk.gateway.send((command_of("sell 10"),), durable))
    assert len(facts) == 0 and len(desk.broker.sent) == 1


def test_the_rate_is_remembered_over_a_restart() -> None:
    desk = Desk(Line("", 0, "", "sent 3", "", ""))
    again = OrderLedger()
    again.restore(desk.gateway.books.snapshot())
    assert again.sent_last_minute(1) == 3
    assert again.sent_last_minute(60 * SECOND + 1) == 0
