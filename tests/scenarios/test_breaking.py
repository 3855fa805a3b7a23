"""What a user does wrong, or the machine does to them: one message, the documented exit code.

Each case is told what is wrong, where and what to do; there is no traceback, and no file is left
half written. Strategy files with wrong keys are in bad_strategies.txt, files of prices in
test_import.py.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app

ROOT = Path(__file__).parents[2]

RULES = """\
[strategy]
name = "rules"
[parameters]
fast = 20
[data]
dataset = "sample:goog"
[rules]
entry = "close > sma(close, fast)"
exit = "close < sma(close, fast)"
"""
CLASS = """\
[strategy]
name = "class"
class = "user.py:User"
[data]
dataset = "sample:goog"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    return tmp_path


def trader(*args: str) -> Result:
    return CliRunner().invoke(app, list(args))


def flat(result: Result) -> str:
    """Return the messages as one line, and refuse what no message may look like."""
    assert "Traceback" not in result.stderr
    assert max(map(len, result.stderr.split("\n"))) <= 80
    return " ".join(result.stderr.split())


def backtest(text: str, *args: str, name: str = "s.toml") -> Result:
    Path(name).write_text(text)
    return trader("backtest", name, *args)


# --- options --------------------------------------------------------------------------------------

WRONG_OPTIONS = [
    # what is said                                | what is told
    (("--start", "2030-01-01"), "no data in the chosen dates"),
    (("--start", "2007-01-01", "--end", "2006-01-01"), "they are 2007-01-01 and 2006-01-01"),
    (("--start", "2006-13-45"), "in --start accepted: a date"),
    (("--param", "fast=0"), "n of sma is 0; it must be a whole number from 1"),
    (("--param", "fast=-5"), "n of sma is -5"),
    (("--param", "fast=2.5"), "n of sma is 2.5"),
    (("--param", "fast=1e30"), "1e30 is out of range in parameter fast"),
    (("--param", "fast=nan"), "nan is out of range in parameter fast"),
    (("--param", "fast=x"), "'x' is neither a number nor true or false in parameter fast"),
    (("--param", "fats=3"), "unknown parameter 'fats' in parameter fats did you mean 'fast'?"),
    (("--plot", "x.gif"), "a picture ends in .png, .svg, .pdf"),
    (("--plot", "x"), "a picture ends in .png, .svg, .pdf"),
    (("--plot", "s.toml/x.png"), "s.toml is a file, not a folder"),
    (("--json", "s.toml/x.json"), "s.toml is a file, not a folder"),
    (("--data", "unknown"), "no dataset 'unknown'"),
    (("--data", "unknown", "--catalog", "s.toml"), "the catalog is no folder in s.toml"),
    (("--data", "sample:nope"), "unknown sample 'sample:nope'"),
    (("--data", "world:nope"), "unknown synthetic market 'nope'"),
    (("--data", "world:events"), "formulas need bars; a Python class can trade on quotes"),
    (("--data", "world:quotes"), "formulas need bars; a Python class can trade on quotes"),
]


@pytest.mark.parametrize(("args", "told"), WRONG_OPTIONS, ids=lambda each: " ".join(each)[:40])
def test_a_wrong_option_is_told(args: tuple[str, ...], told: str, folder: Path) -> None:
    result = backtest(RULES, *args)
    assert result.exit_code == 2, result.stderr
    assert told in flat(result).replace("did you mean fast", "did you mean 'fast'")
    assert result.stdout == ""
    assert [each.name for each in folder.iterdir()] == ["s.toml"]


def test_a_folder_for_json_is_refused_before_the_run_and_the_picture(folder: Path) -> None:
    (folder / "x.json").mkdir()
    result = backtest(RULES, "--plot", "x.png", "--json", "x.json")
    assert result.exit_code == 2
    assert "this is a folder in x.json" in flat(result)
    assert not (folder / "x.png").exists()


# --- what the file asks for and the data does not have ----------------------------------------------

