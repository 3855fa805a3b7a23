"""`trader check` on strategies with one planted fault each, and on clean ones of the same kind."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cli.main import app
from data.history import BarColumns, History, InstrumentHistory
from data.samples import load_sample
from engine.model.instruments import Instrument, InstrumentKind
from runtime.backtest.histories import load_history
from runtime.checks import Report, check_lookahead, check_warmup
from runtime.checks.findings import Test as Kind
from runtime.checks.lookahead import Settings
from runtime.config import StrategyConfig, load_strategy, parse_strategy

FEW = Settings(cuts=10, starts=4)


def goog() -> History:
    """Return the first 400 days of the sample."""
    history = load_sample("sample:goog")
    bars = history.parts[0].bars
    assert bars is not None
    return history.between(None, int(bars.ts_close_ns[400]))


def write_prices(folder: Path, *, has_times: bool = True) -> None:
    """Write the whole sample as a CSV beside the strategy, as people have it on disk."""
    bars = load_sample("sample:goog").parts[0].bars
    assert bars is not None
    days = bars.ts_open_ns.astype("datetime64[ns]").astype("datetime64[D]")
    closes = bars.close_ticks / 100
    name, lines = "prices.csv", [f"{day},{close}" for day, close in zip(days, closes, strict=True)]
    head = "Date,Close"
    if not has_times:
        head, lines = "Factor", [f"{close * 0.37:.6f}" for close in closes[:-7]]
    (folder / name).write_text("\n".join([head, *lines]) + "\n")


def strategy_of(folder: Path, code: str, *, kind: str = "class", name: str = "Planted") -> Path:
    (folder / "planted.py").write_text(code)
    path = folder / "planted.toml"
    path.write_text(
        f'[strategy]\nname = "planted"\n{kind} = "planted.py:{name}"\n'
        '[data]\ndataset = "sample:goog"\nend = 2006-03-01\n'
    )
    return path


def lookahead(path: Path, history: History | None = None) -> Report:
    return check_lookahead(load_strategy(path), history or goog(), FEW)


def warmup(path: Path, history: History | None = None) -> Report:
    return check_warmup(load_strategy(path), history or goog(), starts=10)


TRADE = """
        if {wish} and self.position() == 0:
            self.buy(10)
        elif not ({wish}) and self.position() > 0:
            self.close()
"""


@dataclass(frozen=True)
class Planted:
    """A class, the test that must catch it, and what must be named; None is clean."""

    code: str
    caught_by: Kind | None
    named: str = ""


LOOKAHEAD = {
    "an array of the whole history at module level": Planted(
        """
from data.samples import load_sample
from trader import Strategy
CLOSES = load_sample("sample:goog").parts[0].bars.close_ticks / 100
class Planted(Strategy):
    def on_start(self):
        self.k = -1
    def on_bar(self, bar):
        self.k += 1"""
        + TRADE.format(wish="CLOSES[min(self.k + 1, len(CLOSES) - 1)] > bar.close"),
        Kind.CUT,
        "order",
    ),
    "the same array, read up to now": Planted(
        """
from data.samples import load_sample
from trader import Strategy
BARS = load_sample("sample:goog").parts[0].bars
class Planted(Strategy):
    def on_bar(self, bar):
        k = int(BARS.ts_close_ns.searchsorted(bar.ts_ns))"""
        + TRADE.format(wish="k > 0 and BARS.close_ticks[k] > BARS.close_ticks[k - 1]"),
        None,
    ),
    "a signal shifted by one bar, made in on_start with polars": Planted(
        """
import polars as pl
from pathlib import Path
from trader import Strategy
class Planted(Strategy):
    def on_start(self):
        closes = pl.read_csv(Path(__file__).parent / "prices.csv")["Close"]
        self.signal = (closes.shift(-1) > closes).fill_null(False).to_list()
        self.k = -1
    def on_bar(self, bar):
        self.k += 1"""
        + TRADE.format(wish="self.signal[self.k]"),
        Kind.SCRAMBLE,
        "order",
    ),
    "a z-score by the mean of the whole file": Planted(
        """
