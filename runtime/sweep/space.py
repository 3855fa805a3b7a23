"""What is searched: for each parameter the values to try, and the combinations of them.

A combination is known by its number: the last parameter runs fastest, as in nested loops. So a plan
of a million combinations is one array of integers, and the same words give the same plan anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from math import prod

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigError, InputError
from runtime.config import ParameterSpec, ParameterValue, StrategyConfig
from runtime.config.parameters import parse_value
from runtime.config.problems import did_you_mean
from runtime.sweep.where import admitted

Ints = NDArray[np.int64]

AXIS_VALUES_MAX = 100_000
GRID_MAX = 1_000_000  # trials of one sweep
_FINE_STEPS = 10_000  # a range without a step, where values are drawn
_BLOCK = 1_000_000  # combinations whose conditions are computed at once


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter and the values to try, in the order given.

    `is_fine` marks a range without a step: values may be drawn from it, not tried one by one.
    """

    name: str
    values: tuple[ParameterValue, ...]
    is_fine: bool = False

    def text(self) -> str:
        """Return the values as a person would write them."""
        values = self.values
        if len(values) > 3 and not isinstance(values[0], bool):
            numbers = [Decimal(value) for value in values]
            step = numbers[1] - numbers[0]
            if step and all(b - a == step for a, b in pairwise(numbers)):
                return f"{numbers[0]}:{numbers[-1]}:{step}"
        return ",".join(str(value).lower() for value in values)


def parse_axis(text: str, specs: Mapping[str, ParameterSpec]) -> Axis:
    """Return the axis that a person means.

    Parameters
    ----------
    text
        ``name=5:50:5`` (both ends included), ``name=5,8,13``, ``name=true,false``, or ``name`` alone
        for the range that the strategy file declares.
    specs
        The parameters of the strategy.

    Raises
    ------
    ConfigError
        If the name is not declared, or a value is not accepted.
    """
    name, equals, values = (part.strip() for part in text.partition("="))
    if name not in specs:
        known = f"declared are: {', '.join(specs)}" if specs else "the file declares none"
        raise ConfigError(
            f"unknown parameter {name!r}",
            where="--param",
            remedy=did_you_mean(name, specs) or known,
        )
    spec, where = specs[name], f"--param {name}"
    axis = _given(name, values, spec, where) if equals else _declared(name, spec, where)
    ends = (axis.values[0], axis.values[-1])  # of a range out of bounds, these say most
    for value in ends if axis.is_fine else (*ends, *axis.values):
        problem = spec.problem_with(value)
        if problem:
            raise ConfigError(problem, where=where)
    return axis


def _given(name: str, text: str, spec: ParameterSpec, where: str) -> Axis:
    if not text:
        raise ConfigError("no values are given", where=where, remedy=_forms(name))
    if ":" not in text:
        values = tuple(parse_value(each, name=name) for each in text.split(","))
        twice = [value for value in values if values.count(value) > 1]
        if twice:
            raise ConfigError(f"{twice[0]} is given twice", where=where)
        return Axis(name, values)
    bounds = [parse_value(each, name=name) for each in text.split(":")]
    if len(bounds) not in (2, 3) or any(isinstance(each, bool) for each in bounds):
        raise ConfigError(f"{text!r} is not a range", where=where, remedy=_forms(name))
    step = bounds[2] if len(bounds) == 3 else spec.step
    return _range(name, Decimal(bounds[0]), Decimal(bounds[1]), step, where)


def _declared(name: str, spec: ParameterSpec, where: str) -> Axis:
    if spec.is_condition:
        return Axis(name, (False, True))
    if spec.minimum is None or spec.maximum is None:
        raise ConfigError(
            "the file declares no range for it",
            where=where,
            remedy=f"give it min and max there, or say {_forms(name)}",
        )
    return _range(name, spec.minimum, spec.maximum, spec.step, where)


def _range(
    name: str, first: Decimal, last: Decimal, step: ParameterValue | None, where: str
) -> Axis:
    if last < first:
        raise ConfigError(f"{first}:{last} runs backwards", where=where)
    is_fine = step is None
    stride = (last - first) / _FINE_STEPS if step is None else Decimal(step)
    if first == last:
        return Axis(name, (first,))
    if stride <= 0:
        raise ConfigError(f"the step {stride} is not over 0", where=where)
    count = int((last - first) / stride) + 1
    if count > AXIS_VALUES_MAX:
        raise ConfigError(
            f"{count:,} values are too many (at most {AXIS_VALUES_MAX:,})",
            where=where,
            remedy="choose a larger step",
        )
    return Axis(name, tuple(first + stride * k for k in range(count)), is_fine)


def _forms(name: str) -> str:
    return f"{name}=5:50:5 (both ends included) or {name}=5,8,13"


