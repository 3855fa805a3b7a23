"""Trials that are made many at a time are those of each evaluation alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runtime.backtest.lean import Bench, LeanRun
from runtime.store.figures import figures_of
from runtime.store.identity import canonical_json, data_identity, identity_of
from runtime.sweep.counted import TrialMaker
from tests.unit.sweep.sweep_samples import CROSS, WEIGHTS, config_of, history_of, numbers


@pytest.mark.parametrize(
    ("text", "parameters"),
    [(CROSS, {"fast": 4, "slow": 9}), (CROSS, {"fast": 3, "slow": 60}), (WEIGHTS, {"lookback": 5})],
)
@pytest.mark.parametrize("span", [(None, None), (5, 10**19 // 2)])
def test_a_trial_is_that_of_its_evaluation(
    text: str, parameters: dict[str, int], span: tuple[int | None, int | None]
) -> None:
    config, history = config_of(text), history_of(config_of(text))
    data, chosen = data_identity(config, history), numbers(**parameters)
    run = Bench(config, history, compiled=False).run(chosen, hashed=False)
    made = TrialMaker(config, data).trial_of_run(chosen, span, run)
    start = data.start_ns if span[0] is None else span[0]
    end = data.end_ns if span[1] is None else span[1]
    alone = identity_of(config.with_parameters(chosen), replace(data, start_ns=start, end_ns=end))
    assert (made.family, made.fingerprint) == (alone.family, alone.fingerprint)
    assert (made.start_ns, made.end_ns) == (start, end)
    specs = config.with_parameters(chosen).parameters
    assert made.parameters == canonical_json({name: spec.default for name, spec in specs.items()})
    assert made.returns == run.returns.astype("<f8").tobytes()
    assert made.figures == figures_of(run.returns)


def test_figures_of_returns_that_do_not_vary_are_those_of_the_registry() -> None:
    config = config_of(CROSS)
    history = history_of(config)
    bench = Bench(config, history, compiled=False)
    idle = bench.run(numbers(fast=8, slow=8), hashed=False)  # never crosses itself
    assert isinstance(idle, LeanRun) and not idle.returns.any()
    maker = TrialMaker(config, data_identity(config, history))
    made = maker.trial_of_run(numbers(fast=8, slow=8), (None, None), idle)
    assert made.figures == figures_of(idle.returns) and made.figures.sharpe_daily is None