import csv
from pathlib import Path
from statistics import fmean
from trader import Strategy
class Planted(Strategy):
    def on_start(self):
        with open(Path(__file__).parent / "prices.csv") as file:
            self.mean = fmean(float(row["Close"]) for row in csv.DictReader(file))
    def on_bar(self, bar):
        self.z = bar.close / self.mean - 1"""
        + TRADE.format(wish="self.z < -0.4"),
        Kind.CUT,
        "attribute mean",
    ),
    "a normalisation by numpy": Planted(
        """
from pathlib import Path
import numpy as np
from trader import Strategy
TABLE = np.loadtxt(Path(__file__).parent / "prices.csv", delimiter=",", skiprows=1, usecols=[1])
HIGHEST = TABLE.max()
class Planted(Strategy):
    def on_bar(self, bar):
        self.share = bar.close / HIGHEST"""
        + TRADE.format(wish="self.share < 0.4"),
        Kind.SCRAMBLE,
        "attribute share",
    ),
    "the file, read by the day of the bar": Planted(
        """
from pathlib import Path
from trader import Strategy
class Planted(Strategy):
    def on_start(self):
        lines = (Path(__file__).parent / "prices.csv").read_text().splitlines()[1:]
        self.closes = [float(line.split(",")[1]) for line in lines]
        self.k = 0
    def on_bar(self, bar):
        self.k += 1"""
        + TRADE.format(wish="self.closes[self.k - 1] > bar.open"),
        None,
    ),
    "random numbers": Planted(
        """
import random
from trader import Strategy
class Planted(Strategy):
    def on_bar(self, bar):"""
        + TRADE.format(wish="random.random() < 0.5"),
        Kind.REPEAT,
        "order",
    ),
}

WARMUP = {
    "a count of bars since the start": Planted(
        """
from trader import Strategy
class Planted(Strategy):
    def on_start(self):
        self.bars = 0
    def on_bar(self, bar):
        self.bars += 1
        if self.bars % 20 == 0:
            self.close() if self.position() else self.buy(10)
""",
        Kind.START,
        "bars is",
    ),
    "a count that trades every Monday": Planted(
        """
from datetime import UTC, datetime
from trader import Strategy
class Planted(Strategy):
    def on_bar(self, bar):
        if datetime.fromtimestamp(bar.ts_ns / 1e9, UTC).weekday() == 0:
            self.close() if self.position() else self.buy(10)
""",
        None,
    ),
    "an own average that begins with the first bar": Planted(
        """
from trader import Strategy, indicator
class Planted(Strategy):
    short = indicator("sma(close, 10)")
    def on_start(self):
        self.ema = None
    def on_bar(self, bar):
        self.ema = bar.close if self.ema is None else self.ema + (bar.close - self.ema) / 50"""
        + TRADE.format(wish="self.short > self.ema"),
        Kind.START,
        "ema is",
    ),
    "an own average that waits long enough": Planted(
        """
from trader import Strategy, indicator
class Planted(Strategy):
    short = indicator("sma(close, 10)")
    def on_start(self):
        self.ema, self.seen = None, 0
    def on_bar(self, bar):
        self.ema = bar.close if self.ema is None else self.ema + (bar.close - self.ema) / 5
        self.seen += 1
        if self.seen < 100:
            return"""
        + TRADE.format(wish="self.short > self.ema"),
        None,
    ),
    "always in the market, by a declared average": Planted(
        """
from trader import Strategy, indicator
class Planted(Strategy):
    average = indicator("sma(close, 10)")
    def on_bar(self, bar):
        self.target_weight(0.9 if bar.close > self.average else 0.1)
""",
        None,
    ),
    "always in the market, by a count": Planted(
        """
from trader import Strategy
class Planted(Strategy):
    def on_start(self):
        self.bars = 0
    def on_bar(self, bar):
        self.bars += 1
        if self.bars % 20 == 0:
            self.target_weight(0.5)
