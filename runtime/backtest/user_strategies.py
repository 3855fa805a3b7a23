"""Strategies written in Python, as a strategy file names them: loaded, checked, with their formulas."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from engine.errors import FormulaError, StrategyError
from engine.lang.compiler import compile_program
from engine.lang.program import Program
from engine.strategy import Indicator, Strategy, declared
from runtime.backtest.user_code import (
    UserCode,
    load_class,
    load_object,
    parameter_values,
    placed_formula,
)
from runtime.config import StrategyConfig


@dataclass(frozen=True, slots=True, eq=False)
class LoadedClass:
    """A Python class, the values of its parameters, and its declared indicators as a program."""

    kind: type[Strategy]
    parameters: dict[str, float | bool]
    indicators: dict[str, Indicator]
    program: Program | None


def load_strategy_class(config: StrategyConfig, symbols: Collection[str] | None) -> LoadedClass:
    """Load the class that a strategy file names and check what it declares.

    Without `symbols` its formulas may name any instrument.

    Raises
    ------
    StrategyError, ConfigError, FormulaError
        With the file, and the line where there is one.
    """
    kind = load_class(config)
    parameters = parameter_values(config, kind)
    indicators = declared(Indicator, kind)
    program = _program_of(indicators, parameters, config, symbols) if indicators else None
    return LoadedClass(kind, parameters, indicators, program)


def new_strategy(
    kind: type[Strategy],
    parameters: dict[str, float | bool],
    indicators: dict[str, Indicator],
    user: UserCode,
) -> Strategy:
    """Return a new object of a class, with its parameters; its indicators are not known yet."""
    with user.guard("__init__"):
        strategy = kind()
    for name, value in parameters.items():
        setattr(strategy, name, value)
    for name in indicators:
        setattr(strategy, name, math.nan)
    return strategy


def load_function(
    config: StrategyConfig, symbols: Collection[str] | None
) -> tuple[Any, Program | None]:
    """Load the compiled function that a strategy file names, and its indicators as a program.

    Raises
    ------
    StrategyError, FormulaError
        With the file, and the line where there is one.
    """
    function = load_object(config)
    if not hasattr(function, "indicators") or not hasattr(function, "memory"):
        raise StrategyError(
            f"{config.strategy.code_name} is not marked as a compiled strategy",
            where=str(config.strategy.code_path),
            remedy="put @trader.compiled_strategy(...) over it",
        )
    formulas: dict[str, str] = function.indicators
    if not formulas:
        return function, None
    if function.on != "bar":
        raise StrategyError(
            f"{config.strategy.code_name} is called on each {function.on}; indicators need bars",
            where=str(config.strategy.code_path),
            remedy="leave out indicators, and keep what is needed in memory",
        )
    kinds = dict.fromkeys(formulas, "number")
    try:
        values = config.parameter_values()
        return function, compile_program(formulas, values, kinds=kinds, symbols=symbols)
    except FormulaError as error:
        raise placed_formula(error, config) from None


def _program_of(
    indicators: dict[str, Indicator],
    parameters: dict[str, float | bool],
    config: StrategyConfig,
    symbols: Collection[str] | None,
) -> Program:
    kinds = {
        name: "condition" if item.is_condition else "number" for name, item in indicators.items()
    }
    formulas = {name: item.formula for name, item in indicators.items()}
    try:
        return compile_program(formulas, parameters, kinds=kinds, symbols=symbols)
    except FormulaError as error:
        raise placed_formula(error, config) from None
