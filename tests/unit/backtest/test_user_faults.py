"""A user's broken strategy: one message with file and line, exit code 2, nothing written."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cli.main import app
from data.history import History
from engine.errors import ConfigError, StrategyError, TraderError
from runtime.backtest import run_backtest
from runtime.config import parse_strategy
from runtime.results import BacktestResult

FILE = """
[strategy]
name = "mine"
class = "mine.py:Mine"
[data]
dataset = "sample:goog"
"""
HEAD = """\
from decimal import Decimal

import numpy as np

from trader import Bar, Strategy, indicator, parameter


class Mine(Strategy):
"""
BAR = """\
    def on_bar(self, bar: Bar) -> None:
"""
FIRST_LINE = HEAD.count("\n") + BAR.count("\n") + 1  # of a callback's body


def history() -> History:
    close = np.arange(100.0, 140.0)
    return History.from_arrays(
        "X",
        ts_close_ns=np.arange(1, 41) * 60 * 10**9,
        open=close,
        high=close + 1,
        low=close - 1,
        close=close,
    )


def run(folder: Path, code: str, file: str = FILE) -> BacktestResult:
    (folder / "mine.py").write_text(code, encoding="utf-8")
    config = parse_strategy(file, folder / "mine.toml")
    return run_backtest(config, history=history(), engine="interpreted")


def on_bar(body: str) -> str:
    return HEAD + BAR + textwrap.indent(textwrap.dedent(body), " " * 8)


# --- what a callback can do wrong -----------------------------------------------------------------------
# the body of on_bar, the line of it that is to blame, what the message says
BODIES = [
    ("x = 1\nraise KeyError('fast')", 2, "KeyError in on_bar: 'fast'"),
    ("x = {}\nx['fast']", 2, "KeyError in on_bar: 'fast'"),
    ("1 / 0", 1, "ZeroDivisionError in on_bar"),
    ("assert bar.close < 0", 1, "AssertionError in on_bar"),
    ("bar.vwap", 1, "AttributeError in on_bar"),
    ("self.buy(10.0)", 1, "quantity is 10.0, a float"),
    ("self.buy(float('nan'))", 1, "quantity is nan, a float"),
    ("self.buy(np.float64(10))", 1, "a float64"),
    ("self.buy(True)", 1, "quantity is True, a bool"),
    ("self.buy(None)", 1, "quantity is None, a NoneType"),
    ("self.buy('ten')", 1, "quantity is not a number: 'ten'"),
    ("self.buy(Decimal('NaN'))", 1, "quantity must be finite"),
    ("self.buy(Decimal('Infinity'))", 1, "quantity must be finite"),
    ("self.buy('0.5')", 1, "quantity 0.5 has more than 0 decimals"),
    ("self.buy(10**30)", 1, "is out of range"),
    ("self.buy(Decimal('1e999999'))", 1, "is out of range"),
    ("self.buy(1, 'IBM')", 1, "there is no instrument 'IBM' in this run"),
    ("self.position('IBM')", 1, "there is no instrument 'IBM' in this run"),
    ("self.buy(1, limit=bar.close)", 1, "limit is 100.0, a float"),
    ("self.buy(1, limit='100.123456')", 1, "limit 100.123456 has more than"),
    ("self.buy(1, stop_loss=99.5)", 1, "stop_loss is 99.5, a float"),
    ("self.buy(1, limt='100')", 1, "limt"),
    ("self.buy(1, time_in_force='FOREVER')", 1, "time_in_force is 'FOREVER'"),
    ("self.buy(1, auction='noon')", 1, "auction is 'noon'"),
    ("self.target_weight(float('nan'))", 1, "target_weight got nan"),
    ("self.target_weight(float('inf'))", 1, "target_weight got inf"),
    ("self.target_weight('half')", 1, "target_weight got 'half', a str"),
    ("self.target_weight(True)", 1, "target_weight got True, a bool"),
    ("self.price(float('nan'))", 1, "price got nan"),
    ("self.price(1.0, 'sideways')", 1, "rounding must be one of"),
    ("self.price('100')", 1, "price got '100', a str"),
]


@pytest.mark.parametrize(("body", "line", "says"), BODIES)
def test_a_callback_that_goes_wrong_is_named_by_file_and_line(
    tmp_path: Path, body: str, line: int, says: str
) -> None:
    with pytest.raises(StrategyError) as caught:
        run(tmp_path, on_bar(body))
    assert says in caught.value.problem
    assert caught.value.where == f"{tmp_path / 'mine.py'}, line {FIRST_LINE + line - 1}"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("term", "remedy"), [("limt=1", "did you mean 'limit'?"), ("colour=1", "it has limit, stop,")]
)
def test_an_order_with_an_unknown_term_is_told_the_known_ones(
    tmp_path: Path, term: str, remedy: str
) -> None:
    with pytest.raises(StrategyError, match="an order has no term") as caught:
        run(tmp_path, on_bar(f"self.buy(1, {term})"))
    assert remedy in caught.value.remedy
    assert caught.value.where == f"{tmp_path / 'mine.py'}, line {FIRST_LINE}"


@pytest.mark.parametrize("returned", ["1", "bar.close", "float('nan')", "False"])
def test_a_callback_that_returns_something_is_told_how_to_act(
    tmp_path: Path, returned: str
) -> None:
    with pytest.raises(StrategyError, match="callbacks return nothing") as caught:
        run(tmp_path, on_bar(f"return {returned}"))
    assert str(tmp_path / "mine.py") in caught.value.where
    assert "self.buy" in caught.value.remedy


def test_the_third_bar_is_as_good_as_the_first(tmp_path: Path) -> None:
    code = """
    self.bars = getattr(self, 'bars', 0) + 1
    if self.bars == 3:
        raise RuntimeError("third")
    """
    with pytest.raises(StrategyError, match="RuntimeError in on_bar: third"):
        run(tmp_path, on_bar(code))


@pytest.mark.parametrize("callback", ["on_start", "on_stop"])
def test_other_callbacks_are_guarded_as_well(tmp_path: Path, callback: str) -> None:
    code = HEAD + f"    def {callback}(self) -> None:\n        1 / 0\n"
    with pytest.raises(StrategyError) as caught:
        run(tmp_path, code)
    assert f"ZeroDivisionError in {callback}" in caught.value.problem
    assert caught.value.where == f"{tmp_path / 'mine.py'}, line {FIRST_LINE}"


def test_a_fault_in_on_fill_is_named_after_it(tmp_path: Path) -> None:
    code = on_bar("if not self.position() and not self.working_orders():\n    self.buy(1)\n")
    code += "\n    def on_fill(self, fill):\n        1 / 0\n"
    with pytest.raises(StrategyError, match="ZeroDivisionError in on_fill"):
        run(tmp_path, code)


@pytest.mark.parametrize("number", ["99.504", "np.float64(99.504)", "Decimal('99.504')"])
def test_numbers_of_every_library_become_prices(tmp_path: Path, number: str) -> None:
    run(tmp_path, on_bar(f"assert self.price({number}) == Decimal('99.50')"))


def test_a_user_who_leaves_the_program_leaves_it(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, on_bar("raise KeyboardInterrupt"))


# --- what a file can do wrong -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "says", "line"),
    [
        ("class Mine(:\n    pass\n", "class Mine(:", 1),
        ("x = 1\n  y = 2\n", "unexpected indent", 2),
        ("import no_such_module\n", "No module named 'no_such_module'", 1),
        ("x = 1\nfrom trader import Strateggy\n", "cannot import name 'Strateggy'", 2),
        ("raise ValueError('no')\n", "ValueError in import: no", 1),
    ],
)
def test_a_file_that_cannot_be_imported_is_named_with_its_line(
    tmp_path: Path, code: str, says: str, line: int
) -> None:
    with pytest.raises(StrategyError) as caught:
        run(tmp_path, code)
    assert says in str(caught.value)
    assert f"{tmp_path / 'mine.py'}, line {line}" in caught.value.where


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("", "has no 'Mine'"),
        ("class Mien: pass\n", "did you mean 'Mien'?"),
        ("class Mine: pass\n", "is not a subclass of trader.Strategy"),
        ("def Mine(): pass\n", "is not a subclass of trader.Strategy"),
        ("Mine = 3\n", "is not a subclass of trader.Strategy"),
    ],
)
def test_a_file_without_the_class_says_what_it_has(tmp_path: Path, code: str, says: str) -> None:
    with pytest.raises(StrategyError) as caught:
        run(tmp_path, code)
    assert says in str(caught.value)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(TraderError) as caught:
        config = parse_strategy(FILE, tmp_path / "mine.toml")
        run_backtest(config, history=history())
    assert caught.value.exit_code == 2
    assert "mine.py" in str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ("fats = 3", "declares no parameter 'fats'"),
        ("fast = 2.5", "fast must be a whole number, not 2.5"),
        ("fast = 1", "fast is 1; it must be from 2 to 9"),
        ("fast = 10", "fast is 10; it must be from 2 to 9"),
    ],
)
def test_parameters_are_held_against_what_the_class_declares(
    tmp_path: Path, parameters: str, says: str
) -> None:
    code = HEAD + "    fast = parameter(5, minimum=2, maximum=9)\n"
    with pytest.raises(ConfigError) as caught:
        run(tmp_path, code, FILE + f"[parameters]\n{parameters}\n")
    assert says in str(caught.value)


def test_a_formula_that_a_class_declares_is_checked(tmp_path: Path) -> None:
    code = HEAD + "    average = indicator('smma(close, 5)')\n" + BAR + "        pass\n"
    with pytest.raises(TraderError) as caught:
        run(tmp_path, code)
    assert "smma" in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_folder_of_a_strategy_hides_none_of_our_packages(tmp_path: Path) -> None:
    (tmp_path / "engine.py").write_text("raise ImportError('theirs')\n", encoding="utf-8")
    assert len(run(tmp_path, on_bar("import engine.errors")).fills) == 0


# --- from the shell -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "code",
    [
        on_bar("raise RuntimeError('no')"),
        on_bar("self.buy(10**30)"),
        "class Mine(:\n",
        "import no_such_module\n",
        "class Mine: pass\n",
    ],
)
def test_the_command_says_it_in_a_few_lines_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    (tmp_path / "mine.toml").write_text(FILE, encoding="utf-8")
    (tmp_path / "mine.py").write_text(code, encoding="utf-8")
    command = ["backtest", "mine.toml", "--plot", "equity.png", "--engine", "interpreted"]
    answer = CliRunner().invoke(app, command)
    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert "mine.py" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert len(answer.stderr.strip().splitlines()) <= 4
    left = {path.name for path in tmp_path.iterdir()} - {"__pycache__"}
    assert left == {"mine.toml", "mine.py"}


# --- indicators of several instruments ------------------------------------------------------------------
def run_two(folder: Path, body: str) -> BacktestResult:
    code = HEAD + '    average = indicator("sma(close, 3)")\n\n    def on_bars(self, bars):\n'
    (folder / "mine.py").write_text(code + textwrap.indent(body, " " * 8), encoding="utf-8")
    world = FILE.replace("sample:goog", "world:daily_bars") + "[data.world]\ninstruments = 2\n"
    return run_backtest(parse_strategy(world, folder / "mine.toml"), engine="interpreted")


def test_on_bars_reads_the_indicator_of_each_instrument(tmp_path: Path) -> None:
    body = """