""",
        Kind.START,
        "bars is",
    ),
}


def require_verdict(report: Report, planted: Planted) -> None:
    found = [each for each in report.findings if each.test is planted.caught_by]
    if planted.caught_by is None:
        assert report.is_clean, report.findings
        return
    assert any(planted.named in f"{each.subject}; {each.remark}" for each in found), report.findings
    for each in found:
        assert each.one != each.other
        assert 1_092_000_000 * 10**9 < each.ts_ns < 1_150_000_000 * 10**9


@pytest.mark.parametrize("name", LOOKAHEAD)
def test_a_planted_look_into_the_future_is_named(name: str, tmp_path: Path) -> None:
    write_prices(tmp_path)
    require_verdict(lookahead(strategy_of(tmp_path, LOOKAHEAD[name].code)), LOOKAHEAD[name])


@pytest.mark.parametrize("name", WARMUP)
def test_a_planted_dependence_on_the_start_is_named(name: str, tmp_path: Path) -> None:
    require_verdict(warmup(strategy_of(tmp_path, WARMUP[name].code)), WARMUP[name])


def test_a_dependence_on_the_start_is_no_look_into_the_future(tmp_path: Path) -> None:
    path = strategy_of(tmp_path, WARMUP["a count of bars since the start"].code)
    report = lookahead(path)
    assert {each.test for each in report.findings} == {Kind.START}
    assert "no look into the future" in report.findings[0].remark


PEEKING_FUNCTION = """
from data.samples import load_sample
from engine.kernels.intents import BUY, SELL, market_order
from trader import compiled_strategy
CLOSES = load_sample("sample:goog").parts[0].bars.close_ticks / 100
@compiled_strategy(memory=1)
def planted(values, memory, position, last, working, intents):
    k = int(memory[0])
    memory[0] = k + 1
    if {peek} and position == 0:
        return market_order(intents, 0, BUY, 100)
    if not ({peek}) and position > 0:
        return market_order(intents, 0, SELL, position)
    return 0
