"""All checks together: overall verdict, profiles, waivers, rehearsals, and the report as bytes."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from engine.errors import InputError
from engine.gate import evaluate as evaluating
from engine.gate.evaluate import evaluate
from engine.gate.evidence import CutTest, Evidence, Waiver, evidence_hash
from engine.gate.findings import Case
from engine.gate.policy import Policy, Profile, RiskMaximum, Thresholds, policy_hash
from engine.gate.registry import CHECKS, Definition
from engine.gate.verdicts import Finding, Verdict, report_bytes, report_hash
from engine.ports import Environment, EvidenceClass
from tests.unit.gate.evidence_worlds import (
    NOW,
    approved,
    changed,
    earning,
    evidence_of,
    paper_day,
    passing,
)

ROOT = Path(__file__).parents[3]
STRICT = Policy(profile=Profile.STRICT)


# --- overall --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("profile", list(Profile))
def test_evidence_that_passes_everything_passes(profile: Profile) -> None:
    report = evaluate(passing(), Policy(profile=profile))
    assert report.overall is Verdict.PASS
    assert report.evidence_class is EvidenceClass.REAL
    assert report.open_checks == ()


@pytest.mark.parametrize(
    ("profile", "required"),
    [
        (Profile.SEED, "R01 R02 R03 R04 R05 R06 R07 R08 R09 R10 R11 R12"),
        (
            Profile.STANDARD,
            (
                "R01 R02 R03 R04 R05 R06 R07 R08 R09 R10 R11 R12 S01 S02 S03 S05 S08 S09 S10 S11 "
                "P01 P02 P03 P04 P05"
            ),
        ),
        (
            Profile.STRICT,
            (
                "R01 R02 R03 R04 R05 R06 R07 R08 R09 R10 R11 R12 S01 S02 S03 S05 S06 S07 S08 S09 S10 S11 "
                "S12 P01 P02 P03 P04 P05 P06"
            ),
        ),
    ],
)
def test_what_a_profile_requires(profile: Profile, required: str) -> None:
    report = evaluate(passing(), Policy(profile=profile))
    assert " ".join(each.id for each in report.checks if each.is_required) == required
    assert len(report.checks) == 30  # what is not required is told all the same


def test_a_check_that_is_not_required_decides_nothing() -> None:
    evidence = approved(evidence_of(earning(1.1)))
    report = evaluate(evidence, Policy(profile=Profile.SEED))
    assert report["S03"].verdict is Verdict.INSUFFICIENT
    assert report["S05"].verdict is Verdict.FAIL
    assert report.overall is Verdict.PASS
    assert evaluate(evidence, Policy()).overall is Verdict.FAIL


def test_a_failure_outweighs_what_is_missing() -> None:
    evidence = changed(evidence_of(), "holdout", None)
    assert evaluate(approved(evidence), Policy()).overall is Verdict.INSUFFICIENT
    evidence = changed(evidence, "account.is_blocked", True)
    assert evaluate(approved(evidence), Policy()).overall is Verdict.FAIL


def test_nothing_collected_passes_nothing() -> None:
    evidence = evidence_of()
    for section in Evidence.__struct_fields__[3:]:
        evidence = changed(evidence, section, None)
    report = evaluate(evidence, STRICT)
    assert {each.verdict for each in report.checks} == {Verdict.INSUFFICIENT}
    assert report.overall is Verdict.INSUFFICIENT


# --- a check that breaks ----------------------------------------------------------------------------------
def _divides_by_zero(case: Case) -> Finding:
    raise ZeroDivisionError("division by zero")


def _is_never_sure(case: Case) -> Finding:
    return Finding(verdict=Verdict.PASS, sentence="All is well.", value=float("nan"))


@pytest.mark.parametrize("broken", [_divides_by_zero, _is_never_sure])
def test_a_broken_check_fails(broken: object, monkeypatch: pytest.MonkeyPatch) -> None:
    table = [
        dataclasses.replace(each, check=broken) if each.id == "R08" else each for each in CHECKS
    ]
    monkeypatch.setattr(evaluating, "CHECKS", tuple(table))
    report = evaluate(passing(), Policy())
    assert report["R08"].verdict is Verdict.FAIL
    assert report.overall is Verdict.FAIL


@pytest.mark.parametrize("value", ["just now", 1.5, None, True, 2**80])
def test_evidence_of_another_shape_has_no_report(value: object) -> None:
    with pytest.raises(InputError, match="not what its types say"):
        evaluate(changed(passing(), "broker.answered_ns", value), Policy())


# --- approval and waivers ---------------------------------------------------------------------------------
def test_what_lacks_only_its_approval_may_be_asked_for() -> None:
    report = evaluate(evidence_of(), Policy())
    assert report.overall is Verdict.INSUFFICIENT
    assert report.awaits_approval
    assert evaluate(approved(evidence_of()), Policy()).overall is Verdict.PASS


@pytest.mark.parametrize(
    ("path", "value", "may_be_asked"),
    [
        ("backtest.trade_profits_minor", (10**13,) * 30, True),  # S10, an approver may waive it
        ("account.is_blocked", True, False),
        ("holdout", None, False),
        ("drills", None, False),
    ],
)
def test_a_request_is_for_what_an_approval_can_complete(
    path: str, value: object, may_be_asked: bool
) -> None:
    evidence = changed(evidence_of(), path, value)
    assert evaluate(evidence, Policy()).awaits_approval is may_be_asked


def test_a_refused_approval_is_not_awaited() -> None:
    evidence = approved(evidence_of(), is_signature_valid=False)
    assert not evaluate(evidence, Policy()).awaits_approval


def test_a_waiver_is_told_with_its_reason() -> None:
    evidence = changed(evidence_of(), "backtest.trade_profits_minor", (10**13,) * 30)
    waived = approved(evidence, waivers=(Waiver("S10", "two large winners, looked at"),))
    report = evaluate(waived, Policy())
    assert report.overall is Verdict.PASS
    assert (report["S10"].verdict, report["S10"].is_waived) == (Verdict.FAIL, True)
    assert report["S10"].waiver == "two large winners, looked at"
    assert evaluate(approved(evidence), Policy()).overall is Verdict.FAIL


def test_a_waiver_without_a_valid_approval_waives_nothing() -> None:
    evidence = changed(evidence_of(), "backtest.trade_profits_minor", (10**13,) * 30)
    waived = approved(evidence, is_signature_valid=False, waivers=(Waiver("S10", "looked at"),))
    report = evaluate(waived, Policy())
    assert not report["S10"].is_waived
    assert report.overall is Verdict.FAIL


@pytest.mark.parametrize("check_id", [each.id for each in CHECKS if not each.is_waivable])
def test_what_may_not_be_waived(check_id: str) -> None:
    evidence = approved(evidence_of(), waivers=(Waiver(check_id, "I would like to"),))
    report = evaluate(evidence, Policy())
    assert report["R12"].verdict is Verdict.FAIL
    assert not report[check_id].is_waived


def test_an_approval_is_for_this_evidence_and_no_other() -> None:
    evidence = passing()
    worse = changed(evidence, "trials.failed_attempts", 1)
    assert evaluate(worse, Policy())["R12"].verdict is Verdict.FAIL


# --- rehearsals -------------------------------------------------------------------------------------------
def rehearsal() -> Evidence:
    """A month ago, replayed within the hour: the rehearsal's clock shows the 20th, ours a later day."""
    evidence = evidence_of()
    later = NOW + 40 * 86_400 * 10**9
    for path, value in {
        "subject.environment": Environment.REHEARSAL,
        "broker.environment": Environment.REHEARSAL,
        "evaluated_ns": later,
        "broker.answered_ns": later,
        "account.asked_ns": later,
    }.items():
        evidence = changed(evidence, path, value)
    assert evidence.paper is not None and evidence.drills is not None
    days = tuple(
        paper_day(day.day_number, feed=EvidenceClass.REHEARSAL, tape_bars=None, tape_agreeing=None)
        for day in evidence.paper.days
    )
    evidence = changed(evidence, "paper.days", days)
    return changed(evidence, "drills", (changed(evidence.drills[0], "done_ns", later),))