WRONG_WISHES = [
    # in the place of the dataset's line, and after the file | what is told
    ('dataset = "sample:goog"\ninstruments = ["MSFT"]', "", "s.toml, line 7, data.instruments"),
    ('dataset = "sample:goog"\ninstruments = []', "", "a list of one or more texts"),
    ('dataset = "sample:goog"\nbenchmark = "SPY"', "", "s.toml, line 7, data.benchmark"),
    ('dataset = "sample:goog"', '[account]\ncurrency = "EUR"', "s.toml, line 10, account.fx"),
    ('dataset = "sample:goog"', "[account]\ncash = 0", "account.cash"),
    ('dataset = "sample:goog"', '[sizing]\nmethod = "fixed_quantity"\nquantity = 1e12', "quantity"),
    ('dataset = "world:daily_bars"\n[data.world]\nlength = 0', "", "'world:daily_bars' is empty"),
    ('dataset = "world:daily_bars"\n[data.world]\nlength = 40000', "", "1990 to 2100"),
]


@pytest.mark.parametrize(("data", "more", "told"), WRONG_WISHES, ids=lambda each: each[-30:])
def test_what_the_data_does_not_have_is_told(data: str, more: str, told: str) -> None:
    result = backtest(RULES.replace('dataset = "sample:goog"', data) + more)
    assert result.exit_code == 2, result.stderr
    assert told in flat(result)


# --- runs that trade nothing say why ----------------------------------------------------------------

IDLE = [
    # entry                        | after the file                              | what is told
    ("close > sma(close, 99999)", "", "had no value at any bar"),
    ("close / 0 > 5", "", "no value at any bar"),
    ("close > 1e9", "", "no order: no entry was ever asked for"),
    ("close > 1", "[account]\ncash = 10", "each under one lot (1 GOOG is worth"),
    ("close > 1", "[account]\ncash = 0.00000001", "each under one lot (1 GOOG is worth"),
    (
        "close > 1",
        '[sizing]\nmethod = "fixed_quantity"\nquantity = 0.4',
        "each under one lot (1 GOOG is worth",
    ),
]


@pytest.mark.parametrize(("entry", "more", "told"), IDLE, ids=lambda each: each[:30])
def test_a_run_without_orders_says_why(entry: str, more: str, told: str) -> None:
    result = backtest(RULES.replace("close > sma(close, fast)", entry) + more)
    assert result.exit_code == 0, result.stderr
    assert told in " ".join(result.stdout.split())


def test_one_bar_of_data_is_a_run() -> None:
    Path("one.csv").write_text("Date,Open,High,Low,Close\n2024-01-02,10,11,9,10\n")
    said = ("--name", "one", "--symbol", "A", "--calendar", "XNYS")
    assert trader("data", "import", "one.csv", *said).exit_code == 0
    result = backtest(RULES, "--data", "one")
    assert result.exit_code == 0, result.stderr
    assert "100,000.00 → 100,000.00" in " ".join(result.stdout.split())


def test_a_class_that_does_nothing_says_so() -> None:
    Path("user.py").write_text("from trader import Strategy\nclass User(Strategy):\n    pass\n")
    result = backtest(CLASS)
    assert result.exit_code == 0, result.stderr
    assert "no order: the strategy placed none" in " ".join(result.stdout.split())


# --- Python strategies ------------------------------------------------------------------------------

HEAD = "from decimal import Decimal\nfrom trader import *\n\n\nclass User(Strategy):\n"
THIRD = (
    "    bars = 0\n    def on_bar(self, bar):\n        self.bars += 1\n        if self.bars == 3:\n"
)