"""


def test_a_compiled_function_that_peeks_is_named(tmp_path: Path) -> None:
    code = PEEKING_FUNCTION.format(peek="CLOSES[min(k + 1, len(CLOSES) - 1)] > values[3]")
    report = lookahead(strategy_of(tmp_path, code, kind="compiled", name="planted"))
    assert report.findings[0].test is Kind.CUT
    assert report.findings[0].subject == "order"


def test_a_clean_compiled_function_passes_and_its_memory_is_compared(tmp_path: Path) -> None:
    code = PEEKING_FUNCTION.format(peek="values[3] > values[0]")
    path = strategy_of(tmp_path, code, kind="compiled", name="planted")
    assert lookahead(path).is_clean
    report = warmup(path)
    assert report.is_clean
    assert [(each.name, each.needed) for each in report.needs] == [("attribute memory[0]", None)]


RULES = """
[strategy]
name = "rules"
[data]
dataset = "{dataset}"
[rules]
entry = "{entry}"
exit = "{exit}"
"""


def rules(entry: str, exit: str, dataset: str = "sample:goog") -> str:
    return RULES.format(entry=entry, exit=exit, dataset=dataset)


def config_of(text: str) -> StrategyConfig:
    return parse_strategy(text, path=Path("rules.toml"))


def test_clean_rules_pass_both_checks() -> None:
    config = config_of(rules("cross_above(close, sma(close, 20))", "close < sma(close, 20)"))
    assert check_lookahead(config, goog(), FEW).is_clean
    report = check_warmup(config, goog(), starts=10)
    assert report.is_clean
    assert {each.name: (each.warmup, each.needed) for each in report.needs} == {
        "sma(close, 20)": (19, 19),
        "rules.entry": (20, 20),
        "rules.exit": (19, 19),
    }


def test_a_recursive_indicator_needs_more_than_its_warm_up_and_is_named() -> None:
    config = config_of(rules("cross_above(close, ema(close, 50))", "close < ema(close, 50)"))
    assert check_lookahead(config, goog(), FEW).is_clean
    report = check_warmup(config, goog(), starts=16)
    assert not report.is_clean
    assert "ema(close, 50) is" in report.findings[0].remark
    ema = next(each for each in report.needs if each.name == "ema(close, 50)")
    assert ema.is_longer
    assert ema.one != ema.other


def test_a_history_that_is_too_short_is_said_to_prove_little() -> None:
    bars = goog().parts[0].bars
    assert bars is not None
    config = config_of(rules("close > sma(close, 50)", "close < sma(close, 50)"))
    report = check_warmup(config, goog().between(None, int(bars.ts_close_ns[20])), starts=3)
    assert report.needs == ()
    assert "history is too short: sma(close, 50), rules.entry, rules.exit" in report.notes[0]
    assert "decided nothing" in report.notes[1]


def minutes_with_days(*, is_known_at_end: bool) -> History:
    """Return minute bars, and daily bars of the same made of them, known in time or not."""
    config = config_of(rules("close > 0", "close < 0", "world:minute_bars"))
    world = config.data.world
    assert world is not None
    longer = replace(world, spec=replace(world.spec, length=390 * 30))
    minutes = load_history(replace(config.data, world=longer), Path())
    part = minutes.parts[0]
    bars = part.bars
    assert bars is not None
    day = bars.ts_open_ns // (86_400 * 10**9)
    first = np.flatnonzero(np.concatenate([[True], day[1:] != day[:-1]]))
    last = np.concatenate([first[1:], [len(bars)]]) - 1
    ends = bars.ts_close_ns[last]
    opens = bars.ts_open_ns[first]
    days = BarColumns(
        ts_open_ns=opens if is_known_at_end else opens - 1,
        ts_close_ns=ends if is_known_at_end else opens,
        open_ticks=bars.open_ticks[first],
        high_ticks=np.maximum.reduceat(bars.high_ticks, first),
        low_ticks=np.minimum.reduceat(bars.low_ticks, first),
        close_ticks=bars.close_ticks[last],
        volume_lots=np.add.reduceat(bars.volume_lots, first),
    )
    daily = InstrumentHistory(Instrument("DAY", InstrumentKind.EQUITY, calendar="XNYS"), days)
    return History((part, daily))


@pytest.mark.parametrize("is_known_at_end", [True, False])
def test_a_higher_timeframe_that_is_known_too_early_is_named(is_known_at_end: bool) -> None:
    history = minutes_with_days(is_known_at_end=is_known_at_end)
    config = config_of(rules("close < close['DAY']", "close > close['DAY']"))
    report = check_lookahead(config, history, Settings(cuts=2, starts=0))
    found = [each for each in report.findings if each.test is Kind.ALIGNMENT]
    assert report.is_clean is is_known_at_end
    if not is_known_at_end:
        assert {each.subject for each in found} == {'close["DAY"]', 'high["DAY"]', 'low["DAY"]'}
        assert all(each.symbol == "DAY" for each in found)


TICKS = """
from trader import Strategy
class Planted(Strategy):
    def on_start(self):
        self.last = float("inf")
        self.up = 0
    def {callback}(self, tick):
        price = {price}
        self.up = self.up + 1 if price > self.last else 0
        self.last = price
        if self.up >= 3 and self.position() == 0 and not self.working_orders():
            self.buy(1)
        elif self.up == 0 and self.position() > 0 and not self.working_orders():
            self.close()
"""


@pytest.mark.parametrize(
    ("world", "callback", "price"),
    [("quotes", "on_quote", "(tick.bid + tick.ask) / 2"), ("trades", "on_trade", "tick.price")],
)
def test_quotes_and_prints_are_checked_too(
    world: str, callback: str, price: str, tmp_path: Path
) -> None:
    path = strategy_of(tmp_path, TICKS.format(callback=callback, price=price))
    text = path.read_text().replace("sample:goog", f"world:{world}").replace("end = ", "# ")
    path.write_text(text)
    history = load_history(load_strategy(path).data, Path())
    report = lookahead(path, history)
    assert report.is_clean, report.findings
    assert "decision times" in report.proved
    assert not report.notes


def test_several_instruments_are_checked_with_their_ranks() -> None:
    config = config_of(
        "[strategy]\nname = 'ranks'\n[data]\ndataset = 'world:daily_bars'\n"
        "[data.world]\ninstruments = 4\nlength = 250\n"
        "[rules]\nweight = 'where(rank(returns(close, 10)) <= 2, 0.4, 0)'\nrebalance = 'weekly'\n"
    )
    history = load_history(config.data, Path())
    assert check_lookahead(config, history, FEW).is_clean
    assert check_warmup(config, history, starts=6).is_clean


FILLS = """
from trader import Strategy, indicator
class Planted(Strategy):
    fast = indicator("sma(close, 5)")
    slow = indicator("sma(close, 20)")
    def on_start(self):
        self.fills, self.spent = 0, 0.0
    def on_bar(self, bar):
        if self.working_orders():
            return
        if self.fast > self.slow and self.position() == 0:
            self.buy(10)
        elif self.fast < self.slow and self.position() > 0:
            self.close()
    def on_fill(self, fill):
        self.fills += 1
        self.spent += float(fill.price * fill.quantity)
        if fill.quantity == 10 and self.position() > 0:
            self.sell(10, stop=self.price(float(fill.price) * 0.99, "down"), reduce_only=True)
