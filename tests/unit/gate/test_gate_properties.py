"""What must hold of the gate whatever the evidence: less evidence, stricter rules and more trials never help."""

from __future__ import annotations

import math
import typing
from collections.abc import Iterator
from types import NoneType
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.gate.evaluate import evaluate
from engine.gate.evidence import Evidence
from engine.gate.policy import Policy, Profile, Thresholds, may_only_rise
from engine.gate.statistics import effective_trials, mean_correlation, selection_probability
from engine.gate.verdicts import Report, Verdict
from engine.rules.deflated import expected_maximum
from engine.rules.sharpe import minimum_track_record, probabilistic_sharpe
from tests.unit.gate.evidence_worlds import (
    approved,
    changed,
    earning,
    evidence_of,
    passing,
    search,
)
from tests.unit.gate.test_gate_facts import SPOILT

STRICT = Policy(profile=Profile.STRICT)
SPOILS = [(path, value) for path, value, _, verdict in SPOILT if verdict != "PASS"]


def passed(report: Report) -> list[str]:
    return [each.id for each in report.checks if each.verdict is Verdict.PASS]


# --- formulas ---------------------------------------------------------------------------------------------
@given(
    ratio=st.floats(0.01, 0.4),
    days=st.integers(20, 3_000),
    skew=st.floats(-2.0, 2.0),
    more=st.floats(0.0, 10.0),
)
def test_the_days_needed_are_those_at_which_the_probability_is_95_percent(
    ratio: float, days: int, skew: float, more: float
) -> None:
    kurt = skew**2 + 1.0 + more  # no distribution has less
    needed = minimum_track_record(ratio, periods_per_year=1, skewness=skew, kurtosis=kurt)
    found = probabilistic_sharpe(
        ratio, observations=days, periods_per_year=1, skewness=skew, kurtosis=kurt
    )
    assert needed is not None and found is not None
    assume(abs(days - needed) > 1e-6 * days)
    assert (days >= needed) is (found >= 0.95)


@given(st.floats(0.5, 1.0, exclude_max=True), st.floats(1, 1e6), st.floats(0, 1e6))
def test_more_trials_never_make_a_selection_look_better(
    over_zero: float, trials: float, more: float
) -> None:
    fewer = selection_probability(over_zero, trials)
    assert selection_probability(over_zero, trials + more) >= fewer


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 15),
    likeness=st.floats(0, 1),
    source=st.integers(0, 14),
)
def test_no_trial_makes_the_others_count_less(
    seed: int, count: int, likeness: float, source: int
) -> None:
    """Neither a copy of one of them, nor a stranger, nor anything between.

    N_eff = N - 2 S / N with S the sum over pairs; one more row with the sum R of its correlations changes
    it by (N - |sum of rows|)^2 / (N (N + 1)) or more, as R is at most that length.
    """
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, 40))
    new = likeness * rows[source % count] + (1 - likeness) * rng.normal(size=40)
    before = effective_trials(count, mean_correlation(rows))
    after = effective_trials(count + 1, mean_correlation(np.vstack((rows, new))))
    assert after >= before - 1e-9


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_luck_grows_with_the_number_of_trials(trials: int, more: int) -> None:
    assert expected_maximum(trials + more) >= expected_maximum(trials)


@pytest.mark.parametrize("check_id", ["S05", "S06"])
@pytest.mark.parametrize("field", ["count", "failed_attempts", "holdout_looks"])
def test_counting_more_never_improves_a_check(check_id: str, field: str) -> None:
    evidence = evidence_of(earning(2.6), search(earning(2.6), trials=20))
    assert evidence.trials is not None
    before, values = getattr(evidence.trials, field), []
    for more in (0, 1, 2, 10, 100, 1_000, 100_000):
        given_ = changed(evidence, f"trials.{field}", before + more)
        value = evaluate(given_, STRICT)[check_id].value
        # Under 90 % of returns the deflated ratio has no value at all, which is no improvement.
        values.append(-1.0 if value is None else value if check_id == "S06" else 1.0 - value)
    assert values == sorted(values, reverse=True)
    assert values[-1] < values[0]


