"""A user's function is compiled once for a process, and again when anything it names has changed."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.jit import callback

SOURCE = """
from engine.jit import kernel
FACTOR = {factor}

@kernel
def inner(x):
    return x {sign} 1

@kernel
def outer(x):
    return FACTOR * inner(x)
"""


Load = Callable[..., Callable[..., Any]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    count = itertools.count()

    def once(factor: str = "3", sign: str = "+") -> Callable[..., Any]:
        path = tmp_path / f"{next(count)}.py"
        path.write_text(SOURCE.format(factor=factor, sign=sign))
        spec = importlib.util.spec_from_file_location("users_file", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        outer: Callable[..., Any] = module.outer
        return outer

    return once


def made(function: Callable[..., Any]) -> Any:
    from numba import int64

    return callback(function, int64(int64))


def test_a_file_that_is_loaded_again_is_not_compiled_again(load: Load) -> None:
    assert made(load()) is made(load())


@pytest.mark.parametrize(
    ("changed", "answer"), [({"factor": "4"}, 44), ({"sign": "-"}, 27), ({"factor": "True"}, 11)]
)
def test_another_constant_or_helper_is_another_function(
    load: Load, changed: dict[str, str], answer: int
) -> None:
    assert made(load()).ctypes(10) == 33
    other = made(load(**changed))
    assert other is not made(load()) and other.ctypes(10) == answer
