"""What keeps a Python strategy in its family, and what makes another one of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.store.python_code import PythonCode, python_code

ORIGINAL = '''
"""A module."""
import math
from trader import Bar, Strategy, indicator, parameter

LIMIT = 3


def scaled(value: float, by: float = 2.0) -> float:
    """Scale."""
    return math.sqrt(value) * by


class Dip(Strategy):
    """Buy dips."""

    window = parameter(20, minimum=2, maximum=200, description="Bars.")
    dip = parameter(0.05)
    average = indicator("sma(close, window)")

    def __init__(self) -> None:
        self.seen: int = 0

    def on_bar(self, bar: Bar) -> None:
        """Decide."""
        self.seen += 1
        low = self.level(bar.close, factor=0.9)
        if bar.close < self.average * (1 - self.dip) and self.seen > LIMIT:
            for size in [each for each in (1, 2) if each > 1]:
                self.buy(size, stop_loss=self.price(low, "down"))

    def level(self, value: float, factor: float) -> float:
        return scaled(value * factor, by=3.0)
'''


def code_of(text: str, tmp_path: Path, name: str = "Dip") -> PythonCode:
    path = tmp_path / "strategy.py"
    path.write_text(text, "utf-8")
    return python_code(path, name)


def swap(*pairs: tuple[str, str]) -> Callable[[str], str]:
    def change(text: str) -> str:
        for old, new in pairs:
            assert old in text, old
            text = text.replace(old, new)
        return text

    return change


LEVEL = ORIGINAL[ORIGINAL.index("    def level") :]
SAME: dict[str, Callable[[str], str]] = {
    "comments": swap(("self.seen += 1", "self.seen += 1  # counted")),
    "docstrings": swap(('    """Buy dips."""\n', ""), ('"""Decide."""', '"""Think."""')),
    "blank lines and parentheses": swap(("self.seen += 1\n", "\n        self.seen += (1)\n\n")),
    "quotes": swap(('"down"', "'down'")),
    "line breaks": swap(("self.buy(size, ", "self.buy(\n                    size,\n")),
    "type annotations": swap((": Bar) -> None", ")"), ("self.seen: int = 0", "self.seen = 0")),
    "a local variable renamed": swap(("low", "floor"),),
    "a loop variable renamed": swap(("each", "number"), ("size", "amount")),
    "an argument renamed": swap(("value", "number"), ("factor", "times")),
    "an attribute renamed": swap(("self.seen", "self.count_of_bars")),
    "a method renamed": swap(("level", "stop_under")),
    "a helper renamed": swap(("scaled", "grown")),
    "a constant renamed": swap(("LIMIT", "BARS_MIN")),
    "a parameter renamed": swap(("window", "span"),),
    "an indicator renamed": swap(("average", "mean"),),
    "an indicator's formula laid out": swap(("sma(close, window)", "sma( close,n=window )")),
    "a parameter's default": swap(("parameter(20,", "parameter(30,")),
    "a parameter's range": swap(("minimum=2, maximum=200", "minimum=5")),
    "a parameter's description": swap(('description="Bars."', 'description="More bars."')),
    "methods in another order": lambda text: text.replace(LEVEL, "").replace(
        "    def __init__", f"{LEVEL}\n    def __init__"
    ),
    "helpers in another order": swap(("LIMIT = 3\n", "")) and (
        lambda text: text.replace("LIMIT = 3\n", "") + "\nLIMIT = 3\n"
    ),
    "an import under another name": swap(("import math", "import math as m"), ("math.sqrt", "m.sqrt")),
    "an import of the function": swap(
        ("import math", "from math import sqrt as root"), ("math.sqrt", "root")
    ),
    "an import of the package": swap(
        ("from trader import Bar, Strategy, indicator, parameter", "import trader as t\nBar = t.Bar"),
        ("(Strategy)", "(t.Strategy)"), ("= parameter", "= t.parameter"),
        ("= indicator", "= t.indicator"),
    ),
    "something that is not used": swap(("class Dip", "def unused(): ...\n\n\nclass Dip")),
    "another strategy in the file": lambda text: f"{text}\n\nclass Other(Strategy):\n    x = 1\n",
    "what only type checkers see": swap(
        ("LIMIT = 3", "if TYPE_CHECKING:\n    from x import y\nLIMIT = 3")
    ),
}  # fmt: skip
OTHER: dict[str, Callable[[str], str]] = {
    "a comparison": swap(("bar.close < self.average", "bar.close <= self.average")),
    "a number": swap(("factor=0.9", "factor=0.8")),
    "a constant's value": swap(("LIMIT = 3", "LIMIT = 4")),
    "a helper's default": swap(
        ("by: float = 2.0", "by: float = 2.5"), ("factor, by=3.0", "factor")
    ),
    "a helper's body": swap(("math.sqrt", "math.log")),
    "which field is read": swap(("bar.close <", "bar.open <")),
    "which parameter is read": swap(("1 - self.dip", "1 - self.window")),
    "which local is used": swap(("self.price(low,", "self.price(size,")),
    "an order's terms": swap(("stop_loss=", "limit=")),
    "the verb": swap(("self.buy(", "self.sell(")),
    "the callback": swap(("on_bar(self, bar: Bar)", "on_trade(self, bar: Bar)")),
    "an indicator's formula": swap(("sma(close", "ema(close")),
    "what an indicator reads": swap(("sma(close, window)", "sma(close, dip)")),
    "a parameter's type": swap(("parameter(20,", "parameter(20.0,")),
    "a statement more": swap(("self.seen += 1\n", "self.seen += 1\n        self.close()\n")),
    "a condition's side": swap((" and self.seen", " or self.seen")),
    "true for one": swap(("self.seen += 1", "self.seen += True")),
    "a filter": swap(("if each > 1", "if each >= 1")),
    "the base class": swap(("(Strategy)", "(object)")),
    "an effect of loading": swap(("LIMIT = 3", "LIMIT = 3\nmath.setup(3)")),
    "a decorator": swap(("    def level", "    @math.cached\n    def level")),
    "an await": swap(("    def level", "    async def level")),
}


@pytest.mark.parametrize("name", SAME)
def test_it_stays_in_its_family_whatever_changes_only(name: str, tmp_path: Path) -> None:
    changed = SAME[name](ORIGINAL)
    assert changed != ORIGINAL
    assert code_of(changed, tmp_path).digest == code_of(ORIGINAL, tmp_path).digest


@pytest.mark.parametrize("name", OTHER)
def test_it_is_another_family_after_a_change_of(name: str, tmp_path: Path) -> None:
    changed = OTHER[name](ORIGINAL)
    assert changed != ORIGINAL
    assert code_of(changed, tmp_path).digest != code_of(ORIGINAL, tmp_path).digest


def test_a_renamed_class_is_the_same_family(tmp_path: Path) -> None:
    renamed = code_of(ORIGINAL.replace("Dip", "Fall"), tmp_path, "Fall")
    assert renamed.digest == code_of(ORIGINAL, tmp_path).digest


def test_a_helper_in_a_file_beside_is_the_same_family(tmp_path: Path) -> None:
    helper = ORIGINAL[ORIGINAL.index("def scaled") : ORIGINAL.index("class Dip")]
    (tmp_path / "helpers.py").write_text(f"import math\nLIMIT = 3\n{helper}")
    moved = ORIGINAL.replace(helper, "").replace("LIMIT = 3\n", "")
    for line in (
        "from helpers import LIMIT, scaled",
        "from .helpers import LIMIT, scaled",
        "from helpers import *",
    ):
        text = moved.replace("import math\n", f"{line}\n")
        assert code_of(text, tmp_path).digest == code_of(ORIGINAL, tmp_path).digest, line
    text = moved.replace("import math\n", "import helpers\n").replace("scaled(", "helpers.scaled(")
    text = text.replace("> LIMIT", "> helpers.LIMIT")
    same = code_of(text, tmp_path)
    assert same.digest == code_of(ORIGINAL, tmp_path).digest
    (tmp_path / "helpers.py").write_text(f"import math\nLIMIT = 4\n{helper}")
    assert code_of(text, tmp_path).digest != same.digest


def test_a_helper_inside_a_package_is_seen(tmp_path: Path) -> None:
    package = tmp_path / "mine"
    (package / "inner").mkdir(parents=True)
    for folder in (package, package / "inner"):
        (folder / "__init__.py").touch()
    (package / "inner" / "tools.py").write_text("def f(x):\n    return x + 1\n")
    text = "from mine.inner.tools import f\n\ndef run(x):\n    return f(x)\n"
    before = code_of(text, package, "run").digest
    (package / "inner" / "tools.py").write_text("def f(x):\n    return x + 2\n")
    assert code_of(text, package, "run").digest != before


def test_parameters_are_called_by_their_place_in_the_code(tmp_path: Path) -> None:
    code = code_of(ORIGINAL, tmp_path)
    assert code.defaults == {"window": 20, "dip": 0.05}
    renamed = code_of(ORIGINAL.replace("window", "span"), tmp_path)
    assert renamed.names["span"] == code.names["window"]
    assert renamed.names["dip"] == code.names["dip"]
    assert len(set(code.names.values())) == 2


COMPILED = """
from engine.kernels.intents import BUY, market_order
from trader import compiled_strategy

