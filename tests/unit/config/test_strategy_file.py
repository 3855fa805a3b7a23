"""A strategy file becomes one frozen value: defaults, exact numbers, overrides, identity."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from pathlib import Path

import pytest

from engine.errors import ConfigError, FormulaError, InputError
from runtime.config import load_strategy, parse_strategy
from runtime.config.building import VOLUME_CAP
from sims.fillbook.settings import FeeModel, SlippageModel
from sims.worlds.spec import Hours, WorldKind
from tests.unit.config.strategy_texts import MINIMAL, parse

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_a_minimal_file_gets_the_documented_defaults() -> None:
    config = parse(MINIMAL)
    assert (config.account.cash, config.account.currency) == (Decimal(100_000), "USD")
    assert (config.account.leverage, config.account.allow_short) == (Decimal(1), False)
    assert (config.sizing.method, config.sizing.fraction) == ("equal_weight", Decimal("0.95"))
    assert (config.execution.order_type, config.execution.time_in_force) == ("market", "GTC")
    assert config.execution.stop_loss_percent is None
    assert (config.data.instruments, config.data.adjustment) == (None, "splits")
    assert (config.fills.book.volume_cap, config.fills.is_volume_cap_given) == (VOLUME_CAP, False)
    assert (config.fills.book.path, config.fills.book.limit_fill) == ("pessimistic", "through")
    assert config.warnings == ()


def test_the_value_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        parse(MINIMAL).account.cash = Decimal(1)  # type: ignore[misc]


@pytest.mark.parametrize("written", ["0.1", "1e-1", "0.10"])
def test_a_fraction_is_read_from_its_text_exactly(written: str) -> None:
    config = parse(f"{MINIMAL}[sizing]\nfraction = {written}\n")
    assert config.sizing.fraction == Decimal("0.1")  # not 0.1000000000000000055


def test_fills_become_the_settings_of_the_fill_book() -> None:
    config = parse(
        f"""{MINIMAL}
