"""Everything that speaks against trading live: each with its code, its sentence, its exit code, in its order."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from brokers.alpaca.broker import AlpacaBroker, Settings
from brokers.alpaca.client import Keys as AccountKeys
from engine.errors import TraderError
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_DAY
from engine.ports import AccountFacts, Clock, Environment
from runtime.journal.leases import Lease
from runtime.promotion.keys import Keys, Role
from runtime.session.kill_switch import Halt, KillSwitch
from runtime.session.live import LivePlan, go_live
from runtime.session.live_proof import Door, VenueBroker
from runtime.venues.accounts import AlpacaAccount
from sims.venues.alpaca import AlpacaVenue, VenueSettings
from sims.venues.alpaca.desk import Desk
from sims.venues.alpaca.faults import parse_faults
from sims.venues.alpaca.tickets import Ticket
from tests.unit.live.rehearsals import NUMBER, Rehearsal
from tests.unit.promotion.certificates import like


@dataclass
class LiveDoor:
    """What cannot exist here: an account whose venue says that it is live, behind the simulated one."""

    account: AlpacaAccount
    environment: Environment = Environment.LIVE
    says: Environment = Environment.LIVE
    venue: str = "alpaca"

    def broker(
        self, instruments: Sequence[Instrument], clock: Clock, *, begins_ns: int = 0
    ) -> VenueBroker:
        says = self.says

        class Broker(AlpacaBroker):
            async def connect(self) -> AccountFacts:
                self.environment = says
                return await super().connect()

        urls, keys = self.account.urls, self.account.keys
        return Broker(urls, keys, instruments, clock, Settings(begins_ns=begins_ns))


@dataclass
class Case:
    """What is done before the start, and how the start is wanted."""

    here: Rehearsal
    plan: dict[str, Any] = field(default_factory=dict)
    venue: dict[str, Any] = field(default_factory=dict)
    with_venue: Callable[[AlpacaVenue], None] = lambda venue: None
    door: Callable[[AlpacaAccount], Door] = lambda account: account

    def refused(self) -> TraderError:
        """Start, and return what is said."""

        async def story() -> None:
            with self.here.desk() as desk, self.here.store() as store:
                async with self.here.venue(**self.venue) as venue:
                    self.with_venue(venue)
                    plan: LivePlan = self.here.plan(venue)
                    plan.door = self.door(self.here.door(venue))
                    for name, value in self.plan.items():
                        setattr(plan, name, value)
                    await go_live(store, plan, desk)

        with pytest.raises(TraderError) as caught:
            asyncio.run(story())
        return caught.value


def no_certificate(case: Case) -> None:
    """Nothing was promoted."""


def halted(case: Case) -> None:
    case.here.issue()
    KillSwitch(case.here.folder / "trader.sessions" / "HALT").set(Halt("ann", "a test", 1))


def expired(case: Case) -> None:
    now = case.here.clock.now_ns()
    case.here.issue(issued_ns=now - 30 * NS_PER_DAY, expires_ns=now - 1)


def revoked(case: Case) -> None:
    document = case.here.issue()
    with case.here.desk() as desk:
        signer = desk.keys.open("anna")
        desk.store.revoke(document.body, "the wrong market", "anna", signer)


def suspended(case: Case) -> None:
    document = case.here.issue()
    with case.here.desk() as desk:
        desk.store.suspend(document.body, "the returns are not as they were")


def older_serial(case: Case) -> None:
    case.plan["content"] = case.here.issue(serial=3).to_bytes()
    case.here.issue(serial=4)


def copied(case: Case) -> None:
    """From a workspace whose keys nobody trusts here."""
    elsewhere = case.here.folder / "elsewhere"
    keys = Keys(elsewhere / "keys")
    keys.new(Role.GATE, "gate")
    keys.new(Role.APPROVER, "anna")
    theirs = Rehearsal(elsewhere)
    theirs.file.parent.mkdir()
    theirs.file.write_bytes(case.here.file.read_bytes())
    case.plan["content"] = theirs.certificate().to_bytes()


def of_another_strategy(case: Case) -> None:
    case.plan["content"] = case.here.issue(like(case.here.runs(), strategy="momentum")).to_bytes()


def other_account(case: Case) -> None:
    case.here.issue(case.here.runs(account="PA0000000001"))


def not_the_named_account(case: Case) -> None:
    case.here.issue(case.here.runs(account="PA0000000001"))
    case.plan["account"] = "PA0000000001"


def other_environment(case: Case) -> None:
    case.here.issue(case.here.runs(Environment.LIVE), evidence_class="real")


def rehearsed_only(case: Case) -> None:
    case.here.issue(case.here.runs(Environment.LIVE))
    case.door = LiveDoor


def rehearsal_at_a_live_address(case: Case) -> None:
    case.here.issue()
    case.door = LiveDoor


def paper_account(case: Case) -> None:
    case.here.issue()
    case.door = lambda account: LiveDoor(account, Environment.PAPER, Environment.PAPER)


def paper_behind_live(case: Case) -> None:
    case.here.issue(case.here.runs(Environment.LIVE), evidence_class="real")
    case.door = lambda account: LiveDoor(account, Environment.LIVE, Environment.PAPER)


def edited_file(case: Case) -> None:
    case.here.issue()
    text = case.here.file.read_text()
    case.here.file.write_text(text.replace("percent = 0.8", "percent = 8"))


def edited_code(case: Case) -> None:
    case.here.issue(like(case.here.runs(), code__engine="0" * 64))


def edited_row(case: Case) -> None:
    case.here.issue()
    with sqlite3.connect(case.here.folder / "trader.db") as database:
        database.execute(
            "update promotion_events set kind = 'Seen' where kind = 'CertificateIssued'"
        )


def edited_certificate(case: Case) -> None:
    content = case.here.issue().to_bytes()
    case.plan["content"] = content.replace(b"PROBATION", b"FULL")


def clock_moved_back(case: Case) -> None:
    case.here.issue()

    class Behind(type(case.here.clock)):  # type: ignore[misc]
        def now_ns(self) -> int:
            return super().now_ns() - 3600 * 10**9

    case.here.clock = Behind()


def clock_differs(case: Case) -> None:
    case.here.issue(case.here.runs(Environment.LIVE), evidence_class="real")
    case.door = LiveDoor


def in_use(case: Case) -> None:
    document = case.here.issue()
    with case.here.store() as store:
        name = f"alpaca:{document.body.account[:16]}"
        held = store.leases.acquire(name, "20261122-another")
        assert isinstance(held, Lease)


def unreachable(case: Case) -> None:
    case.here.issue()
    case.venue["faults"] = parse_faults(
        '{"kind": "error", "on": "account", "status": 503, "count": 99}'
    )


def wrong_keys(case: Case) -> None:
    case.here.issue()
    case.door = lambda account: AlpacaAccount(
        account.urls, account.environment, AccountKeys("PKREHEARSAL", "another secret")
    )


def too_little(case: Case) -> None:
    case.here.issue()
    case.venue["settings"] = VenueSettings(cash=Decimal(24_999))


def foreign_order(case: Case) -> None:
    case.here.issue()
    case.with_venue = lambda venue: order_by_hand(venue, "by-hand")


def lost_order(case: Case) -> None:
    case.here.issue()
    case.with_venue = lambda venue: order_by_hand(venue, "tr-rll23wycv4i6ymjpwikrrzabj43wd")


def no_drill(case: Case) -> None:
    case.here.issue()
    with sqlite3.connect(case.here.folder / "trader.db") as database:
        database.execute("delete from journal")


def not_confirmed(case: Case) -> None:
    case.here.issue()

    def refuse(start: object) -> None:
        raise TraderError("nobody wants it", code="live.not_confirmed")

    case.plan["confirm"] = refuse


def order_by_hand(venue: AlpacaVenue, name: str) -> None:
    """A limit far away that somebody has sent before."""
    Desk(venue.exchange).submit(
        Ticket("AAPL", "buy", "limit", "gtc", Decimal(1), limit=Decimal("1.00"), client_id=name)
    )


CASES: tuple[tuple[Callable[[Case], None], str, str, int], ...] = (
    (halted, "live.halted", "everything is halted by ann: a test", 1),
    (
        paper_account,
        "live.environment",
        "paper account at the venue, which no certificate opens",
        1,
    ),
    (edited_row, "certificate.record", "", 1),
    (no_certificate, "certificate.missing", "there is no certificate", 1),
    (edited_certificate, "certificate.signature", "the certificate was edited", 1),
    (copied, "certificate.unknown_key", "the key of the gate is not known here", 1),
    (clock_moved_back, "certificate.clock", "the clock was moved back", 1),
    (expired, "certificate.expired", "the certificate has expired at", 1),
    (revoked, "certificate.revoked", "was revoked: the wrong market (anna)", 1),
    (suspended, "certificate.suspended", "the returns are not as they were", 1),
    (older_serial, "certificate.serial", "has serial 3, and 4 was issued since", 1),
    (of_another_strategy, "certificate.strategy", "of the strategy 'momentum', not", 1),
    (edited_file, "certificate.fingerprint", "[exits] stop_loss_percent was changed: 8, it was", 1),
    (edited_code, "certificate.fingerprint", "the engine's code is another", 1),
    (other_environment, "certificate.environment", "'live', and this is 'rehearsal'", 1),
    (rehearsal_at_a_live_address, "certificate.environment", "'rehearsal', and this is 'live'", 1),
    (rehearsed_only, "certificate.rehearsal", "opens rehearsal venues only", 1),
    (in_use, "live.account_in_use", "traded by session 20261122-another", 1),
    (unreachable, "live.unreachable", "alpaca cannot be asked", 1),
    (wrong_keys, "live.keys", "alpaca refuses the keys", 1),
    (paper_behind_live, "live.environment", "the account is paper, its address is live", 1),
    (not_the_named_account, "live.account", f"those of account {NUMBER}, not of PA0000000001", 1),
    (other_account, "certificate.account", "for another account", 1),
    (clock_differs, "live.clock", "the venue's", 1),
    (too_little, "live.capital", "24,999.00 USD, and the strategy may use 25,000.00", 1),
    (foreign_order, "live.foreign_orders", "that no session has sent", 1),
    (lost_order, "live.unknown_orders", "whose journal is not here", 1),
    (no_drill, "live.drill", "never rehearsed with this version", 1),
    (not_confirmed, "live.not_confirmed", "nobody wants it", 3),
)


@pytest.mark.parametrize(
    ("prepared_so", "code", "sentence", "exit_code"),
    CASES,
    ids=[each[0].__name__ for each in CASES],
)
def test_what_speaks_against_it_is_told(
    here: Rehearsal,
    prepared_so: Callable[[Case], None],
    code: str,
    sentence: str,
    exit_code: int,
) -> None:
    case = Case(here)
    prepared_so(case)
    with here.store() as store:
        before = len(store.list())
    error = case.refused()
    assert (error.code, error.exit_code) == (code, exit_code), error
    assert sentence in error.problem
    assert error.remedy or prepared_so is not_confirmed or prepared_so is no_certificate
    with here.store() as store:  # what is refused leaves no session, and the account is free
        assert len(store.list()) == before
        assert (
            prepared_so is in_use
            or store.leases.holder(f"alpaca:{here.runs().account[:16]}") is None
        )


def test_of_several_the_first_in_the_order_is_told(here: Rehearsal) -> None:
    case = Case(here)
    done = (no_drill, foreign_order, in_use, revoked, halted)
    codes = []
    for each in done:
        each(case)
        codes.append(case.refused().code)
    assert codes == [
        "live.drill",
        "live.foreign_orders",
        "live.account_in_use",
        "certificate.revoked",
        "live.halted",
    ]