CALLS = [
    # on the third bar                  | what is told
    ("1 / 0", "ZeroDivisionError in on_bar: division by zero"),
    ("return float('nan')", "User.on_bar returned a value; callbacks return nothing"),
    ("self.buy(10**30)", "quantity 1000000000000000000000000000000 is out of range"),
    ("self.buy(1.5)", "quantity is 1.5, a float; orders take exact numbers"),
    ("self.buy(Decimal('NaN'))", "quantity must be finite, not NaN"),
    ("self.buy('abc')", "quantity is not a number: 'abc'"),
    ("self.buy(True)", "quantity is True, a bool"),
    ("self.buy(1, limit='1.234')", "limit 1.234 has more than 2 decimals"),
    ("self.buy(1, symbol='NOPE')", "there is no instrument 'NOPE' in this run"),
    ("self.buy(1, auction='noon')", "auction is 'noon'; it is 'open' or 'close'"),
    ("self.target_weight(float('nan'))", "target_weight got nan"),
    ("self.target_weight(1e300)", "target_weight got 1e+300; a weight is a fraction of equity"),
    ("self.price(float('inf'))", "price got inf; a price is a finite number"),
    ("raise SystemExit(0)", "SystemExit in on_bar: 0"),
    ("import sys; sys.exit(7)", "SystemExit in on_bar: 7"),
    ("raise StopIteration", "StopIteration in on_bar"),
    ("bar.close = 5", "AttributeError in on_bar"),
    ("raise ValueError('\\x1b[31mred')", "ValueError in on_bar: ?[31mred"),
]


@pytest.mark.parametrize(("call", "told"), CALLS, ids=lambda each: each[:30])
def test_a_class_that_errs_on_the_third_bar_is_told_by_line(call: str, told: str) -> None:
    Path("user.py").write_text(f"{HEAD}{THIRD}            {call}\n")
    result = backtest(CLASS, "--plot", "x.png")
    assert result.exit_code == 2, result.stderr
    assert told in flat(result)
    assert "user.py" in flat(result)
    assert ("line 10" in flat(result)) == ("returned a value" not in told)
    assert not Path("x.png").exists()


FILES = [
    # the user's file                                   | what is told, and where
    ("class User:\n    pass\n", "User is not a subclass of trader.Strategy in user.py"),
    ("x = 1\n", "user.py has no 'User' in s.toml, line 3, strategy.class"),
    ("", "user.py has no 'User'"),
    (HEAD.replace("class User(Strategy):", "class User(Strategy)"), "expected ':'"),
    ("import nothing_like_it\n", "No module named 'nothing_like_it' in user.py, line 1"),
    ("import sys\nsys.exit(3)\n", "SystemExit in import: 3 in user.py, line 2"),
    ("\0\0", "null bytes in user.py"),
    (HEAD + "    def __init__(self, size):\n        pass\n", "write: def __init__(self)"),
    (HEAD + "    def on_bar(self):\n        pass\n", "write: def on_bar(self, bar)"),
    (HEAD + "    def on_fill(self, a, b):\n        pass\n", "write: def on_fill(self, fill)"),
    (
        HEAD + "    mean = indicator('sma(clse, 3)')\n    def on_bar(self, bar):\n        pass\n",
        "in user.py, User.mean sma(clse, 3) ^ did you mean close?",
    ),
]


@pytest.mark.parametrize(("text", "told"), FILES, ids=lambda each: each[-30:])
def test_a_strategy_file_that_cannot_be_used_is_told(text: str, told: str) -> None:
    Path("user.py").write_text(text)
    result = backtest(CLASS)
    assert result.exit_code == 2, result.stderr
    assert told in flat(result)


def test_a_missing_class_file_is_told_by_the_key_that_names_it() -> None:
    result = backtest(CLASS)
    assert result.exit_code == 2
    assert "user.py cannot be read: No such file or directory" in flat(result)
    assert "s.toml, line 3, strategy.class" in flat(result)


# --- the machine ----------------------------------------------------------------------------------


def start(*args: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "dumb", "NO_COLOR": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "trader", *args],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("args", [(), ("--json",)])
def test_a_full_disk_behind_a_backtest_is_told(args: tuple[str, ...]) -> None:
    Path("s.toml").write_text(RULES)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "trader", "backtest", "s.toml", *args],
            env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: No space left on device")


def test_two_runs_at_once_do_not_disturb_each_other(folder: Path) -> None:
    Path("s.toml").write_text(RULES)
    runs = [start("backtest", "s.toml", "--json", "out.json", "--plot", "out.png") for _ in "ab"]
    assert [run.wait() for run in runs] == [0, 0], [run.communicate()[1] for run in runs]
    for run in runs:
        run.communicate()
    assert sorted(each.name for each in folder.iterdir()) == ["out.json", "out.png", "s.toml"]


