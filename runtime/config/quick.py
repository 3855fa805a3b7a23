"""A file that is plainly right, checked without pydantic.

The problem: importing pydantic and building the models of `runtime.config.schema` takes longer than a
backtest of ten years of days. The options were to accept that, to leave pydantic with its one error for
each key, or to write down once what the models accept. The choice is the last: `schema_text` is
generated from the models (``python -m runtime.config.generate``) and read here. Whatever is not plainly
right is left to pydantic, which alone says what is wrong; so nothing may be accepted here that it would
refuse, or be read as something else (a test asks both about every key).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from runtime.config.schema_text import TABLES
from runtime.config.values import (
    to_cap,
    to_duration,
    to_duration_or_off,
    to_limit,
    to_moment,
    to_number,
    to_parameter,
    to_stages,
)

if TYPE_CHECKING:
    from runtime.config.schema import StrategyFile
    from runtime.config.table import Table
    from runtime.workspace_tables import WorkspaceTable

Rule: TypeAlias = Mapping[str, Any]  # of one key: its kind, its bounds, its default


class _Doubt(Exception):
    """Something is not plainly right."""


def quick_strategy(tables: object) -> StrategyFile | None:
    """Return a file's tables, with the defaults of what they leave out; None where pydantic is asked.

    What comes back has the attributes of the models, and nothing else of them.
    """
    return cast("StrategyFile | None", _whole_file("StrategyFile", tables))


def quick_workspace(tables: object) -> WorkspaceTable | None:
    """Return a workspace file's keys in the same way."""
    return cast("WorkspaceTable | None", _whole_file("WorkspaceTable", tables))


def _whole_file(model: str, tables: object) -> SimpleNamespace | None:
    try:
        return _table(model, tables)
    except (_Doubt, ValueError, TypeError):
        return None


def defaults_of(table: str) -> Table:
    """Return a table of which nothing is written."""
    return cast("Table", _table(table, {}))


def _table(name: str, value: object) -> SimpleNamespace:
    rules: Mapping[str, Rule] = TABLES[name]
    if name == "ParameterTable" and not isinstance(value, dict):
        value = {"default": value}
    if not isinstance(value, dict) or not value.keys() <= rules.keys():
        raise _Doubt
    return SimpleNamespace(
        **{
            rule.get("attribute", key): _read(value[key], rule) if key in value else _default(rule)
            for key, rule in rules.items()
        }
    )


def _default(rule: Rule) -> Any:
    if "default" in rule:
        return rule["default"]
    if rule.get("made") == "table":
        return _table(rule["table"], {})
    if rule.get("made") == "empty":
        return {}
    raise _Doubt  # a key that must be there


def _read(value: Any, rule: Rule) -> Any:
    return _READERS[rule["kind"]](value, rule)


def _text(value: Any, rule: Rule) -> str:
    pattern = rule.get("pattern")
    # Whether letters beyond ASCII are letters, is for the regular expressions of pydantic to say.
    if type(value) is not str or (pattern and not value.isascii()):
        raise _Doubt
    if not rule.get("shortest", 0) <= len(value) <= rule.get("longest", len(value)):
        raise _Doubt
    if pattern and not re.fullmatch(pattern, value):
        raise _Doubt
    return value


def _choice(value: Any, rule: Rule) -> str:
    if type(value) is not str or value not in rule["words"]:
        raise _Doubt
    return value


def _truth(value: Any, _rule: Rule) -> bool:
    if type(value) is not bool:
        raise _Doubt
    return value


def _whole(value: Any, rule: Rule) -> int:
    if type(value) is not int or not _is_inside(value, rule):
        raise _Doubt
    return value


def _number(value: Any, rule: Rule) -> Decimal:
    number = to_number(value)
    if not number.is_finite() or not _is_inside(number, rule):
        raise _Doubt
    exponent = number.as_tuple().exponent
    if "places" in rule and isinstance(exponent, int) and -exponent > rule["places"]:
        raise _Doubt
    return number


def _is_inside(value: Any, rule: Rule) -> bool:
    return not (
        ("ge" in rule and value < rule["ge"])
        or ("gt" in rule and value <= rule["gt"])
        or ("le" in rule and value > rule["le"])
        or ("lt" in rule and value >= rule["lt"])
    )


def _texts(value: Any, rule: Rule) -> list[str]:
    if type(value) is not list:
        raise _Doubt
    if not rule.get("fewest", 0) <= len(value) <= rule.get("most", len(value)):
        raise _Doubt
    return [_text(each, rule) for each in value]


def _texts_by_name(value: Any, rule: Rule) -> dict[str, str]:
    if type(value) is not dict:
        raise _Doubt
    return {name: _text(each, rule) for name, each in value.items()}


def _lists_by_name(value: Any, rule: Rule) -> dict[str, list[str]]:
    if type(value) is not dict:
        raise _Doubt
    return {name: _texts(each, rule) for name, each in value.items()}


def _duration(value: Any, rule: Rule) -> int:
    duration = to_duration(value)
    if not _is_inside(duration, rule):
        raise _Doubt
    return duration


def _tables_by_name(value: Any, rule: Rule) -> dict[str, SimpleNamespace]:
    if type(value) is not dict:
        raise _Doubt
    return {name: _table(rule["table"], each) for name, each in value.items()}


_READERS: dict[str, Callable[[Any, Rule], Any]] = {
    "text": _text,
    "choice": _choice,
    "truth": _truth,
    "whole": _whole,
    "number": _number,
    "texts": _texts,
    "texts by name": _texts_by_name,
    "table": lambda value, rule: _table(rule["table"], value),
    "tables by name": _tables_by_name,
    "parameter": lambda value, _rule: to_parameter(value),
    "moment": lambda value, _rule: to_moment(value),
    "cap": lambda value, _rule: to_cap(value),
    "lists by name": _lists_by_name,
    "duration": _duration,
    "timeout": lambda value, _rule: to_duration_or_off(value),
    "limit": lambda value, _rule: to_limit(value),
    "stages": lambda value, _rule: to_stages(value),
}
