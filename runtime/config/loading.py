"""Loading a strategy file: read, parse, check, build, compile its formulas."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.lang.parser import parse_formula
from engine.lang.tree import Expression, Name, children
from runtime.config.building import ProblemsFound, build_config
from runtime.config.locate import locate_keys
from runtime.config.problems import Problem, config_error
from runtime.config.quick import quick_strategy
from runtime.config.reading import parse_toml, read_text
from runtime.config.relations import check_relations
from runtime.config.strategy import StrategyConfig

if TYPE_CHECKING:
    from runtime.config.schema import StrategyFile


def load_strategy(path: Path) -> StrategyConfig:
    """Read and check a strategy file.

    Raises
    ------
    ConfigError
        With file, line and key of what is wrong; up to five mistakes at once.
    FormulaError
        If a rule does not parse or check, with the place in it.
    """
    return parse_strategy(read_text(path), path)


def parse_strategy(text: str, path: Path) -> StrategyConfig:
    """Check the text of a strategy file; `path` names it and is where relative paths begin."""
    tables = parse_toml(text, path)
    places = locate_keys(text)
    problems, file = _validated(tables)
    if file is not None:
        problems = check_relations(file)
    if problems or file is None:
        raise config_error(path, places, problems)
    try:
        config = replace(build_config(file, path), places=places)
    except ProblemsFound as found:
        raise config_error(path, places, found.problems) from None
    if config.rules is not None:
        config.compile_rules()
        unused = _unused(config.formulas().values(), config.parameters)
        config = replace(config, warnings=tuple(_unused_warning(name) for name in unused))
    return config


def _validated(tables: dict[str, Any]) -> tuple[list[Problem], StrategyFile | None]:
    plain = quick_strategy(tables)
    if plain is not None:
        return [], plain
    from pydantic import ValidationError

    from runtime.config.schema import StrategyFile
    from runtime.config.wording import problems_of

    try:
        return [], StrategyFile.model_validate(tables)
    except ValidationError as error:
        return problems_of(error, StrategyFile), None


def _unused(formulas: Iterable[str], parameters: Iterable[str]) -> list[str]:
    used = {name for text in formulas for name in _names(parse_formula(text))}
    return [name for name in parameters if name not in used]


def _names(expression: Expression) -> set[str]:
    own = {expression.name} if isinstance(expression, Name) else set()
    return own.union(*(_names(each) for each in children(expression)))


def _unused_warning(name: str) -> str:
    return f"parameter {name} is used in no formula"
