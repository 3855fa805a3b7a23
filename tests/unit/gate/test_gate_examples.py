"""The specification's worked examples, through the whole gate: E1, E5, E8, E9, E10, E12, E13."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from engine.gate.evaluate import evaluate
from engine.gate.evidence import ClockObservation, Evidence, PaperDay
from engine.gate.policy import Policy, Profile
from engine.gate.verdicts import Check, Verdict
from engine.ports import EvidenceClass
from tests.unit.gate.evidence_worlds import (
    DAY,
    HOUR,
    SECOND,
    changed,
    earning,
    evidence_of,
    good_backtest,
    paper_day,
    passing,
    right_clock,
    series,
    shaped,
)
from tests.unit.gate.test_gate_formulas import E1, close

STRICT = Policy(profile=Profile.STRICT)


def check(evidence: Evidence, check_id: str, policy: Policy = STRICT) -> Check:
    return evaluate(evidence, policy)[check_id]


# --- E1 -------------------------------------------------------------------------------------------------
def test_twenty_days_may_pass_the_ratio_and_show_nothing() -> None:
    report = evaluate(evidence_of(E1), STRICT)
    assert (report["R01"].verdict, report["R01"].value) == (Verdict.PASS, close(3.930926))
    assert (report["S02"].verdict, report["S02"].value) == (Verdict.PASS, close(3.930926))
    assert report["S01"].verdict is Verdict.INSUFFICIENT
    assert (report["S03"].verdict, report["S03"].value) == (
        Verdict.INSUFFICIENT,
        close(0.848182657),
    )
    assert "50 days" in report["S03"].would_change
    assert (report["S04"].verdict, report["S04"].value) == (
        Verdict.INSUFFICIENT,
        close(49.579810, 5),
    )


def test_around_the_clock_the_same_days_have_another_ratio() -> None:
    evidence = changed(evidence_of(E1), "backtest.periods_per_year", 365)
    assert check(evidence, "R01").value == close(4.730870)


# --- E5: PSR(0) = 0.992595 and N trials -------------------------------------------------------------------
@pytest.mark.parametrize(
    ("trials", "verdict"),
    [(1, "PASS"), (5, "PASS"), (20, "INSUFFICIENT"), (100, "FAIL")],
)
def test_the_same_result_of_more_trials(trials: int, verdict: str) -> None:
    """A ratio that with 504 normal days has PSR(0) = 0.9926: 1.725; no trial's returns are stored."""
    evidence = evidence_of(earning(1.725))
    for name, value in {"count": trials, "holdout_looks": 0, "returns": b""}.items():
        evidence = changed(evidence, f"trials.{name}", value)
    found = check(evidence, "S05")
    assert found.verdict.value == verdict
    assert found.value == pytest.approx(1.0 - 0.992595**trials, rel=0.05)


# --- E8: m_bt 8e-4, s_bt 1e-2, 5 days ---------------------------------------------------------------------
@pytest.mark.parametrize(
    ("mean", "z", "verdict"), [(-0.003, -0.849706, "PASS"), (-0.012, -2.862167, "FAIL")]
)
def test_paper_that_earns_too_little_to_be_the_same(mean: float, z: float, verdict: str) -> None:
    raw = np.random.default_rng(1).normal(size=504)
    evidence = evidence_of(shaped(raw, mean=8e-4, deviation=1e-2))
    paper = series(np.full(5, mean) + np.array([1, -1, 2, -2, 0]) / 1e3)
    found = check(changed(evidence, "paper.daily", paper), "P04")
    assert (found.verdict.value, found.value) == (verdict, close(z))


# --- E9, E10 ----------------------------------------------------------------------------------------------
def test_ten_fills_are_too_few_for_a_bound() -> None:
    fills = (1.2, 0.4, 2.9, -0.6, 1.8, 3.1, 0.2, 1.5, 2.2, 0.9)
    found = check(changed(passing(), "paper.shortfalls_bps", fills), "P02")
    assert (found.verdict, found.value) == (Verdict.INSUFFICIENT, close(2.047628))


def test_paper_beside_its_shadow() -> None:
    evidence = changed(passing(), "paper.daily", series(np.array([12, -5, 8, 3, -9]) / 1e4))
    evidence = changed(evidence, "paper.shadow_daily", series(np.array([14, -4, 9, 2, -7]) / 1e4))
    found = check(evidence, "P03")
    assert (found.verdict, found.value) == (Verdict.PASS, close(0.139845))


# --- E12: which days count --------------------------------------------------------------------------------
MONDAY = 20_759  # 2026-11-02: d1; d6 is the Saturday, d8 the next Monday
A, B = "aa" * 32, "bb" * 32


