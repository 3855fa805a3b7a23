"""Two runs beside each other: values, differences, intervals, configuration."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from documents import brackets, crossing, hostile

from reports.comparison import common_returns, compare, comparison_to_json, labels_of
from reports.html.comparing import metric_texts, render_comparison


def test_a_run_and_itself_are_equal_to_the_bit() -> None:
    found = compare(crossing().document(), crossing().document())
    assert found.is_same and not found.settings
    assert {row.difference for row in found.metrics} <= {0.0, None}
    assert found.lines() == ("Both runs ended in the same state, to the last bit.",)


def test_one_parameter_is_the_first_difference_and_no_metric_is_distinct() -> None:
    found = compare(crossing().document(), crossing(10).document())
    assert [(row.key, row.a, row.b) for row in found.settings] == [("parameters.fast", "20", "10")]
    assert "First difference of configuration: parameters.fast: 20 against 10." in found.lines()
    rows = {row.key: row for row in found.metrics}
    sharpe = rows["sharpe"]
    assert sharpe.a is not None and sharpe.b is not None and sharpe.interval is not None
    assert sharpe.difference == sharpe.b - sharpe.a
    low, high = sharpe.interval
    assert low < 0 < high and sharpe.verdict == "within luck"
    assert rows["days_needed"].verdict == ""  # a metric that is not resampled has no verdict
    assert found.common_days == 1_047 and 0.9 < (found.correlation or 0) < 1.0


def test_always_in_the_market_differs_by_more_than_luck() -> None:
    rows = {row.key: row for row in compare(crossing().document(), brackets().document()).metrics}
    assert rows["total_return"].verdict == rows["sharpe"].verdict == "distinct"
    low, high = rows["total_return"].interval or (0.0, 0.0)
    assert low < (rows["total_return"].difference or 0.0) < high < 0.0


def test_the_order_of_the_runs_turns_the_sign() -> None:
    there = compare(crossing().document(), crossing(10).document())
    back = compare(crossing(10).document(), crossing().document())
    for one, two in zip(there.metrics, back.metrics, strict=True):
        if one.difference is not None and two.difference is not None:
            assert one.difference == -two.difference
        if one.interval is not None and two.interval is not None:
            assert one.interval[0] == pytest.approx(-two.interval[1], rel=1e-9, abs=1e-12)


def test_only_common_days_are_compared_and_too_few_say_so() -> None:
    document = crossing().document()
    assert document.detail is not None
    daily = document.detail.daily
    late = msgspec.structs.replace(daily, day=[day + 10_000 for day in daily.day])
    apart = msgspec.structs.replace(
        document,
        state_hash="0" * 32,
        detail=msgspec.structs.replace(document.detail, daily=late),
    )
    found = compare(document, apart)
    assert found.common_days == 0 and found.correlation is None
    assert found.lines()[-1] == "Too few days in common to say what is luck."
    assert common_returns(document, apart)[0].size == 0


def test_a_document_without_days_is_compared_by_its_figures() -> None:
    bare = msgspec.structs.replace(crossing().document(), detail=None, state_hash="0" * 32)
    found = compare(bare, crossing(10).document())
    assert all(row.interval is None for row in found.metrics)
    assert "<html" in render_comparison(found)


def test_runs_are_named_by_what_tells_them_apart() -> None:
    assert labels_of(crossing().document(), crossing(10).document()) == ("fast 20", "fast 10")
    assert labels_of(crossing().document(), brackets().document()) == ("sma_cross", "brackets")
    same = labels_of(crossing().document(), crossing().document())
    assert same == ("A: sma_cross", "B: sma_cross")


def test_json_has_every_metric_and_no_nan() -> None:
    values = comparison_to_json(compare(crossing().document(), crossing(10).document()))
    text = json.dumps(values, allow_nan=False)
    sharpe = json.loads(text)["metrics"]["sharpe"]
    assert set(sharpe) == {"a", "b", "difference", "interval", "distinct"}
    assert math.isclose(sharpe["b"] - sharpe["a"], sharpe["difference"])


def test_the_texts_of_a_row_carry_their_signs() -> None:
    rows = {row.key: row for row in compare(crossing().document(), crossing(10).document()).metrics}
    assert metric_texts(rows["total_return"])[:3] == ("80.18 %", "112.72 %", "+32.54 %")


def test_texts_of_others_stay_texts() -> None:
    page = render_comparison(compare(hostile(), crossing().document()))
    assert page.count("<script") == 2 and "<img" not in page
