"""The picture of a gate's report: drawn of whatever evidence there is, the same bytes each time."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine.errors import InputError
from engine.gate.evaluate import evaluate
from engine.gate.evidence import Evidence
from engine.gate.policy import Policy
from reports.gate_chart import plot_gate
from tests.unit.gate.evidence_worlds import evidence_of

WHOLE = evidence_of()
BARE = msgspec.structs.replace(WHOLE, backtest=None, trials=None, holdout=None)


@pytest.mark.parametrize("evidence", [WHOLE, BARE], ids=["whole", "bare"])
def test_a_report_is_drawn_of_what_there_is(evidence: Evidence, tmp_path: Path) -> None:
    report = evaluate(evidence, Policy())
    pictures = [tmp_path / name for name in ("a.png", "b.png")]
    for each in pictures:
        plot_gate(each, report, evidence)
    first, second = (each.read_bytes() for each in pictures)
    assert first.startswith(b"\x89PNG") and first == second
    assert sorted(tmp_path.iterdir()) == pictures, "nothing half-written stays"


def test_every_check_stands_in_it_with_its_verdict(tmp_path: Path) -> None:
    report = evaluate(WHOLE, Policy())
    page = tmp_path / "gate.svg"
    plot_gate(page, report, WHOLE)
    text = page.read_text("utf-8")
    signs = {"PASS": "+", "FAIL": "x", "INSUFFICIENT": "?"}
    for check in report.checks:
        assert f"<!-- {check.id} {signs[check.verdict.value]} -->" in text


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no picture"):
        plot_gate(tmp_path / "gate.txt", evaluate(WHOLE, Policy()), WHOLE)