[fills]
path = "nearest"
volume_cap = "off"
latency_ms = 1.5
seed = 3
[fills.slippage]
model = "bps"
value = 2.5
[fills.fees]
model = "per_share"
per_unit = 0.005
minimum = 1
"""
    )
    book = config.fills.book
    assert (book.path, book.latency_ns, book.seed) == ("nearest", 1_500_000, 3)
    assert (book.volume_cap, config.fills.is_volume_cap_given) == (None, True)
    assert book.slippage == SlippageModel("bps", Decimal("2.5"))
    assert book.fees == FeeModel("per_share", per_unit=Decimal("0.005"), minimum=Decimal(1))


def test_a_weight_rule_is_sized_by_target_weights() -> None:
    text = MINIMAL.replace('entry = "close > sma(close, 20)"', 'weight = "0.5"')
    config = parse(f'{text}rebalance = "monthly"\n')
    assert config.sizing.method == "target_weights"
    assert config.rules is not None
    assert (config.rules.formulas(), config.rules.rebalance) == ({"weight": "0.5"}, "monthly")


def test_short_rules_allow_short_positions() -> None:
    assert parse(f'{MINIMAL}short_entry = "close < 1"\n').account.allow_short is True


@pytest.mark.parametrize(
    ("written", "ns"),
    [
        ("1970-01-02", 86_400 * 10**9),
        ('"1970-01-02"', 86_400 * 10**9),
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01T01:00:00.000001+01:00", 1_000),
        ("1969-12-31", -86_400 * 10**9),
    ],
)
def test_dates_and_times_become_nanoseconds(written: str, ns: int) -> None:
    text = MINIMAL.replace("[rules]", f"start = {written}\n[rules]")
    assert parse(text).data.start_ns == ns


def test_a_synthetic_market_is_described_in_its_table() -> None:
    text = MINIMAL.replace(
        'dataset = "sample:goog"',
        'dataset = "world:quotes"\n[data.world]\nseed = 7\ninstruments = 3\n'
        'hours = "continuous"\nvolatility_per_year = 0.5',
    )
    world = parse(text).data.world
    assert world is not None
    assert (world.seed, world.spec.kind, world.spec.instruments) == (7, WorldKind.QUOTES, 3)
    assert (world.spec.hours, world.spec.volatility_per_year) == (Hours.CONTINUOUS, 0.5)
    assert world.spec.length == 1_000


def test_an_unused_parameter_is_a_warning() -> None:
    config = parse(f"{MINIMAL}[parameters]\nspare = 3\n")
    assert config.warnings == ("parameter spare is used in no formula",)


# --- Parameters -----------------------------------------------------------------------------------

PARAMETERS = """
[parameters]
n = { default = 20, min = 2, max = 200, step = 2 }
level = 1.5
active = true
"""
WITH_PARAMETERS = (
    MINIMAL.replace("close > sma(close, 20)", "active and close > level * sma(close, n)")
    + PARAMETERS
)


def test_an_override_changes_the_value_and_nothing_else() -> None:
    config = parse(WITH_PARAMETERS)
    changed = config.with_parameters({"n": Decimal(10), "active": False})
    assert changed.parameter_values() == {"n": 10.0, "level": 1.5, "active": False}
    assert config.parameter_values() == {"n": 20.0, "level": 1.5, "active": True}
    assert changed.with_parameters({"n": Decimal(20), "active": True}) == config


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("n", Decimal(1), "1 is not a number from 2 to 200 in steps of 2"),
        ("n", Decimal(201), "201 is not a number from 2 to 200 in steps of 2"),
        ("n", Decimal(3), "3 is not a number from 2 to 200 in steps of 2"),
        ("n", True, "true is not a number from 2 to 200 in steps of 2"),
        ("active", Decimal(1), "1 is not true or false"),
        ("levle", Decimal(1), "did you mean 'level'?"),
    ],
)
def test_an_override_outside_the_declaration_is_refused(
    name: str, value: Decimal | bool, told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(WITH_PARAMETERS).with_parameters({name: value})
    assert told in str(caught.value)


def test_an_override_that_a_formula_refuses_names_the_formula() -> None:
    config = parse(MINIMAL.replace("20", "n") + "[parameters]\nn = 20\n")
    with pytest.raises(FormulaError) as caught:
        config.with_parameters({"n": Decimal(0)})
    assert caught.value.where == "strategy.toml, line 8, rules.entry"


def test_what_the_file_says_stays_known_after_overrides() -> None:
    config = parse(WITH_PARAMETERS)
    changed = config.with_parameters({"n": Decimal(10)}).with_data(start_ns=5)
    assert changed.written == config
    assert config.with_parameters({}).with_data().written is None


# --- Other data -----------------------------------------------------------------------------------


def test_another_dataset_drops_the_list_of_instruments() -> None:
    text = MINIMAL.replace("[rules]", 'instruments = ["GOOG"]\n[rules]')
    data = parse(text).with_data(dataset="mine", start_ns=5).data
    assert (data.dataset, data.instruments, data.start_ns) == ("mine", None, 5)
    assert parse(text).with_data(start_ns=5).data.instruments == ("GOOG",)


def test_another_dataset_may_be_a_synthetic_market() -> None:
    world = parse(MINIMAL).with_data(dataset="world:trades").data.world
    assert world is not None and world.spec.kind is WorldKind.TRADES
    with pytest.raises(ConfigError, match="unknown synthetic market 'trade'"):
        parse(MINIMAL).with_data(dataset="world:trade")


def test_an_empty_span_is_refused() -> None:
    with pytest.raises(ConfigError, match="the end is not after the start"):
        parse(MINIMAL).with_data(start_ns=5, end_ns=5)


# --- Identity -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "is_same"),
    [
        (("# nothing", "# nothing"), True),
        (('name = "minimal"', 'name = "minimal"\ndescription = "for people"'), True),
        (("[rules]", "# a comment\n\n[rules]"), True),
        (('name = "minimal"', 'name = "another"'), False),
        (("20", "21"), False),
        (("sample:goog", "mine"), False),
    ],
)
def test_the_fingerprint_changes_with_what_decides(edit: tuple[str, str], is_same: bool) -> None:
    original = parse(f"{MINIMAL}# nothing\n").fingerprint
    assert (parse(f"{MINIMAL}# nothing\n".replace(*edit)).fingerprint == original) is is_same


def test_equal_numbers_have_one_fingerprint_however_they_are_written() -> None:
    texts = [f"{MINIMAL}[account]\ncash = {cash}\n" for cash in ("100_000", "100000.00", "1e5")]
    assert {parse(text).fingerprint for text in texts} == {parse(MINIMAL).fingerprint}


def test_an_override_has_the_fingerprint_of_a_file_that_says_it() -> None:
    changed = parse(WITH_PARAMETERS).with_parameters({"n": Decimal(10)})
    written = parse(WITH_PARAMETERS.replace("default = 20", "default = 10"))
    assert changed.fingerprint == written.fingerprint


# --- Code -----------------------------------------------------------------------------------------

CLASS = '[strategy]\nname = "c"\nclass = "mine.py:Mine"\n[data]\ndataset = "sample:goog"\n'


def test_a_class_stands_beside_the_file_and_its_bytes_decide(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("class Mine: ...\n")
    config = parse_strategy(CLASS, tmp_path / "s.toml")
    assert (config.strategy.logic, config.strategy.code_name) == ("class", "Mine")
    assert config.strategy.code_path == tmp_path / "mine.py"
    assert config.rules is None
    (tmp_path / "mine.py").write_text("class Mine: pass\n")
    assert parse_strategy(CLASS, tmp_path / "s.toml").fingerprint != config.fingerprint


def test_loading_a_class_strategy_runs_none_of_its_code(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("raise SystemExit\n")
    assert parse_strategy(CLASS, tmp_path / "s.toml").strategy.code_name == "Mine"


def test_a_missing_class_file_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_strategy(CLASS, tmp_path / "s.toml")
    assert caught.value.problem == "mine.py cannot be read: No such file or directory"
    assert caught.value.where.endswith("s.toml, line 3, strategy.class")


# --- Several mistakes, and the examples -------------------------------------------------------------


def test_several_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = MINIMAL.replace("dataset", "datasets").replace("entry", "entri")
    with pytest.raises(ConfigError) as caught:
        parse(text + "[account]\ncash = -1\nleverage = 0.5\n[sizing]\nx = 1\ny = 2\n")
    lines = caught.value.remedy.split("\n")
    assert caught.value.problem == "7 mistakes"
    assert [line.split(",")[0] for line in lines] == [
        "line 4", "line 5", "line 8", "line 10", "line 11", "and 2 more"
    ]  # fmt: skip


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_loads_without_a_warning(path: Path) -> None:
    config = load_strategy(path)
    assert (config.name, config.warnings) == (path.stem, ())


@pytest.mark.parametrize("junk", ["", "[", "\x00", "=", "[a]\n[a]", "a = 1\na = 2", '"', "é = 1"])
def test_junk_is_refused_and_never_a_crash(junk: str) -> None:
    with pytest.raises(InputError):
        parse(junk)