def e12_days() -> dict[str, PaperDay]:
    def day(number: int, **changes: object) -> PaperDay:
        given = {"fingerprints": (A,), "is_holding": False, "fills": 0, "orders": 0} | changes
        return paper_day(MONDAY + number - 1, **given)

    ninth = list(right_clock(MONDAY + 8))
    late = ninth[-1]
    ninth[-1] = ClockObservation(1, late.wall_ns - HOUR, late.monotonic_ns, late.venue_ns)
    return {
        "d1": day(1, fills=4, orders=4),  # restarted three times: one entry all the same
        "d2": day(2, fills=3, orders=3, decisions_expected=100, decisions_made=62),
        "d3": day(3, shadow_orders=0),
        "d4": day(4, fills=3, orders=3),
        "d5": day(5, fills=3, orders=3, fingerprints=(A, B)),
        "d6": day(6, fills=3, orders=3, is_open_day=False, closed_ns=None),
        "d8": day(8, fills=5, orders=5),
        "d9": day(9, fills=2, orders=2, clock=tuple(ninth)),
        "d10": day(10, fills=2, orders=2, tape_bars=100, tape_agreeing=91),
        "d11": day(11, fills=2, orders=2),
    }


def e12(days: dict[str, PaperDay]) -> Evidence:
    evidence = changed(passing(), "subject.fingerprint", A)
    return changed(evidence, "paper.days", tuple(days.values()))


def test_five_of_ten_days_count() -> None:
    found = check(e12(e12_days()), "R02")
    assert (found.verdict, found.value) == (Verdict.PASS, 5)
    assert "14 fills" in found.sentence


def test_without_the_eleventh_day_there_are_four() -> None:
    days = e12_days()
    del days["d11"]
    found = check(e12(days), "R02")
    assert (found.verdict, found.value) == (Verdict.INSUFFICIENT, 4)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("d2", "(b) 62 % of the expected decisions were made"),
        ("d5", "(e) 2 fingerprints in one day"),
        ("d6", "(a) the venue is closed that day"),
        ("d9", "(f) the clock was 3600 s off the venue's"),
        ("d10", "(tape) 91 % of its bars agree with the venue's"),
    ],
)
def test_a_day_that_does_not_count_says_why(name: str, reason: str) -> None:
    found = check(e12({name: e12_days()[name]}), "R02")
    assert found.value == 0
    assert reason in found.sentence


def test_bars_that_were_empty_at_the_venue_are_told() -> None:
    days = e12_days()
    days["d1"] = paper_day(MONDAY, fingerprints=(A,), bars_empty=12)
    days["d3"] = paper_day(MONDAY + 2, fingerprints=(A,), bars_empty=30)
    found = check(e12(days), "R02")
    assert "42 bars without trades were proven empty at the venue." in found.sentence


def test_a_day_whose_silence_is_not_explained_says_why() -> None:
    asked = {"bars_expected": 100, "bars_received": 80, "bars_empty": 20, "history": "status 500"}
    found = check(e12({"d": paper_day(MONDAY, fingerprints=(A,), **asked)}), "R02")
    assert (
        "(c) 80 % of the expected bars were received, with 20 that were empty at the venue; the venue's "
        "history does not tell of the others: status 500"
    ) in found.sentence


# Every condition at its edge: what is changed of a day that counts | whether it still does.
@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({"market_time_ns": MONDAY * DAY + 21 * HOUR}, True),
        ({"market_time_ns": MONDAY * DAY + 21 * HOUR - 1}, False),
        ({"decisions_expected": 100, "decisions_made": 90}, True),
        ({"decisions_expected": 100, "decisions_made": 89}, False),
        ({"decisions_expected": 0, "decisions_made": 0}, False),
        ({"bars_expected": 100, "bars_received": 95}, True),
        ({"bars_expected": 100, "bars_received": 94}, False),
        ({"age_p99_ns": 5 * SECOND}, True),
        ({"age_p99_ns": 5 * SECOND + 1}, False),
        ({"age_p99_ns": -1}, False),
        ({"age_p99_ns": None}, False),
        ({"fills": 0, "is_holding": True}, True),
        ({"fills": 0, "is_holding": False}, False),  # four orders, and nothing came of them
        ({"fills": 0, "is_holding": False, "orders": 0, "shadow_orders": 1}, False),
        ({"fills": 0, "is_holding": False, "orders": 0, "shadow_orders": None}, False),
        ({"fingerprints": ()}, False),
        ({"fingerprints": (B,)}, False),
        ({"is_reconciled": False}, False),
        ({"feed": EvidenceClass.REHEARSAL}, False),
        ({"tape_bars": None, "tape_agreeing": None}, True),
        ({"clock": ()}, False),
    ],
)
def test_a_day_at_the_edge_of_a_condition(changes: dict[str, object], counts: bool) -> None:
    days = {"d": paper_day(MONDAY, **{"fingerprints": (A,), **changes})}
    assert check(e12(days), "R02").value == int(counts)


def test_a_date_counts_once_and_only_if_all_of_it_holds() -> None:
    good = paper_day(MONDAY, fingerprints=(A,))
    bad = paper_day(MONDAY, fingerprints=(A,), is_reconciled=False)
    evidence = e12({})
    assert check(changed(evidence, "paper.days", (good, good)), "R02").value == 1
    assert check(changed(evidence, "paper.days", (good, bad)), "R02").value == 0


