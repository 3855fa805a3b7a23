"""Families and fingerprints: what begins a new one, and what must not."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from data.catalog import Catalog
from data.history import History
from data.importing import ImportOptions, import_file
from runtime.config import StrategyConfig, parse_strategy
from runtime.store import identity
from runtime.store.formulas import canonical_formula
from runtime.store.identity import DataIdentity, Identity, data_identity, identity_of, market_of

TEXT = """
[strategy]
name = "cross"
[parameters]
fast = 20
slow = { default = 50, min = 5, max = 400 }
[data]
dataset = "sample:goog"
[rules]
entry = "cross_above(sma(close, fast), sma(close, slow)) and close < 1000"
exit = "cross_below(sma(close, fast), sma(close, slow))"
[fills.slippage]
model = "bps"
value = 2
"""
DATA = DataIdentity("sample:goog", market_of(["GOOG"]), "da" * 16, 1, 2)


def strategy(text: str = TEXT) -> StrategyConfig:
    return parse_strategy(text, Path("strategy.toml"))


def identified(text: str = TEXT, data: DataIdentity = DATA) -> Identity:
    return identity_of(strategy(text), data)


VOLATILITY = """[sizing]
method = "vol_target"
target_volatility_percent = 9
volatility = "stdev(close, 9)"
"""
SAME = [
    ('name = "cross"', 'name = "another name"'),
    ('name = "cross"', 'name = "cross"\ndescription = "words"'),
    ("[parameters]", "# a comment\n[parameters]"),
    ("fast", "quick"),
    ("slow", "rapid"),
    ("cross_above(sma(close, fast), ", "cross_above( sma( close,n=fast ) , "),
    ("close < 1000", "1000 > close"),
    ("close < 1000", "(close < 1_000)".replace("_", "")),
    ("sma(close, slow)) and", "sma(x=close, n=slow)) and"),
    ("min = 5, max = 400", "min = 1"),
    ("value = 2", "value = 2.0"),
    ('dataset = "sample:goog"', 'dataset = "sample:goog"\nbenchmark = "GOOG"'),
    ("[fills.slippage]", "[account]\ncash = 100000\n[fills.slippage]"),  # the default, said
    ("[fills.slippage]", '[monitoring]\nevery = "1m"\n[fills.slippage]'),
]
OTHER_EVALUATION = [
    ("fast = 20", "fast = 21"),
    ("default = 50", "default = 51"),
    ("value = 2", "value = 3"),
    ("[fills.slippage]", "[fills]\nlatency_ms = 5\n[fills.slippage]"),
    ("[fills.slippage]", "[fills.fees]\nmodel = 'bps'\ntaker_bps = 1\n[fills.slippage]"),
    ("[fills.slippage]", "[account]\ncash = 50000\n[fills.slippage]"),
    ("[fills.slippage]", "[account]\nleverage = 2\n[fills.slippage]"),
    ("[fills.slippage]", "[sizing]\nfraction = 0.5\n[fills.slippage]"),
    ("[fills.slippage]", "[execution]\nstop_loss_percent = 5\n[fills.slippage]"),
    ('dataset = "sample:goog"', 'dataset = "sample:goog"\nadjustment = "none"'),
    ("[fills.slippage]", "[risk]\n[fills.slippage]"),
    ("[fills.slippage]", "[signals]\n[fills.slippage]"),
    ("[fills.slippage]", "[exits.stop_loss]\npercent = 14\n[fills.slippage]"),
    ("[fills.slippage]", "[guards]\n[fills.slippage]"),
    ("[fills.slippage]", '[execution]\ntimeout = "1m"\n[fills.slippage]'),
    ('name = "cross"', 'name = "cross"\ntier = "hunter"'),
]
OTHER_FAMILY = [
    ("entry =", 'edge = "0.1"\nentry ='),
    ("[fills.slippage]", f"{VOLATILITY}[fills.slippage]"),
    ("cross_above(sma(close, fast)", "cross_above(ema(close, fast)"),
    ("close < 1000", "close < 1001"),
    ("close < 1000", "close <= 1000"),
    ("close < 1000", "open < 1000"),
    ("and close", "or close"),
    ("cross_below(sma(close, fast), sma(close, slow))", "cross_below(sma(close, slow), close)"),
    ("cross_above(sma(close, fast), sma(close, slow))",
     "cross_above(sma(close, slow), sma(close, fast))"),
    ("entry =", 'short_exit = "close > 1"\nshort_entry = "close < 2"\nentry ='),
]  # fmt: skip


def changed(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new)


@pytest.mark.parametrize(("old", "new"), SAME)
def test_the_same_evaluation_is_counted_once(old: str, new: str) -> None:
    found = identified(changed(old, new))
    assert (found.family, found.fingerprint) == (identified().family, identified().fingerprint)


@pytest.mark.parametrize(("old", "new"), OTHER_EVALUATION)
def test_another_evaluation_counts_in_the_same_family(old: str, new: str) -> None:
    found = identified(changed(old, new))
    assert found.family == identified().family
    assert found.fingerprint != identified().fingerprint


@pytest.mark.parametrize(("old", "new"), OTHER_FAMILY)
def test_other_rules_are_another_family(old: str, new: str) -> None:
    found = identified(changed(old, new))
    assert found.family != identified().family
    assert found.fingerprint != identified().fingerprint


def test_names_of_parameters_that_change_places_are_another_evaluation() -> None:
    swapped = TEXT.replace("fast = 20", "fast = 50").replace("default = 50", "default = 20")
    assert identified(swapped).fingerprint != identified().fingerprint


def test_a_parameter_that_no_formula_uses_changes_nothing() -> None:
    assert identified(changed("fast = 20", "fast = 20\nidle = 7")).fingerprint == (
        identified().fingerprint
    )


@pytest.mark.parametrize(
    ("change", "is_same_family"),
    [
        ({"dataset": "renamed"}, True),
        ({"fingerprint": "db" * 16}, True),
        ({"start_ns": 0}, True),
        ({"end_ns": 3}, True),
        ({"market": market_of(["GOOG", "MSFT"])}, False),
    ],
)
def test_data_belongs_to_the_evaluation_and_its_market_to_the_family(
    change: dict[str, str], is_same_family: bool
) -> None:
    found = identified(data=replace(DATA, **change))  # type: ignore[arg-type]
    assert (found.family == identified().family) is is_same_family
    assert (found.fingerprint == identified().fingerprint) is ("dataset" in change)


def test_another_engine_is_another_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identified()
    monkeypatch.setattr(identity, "engine_digest", lambda: "another")
    assert identified().family == before.family
    assert identified().fingerprint != before.fingerprint


def test_values_from_the_command_line_are_those_of_the_file() -> None:
    given = strategy().with_parameters({"fast": Decimal("10.0")})
    assert identity_of(given, DATA).fingerprint == (
        identified(changed("fast = 20", "fast = 10")).fingerprint
    )


PYTHON = """
from trader import Strategy, parameter
class Buyer(Strategy):
    window = parameter(20)
    is_careful = parameter(True)
    def on_bar(self, bar):
        if self.window > 3 and self.is_careful:
            self.buy(1)