best = max(bars, key=lambda bar: bar.close / self.value("average", bar.symbol))
if not self.position(best.symbol):
    self.buy(1, symbol=best.symbol)
"""
    bought = set(run_two(tmp_path, body).fills["symbol"])
    assert len(bought) == 2


@pytest.mark.parametrize(
    ("body", "says", "remedy"),
    [
        ("self.average", "on_bars looks at several", "self.value('average', symbol)"),
        ("self.value('average')", "say which instrument", "pass symbol="),
        ("self.value('mean', bars[0].symbol)", "no indicator 'mean'", "average"),
        ("self.value('average', 'XYZ')", "no instrument 'XYZ'", "it has"),
    ],
)
def test_an_indicator_of_no_instrument_is_refused_not_another_ones(
    tmp_path: Path, body: str, says: str, remedy: str
) -> None:
    with pytest.raises(StrategyError) as caught:
        run_two(tmp_path, body)
    assert says in caught.value.problem
    assert remedy in caught.value.remedy
    assert f"{tmp_path / 'mine.py'}, line " in caught.value.where


def test_one_instrument_needs_no_name_in_on_bars(tmp_path: Path) -> None:
    head = HEAD + '    average = indicator("sma(close, 3)")\n\n    def on_bars(self, bars):\n'
    body = "        assert self.average == self.value('average') == bars[0].close - 1\n"
    assert run(tmp_path, head + body).fills.height == 0