@pytest.mark.parametrize(("idle", "counted"), [(1, 4), (2, 5), (3, 5), (9, 5)])
def test_idle_days_count_up_to_two_of_five(idle: int, counted: int) -> None:
    active = [paper_day(MONDAY + n, fingerprints=(A,)) for n in range(3)]
    nothing = {"fills": 0, "orders": 0, "shadow_orders": 0, "is_holding": False}
    quiet = [paper_day(MONDAY + 3 + n, fingerprints=(A,), **nothing) for n in range(idle)]
    evidence = changed(e12({}), "paper.days", (*active, *quiet))
    assert check(evidence, "R02").value == counted


@pytest.mark.parametrize(
    ("fills", "verdict"), [((2,) * 5, "PASS"), ((2, 2, 2, 2, 1), "INSUFFICIENT")]
)
def test_ten_fills_are_asked_for(fills: tuple[int, ...], verdict: str) -> None:
    days = {str(n): paper_day(MONDAY + n, fingerprints=(A,), fills=f) for n, f in enumerate(fills)}
    assert check(e12(days), "R02").verdict.value == verdict


# --- clocks: seconds by which wall clock and venue are off, observed each half hour ----------------------
@pytest.mark.parametrize(
    ("wall_off", "problem"),
    [
        ((0, 0, 0, 0), ""),
        ((5, 5, 5, 5), ""),
        ((0, 0, 0, 5.1), "off the venue"),
        ((0, 1, 2, 3, 4), ""),  # 2 s an hour
        ((0, 1.1, 2.2, 3.3, 4.4), "an hour off"),
        ((0, 2.1, 2.1), "an hour off"),
        ((1, 0, 0), ""),
        ((4, -4), "an hour off"),
    ],
)
def test_what_a_clock_may_do(wall_off: tuple[float, ...], problem: str) -> None:
    clock = tuple(
        ClockObservation(1, ts + round(off * SECOND), ts - DAY, ts)
        for n, off in enumerate(wall_off)
        for ts in [MONDAY * DAY + n * HOUR // 2]
    )
    found = check(e12({"d": paper_day(MONDAY, fingerprints=(A,), clock=clock)}), "R02")
    assert found.value == (0 if problem else 1)
    assert problem in found.sentence


def test_a_clock_set_back_by_more_than_a_second_is_seen_across_a_restart_of_the_machine() -> None:
    first = MONDAY * DAY + 15 * HOUR
    clock = (
        ClockObservation(1, first, 900, first),
        ClockObservation(2, first - 2 * SECOND, 5, None),
    )
    found = check(e12({"d": paper_day(MONDAY, fingerprints=(A,), clock=clock)}), "R02")
    assert "set back by 2 s" in found.sentence


# --- E13: boundaries --------------------------------------------------------------------------------------
def exact_ratio(mean: float) -> Evidence:
    """Twenty-one days of mean 0.5, deviation 0.5 and one period a year: a ratio of exactly 1.

    Ten days of 0, ten of 100 % and one of 50 %: the squared deviations are 20 times 0.25, over 20. The
    closes are powers of two times 3/2, so integers have no rounding.
    """
    returns = [mean - 0.5, mean + 0.5] * 10 + [mean]
    evidence = evidence_of()
    backtest = good_backtest(periods_per_year=1, daily=series(returns))
    return changed(evidence, "backtest", backtest)


def test_a_ratio_of_exactly_one_passes() -> None:
    found = check(exact_ratio(0.5), "R01")
    assert (found.value, found.verdict) == (1.0, Verdict.PASS)


@pytest.mark.parametrize(("sharpe", "verdict"), [(0.999999, "FAIL"), (1.000001, "PASS")])
def test_the_sixth_digit_decides(sharpe: float, verdict: str) -> None:
    found = check(evidence_of(earning(sharpe)), "R01")
    assert found.verdict.value == verdict
    assert str(sharpe)[:8] in found.sentence or sharpe > 1


def test_five_days_pass_and_four_do_not() -> None:
    evidence = passing()
    assert check(evidence, "R02").verdict is Verdict.PASS
    assert evidence.paper is not None
    four = changed(evidence, "paper.days", evidence.paper.days[:4])
    assert check(four, "R02").verdict is Verdict.INSUFFICIENT
    assert "1 more paper day" in check(four, "R02").would_change


def test_a_check_that_breaks_fails() -> None:
    """Closes of another number than days: nothing can be computed, so everything of it fails."""
    evidence = passing()
    assert evidence.backtest is not None
    daily = msgspec.structs.replace(evidence.backtest.daily, flows_minor=(0,))
    report = evaluate(changed(evidence, "backtest.daily", daily), STRICT)
    broken = [each.id for each in report.checks if each.verdict is Verdict.FAIL]
    assert {"R01", "S01", "S02", "S03", "S10", "S11", "P04"} <= set(broken)
    assert report.overall is Verdict.FAIL
    assert "cannot be judged" in report["R01"].sentence
