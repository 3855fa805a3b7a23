"""Every key of the file with every kind of value: it loads, or it is an error with its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_origin

import pytest
from pydantic import BaseModel

from engine.errors import InputError
from runtime.config.locate import Key
from runtime.config.schema import StrategyFile
from runtime.config.wording import fields_of, model_in
from tests.unit.config.strategy_texts import parse

VALUES = (
    "0", "1", "-1", "0.5", "1e300", "1e-300", "-0.0", "inf", "-inf", "nan", "true", "false",
    "9223372036854775808", "123456789012345678901234567890", '""', '"x"', '"off"', '"\\u0000"',
    '"\\n"', '"x.py:X"', '"../x.py:X"', '"/:X"', "[]", "[1]", '["a"]', "[[]]", "{}", "{ a = 1 }",
    '{ a = "b" }', "{ default = 1 }", "2020-01-01", "2020-01-01T00:00:00Z", "00:00:00",
    "2020-01-01T00:00:00", "9999-12-31", "0001-01-01T00:00:00+23:59",
)  # fmt: skip

BASE = {
    ("strategy", "name"): '"base"',
    ("data", "dataset"): '"world:minute_bars"',
    ("rules", "entry"): '"close > 1"',
}


def keys(model: type[BaseModel], prefix: Key = ()) -> Iterator[Key]:
    """Yield every key of the file, tables included."""
    for name, field in fields_of(model):
        key = (*prefix, name)
        yield key
        inner = model_in(field.annotation)
        if inner is not None:
            yield from keys(inner, (*key, "some") if get_origin(field.annotation) is dict else key)


def with_key(key: Key, value: str) -> str:
    """Return the base file with one key put in, or in the place of what it replaces."""
    kept = {path: text for path, text in BASE.items() if path[: len(key)] != key}
    lines = [f"{'.'.join(path)} = {text}" for path, text in {**kept, key: value}.items()]
    return "\n".join(lines)


@pytest.mark.parametrize("key", list(keys(StrategyFile)), ids=".".join)
def test_any_value_of_any_key_loads_or_is_an_error_with_its_place(key: Key) -> None:
    refused = 0
    for value in VALUES:
        try:
            parse(with_key(key, value))
        except InputError as error:
            refused += 1
            assert error.where.startswith("strategy.toml"), value
            assert error.problem, value
    assert refused > len(VALUES) // 2, "most kinds of values are wrong for any key"