"""
CLASS = """
[strategy]
name = "buyer"
class = "buyer.py:Buyer"
[data]
dataset = "sample:goog"
"""


def class_identity(folder: Path, *, code: str = PYTHON, parameters: str = "") -> Identity:
    (folder / "buyer.py").write_text(code)
    text = f"{CLASS}\n[parameters]\n{parameters}" if parameters else CLASS
    return identity_of(parse_strategy(text, folder / "buyer.toml"), DATA)


def test_a_default_in_the_code_is_the_same_value_as_in_the_file(tmp_path: Path) -> None:
    plain = class_identity(tmp_path)
    assert class_identity(tmp_path, parameters="window = 20").fingerprint == plain.fingerprint
    assert class_identity(tmp_path, parameters="is_careful = true").fingerprint == plain.fingerprint
    other = class_identity(tmp_path, parameters="window = 30")
    coded = class_identity(tmp_path, code=PYTHON.replace("parameter(20)", "parameter(30)"))
    assert other.fingerprint == coded.fingerprint != plain.fingerprint
    assert other.family == coded.family == plain.family


def test_a_renamed_parameter_of_a_class_is_the_same_evaluation(tmp_path: Path) -> None:
    before = class_identity(tmp_path, parameters="window = 30")
    renamed = PYTHON.replace("window", "span").replace("Buyer", "Buyer")
    after = class_identity(tmp_path, code=renamed, parameters="span = 30")
    assert (after.family, after.fingerprint) == (before.family, before.fingerprint)


def test_a_file_that_is_edited_is_read_again(tmp_path: Path) -> None:
    before = class_identity(tmp_path)
    after = class_identity(tmp_path, code=PYTHON.replace("> 3", "> 4"))
    assert after.family != before.family


def history(symbol: str, *, days: int = 5) -> History:
    prices = np.full(days, 10.0)
    stamps = np.arange(1, days + 1) * 86_400 * 10**9
    return History.from_arrays(
        symbol, ts_close_ns=stamps, open=prices, high=prices, low=prices, close=prices
    )


def test_a_market_is_its_instruments_not_its_length() -> None:
    config = strategy()
    short, long = (data_identity(config, history("A", days=days)) for days in (5, 6))
    assert short.market == long.market != data_identity(config, history("B")).market
    assert short.fingerprint != long.fingerprint
    assert (short.start_ns, short.end_ns) == (86_400 * 10**9, 5 * 86_400 * 10**9)


def test_choosing_instruments_of_a_dataset_is_the_same_market(tmp_path: Path) -> None:
    rows = [f"2024-01-0{day},{name},10,11,9,10,1" for name in "AB" for day in (2, 3)]
    (tmp_path / "p.csv").write_text("\n".join(["Date,Symbol,Open,High,Low,Close,Volume", *rows]))
    import_file(tmp_path / "p.csv", tmp_path, ImportOptions("mine", calendar="XNYS"))
    config = strategy(TEXT.replace("sample:goog", "mine"))
    found = {
        data_identity(config, Catalog(tmp_path).dataset("mine").load(names), tmp_path).market
        for names in (["A"], ["B"], None)
    }
    assert found == {market_of(["A", "B"])}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sma(close, 20, timeframe='1d') > 1", 'timeframe("1d", sma(close, 20)) > 1'),
        ("macd(close) > 0", "macd(close, 12, 26) > 0"),
        ("macd(close, slow=30) > 0", "macd(close, 12, 30) > 0"),
        ("close > open", "open < close"),
        ("close >= open", "open <= close"),
    ],
)
def test_two_ways_to_write_a_formula_are_one(one: str, other: str) -> None:
    assert canonical_formula(one, str) == canonical_formula(other, str)


def test_a_formula_that_does_not_parse_stays_as_it_is() -> None:
    assert canonical_formula("sma(close,", str) == "sma(close,"