def test_a_rehearsal_opens_a_rehearsal() -> None:
    report = evaluate(approved(rehearsal()), STRICT)
    assert report.overall is Verdict.PASS
    assert report.evidence_class is EvidenceClass.REHEARSAL
    assert report["P05"].verdict is Verdict.INSUFFICIENT
    assert not report["P05"].is_required


@pytest.mark.parametrize(
    ("path", "value", "stopped_by"),
    [
        ("subject.environment", Environment.LIVE, "R04"),
        ("broker.environment", Environment.LIVE, "R04"),
        ("broker.environment", Environment.PAPER, "R04"),
    ],
)
def test_a_rehearsal_opens_nothing_else(path: str, value: Environment, stopped_by: str) -> None:
    report = evaluate(approved(changed(rehearsal(), path, value)), STRICT)
    assert report[stopped_by].verdict is Verdict.FAIL


def test_rehearsed_days_do_not_count_on_the_way_to_a_live_venue() -> None:
    live = passing()
    report = evaluate(changed(live, "paper.days", rehearsal().paper.days), STRICT)  # type: ignore[union-attr]
    assert report.evidence_class is EvidenceClass.REAL
    assert (report["R02"].verdict, report["R02"].value) == (Verdict.INSUFFICIENT, 0)
    assert "(h)" in report["R02"].sentence


