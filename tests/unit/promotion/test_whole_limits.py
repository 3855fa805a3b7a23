"""A strategy asks for all of its limits after sixty live days without an alarm, and not a day sooner."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from engine.gate.drift import DriftState
from engine.gate.evidence import LiveDays
from engine.gate.stages import days_without_alarm, may_ask_for_all
from runtime.journal.leases import Lease
from runtime.journal.records import Continued, Noted, Record
from runtime.journal.sessions import NewSession, SessionStore
from runtime.promotion.approving import approve, issue, read_approval, read_request
from runtime.promotion.certificate import Known, VerifiedCertificate, verify
from runtime.promotion.document import Document, Stage
from runtime.promotion.events import Seen, Suspended
from runtime.promotion.evidence.live_days import collect
from runtime.promotion.fingerprint import Fingerprint
from runtime.promotion.promoting import Ground, Judged, request
from runtime.promotion.store import PromotionStore
from runtime.session.drifting import ALARM, KIND, STATE, Followed
from runtime.store import Store
from tests.unit.gate.evidence_worlds import passing
from tests.unit.journal.worlds import OPENED
from tests.unit.promotion.certificates import (
    ALONE,
    ANNA,
    NOW,
    RUNS,
    THE_GATE,
    UNLIMITED,
    MovableClock,
    body_of,
    like,
    signed,
)
from tests.unit.promotion.test_approving import report
from tests.unit.promotion.test_asking_the_gate import strategy

BROKER, NUMBER = "alpaca live", "123"
CORE = RUNS.core
OTHER = like(RUNS, code__engine="0" * 64)


def followed(day: int, core: str = CORE) -> Noted:
    """What a session notes when a day was followed."""
    state = Followed(core, 100, DriftState(days=day, last_day=20_000 + day))
    return Noted(KIND, "info", STATE, msgspec.json.encode(state).decode())


def days(first: int, last: int, core: str = CORE) -> list[Record]:
    return [followed(day, core) for day in range(first, last + 1)]


ALARMED = Noted(KIND, "critical", ALARM, "The drawdown is not as the evidence has it.")
OTHERS = Continued(OTHER.core, "{}")


@dataclass
class Account:
    """Sessions that were traded live, and the certificates that they had."""

    folder: Path
    sessions: SessionStore
    record: PromotionStore

    def traded(
        self,
        *records: Record,
        runs: Fingerprint = RUNS,
        number: str = NUMBER,
        broker: str = BROKER,
        is_certified: bool = True,
    ) -> str:
        """Write the journal of a session."""
        session = self.sessions.begin_session(NewSession(runs.strategy, number, broker=broker))
        lease = self.sessions.leases.acquire(f"{number} {session}", session)
        assert isinstance(lease, Lease)
        data = {"fingerprint.core": runs.core}

        async def write() -> None:
            journal = self.sessions.journal(session, lease)
            for each in (replace(OPENED, account=number, broker=broker, data=data), *records):
                journal.append(each)
            await journal.close()

        asyncio.run(write())
        if is_certified:
            document = signed(body_of(runs, serial=len(self.record.issued()) + 1))
            self.record.issue(document)
            body = document.body
            seen = Seen(body.id, body.account, body.family, body.serial, session)
            self.record.audit.append(seen)
        return session

    def suspend(self, session: str) -> None:
        """As if the process had died before its journal had the alarm."""
        self.record.audit.append(Suspended("c" * 64, RUNS.strategy, "drift", session))

    def clean_days(self) -> int:
        found = collect(self.sessions, self.record, BROKER, NUMBER, CORE)
        return days_without_alarm(found)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    url = f"sqlite:///{tmp_path / 'trader.db'}"
    sessions = SessionStore.open(url)
    with PromotionStore.open(url, clock=MovableClock()) as record:
        yield Account(tmp_path, sessions, record)
    sessions.close()


def test_days_of_sessions_one_after_the_other_are_counted_once_each(account: Account) -> None:
    account.traded(*days(1, 40))
    account.traded(*days(40, 60))
    assert account.clean_days() == 60


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([*days(1, 60), ALARMED], 0),
        ([*days(1, 30), ALARMED, *days(31, 60)], 30),
        ([ALARMED, *days(1, 60)], 60),
        (days(1, 60, OTHER.core), 0),
        ([*days(1, 20), OTHERS, ALARMED], 20),  # what has drifted was another version
    ],
)
def test_an_alarm_begins_the_count_anew(
    account: Account, records: list[Record], expected: int
) -> None:
    account.traded(*records)
    assert account.clean_days() == expected


def test_days_elsewhere_are_none(account: Account) -> None:
    account.traded(*days(1, 60), number="another")
    account.traded(*days(1, 60), broker="alpaca rehearsal")
    account.traded(*days(1, 60), broker="paper")
    account.traded(*days(1, 60), runs=OTHER)
    account.traded(*days(1, 60), is_certified=False)
    assert account.clean_days() == 0


def test_a_suspension_that_the_journal_does_not_have_is_an_alarm(account: Account) -> None:
    session = account.traded(*days(1, 60))
    account.suspend(session)
    assert account.clean_days() == 0
    account.traded(*days(61, 65))
    assert account.clean_days() == 5


def test_a_journal_that_was_edited_begins_the_count_anew(account: Account) -> None:
    session = account.traded(*days(1, 60))
    with sqlite3.connect(account.folder / "trader.db") as database:
        edit = "UPDATE journal SET ts_ns = ts_ns + 1 WHERE session_id = ? AND sequence = 30"
        assert database.execute(edit, (session,)).rowcount == 1
    account.traded(*days(61, 62))
    assert account.clean_days() == 2


# --- the request ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("live", "stage"),
    [
        (None, Stage.PROBATION),
        (LiveDays(), Stage.PROBATION),
        (LiveDays(tuple(range(59))), Stage.PROBATION),
        (LiveDays(tuple(range(60))), Stage.FULL),
        (LiveDays((*range(59), 58, 58)), Stage.PROBATION),
        (LiveDays(tuple(range(90)), (31,)), Stage.PROBATION),
        (LiveDays(tuple(range(90)), (2, 30)), Stage.FULL),
    ],
)
def test_a_request_says_its_stage_and_its_approval_makes_that_certificate(
    account: Account, live: LiveDays | None, stage: Stage
) -> None:
    evidence = replace(passing(), live=live)
    assert may_ask_for_all(evidence) is (stage is Stage.FULL)
    registry = Store.open(f"sqlite:///{account.folder / 'trader.db'}")
    ground = Ground(
        strategy(), registry, account.sessions, account.record, Path(), MovableClock(), "bert"
    )
    asked = request(ground, Judged(report(), evidence, RUNS, "", UNLIMITED), THE_GATE)
    registry.close()
    assert asked.body.stage == stage.value
    seen = read_request(asked.to_bytes(), ALONE, NOW)
    assert isinstance(seen, Document)
    approved = approve(seen, ANNA, ALONE, NOW)
    assert isinstance(approved, Document)
    taken = read_approval(approved.to_bytes(), ALONE, NOW)
    assert isinstance(taken, Document)
    made = issue(taken, THE_GATE, ALONE, Known(), NOW)
    assert isinstance(made, Document)
    verdict = verify(made.to_bytes(), fingerprint=RUNS, known=Known(), trusted=ALONE, now_ns=NOW)
    assert isinstance(verdict, VerifiedCertificate)
    assert verdict.stage.limits_percent == (100 if stage is Stage.FULL else 25)