@compiled_strategy(indicators={"quick": "sma(close, fast)"}, memory=2)
def cross(values, memory, position, last, working, intents):
    quick = values[5]
    if quick > memory[0]:
        return market_order(intents, 0, BUY, 100)
    memory[0] = quick
    return 0
"""


@pytest.mark.parametrize(
    ("change", "parameter", "is_same"),
    [
        (swap(("quick", "rapid")), "fast", True),
        (swap(("fast", "n")), "n", True),
        (swap(("values", "v"), ("memory[", "memory [")), "fast", True),
        (swap(("memory=2", "memory=3")), "fast", False),
        (swap(("sma(", "ema(")), "fast", False),
        (swap(("BUY", "SELL")), "fast", False),
        (swap(("values[5]", "values[4]")), "fast", False),
    ],
)
def test_a_compiled_function_is_known_by_what_it_does(
    change: Callable[[str], str], parameter: str, is_same: bool, tmp_path: Path
) -> None:
    path = tmp_path / "s.py"
    path.write_text(COMPILED)
    before = python_code(path, "cross", ("fast",)).digest
    path.write_text(change(COMPILED))
    assert (python_code(path, "cross", (parameter,)).digest == before) is is_same


def test_nested_functions_are_told_apart(tmp_path: Path) -> None:
    text = "def run():\n    def f():\n        return 1\n    def g():\n        return 2\n    return f()\n"
    first = code_of(text, tmp_path, "run").digest
    assert code_of(text.replace("return f()", "return g()"), tmp_path, "run").digest != first
    swapped = text.replace("def f", "def x").replace("def g", "def f").replace("def x", "def g")
    assert code_of(swapped.replace("return f()", "return g()"), tmp_path, "run").digest == first


@pytest.mark.parametrize("text", ["def broken(:\n", "x = 1\n", "", "\x00"])
def test_a_file_that_cannot_be_understood_still_has_an_identity(text: str, tmp_path: Path) -> None:
    first, second = code_of(text, tmp_path), code_of(f"{text}\ny = 2\n", tmp_path)
    assert len(first.digest) == 64
    assert first.digest != second.digest


def test_a_missing_file_still_has_an_identity(tmp_path: Path) -> None:
    assert len(python_code(tmp_path / "none.py", "X").digest) == 64


def test_files_that_import_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("import strategy\n\ndef f():\n    return 1\n")
    text = "from other import f\n\ndef run():\n    return f()\n"
    assert len(code_of(text, tmp_path, "run").digest) == 64
