"""What the tests of journals have in common: a clock, records, and how to open a journal."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np

from engine.model import layout as at
from runtime.journal.journal import SessionJournal
from runtime.journal.leases import Lease
from runtime.journal.records import (
    Checkpointed,
    ClockRead,
    Closed,
    Continued,
    FactsInput,
    HistoryRead,
    Intent,
    Intents,
    Noted,
    Opened,
    OperatorInput,
    Outcome,
    Reconciled,
    Record,
    SliceInput,
    StateChanged,
    Taken,
    TimeInput,
    Warmed,
)
from runtime.journal.sessions import NewSession, SessionStore

SECOND = 10**9
NEW = NewSession(strategy="sma_cross", account="paper-1", fingerprint="f0", feed="replay")
OPENED = Opened(
    strategy="sma_cross",
    fingerprint="f0",
    configuration="[strategy]\n",
    code={"a.py": "x = 1\n"},
    parameters={"fast": "20"},
    engine="e0",
    account="paper-1",
    broker="paper",
    feed="replay",
    evidence="rehearsal",
    mode="auto",
    instruments=("ACME", "BETA"),
    data={},
)

ONE_OF_EACH: tuple[Record, ...] = (
    OPENED,
    Continued("fc" * 32, '{"strategy":"s"}'),
    StateChanged("created", "starting", "begun"),
    Intents(
        0,
        (Intent("i", "c", 1, 60, 7, 0, 1, 100, 5, 0),),
        SliceInput(1, 2, 3, b"\x00" * 96, {4: b"\x01" * 96}),
        b"",
    ),
    Intents(1, (), None, b"\x02"),
    Taken(TimeInput(5), b"\x03", {0: b"\x04"}),
    Taken(FactsInput(5, b"", ("x1", "x2")), b""),
    Taken(OperatorInput(5, b"", "pause", "me", "lunch"), b""),
    Warmed(5, 6, b"\x05", "warmed up"),
    HistoryRead(0, 600, 1_500, {0: b"\x05", 3: b"\x00"}, "torn"),
    Outcome("c", "taken", "v1"),
    Checkpointed("ab", 9),
    Noted("feed", "info", "ACME", "gap ü", 5),
    ClockRead(7, 8, 9),
    Reconciled(5, ("ACME: the broker holds 1 lots, the journal has 0",)),
    Closed("ab", "end of data"),
)


class TestClock:
    """A clock that a test sets; the wall clock and the monotonic one apart."""

    __test__ = False

    def __init__(self, now_ns: int = 1_800_000_000 * SECOND) -> None:
        self.wall_ns = now_ns
        self.steady_ns = 0

    def now_ns(self) -> int:
        return self.wall_ns

    def monotonic_ns(self) -> int:
        return self.steady_ns

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)

    def later(self, seconds: float) -> None:
        """Both go on."""
        self.wall_ns += round(seconds * SECOND)
        self.steady_ns += round(seconds * SECOND)


def time_record(number: int, *, rows: int = 0) -> Taken:
    """Return what a session writes most: an input that was taken, and some rows of the engine."""
    decided = np.zeros((rows, at.EVENT_WIDTH), dtype="<i8")
    decided[:, at.EVENT_KIND] = at.KIND_EQUITY_MARKED
    return Taken(TimeInput(number * SECOND), decided.tobytes())


def some_records(count: int) -> list[Record]:
    """Return the beginning of a session."""
    begun: list[Record] = [OPENED, StateChanged("created", "starting", "begun")]
    middle: list[Record] = [time_record(number, rows=number % 3) for number in range(count)]
    return [*begun, *middle, Noted("feed", "info", "replay", "ü\x00 ends")][:count]


def held(store: SessionStore, account: str = "paper-1", holder: str = "s") -> Lease:
    """Take an account that is free."""
    lease = store.leases.acquire(account, holder)
    assert isinstance(lease, Lease)
    return lease


def opened(store: SessionStore, *, account: str = "paper-1") -> SessionJournal:
    """Begin a session and open its journal."""
    session_id = store.begin_session(NEW)
    return store.journal(session_id, held(store, account, session_id))


def written(store: SessionStore, count: int) -> SessionJournal:
    """Begin a session with some durable records."""
    journal = opened(store)
    for record in some_records(count):
        journal.append(record)
    journal.flush()
    return journal


def lines(path: Path) -> int:
    """Count a file's lines."""
    return len(path.read_text().splitlines())
