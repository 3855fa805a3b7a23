"""The tear sheet fits a terminal, is honest in a pipe, and its JSON keeps its keys."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from report_samples import goog_equity, path_result, summary_of, two_sided
from rich.console import Console

from reports.formats import format_money, format_money_short, format_percent, sparkline
from reports.summary import Costs, EquityCurve, RunSummary, sample_note
from reports.tearsheet import NO_ASSUMPTION, render_tearsheet, summary_to_json


def printed(summary: RunSummary, *, width: int = 80, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    render_tearsheet(summary, Console(file=stream, width=width))
    stream.flush()
    return raw.getvalue().decode(encoding)


WHOLE = summary_of(goog_equity())
SHORT = summary_of(goog_equity()[:12])
HUGE = replace(
    two_sided(summary_of(goog_equity() * 1e6)),
    starting_cash=Decimal(100_000_000_000),
    strategy="a_strategy_with_a_rather_long_name_" * 4,
    parameters=tuple((f"parameter_{i}", str(i)) for i in range(30)),
    instruments=tuple(f"SYM{i}" for i in range(60)),
    warnings=("the data has gaps " * 9,),
)


@pytest.mark.parametrize(
    "summary", [WHOLE, two_sided(WHOLE), SHORT, HUGE], ids=["one", "two", "short", "huge"]
)
@pytest.mark.parametrize(("width", "widest"), [(80, 80), (200, 80), (79, 79)])
def test_no_line_is_wider_than_the_terminal_or_80(
    summary: RunSummary, width: int, widest: int
) -> None:
    assert max(len(line) for line in printed(summary, width=width).splitlines()) <= widest


def test_a_pipe_gets_plain_text() -> None:
    assert "\x1b" not in printed(two_sided(WHOLE))


def test_no_color_takes_the_colours_and_leaves_the_words() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True, no_color=True)
    render_tearsheet(WHOLE, console)
    # Bold, dim and italic stay; 30 to 37, 38 and 90 to 97 are foreground colours.
    assert not re.search(r"\x1b\[(\d+;)*(3|9)\d[;m]", stream.getvalue())
    assert "sma_cross" in stream.getvalue()


def test_an_ascii_terminal_gets_ascii() -> None:
    text = printed(replace(two_sided(WHOLE), strategy="café"), encoding="ascii")
    assert text.isascii()
    assert "Sharpe" in text


def test_equal_ends_show_one_column_and_say_so() -> None:
    text = printed(WHOLE)
    assert NO_ASSUMPTION in text
    assert "optim." not in text


def test_different_ends_stand_side_by_side() -> None:
    text = printed(two_sided(WHOLE))
    assert NO_ASSUMPTION not in text
    assert "pessim." in text
    assert "optim." in text
    assert "219,290.86" in text


def test_a_run_without_an_optimistic_end_claims_nothing() -> None:
    assert NO_ASSUMPTION not in printed(replace(WHOLE, optimistic=None))


def test_an_undefined_metric_is_a_dash_with_its_reason_below() -> None:
    text = printed(SHORT)
    sharpe = next(line for line in text.splitlines() if line.startswith("Sharpe"))
    assert "- ¹" in sharpe
    assert "¹ undefined: 11 of the 20 daily returns needed" in text


def test_alpha_and_beta_are_left_out_without_a_benchmark() -> None:
    assert "Beta" not in printed(replace(WHOLE, benchmark=""))


@pytest.mark.parametrize(
    "curve",
    [
        EquityCurve(np.empty(0, dtype=np.int64), np.empty(0)),
        EquityCurve(np.array([1]), np.array([5.0])),
        EquityCurve(np.arange(3), np.full(3, 5.0)),
        EquityCurve(np.arange(3), np.array([5.0, 0.5, -2.0])),
    ],
    ids=["empty", "one point", "flat", "ruined"],
)
def test_any_curve_can_be_printed(curve: EquityCurve) -> None:
    assert "State hash" in printed(replace(WHOLE, curve=curve))


def test_json_has_stable_keys_and_exact_money() -> None:
    result = replace(
        WHOLE.pessimistic,
        final_equity=Decimal("90071992547409.93000001"),
        costs=Costs(fees=Decimal("1E+3")),
    )
    document = json.loads(json.dumps(summary_to_json(replace(WHOLE, pessimistic=result))))
    assert list(document) == [
        "schema_version", "strategy", "parameters", "instruments", "period", "currency",
        "starting_cash", "depends_on_assumptions", "paths", "benchmark", "benchmark_return",
        "passport", "assumptions", "warnings", "state_hash", "engine_mode", "events",
        "elapsed_seconds", "reproduce",
    ]  # fmt: skip
    path = document["paths"]["pessimistic"]
    assert path["final_equity"] == "90071992547409.93000001"
    assert path["costs"]["fees"] == "1000"
    assert path["metrics"]["sharpe"] == WHOLE.pessimistic.metrics["sharpe"]


def test_json_gives_the_reason_of_every_null() -> None:
    path = summary_to_json(SHORT)["paths"]["pessimistic"]  # type: ignore[index]
    nulls = {key for key, value in path["metrics"].items() if value is None}
    assert nulls
    assert nulls == set(path["undefined"])


@pytest.mark.parametrize(
    ("amount", "long", "short"),
    [
        ("0", "0.00", "0.00"),
        ("-0.004", "0.00", "0.00"),
        ("1234.565", "1,234.56", "1,234.56"),
        ("-99999.994", "-99,999.99", "-99,999.99"),
        ("99999.999", "100,000.00", "100,000"),
        ("1234567.8", "1,234,567.80", "1,234,568"),
        ("-23456789", "-23,456,789.00", "-23.46 M"),
        ("9999999.9", "9,999,999.90", "10.00 M"),
        ("5e11", "500,000,000,000.00", "500.00 B"),
    ],
)
def test_money_is_written_for_the_eye(amount: str, long: str, short: str) -> None:
    assert format_money(Decimal(amount)) == long
    assert format_money_short(Decimal(amount)) == short


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.0, "0.00 %"), (-0.00001, "0.00 %"), (0.5, "+50.00 %"), (-25.0, "-2,500 %")],
)
def test_a_percentage_is_signed_and_never_minus_zero(fraction: float, text: str) -> None:
    assert format_percent(fraction, signed=True) == text


def test_a_sparkline_has_a_column_per_value_and_a_row_per_eight_steps() -> None:
    upper, lower = sparkline(np.array([0.0, 1.0, 2.0, 3.0]), rows=2)
    assert (upper, lower) == ("  ▃█", "▁▆██")


def test_the_sample_note_counts_the_days_that_are_missing() -> None:
    note = sample_note(path_result(goog_equity()[:500], state_hash="0").metrics)
    assert note.startswith("Sharpe 95 % interval -0.54 to 2.23 from 499 days: over 0 with 88.4 %")
    assert note.endswith("447 more days at this ratio would show more than luck (95 %).")


def test_the_sample_note_knows_an_interval_with_zero_that_is_likely_over_it() -> None:
    note = sample_note(path_result(goog_equity(), state_hash="0").metrics)
    assert note.endswith("-0.07 to 1.84 from 1,046 days: it is over 0 with 96.5 % probability.")


def test_importing_the_reports_loads_neither_rich_nor_matplotlib() -> None:
    code = (
        "import sys, reports.tearsheet, reports.charts;"
        "print([name for name in ('rich', 'matplotlib', 'polars') if name in sys.modules])"
    )
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "[]"
