"""What is searched: ranges, lists, conditions, draws."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from engine.errors import FormulaError, InputError
from runtime.config import ParameterSpec, StrategyConfig
from runtime.sweep.space import Axis, Space, parse_axis, space_of
from tests.unit.sweep.sweep_samples import CROSS, config_of

SPECS = {
    "n": ParameterSpec(Decimal(5), Decimal(1), Decimal(100), Decimal(1)),
    "x": ParameterSpec(Decimal("0.5"), Decimal(0), Decimal(1)),
    "free": ParameterSpec(Decimal(3)),
    "on": ParameterSpec(True),
}


@pytest.fixture
def config() -> StrategyConfig:
    return config_of(CROSS)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("n=5:20:5", "5 10 15 20"),  # both ends
        ("n=5:19:5", "5 10 15"),
        ("n=5:8", "5 6 7 8"),  # the declared step
        ("n=8,5,13", "8 5 13"),  # in the order given
        ("n=7", "7"),
        ("n = 5 : 7 : 1", "5 6 7"),
        ("x=0.1:0.3:0.1", "0.1 0.2 0.3"),  # decimals are exact
        ("free=-4:4:2", "-4 -2 0 2 4"),
        ("on=true,false", "True False"),
        ("on", "False True"),
    ],
)
def test_values_are_what_a_person_wrote(text: str, values: str) -> None:
    assert [str(value) for value in parse_axis(text, SPECS).values] == values.split()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("m=1:2:1", "unknown parameter 'm'"),
        ("n=", "no values"),
        ("n=1:200:1", "200 is not a number from 1 to 100"),
        ("n=1.5,2", "1.5 is not a number from 1 to 100 in steps of 1"),
        ("n=20:5:5", "20:5 runs backwards"),
        ("n=1:5:0", "the step 0 is not over 0"),
        ("n=1:5:-1", "the step -1 is not over 0"),
        ("n=1:2:3:4", "'1:2:3:4' is not a range"),
        ("n=3,3", "3 is given twice"),
        ("n=a:b", "'a' is neither a number nor true or false"),
        ("free", "declares no range"),
        ("on=1,0", "1 is not true or false"),
        ("free=0:1:0.000001", "1,000,001 values are too many"),
    ],
)
def test_what_cannot_be_tried_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_axis(text, SPECS)
    assert problem in str(caught.value)


@pytest.mark.parametrize("text", ["n=5:20:5", "n=8,5,13", "x=0.1:0.4:0.1", "on=false,true", "n=7"])
def test_an_axis_is_written_as_it_is_read(text: str) -> None:
    axis = parse_axis(text, SPECS)
    assert f"{axis.name}={axis.text()}" == text


def test_a_grid_runs_like_nested_loops_without_what_the_condition_excludes(
    config: StrategyConfig,
) -> None:
    space = space_of(config, ["fast=2:4:1", "slow=2:5:1"], ["fast < slow"])
    pairs = [tuple(map(int, space.values(n).values())) for n in space.grid().tolist()]
    assert pairs == [(f, s) for f in (2, 3, 4) for s in (2, 3, 4, 5) if f < s]


def test_a_condition_may_name_what_is_not_searched(config: StrategyConfig) -> None:
    space = space_of(config, ["fast=2:12:1"], ["2 * fast <= slow"])  # slow is 8
    assert [int(space.values(n)["fast"]) for n in space.grid().tolist()] == [2, 3, 4]


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("fast < slow", 3),
        ("not fast < slow", 6),
        ("fast == slow or fast > 2", 5),
        ("abs(fast - slow) == 1", 4),
        ("max(fast, slow) <= 2", 4),
        ("min(fast, slow) == 3", 1),
        ("fast / (slow - 1) > 1", 3),  # where slow is 1 nothing is divided by nothing
        ("true", 9),
    ],
)
def test_conditions_are_formulas(config: StrategyConfig, condition: str, count: int) -> None:
    axes = tuple(Axis(name, tuple(map(Decimal, (1, 2, 3)))) for name in ("fast", "slow"))
    space = Space(axes, (condition,), config.parameter_values())
    assert space.admits(np.arange(9)).sum() == count


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("fast + slow", "must be true or false"),
        ("fast <", "number"),
        ("close > 5", "'close' is not a parameter; there are: fast, slow"),
        ("sma(fast, 3) > 1", "sma is not known here"),
        ("__import__('os')", "is not known here"),
        ("fast < 'a'", "no bars or texts"),
        ("min(fast) > 1", "min takes 2 numbers"),
        ("fast and slow", "where true or false is needed"),
        ("fast > true", "compared with true or false"),
    ],
)
def test_a_wrong_condition_is_told_before_any_work(
    config: StrategyConfig, condition: str, problem: str
) -> None:
    with pytest.raises(FormulaError) as caught:
        space_of(config, ["fast=2:4:1"], [condition])
    assert problem in str(caught.value)


def test_nothing_admitted_is_an_error(config: StrategyConfig) -> None:
    with pytest.raises(InputError, match="no combination satisfies"):
        space_of(config, ["fast=5:9:1"], ["fast > 20"]).grid()


def test_nothing_to_search_says_what_could_be(config: StrategyConfig) -> None:
    with pytest.raises(InputError) as caught:
        space_of(config, [], [])
    assert "fast, slow" in str(caught.value)
    with pytest.raises(InputError, match="fast is given twice"):
        space_of(config, ["fast=2,3", "fast=4,5"], [])


def test_a_range_without_a_step_can_be_drawn_from_but_not_walked(config: StrategyConfig) -> None:
    space = Space((parse_axis("x=0:1", SPECS),))
    with pytest.raises(InputError, match="the range of x has no step"):
        space.grid()
    drawn = [float(space.values(n)["x"]) for n in space.draw(50, seed=1).tolist()]
    assert len(set(drawn)) == 50 and min(drawn) < 0.2 and max(drawn) > 0.8


def test_draws_are_different_admitted_and_a_function_of_the_seed(config: StrategyConfig) -> None:
    space = space_of(config, ["fast=1:30:1", "slow=2:60:1"], ["fast < slow"])
    drawn = space.draw(200, seed=7)
    assert len(set(drawn.tolist())) == 200 and space.admits(drawn).all()
    assert drawn.tolist() == space.draw(200, seed=7).tolist()
    assert drawn.tolist() != space.draw(200, seed=8).tolist()
    assert sorted(space.draw(10**6, seed=7).tolist()) == space.grid().tolist()


def test_draws_from_a_space_too_wide_to_list() -> None:
    wide = tuple(Axis(name, tuple(map(Decimal, range(3000)))) for name in ("a", "b", "c"))
    drawn = Space(wide, ("a < b", "b < c")).draw(100, seed=3)
    assert len(set(drawn.tolist())) == 100
    assert Space(wide, ("a < b", "b < c")).admits(drawn).all()
    with pytest.raises(InputError, match="too many for one search"):
        Space(wide).grid()