# --- stricter rules ---------------------------------------------------------------------------------------
@settings(max_examples=30)
@given(
    name=st.sampled_from(Thresholds.__struct_fields__),
    by=st.floats(0.0, 1.0),
    spoil=st.sampled_from([None, *SPOILS]),
)
def test_a_stricter_threshold_lets_nothing_pass_that_did_not(
    name: str, by: float, spoil: tuple[str, object] | None
) -> None:
    evidence = passing() if spoil is None else changed(passing(), *spoil)
    default = getattr(Thresholds(), name)
    stricter = default + by * abs(default) * (1 if may_only_rise(name) else -1)
    if isinstance(default, int):
        stricter = math.ceil(stricter)
    thresholds = msgspec.structs.replace(Thresholds(), **{name: stricter})
    before = passed(evaluate(evidence, STRICT))
    after = passed(evaluate(evidence, Policy(profile=Profile.STRICT, thresholds=thresholds)))
    assert [each for each in after if each not in before] == []


# --- less evidence ----------------------------------------------------------------------------------------
def places(
    fact: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Any, Any]]:
    """Walk evidence: path, declared type and value of every field; of a tuple its first element."""
    hints = typing.get_type_hints(type(fact))
    for name in fact.__struct_fields__:
        value = getattr(fact, name)
        yield (*path, name), hints[name], value
        inner, place = value, (*path, name)
        if isinstance(value, tuple) and value and isinstance(value[0], msgspec.Struct):
            inner, place = value[0], (*path, name, 0)
        if isinstance(inner, msgspec.Struct):
            yield from places(inner, place)


def put(fact: Any, path: tuple[str | int, ...], value: object) -> Any:
    """Return the same with another value at a path."""
    first, *rest = path
    if isinstance(first, int):
        return (*fact[:first], put(fact[first], tuple(rest), value), *fact[first + 1 :])
    new = put(getattr(fact, first), tuple(rest), value) if rest else value
    return msgspec.structs.replace(fact, **{first: new})


ALL_PLACES = list(places(evidence_of()))
OPTIONAL = [
    path
    for path, hint, _ in ALL_PLACES
    if NoneType in typing.get_args(hint) and path != ("approval",)
]
# One observation of the clock of many, what an active day does not need, and what only asks for more limits.
NOT_MISSED = {
    ("paper", "days", 0, "clock", 0, "venue_ns"),
    ("paper", "days", 0, "shadow_orders"),
    ("live",),
}


def named(path: tuple[str | int, ...]) -> str:
    return ".".join(map(str, path))


@pytest.mark.parametrize("path", OPTIONAL, ids=named)
def test_one_fact_removed_never_gives_a_pass(path: tuple[str | int, ...]) -> None:
    whole = evaluate(passing(), STRICT)
    spoilt = put(evidence_of(), path, None)
    report = evaluate(approved(spoilt), STRICT)
    assert set(passed(report)) <= set(passed(whole))
    assert (report.overall is Verdict.PASS) is (path in NOT_MISSED)


def test_the_facts_that_can_be_missing_are_all_there() -> None:
    assert len(OPTIONAL) > 30
    assert set(OPTIONAL) >= NOT_MISSED


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_never_passes(wrong: float) -> None:
    """Every field that holds a float, one after the other: what reads it does not pass."""
    floats = [path for path, hint, _ in ALL_PLACES if hint is float]
    evidence = evidence_of()
    assert floats
    for path in floats:
        report = evaluate(approved(put(evidence, path, wrong)), STRICT)
        assert report.overall is not Verdict.PASS, path
    assert evidence.paper is not None
    costs = (wrong, *(evidence.paper.shortfalls_bps or ()))
    assert evaluate(changed(evidence, "paper.shortfalls_bps", costs), STRICT)["P02"].verdict is (
        Verdict.FAIL
    )


def test_a_trial_that_is_no_number_never_passes() -> None:
    rows = search(earning(2.5))
    rows[3, 7] = math.nan
    report = evaluate(evidence_of(earning(2.5), rows), STRICT)
    assert {report[each].verdict for each in ("S05", "S06", "S07")} == {Verdict.FAIL}


def test_evidence_is_read_back_as_it_was() -> None:
    evidence = passing()
    packed = msgspec.msgpack.encode(evidence)
    assert msgspec.msgpack.decode(packed, type=Evidence) == evidence
    assert msgspec.json.decode(msgspec.json.encode(evidence), type=Evidence) == evidence