@pytest.mark.parametrize("mode", ["--replace", "--append"])
def test_two_imports_at_once_leave_one_whole_dataset(folder: Path, mode: str) -> None:
    write_days(folder / "a.csv", 2_000)
    said = ("--name", "d", "--symbol", "A", "--calendar", "24/7", "--catalog", "c")
    runs = [start("data", "import", "a.csv", *said, mode) for _ in "abc"]
    answers = [run.communicate() for run in runs]
    assert {run.returncode for run in runs} <= {0, 2}, answers
    assert any(run.returncode == 0 for run in runs), answers
    assert not any("Traceback" in told for _, told in answers)
    listed = trader("data", "list", "--catalog", "c")
    assert "2,000" in listed.stdout and "damaged" not in listed.stdout
    result = backtest(RULES, "--data", "d", "--catalog", "c")
    assert result.exit_code == 0, result.stderr


def test_a_second_writer_is_refused_and_changes_nothing(folder: Path) -> None:
    write_days(folder / "a.csv", 50)
    said = ("--name", "d", "--symbol", "A", "--calendar", "24/7", "--catalog", "c")
    assert trader("data", "import", "a.csv", *said).exit_code == 0
    before = sorted(str(each) for each in (folder / "c").rglob("*"))
    handle = os.open(folder / "c" / "d", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    result = trader("data", "import", "a.csv", *said, "--replace")
    os.close(handle)
    assert result.exit_code == 2
    assert "another import is writing this dataset" in flat(result)
    assert sorted(str(each) for each in (folder / "c").rglob("*")) == before


def write_days(path: Path, days: int) -> None:
    import datetime as dt

    first = dt.date(2000, 1, 1)
    rows = [f"{first + dt.timedelta(day)},10,11,9,10,100" for day in range(days)]
    path.write_text("\n".join(["Date,Open,High,Low,Close,Volume", *rows]) + "\n")


def test_ctrl_c_in_an_import_leaves_the_catalog_as_it_was(folder: Path) -> None:
    """A pipe as its file: the import waits in the middle of reading when the signal comes."""
    write_days(folder / "a.csv", 50)
    said = ("--name", "d", "--symbol", "A", "--calendar", "24/7", "--catalog", "c")
    assert trader("data", "import", "a.csv", *said).exit_code == 0
    before = sorted(str(each) for each in (folder / "c").rglob("*"))
    os.mkfifo(folder / "waits.csv")
    run = start("data", "import", "waits.csv", *said, "--replace")
    with (folder / "waits.csv").open("w") as pipe:  # returns when the import has opened it
        pipe.write("Date,Open,High,Low,Close,Volume\n2000-01-01,10,11,9,10,100\n")
        pipe.flush()
        run.send_signal(signal.SIGINT)
    stdout, stderr = run.communicate()
    assert run.returncode == 130, stderr
    assert (stdout, stderr) == ("", "interrupted: nothing half-written is left\n")
    assert sorted(str(each) for each in (folder / "c").rglob("*")) == before


# --- what a result shows ----------------------------------------------------------------------------


def test_the_command_that_reproduces_says_what_the_file_does_not(folder: Path) -> None:
    write_days(folder / "a.csv", 100)
    said = ("--name", "d", "--symbol", "A", "--calendar", "24/7", "--catalog", "c")
    assert trader("data", "import", "a.csv", *said).exit_code == 0
    args = ("--data", "d", "--start", "2000-02-01", "--catalog", "c")
    result = backtest(RULES, *args)
    told = " ".join(result.stdout.split("Reproduce")[1].split())
    line = "trader backtest s.toml --param fast=20 --data d --start 2000-02-01 --catalog c"
    assert line in told
    again = trader(*line.split()[1:])
    assert hash_of(again) == hash_of(result)


def hash_of(result: Result) -> str:
    return result.stdout.split("State hash")[1].split()[0]
