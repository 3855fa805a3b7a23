"""One fact spoilt at a time: which check sees it, and what it answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.gate.evaluate import evaluate
from engine.gate.evidence import CutTest, Drill, Recomputed, RiskLimit, Waiver
from engine.gate.policy import Policy, Profile, RiskMaximum
from engine.gate.registry import CHECKS
from engine.gate.verdicts import Verdict
from engine.ports import Environment, EvidenceClass
from tests.unit.gate.evidence_worlds import (
    CODE,
    DAY,
    FINGERPRINT,
    FRIDAY,
    HOLDOUT_DAYS,
    NOW,
    SECOND,
    approved,
    changed,
    earning,
    evidence_of,
    paper_day,
    passing,
    series,
)

STRICT = Policy(profile=Profile.STRICT)
MINUTE = 60 * SECOND
NAN, INF = float("nan"), float("inf")

CUTS = tuple(CutTest("cut", n * DAY, 3, "aa", "aa") for n in range(20))
DRILL = Drill(
    session="d2",
    code_hash=CODE,
    environment=Environment.PAPER,
    done_ns=NOW - DAY,
    last_send_ns=SECOND,
    cancels_ns=2 * SECOND,
)


def cut(*, kind: str = "cut", whole: str = "aa", other: str = "bb") -> tuple[CutTest, ...]:
    return (*CUTS, CutTest(kind, 99 * DAY, 3, whole, other))


def drill(**changes: Any) -> tuple[Drill, ...]:
    return (changed_all(DRILL, changes),)


def changed_all(fact: Any, changes: dict[str, Any]) -> Any:
    for name, value in changes.items():
        fact = changed(fact, name, value)
    return fact


def days(*numbers: int) -> tuple[object, ...]:
    return tuple(paper_day(number) for number in numbers)


# fact | value | check | verdict
SPOILT = [
    # R03
    ("risk.problems", ("risk.gross_percent: not a number",), "R03", "FAIL"),
    ("risk.limits", (), "R03", "FAIL"),
    ("risk.limits", (RiskLimit("a", "0"),), "R03", "FAIL"),
    ("risk.limits", (RiskLimit("a", "-1"),), "R03", "FAIL"),
    ("risk.limits", (RiskLimit("a", "inf"),), "R03", "FAIL"),
    ("risk.limits", (RiskLimit("a", "NaN"),), "R03", "FAIL"),
    ("risk.limits", (RiskLimit("a", "much"),), "R03", "FAIL"),
    ("risk.limits", (RiskLimit("a", "0.01"),), "R03", "PASS"),
    ("risk.drawdown_percent", None, "R03", "FAIL"),
    ("risk.drawdown_percent", "0.9", "R03", "FAIL"),
    ("risk.drawdown_percent", "1", "R03", "PASS"),
    ("risk.drawdown_percent", "99", "R03", "PASS"),
    ("risk.drawdown_percent", "99.1", "R03", "FAIL"),
    ("risk.drawdown_percent", "nan", "R03", "FAIL"),
    ("risk.backtest_hash", "d2", "R03", "FAIL"),
    ("risk.paper_hash", "d2", "R03", "FAIL"),
    ("risk.paper_hash", None, "R03", "INSUFFICIENT"),
    # R04
    ("broker.answered_ns", NOW - MINUTE, "R04", "PASS"),
    ("broker.answered_ns", NOW - MINUTE - 1, "R04", "FAIL"),
    ("broker.answered_ns", NOW + 1, "R04", "FAIL"),
    ("broker.environment", Environment.PAPER, "R04", "FAIL"),
    ("broker.environment", Environment.REHEARSAL, "R04", "FAIL"),
    ("broker.clock_offset_ns", SECOND, "R04", "PASS"),
    ("broker.clock_offset_ns", -SECOND - 1, "R04", "FAIL"),
    ("broker.clock_offset_ns", None, "R04", "INSUFFICIENT"),
    ("broker.can_trade", False, "R04", "FAIL"),
    ("broker.can_trade", None, "R04", "INSUFFICIENT"),
    ("broker.can_withdraw", True, "R04", "FAIL"),
    ("broker.can_withdraw", None, "R04", "INSUFFICIENT"),
    ("backtest.evidence", EvidenceClass.REHEARSAL, "R04", "FAIL"),
    # R05
    ("account.asked_ns", NOW - MINUTE - 1, "R05", "FAIL"),
    ("account.account", "account-2", "R05", "FAIL"),
    ("account.account", "", "R05", "FAIL"),
    ("account.status", "ACTIVE", "R05", "PASS"),
    ("account.status", "onboarding", "R05", "FAIL"),
    ("account.is_blocked", True, "R05", "FAIL"),
    ("account.currency", "EUR", "R05", "FAIL"),
    ("account.equity_minor", 10**11, "R05", "PASS"),
    ("account.equity_minor", 10**11 - 1, "R05", "FAIL"),
    ("account.buying_power_minor", 10**12, "R05", "PASS"),
    ("account.buying_power_minor", 10**12 - 1, "R05", "FAIL"),
    ("account.largest_order_minor", 0, "R05", "FAIL"),
    ("account.is_reconciled", False, "R05", "FAIL"),
    ("account.unknown_orders", 1, "R05", "FAIL"),
    ("account.foreign_orders", 1, "R05", "FAIL"),
    # R06
    ("backtest.fingerprint", "f2", "R06", "FAIL"),
    ("backtest.family", "f2", "R06", "FAIL"),
    ("subject.fingerprint", "f2", "R06", "FAIL"),
    ("integrity.sessions", (), "R06", "INSUFFICIENT"),
    ("integrity.values", (Recomputed("a", "1", "2"),), "R06", "FAIL"),
    ("integrity.values", (Recomputed("a", None, "2"),), "R06", "INSUFFICIENT"),
    # R07: the last day of the data is the 13th, 7 days ago; the paper days are the 16th to the 20th
    ("backtest.data_end_ns", NOW - 45 * DAY, "R07", "PASS"),
    ("backtest.data_end_ns", NOW - 45 * DAY - 1, "R07", "FAIL"),
    ("backtest.data_end_ns", NOW + 1, "R07", "FAIL"),
    ("paper.days", (), "R07", "INSUFFICIENT"),
    ("paper.days", days(*range(FRIDAY - 22, FRIDAY + 1)), "R07", "FAIL"),
    ("paper.days", days(*range(FRIDAY - 22, FRIDAY + 2)), "R07", "PASS"),
    ("paper.days", days(*range(FRIDAY - 50, FRIDAY - 40), FRIDAY + 7), "R07", "FAIL"),
    ("paper.days", days(FRIDAY - 50, *range(FRIDAY + 3, FRIDAY + 8)), "R07", "PASS"),
    # R08 to R11
    ("backtest.rerun_hash", None, "R08", "INSUFFICIENT"),
    ("backtest.rerun_hash", "ac", "R08", "FAIL"),
    ("lookahead.tests", (), "R09", "INSUFFICIENT"),
    ("lookahead.tests", CUTS[:19], "R09", "INSUFFICIENT"),
    ("lookahead.tests", (*CUTS[:19], CUTS[0]), "R09", "INSUFFICIENT"),
    ("lookahead.tests", cut(), "R09", "FAIL"),
    ("lookahead.tests", cut(kind="start"), "R09", "FAIL"),
    ("lookahead.tests", cut(kind="scramble"), "R09", "FAIL"),
    ("lookahead.tests", cut(whole="", other=""), "R09", "FAIL"),
    (
        "lookahead.tests",
        tuple(changed(each, "decisions", 0) for each in CUTS),
        "R09",
        "INSUFFICIENT",
    ),
    ("paper.sessions", (), "R10", "INSUFFICIENT"),
    ("drills", (), "R11", "INSUFFICIENT"),
    ("drills", drill(), "R11", "PASS"),
    ("drills", drill(code_hash="c1"), "R11", "INSUFFICIENT"),
    ("drills", drill(done_ns=NOW - 30 * DAY), "R11", "PASS"),
    ("drills", drill(done_ns=NOW - 30 * DAY - 1), "R11", "FAIL"),
    ("drills", drill(done_ns=NOW + 1), "R11", "FAIL"),
    ("drills", drill(last_send_ns=SECOND + 1), "R11", "FAIL"),
    ("drills", drill(last_send_ns=-1), "R11", "FAIL"),
    ("drills", drill(cancels_ns=2 * SECOND + 1), "R11", "FAIL"),
    ("drills", (*drill(), *drill(done_ns=NOW - 1, cancels_ns=9 * SECOND)), "R11", "FAIL"),
    # R12
    ("approval", None, "R12", "INSUFFICIENT"),
    ("approval.approver", "", "R12", "FAIL"),
    ("approval.is_signature_valid", False, "R12", "FAIL"),
    ("approval.evidence_hash", "00", "R12", "FAIL"),
    ("approval.approver", "ann", "R12", "FAIL"),
    ("approval.waivers", (Waiver("R01", "it is fine"),), "R12", "FAIL"),
    ("approval.waivers", (Waiver("S10", " "),), "R12", "FAIL"),
    ("approval.waivers", (Waiver("S10", "one day, known"),), "R12", "PASS"),
    # S: the backtest has 504 days with a ratio of 2.5
    ("backtest.trade_profits_minor", (1,) * 30, "S01", "PASS"),
    ("backtest.trade_profits_minor", (1,) * 29, "S01", "INSUFFICIENT"),
    ("backtest.daily", series(earning(2.5, days=252)), "S01", "PASS"),
    ("backtest.daily", series(earning(2.5, days=251)), "S01", "INSUFFICIENT"),
    ("backtest.daily", series(earning(0.99)), "S02", "FAIL"),
    ("backtest.daily", series(earning(1.0)), "S03", "INSUFFICIENT"),
    ("backtest.daily", series(earning(-1.0)), "S03", "FAIL"),
    ("backtest.daily", series(earning(-1.0)), "S04", "FAIL"),
    ("backtest.daily", series([0.001] * 300), "R01", "INSUFFICIENT"),
    ("backtest.daily", series(earning(2.5)[:19]), "R01", "INSUFFICIENT"),
    ("trials.count", 11, "S05", "FAIL"),  # fewer than have their returns
    ("trials.failed_attempts", -1, "S05", "FAIL"),
    ("trials.failed_attempts", 5_000, "S05", "FAIL"),
    ("trials.returns", b"", "S05", "PASS"),
    ("trials.returns", b"", "S06", "INSUFFICIENT"),
    ("trials.returns", b"", "S07", "INSUFFICIENT"),
    ("trials.returns", b"12345", "S05", "FAIL"),
    ("trials.count", 14, "S07", "INSUFFICIENT"),  # 12 of 14 have their returns
    ("trials.count", 5_000, "S06", "INSUFFICIENT"),
    ("holdout.daily", None, "S08", "INSUFFICIENT"),
    ("holdout.read_by", ("20261101-120000-bbbbb",), "S08", "INSUFFICIENT"),
    ("holdout.days", HOLDOUT_DAYS - 1, "S08", "INSUFFICIENT"),
    ("holdout.daily", series(earning(1.25, days=126), ends=FRIDAY), "S08", "PASS"),
    ("holdout.daily", series(earning(1.24, days=126), ends=FRIDAY), "S08", "FAIL"),
    ("holdout.daily", series(earning(2.0, days=100), ends=FRIDAY), "S08", "INSUFFICIENT"),
    ("holdout.daily", series(earning(2.0, days=126), ends=FRIDAY - 1), "S08", "FAIL"),
    ("stressed.fees_percent", 199, "S09", "INSUFFICIENT"),
    ("stressed.slippage_percent", 199, "S09", "INSUFFICIENT"),
    ("stressed.delay_bars", 0, "S09", "INSUFFICIENT"),
    ("stressed.daily", series(earning(0.5001)), "S09", "PASS"),
    ("stressed.daily", series(earning(0.4999)), "S09", "FAIL"),
    ("backtest.trade_profits_minor", (3 * 10**12,), "S10", "FAIL"),
    ("backtest.open_profits_minor", (3 * 10**12,), "S10", "FAIL"),  # what is not closed is profit too
    ("backtest.daily", series(earning(-0.1)), "S10", "FAIL"),
    ("backtest.daily", series(earning(5.01)), "S11", "FAIL"),
    ("backtest.daily", series(earning(4.99)), "S11", "PASS"),
    ("backtest.orders", None, "S12", "INSUFFICIENT"),
    # P
    ("paper.intents", None, "P01", "INSUFFICIENT"),
    ("paper.intents", (), "P01", "FAIL"),
    ("paper.shortfalls_bps", None, "P02", "INSUFFICIENT"),
    ("paper.shortfalls_bps", (0.0,) * 20, "P02", "PASS"),  # to the last bit as in the shadow
    ("paper.shortfalls_bps", (5.1,) * 20, "P02", "FAIL"),
    ("paper.shortfalls_bps", (NAN,) * 20, "P02", "FAIL"),
    ("paper.shortfalls_bps", (-INF,) + (0.0,) * 20, "P02", "FAIL"),
    ("paper.shadow_daily", None, "P03", "INSUFFICIENT"),
    ("paper.shadow_daily", series([0.001] * 5, ends=FRIDAY + 7), "P03", "INSUFFICIENT"),
    ("paper.shadow_daily", series([0.001, 0.002] * 3, ends=FRIDAY + 7), "P03", "FAIL"),
    ("paper.daily", None, "P04", "INSUFFICIENT"),
    ("paper.daily", series([0.001] * 4), "P04", "INSUFFICIENT"),
    ("paper.daily", series([-0.02] * 5), "P04", "FAIL"),
    ("paper.daily", series([-0.02] * 5), "P06", "FAIL"),
    ("paper.daily", series([0.001] * 4), "P06", "INSUFFICIENT"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "check_id", "verdict"), SPOILT)
def test_a_fact_and_the_check_that_looks_at_it(
    path: str, value: object, check_id: str, verdict: str
) -> None:
    found = evaluate(changed(passing(), path, value), STRICT)[check_id]
    assert found.verdict.value == verdict, found.sentence
    assert bool(found.would_change) is (found.verdict is not Verdict.PASS)


@pytest.mark.parametrize(
    ("field", "value", "verdict"),
    [
        ("recomputed_head", "12", "FAIL"),
        ("head", "", "FAIL"),
        ("anchored_head", "23", "FAIL"),
        ("anchored_head", None, "INSUFFICIENT"),
        ("family", "f2", "FAIL"),
        ("fingerprint", "f2", "INSUFFICIENT"),
        ("session", "p2", "INSUFFICIENT"),  # the journal of p1 was not checked
    ],
)
def test_a_journal_that_is_not_what_it_was(field: str, value: str | None, verdict: str) -> None:
    evidence = passing()
    assert evidence.integrity is not None
    journal = changed(evidence.integrity.sessions[0], field, value)
    found = evaluate(changed(evidence, "integrity.sessions", (journal,)), STRICT)["R06"]
    assert found.verdict.value == verdict


@pytest.mark.parametrize("field", ["violations", "unresolved_orders", "unexplained_differences"])
def test_a_session_that_was_not_clean(field: str) -> None:
    evidence = passing()
    assert evidence.paper is not None
    session = changed(evidence.paper.sessions[0], field, 1)
    found = evaluate(changed(evidence, "paper.sessions", (session,)), STRICT)["R10"]
    assert (found.verdict, found.value) == (Verdict.FAIL, 1)


@pytest.mark.parametrize(
    ("fingerprint", "verdict"), [("", "FAIL"), (FINGERPRINT, "FAIL"), ("e1" * 32, "PASS")]
)
def test_what_another_version_did_is_not_held_against_this_one(
    fingerprint: str, verdict: str
) -> None:
    evidence = passing()
    assert evidence.paper is not None
    other = changed_all(
        evidence.paper.sessions[0],
        {"session": "p0", "violations": 1, "fingerprint": fingerprint},
    )
    sessions = (other, *evidence.paper.sessions)
    found = evaluate(changed(evidence, "paper.sessions", sessions), STRICT)["R10"]
    assert found.verdict.value == verdict


@pytest.mark.parametrize("check", ["R06", "R10"])
def test_a_session_of_another_version_is_told_with_what_differs(check: str) -> None:
    evidence = passing()
    assert evidence.paper is not None and evidence.integrity is not None
    for part, journals in (("paper.sessions", evidence.paper.sessions),
                           ("integrity.sessions", evidence.integrity.sessions)):  # fmt: skip
        others = tuple(changed(each, "fingerprint", "e1" * 32) for each in journals)
        evidence = changed(evidence, part, others)
    evidence = changed(evidence, "paper.unlike", ("the timeframe is 1m, it was 1d", "b", "c", "d"))
    found = evaluate(evidence, STRICT)[check]
    assert found.verdict is Verdict.INSUFFICIENT
    assert "of this version: in the newest the timeframe is 1m, it was 1d; b; c; and 1 more." in (
        found.sentence
    )


def test_an_acknowledged_key_may_withdraw() -> None:
    evidence = changed(passing(), "broker.is_withdrawal_acknowledged", True)
    for can_withdraw in (True, None):
        given = changed(evidence, "broker.can_withdraw", can_withdraw)
        assert evaluate(given, STRICT)["R04"].verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("known_keys", "four_eyes", "verdict"),
    [(1, False, "PASS"), (2, False, "FAIL"), (1, True, "FAIL")],
)
def test_the_author_approves_alone_only_where_nobody_else_could(
    known_keys: int, four_eyes: bool, verdict: str
) -> None:
    evidence = approved(evidence_of(), approver="ann", known_keys=known_keys)
    found = evaluate(evidence, Policy(four_eyes=four_eyes))["R12"]
    assert found.verdict.value == verdict


@pytest.mark.parametrize(
    ("maximum", "verdict"),
    [
        (RiskMaximum("risk.gross_percent", "100"), "PASS"),
        (RiskMaximum("risk.gross_percent", "99.9"), "FAIL"),
        (RiskMaximum("risk.order_value", "1000"), "FAIL"),  # not set is not limited
    ],
)
def test_the_workspace_bounds_limits(maximum: RiskMaximum, verdict: str) -> None:
    found = evaluate(passing(), Policy(risk_maxima=(maximum,)))["R03"]
    assert found.verdict.value == verdict


def test_smoothed_marks_are_seen_through() -> None:
    """A ratio of 0.7, marked at the mean of five days: the deviation falls by the root of 5, to 1.57. Five
    lags with falling weights see 0.733 of the true variance (18.33 / 25): 0.7 / sqrt(0.733) = 0.818.
    """
    smoothed = np.convolve(earning(0.7, days=508), np.full(5, 0.2), mode="valid")
    report = evaluate(evidence_of(smoothed), STRICT)
    assert report["R01"].value == pytest.approx(1.57, rel=0.15)
    assert report["S02"].value == pytest.approx(0.818, rel=0.15)
    assert report["R01"].verdict is Verdict.PASS
    assert report["S02"].verdict is Verdict.FAIL


def test_a_deposit_hides_no_loss() -> None:
    """Two years of losses, and each paid in again on its day: equity never falls, the ratio does."""
    evidence = evidence_of(earning(-2.0))
    assert evidence.backtest is not None
    daily = evidence.backtest.daily
    level = daily.equity_minor[0]
    paid_in = tuple(
        level - round(level * (after / before))
        for before, after in zip((level, *daily.equity_minor), daily.equity_minor, strict=False)
    )
    hidden = changed_all(daily, {"equity_minor": (level,) * len(paid_in), "flows_minor": paid_in})
    report = evaluate(changed(evidence, "backtest.daily", hidden), STRICT)
    assert report["R01"].verdict is Verdict.FAIL
    assert report["R01"].value == pytest.approx(-2.0, abs=1e-6)


# --- trades, days and intents with numbers ----------------------------------------------------------------
def test_profit_of_five_days_is_no_profit_of_two_years() -> None:
    """300 days lose 1 basis point, 5 win 2 %: without these it is a loss."""
    returns = np.full(305, -1e-4)
    returns[[10, 60, 110, 160, 210]] = 0.02
    found = evaluate(evidence_of(returns), STRICT)["S10"]
    assert found.verdict is Verdict.FAIL
    assert "5 best days" in found.sentence


@pytest.mark.parametrize(("lost", "verdict"), [(25, "PASS"), (24, "FAIL")])
def test_nineteen_of_twenty_winning_days_are_the_most(lost: int, verdict: str) -> None:
    """Of 500 days that moved, and 100 without a position; the ratio is small enough."""
    wins = 500 - lost
    returns = [0.0005] * wins + [-0.006] * lost + [0.0] * 100
    report = evaluate(evidence_of(np.array(returns)), STRICT)
    assert report["S11"].verdict.value == verdict
    assert report["S11"].value is not None and report["S11"].value < 5


@pytest.mark.parametrize(("share", "verdict"), [(0.01, "PASS"), (0.0101, "FAIL"), (NAN, "FAIL")])
def test_an_order_may_be_a_hundredth_of_the_volume(share: float, verdict: str) -> None:
    evidence = passing()
    assert evidence.backtest is not None and evidence.backtest.orders is not None
    orders = (changed(evidence.backtest.orders[0], "adv_share", share),)
    found = evaluate(changed(evidence, "backtest.orders", orders), STRICT)["S12"]
    assert found.verdict.value == verdict


def test_impact_is_deviation_times_the_root_of_the_share_of_volume() -> None:
    """One order of all equity each day, 1 % of volume, deviation 2 %: 20 bps a day.

    A mean of 2.5 x 1 % / sqrt(252) = 15.7 bps a day less 20: a ratio of -0.674 or so.
    """
    evidence = passing()
    assert evidence.backtest is not None and evidence.backtest.orders is not None
    daily, order = evidence.backtest.daily, evidence.backtest.orders[0]
    orders = tuple(
        changed_all(
            order,
            {"day_number": day, "value_minor": before, "adv_share": 0.01, "sigma_day": 0.02},
        )
        for day, before in zip(daily.day_numbers[1:], daily.equity_minor, strict=False)
    )
    found = evaluate(changed(evidence, "backtest.orders", orders), STRICT)["S12"]
    assert found.verdict is Verdict.FAIL
    assert found.value == pytest.approx(2.5 - 0.0020 / 0.01 * np.sqrt(252), abs=1e-6)


@pytest.mark.parametrize(
    ("common", "other", "verdict"), [(99, 1, "PASS"), (98, 1, "FAIL"), (199, 2, "PASS")]
)
def test_one_intent_in_a_hundred_may_differ(common: int, other: int, verdict: str) -> None:
    """99/100 and 199/201 against 98/99."""
    shadow = tuple(str(n) for n in range(common))
    evidence = changed(passing(), "paper.shadow_intents", shadow)
    paper = shadow + tuple(f"other {n}" for n in range(other))
    found = evaluate(changed(evidence, "paper.intents", paper), Policy())["P01"]
    assert found.value == pytest.approx(common / (common + other))
    assert found.verdict.value == verdict


def test_a_decision_made_twice_is_there_twice() -> None:
    evidence = changed(passing(), "paper.shadow_intents", ("a", "b"))
    evidence = changed(evidence, "paper.intents", ("a", "b", "b"))
    assert evaluate(evidence, Policy())["P01"].value == pytest.approx(2 / 3)


# --- the tape -----------------------------------------------------------------------------------------------
def tape(**changes: object) -> object:
    return tuple(paper_day(FRIDAY + 3 + n, **(changes if n == 2 else {})) for n in range(5))


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "PASS"),
        ({"tape_hashes": (f"{FRIDAY + 3:064x}",)}, "FAIL"),  # Monday's bars again
        ({"tape_hashes": ()}, "INSUFFICIENT"),
        ({"tape_bars": None}, "INSUFFICIENT"),
        ({"tape_bars": 100, "tape_agreeing": 99}, "PASS"),
    ],
)
def test_the_tape_is_the_venues(changes: dict[str, object], verdict: str) -> None:
    found = evaluate(changed(passing(), "paper.days", tape(**changes)), STRICT)["P05"]
    assert found.verdict.value == verdict


# --- every check reads what the table says that it reads --------------------------------------------------
SECTIONS = (
    "backtest", "lookahead", "trials", "holdout", "stressed", "paper", "risk", "broker", "account",
    "integrity", "drills", "approval",
)  # fmt: skip


@pytest.mark.parametrize("section", SECTIONS)
def test_a_check_depends_on_the_sections_that_its_inputs_hash_is_over(section: str) -> None:
    whole = evaluate(passing(), STRICT)
    without = evaluate(changed(passing(), section, None), STRICT)
    for definition in CHECKS:
        before, after = whole[definition.id], without[definition.id]
        if section not in definition.reads:
            assert before == after, definition.id
        else:
            assert before.inputs_hash != after.inputs_hash, definition.id


def test_what_differs_between_books_and_broker_is_told() -> None:
    """Three of them; of more it is told how many."""
    differences = tuple(f"order {n} works in the books only" for n in range(5))
    account = changed_all(passing().account, {"is_reconciled": False, "differences": differences})
    found = evaluate(changed(passing(), "account", account), Policy())["R05"]
    assert found.verdict is Verdict.FAIL
    assert "Books and broker differ: order 0 works in the books only; order 1" in found.sentence
    assert found.sentence.endswith("; and 2 more.")


def test_of_a_replayed_day_that_is_told_and_not_what_follows_from_it() -> None:
    replayed = {"feed": EvidenceClass.REHEARSAL, "fingerprints": ("0" * 64,)}
    evidence = changed(passing(), "paper.days", (changed_all(paper_day(FRIDAY), replayed),))
    told = evaluate(evidence, Policy())["R02"].sentence
    assert "does not: (h) a replayed, accelerated or simulated feed." in told
    assert "(e)" not in told