@dataclass(frozen=True, eq=False)
class Space:
    """All combinations of some axes that satisfy the conditions between them."""

    axes: tuple[Axis, ...]
    where: tuple[str, ...] = ()
    defaults: Mapping[str, float | bool] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the axes, in order."""
        return tuple(axis.name for axis in self.axes)

    @property
    def raw_count(self) -> int:
        """How many combinations there are before any condition."""
        return prod(len(axis.values) for axis in self.axes)

    @cached_property
    def _columns(self) -> list[NDArray[np.float64] | NDArray[np.bool_]]:
        return [
            np.array(axis.values, dtype=np.bool_)
            if isinstance(axis.values[0], bool)
            else np.array([float(value) for value in axis.values])
            for axis in self.axes
        ]

    def values(self, number: int) -> dict[str, ParameterValue]:
        """Return the parameters of a combination."""
        places = self.places(np.array([number], dtype=np.int64))
        return {
            axis.name: axis.values[int(place[0])]
            for axis, place in zip(self.axes, places, strict=True)
        }

    def number(self, values: Mapping[str, ParameterValue]) -> int:
        """Return the combination with these parameters."""
        number = 0
        for axis in self.axes:
            number = number * len(axis.values) + axis.values.index(values[axis.name])
        return number

    def places(self, numbers: Ints) -> list[Ints]:
        """Return for each axis the place of each combination on it."""
        rest, made = numbers, []
        for axis in reversed(self.axes):
            rest, place = np.divmod(rest, len(axis.values))
            made.append(place)
        return made[::-1]

    def admits(self, numbers: Ints) -> NDArray[np.bool_]:
        """Return which combinations satisfy the conditions."""
        places = self.places(numbers)
        columns = {
            axis.name: column[place]
            for axis, column, place in zip(self.axes, self._columns, places, strict=True)
        }
        return admitted(self.where, columns, self.defaults or {})

    def grid(self) -> Ints:
        """Return every combination that the conditions admit.

        Raises
        ------
        InputError
            If there are none, too many, or a range has no step.
        """
        fine = next((axis for axis in self.axes if axis.is_fine), None)
        if fine is not None:
            raise InputError(
                f"the range of {fine.name} has no step",
                where=f"--param {fine.name}",
                remedy=f"say {fine.name}=FIRST:LAST:STEP, or draw values with --random N",
            )
        if self.raw_count > 50 * GRID_MAX:
            raise self._too_many(self.raw_count)
        found = [
            numbers[self.admits(numbers)]
            for first in range(0, self.raw_count, _BLOCK)
            for numbers in [np.arange(first, min(first + _BLOCK, self.raw_count))]
        ]
        numbers = np.concatenate(found)
        if len(numbers) > GRID_MAX:
            raise self._too_many(len(numbers))
        return _require_some(numbers, self.where)

    def draw(self, count: int, seed: int) -> Ints:
        """Return `count` different combinations drawn at random, or all where there are fewer."""
        if count > GRID_MAX:
            raise self._too_many(count)
        generator = np.random.default_rng(seed)
        if self.raw_count <= _BLOCK:
            numbers = np.arange(self.raw_count)
            numbers = _require_some(numbers[self.admits(numbers)], self.where)
            chosen: Ints = generator.permutation(numbers)[:count]
            return chosen
        if self.raw_count > np.iinfo(np.int64).max:
            raise InputError("the ranges are too wide", remedy="give some of them a larger step")
        drawn: dict[int, None] = {}  # in the order drawn
        for _ in range(1000):
            numbers = generator.integers(0, self.raw_count, size=2 * count)
            drawn.update(dict.fromkeys(numbers[self.admits(numbers)].tolist()))
            if len(drawn) >= count:
                break
        return _require_some(np.array(list(drawn)[:count], dtype=np.int64), self.where)

    def _too_many(self, count: int) -> InputError:
        return InputError(
            f"{count:,} combinations are too many for one search (at most {GRID_MAX:,})",
            where="--param",
            remedy="take larger steps, or a sample of them: --random 5000",
        )


def _require_some(numbers: Ints, where: Sequence[str]) -> Ints:
    if not len(numbers):
        raise InputError(
            "no combination satisfies the conditions",
            where="--where " + " and ".join(where),
            remedy="widen the ranges or change the condition",
        )
    return numbers


def space_of(config: StrategyConfig, params: Sequence[str], where: Sequence[str]) -> Space:
    """Return the space that a person asks to search.

    Raises
    ------
    InputError
        If nothing is to be searched, a parameter comes twice, or a range or a condition is wrong.
    """
    if not params:
        raise InputError(_nothing_asked(config), where="--param", remedy=_suggestion(config))
    axes = tuple(parse_axis(text, config.parameters) for text in params)
    names = [axis.name for axis in axes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{twice} is given twice", where="--param")
    space = Space(axes, tuple(where), config.parameter_values())
    space.admits(np.zeros(1, dtype=np.int64))  # a wrong condition is told before any work
    return space


def _nothing_asked(config: StrategyConfig) -> str:
    if not config.parameters:
        return f"{config.name} declares no parameters: there is nothing to search"
    return f"no parameter to search is given; {config.name} has: {', '.join(config.parameters)}"


def _suggestion(config: StrategyConfig) -> str:
    if not config.parameters:
        return "declare some under [parameters] in the strategy file"
    name, spec = next(iter(config.parameters.items()))
    if spec.is_condition:
        return f"say for instance --param {name}=true,false"
    if spec.minimum is not None and spec.maximum is not None and spec.step is not None:
        return f"say for instance --param {name} for its declared range, or {_forms(name)}"
    return f"say for instance --param {_forms(name)}"
