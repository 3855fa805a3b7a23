"""The gate's report as a page: what is open comes first, and sentences have the room of the screen."""

from __future__ import annotations

import pytest
from msgspec import structs

from cli.gate_report import print_report
from engine.gate.verdicts import Check, Report, Verdict
from engine.ports import EvidenceClass

LONG = (
    "A sentence that goes on for some while, as those of the gate do where there is much to tell."
)


def check(name: str, verdict: Verdict, **facts: object) -> Check:
    plain = Check(
        id=name,
        name=f"the_{name}",
        verdict=verdict,
        value=0.999999,
        threshold=1,
        unit="annualized ratio",
        sentence=f"{name} tells. {LONG}",
        would_change="" if verdict is Verdict.PASS else f"{name} waits for you.",
        is_required=True,
        is_waivable=False,
        is_waived=False,
        waiver="",
        inputs_hash="",
    )
    return structs.replace(plain, **facts)


REPORT = Report(
    gate_version="1",
    profile="standard",
    strategy="sma",
    fingerprint="",
    overall=Verdict.FAIL,
    evidence_class=EvidenceClass.REHEARSAL,
    evaluated_ns=0,
    evidence_hash="",
    policy_hash="",
    checks=(
        check("R01", Verdict.PASS),
        check("R02", Verdict.INSUFFICIENT),
        check("R03", Verdict.FAIL, value=None),
        check("S01", Verdict.FAIL, is_required=False),
        check("S02", Verdict.PASS),
        check("S10", Verdict.FAIL, is_waived=True, waiver="it trades takeovers"),
        check("P01", Verdict.PASS),
    ),
)


def page(
    columns: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    report: Report = REPORT,
) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    print_report(report, "alpaca")
    return capsys.readouterr().out


def test_what_is_open_comes_first_in_its_group_and_what_is_not_required_last(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = page(80, monkeypatch, capsys).splitlines()
    heads = [line[16:19] for line in lines if line[2:14].strip() in Verdict.__members__]
    assert heads == ["R03", "R02", "R01", "S02", "S01", "S10", "P01"]
    assert lines.index("  Told, but not required:") < [line[16:19] for line in lines].index("S01")


@pytest.mark.parametrize(("columns", "widest"), [(60, 60), (80, 80), (140, 120)])
def test_a_sentence_takes_the_room_there_is(
    columns: int, widest: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = page(columns, monkeypatch, capsys).splitlines()
    assert max(map(len, lines)) <= widest
    indented = [line for line in lines if line.startswith(" " * 16)]
    assert max(map(len, indented)) > widest - 12, "wrapped at the edge, not in a narrow column"


def test_a_figure_has_its_unit_and_is_not_rounded_up_to_what_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "0.999999 (asked: 1) annualized ratio" in page(80, monkeypatch, capsys)


def test_what_would_change_the_answer_is_told_of_what_counts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = page(80, monkeypatch, capsys)
    assert "→ R02 waits for you." in text and "→ R03 waits for you." in text
    assert "→ S01" not in text and "→ S10" not in text
    assert "Waived: it trades takeovers" in text


def test_the_verdict_stands_at_the_end_with_a_count(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    last = page(120, monkeypatch, capsys).splitlines()[-2:]
    assert last[0] == "sma at alpaca: FAIL, profile standard, evidence REHEARSAL"
    # required and not waived: R01, R02, R03, S02, P01
    assert "Of 5 required checks 3 pass, 1 fail, and for 1" in last[1]


def test_what_is_missing_for_several_checks_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = {"value": None, "sentence": "Not there: a backtest.", "would_change": "Run one."}
    names = ("R01", "R02", "R08", "S01", "S02")
    checks = tuple(check(name, Verdict.INSUFFICIENT, **missing) for name in names)
    text = page(80, monkeypatch, capsys, structs.replace(REPORT, checks=checks))
    assert text.count("Not there: a backtest.") == text.count("→ Run one.") == 2, "once in a group"
    assert all(f"INSUFFICIENT  {name}" in text for name in names)
    assert "evidence none yet" in text