"""


def test_a_fill_at_the_next_open_is_not_taken_for_the_future(tmp_path: Path) -> None:
    """A minute bar opens when the one before it closes: its fill has the time of the cut."""
    path = strategy_of(tmp_path, FILLS)
    text = path.read_text().replace("sample:goog", "world:minute_bars").replace("end = ", "# ")
    path.write_text(text)
    history = load_history(load_strategy(path).data, Path())
    report = check_lookahead(load_strategy(path), history, Settings(cuts=40, starts=0))
    assert report.is_clean, report.findings
    assert report.events == 1000


SEES_FILE = """
from pathlib import Path
from trader import Strategy
class Planted(Strategy):
    def on_start(self):
        with open(Path(__file__).parent / "{name}") as file:
            self.rows = len(file.read().splitlines())
    def on_bar(self, bar):
        if self.position() == 0:
            self.buy(1)
"""


def test_a_file_without_times_is_said_to_be_unchecked(tmp_path: Path) -> None:
    write_prices(tmp_path, has_times=False)
    report = lookahead(strategy_of(tmp_path, SEES_FILE.format(name="prices.csv")))
    assert report.is_clean
    assert any("NOT checked" in note and "prices.csv" in note for note in report.notes)


def test_a_file_that_is_known_in_advance_is_left_as_it_is(tmp_path: Path) -> None:
    write_prices(tmp_path)
    path = strategy_of(tmp_path, SEES_FILE.format(name="prices.csv"))
    assert not lookahead(path).is_clean
    settings = replace(FEW, trusted=(tmp_path / "prices.csv",))
    assert check_lookahead(load_strategy(path), goog(), settings).is_clean


def test_what_fails_without_the_future_is_named_by_its_line(tmp_path: Path) -> None:
    code = LOOKAHEAD["an array of the whole history at module level"].code
    path = strategy_of(tmp_path, code.replace("min(self.k + 1, len(CLOSES) - 1)", "self.k + 1"))
    errors = [each for each in lookahead(path).findings if each.subject == "error"]
    assert "IndexError in on_bar" in errors[0].other
    assert "planted.py, line 10" in errors[0].other


def test_what_a_strategy_prints_stays_unseen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = SEES_FILE.format(name="planted.toml").replace("def on_bar", "print('x')\n    def on_bar")
    lookahead(strategy_of(tmp_path, code))
    assert capsys.readouterr().out == ""


def test_the_command_answers_by_its_exit_code_and_in_json(tmp_path: Path) -> None:
    write_prices(tmp_path)
    code = LOOKAHEAD["a z-score by the mean of the whole file"].code
    path = strategy_of(tmp_path, code)
    answer = CliRunner().invoke(app, ["check", "lookahead", str(path), "--cuts", "6", "--json"])
    assert answer.exit_code == 1
    said = json.loads(answer.stdout)
    assert said["ok"] is False
    assert {"test", "time", "symbol", "subject", "whole_run", "other_run"} <= set(
        said["findings"][0]
    )
    answer = CliRunner().invoke(app, ["check", "warmup", "examples/sma_cross.toml"])
    assert answer.exit_code == 0
    assert "clean" in answer.stdout
    assert max(map(len, answer.stdout.splitlines())) <= 80


def test_a_strategy_that_cannot_run_is_bad_input(tmp_path: Path) -> None:
    code = "from trader import Strategy\nclass Planted(Strategy):\n    def on_bar(self, bar):\n"
    path = strategy_of(tmp_path, code + "        1 / 0\n")
    answer = CliRunner().invoke(app, ["check", "lookahead", str(path)])
    assert answer.exit_code == 2
    assert "ZeroDivisionError" in answer.stderr