def test_of_real_evidence_ages_are_counted_from_the_hosts_clock() -> None:
    """A venue's time that stands still would keep old data fresh."""
    old = changed(passing(), "backtest.data_end_ns", NOW - 46 * 86_400 * 10**9)
    report = evaluate(changed(old, "market_now_ns", NOW - 40 * 86_400 * 10**9), STRICT)
    assert report["R07"].verdict is Verdict.FAIL


def test_synthetic_data_make_a_rehearsal_of_it() -> None:
    evidence = changed(passing(), "backtest.evidence", EvidenceClass.REHEARSAL)
    report = evaluate(evidence, STRICT)
    assert report.evidence_class is EvidenceClass.REHEARSAL
    assert report.overall is Verdict.FAIL


# --- thresholds -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sharpe_min", 0.999),
        ("paper_days_min", 4),
        ("backtest_age_days_max", 46.0),
        ("selection_pass_max", 0.06),
        ("sharpe_min", float("nan")),
        ("sharpe_min", float("inf")),
        ("selection_pass_max", float("-inf")),
    ],
)
def test_no_threshold_gets_laxer(name: str, value: float) -> None:
    with pytest.raises(InputError, match=name):
        Policy(thresholds=msgspec.structs.replace(Thresholds(), **{name: value}))


@pytest.mark.parametrize("value", ["0", "-1", "inf", "nan", "much"])
def test_a_maximum_of_the_policy_is_a_number_over_0(value: str) -> None:
    with pytest.raises(InputError, match=r"risk\.gross"):
        Policy(risk_maxima=(RiskMaximum("risk.gross", value),))


def test_every_threshold_has_a_direction() -> None:
    for name in Thresholds.__struct_fields__:
        assert name.endswith(("_min", "_max", "_fail_over")), name


def test_a_stricter_threshold_is_another_policy() -> None:
    stricter = Policy(thresholds=Thresholds(sharpe_min=1.5))
    assert policy_hash(stricter) != policy_hash(Policy())
    assert policy_hash(stricter) == policy_hash(Policy(thresholds=Thresholds(sharpe_min=1.5)))


# --- the report as bytes ----------------------------------------------------------------------------------
def test_equal_evidence_gives_equal_bytes() -> None:
    copied = msgspec.msgpack.decode(msgspec.msgpack.encode(passing()), type=Evidence)
    assert report_bytes(evaluate(passing(), STRICT)) == report_bytes(evaluate(copied, STRICT))


def test_a_whole_number_where_a_float_belongs_changes_nothing() -> None:
    one = changed(passing(), "paper.shortfalls_bps", (1,) * 20)
    same = changed(passing(), "paper.shortfalls_bps", (1.0,) * 20)
    assert one == same
    assert report_bytes(evaluate(one, STRICT)) == report_bytes(evaluate(same, STRICT))


def test_other_evidence_has_another_hash() -> None:
    evidence = passing()
    assert evidence_hash(evidence) == evidence_hash(changed(evidence, "approval", None))
    other = changed(evidence, "lookahead.tests", (CutTest("cut", 1, 1, "aa", "aa"),))
    assert evidence_hash(evidence) != evidence_hash(other)
    assert report_hash(evaluate(evidence, STRICT)) != report_hash(evaluate(other, STRICT))


def test_the_bytes_are_canonical_json() -> None:
    written = report_bytes(evaluate(passing(), STRICT))
    found = json.loads(written)
    again = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert again.encode() == written
    assert not any(isinstance(each["value"], float) for each in found["checks"])
    assert found["overall"] == "PASS"


def test_another_process_writes_the_same_bytes() -> None:
    """With another order of sets and dictionaries' hashes."""
    program = (
        "from engine.gate.evaluate import evaluate\n"
        "from engine.gate.policy import Policy\n"
        "from engine.gate.verdicts import report_hash\n"
        "from tests.unit.gate.evidence_worlds import passing\n"
        "print(report_hash(evaluate(passing(), Policy())))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "2", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == report_hash(evaluate(passing(), Policy()))


def test_every_sentence_is_one_a_person_can_read() -> None:
    evidence = evidence_of()
    for section in ("backtest", "paper", "broker"):
        spoilt = evaluate(changed(evidence, section, None), STRICT)
        for each in spoilt.checks:
            assert each.sentence.endswith("."), each
            assert each.sentence[0].isupper() or each.sentence[0].isdigit(), each
            assert "nan" not in each.sentence.lower() and "None" not in each.sentence, each


def test_the_table_has_every_check_once() -> None:
    ids = [each.id for each in CHECKS]
    assert ids == [f"R{n:02}" for n in range(1, 13)] + [f"S{n:02}" for n in range(1, 13)] + [
        f"P{n:02}" for n in range(1, 7)
    ]
    assert [each.id for each in CHECKS if each.is_waivable] == ["S10", "S11", "S12", "P06"]
    assert len({each.name for each in CHECKS}) == len(ids)
    assert all(isinstance(each, Definition) for each in CHECKS)
