"""What the gate is told of a backtest: made again, cut, with dearer trading, and on sealed data."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from brokers.alpaca.costs import ALPACA_COSTS
from engine.gate.evidence import unpack_returns
from engine.ports import EvidenceClass
from runtime.backtest.recorded import recorded_backtest
from runtime.config import StrategyConfig, load_strategy, parse_strategy
from runtime.config.moments import moment_to_ns
from runtime.promotion.evidence.stress import stressed
from runtime.promotion.evidence.tested import Asked, collect
from runtime.promotion.evidence.tested import Tested as Evidence
from runtime.store import Store
from sims.fillbook.settings import FeeModel, SlippageModel
from tests.architecture.source import ROOT

SEALED = "2008-01-01"


def sma_cross(holdout: str | None = None) -> StrategyConfig:
    path = ROOT / "examples" / "sma_cross.toml"
    if holdout is None:
        return load_strategy(path)
    text = path.read_text().replace(
        'dataset = "sample:goog"', f'dataset = "sample:goog"\nholdout = {holdout}'
    )
    return parse_strategy(text, path=path)


class Registry:
    """A registry in a folder, and what is asked of it."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(f"sqlite:///{folder / 'trader.db'}")

    def run(self, config: StrategyConfig) -> str:
        return recorded_backtest(config, catalog_root=Path(), store=self.store)[1]

    def evidence(self, config: StrategyConfig, *, is_look: bool = False) -> Evidence:
        return collect(config, self.store, Path(), Asked("core", is_look=is_look))


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Evidence]:
    registry = Registry(tmp_path_factory.mktemp("looked"))
    config = sma_cross(SEALED)
    run = registry.run(config)
    for fast in (5, 7, 12):
        registry.run(config.with_parameters({"fast": fast}))
    return run, registry.evidence(config, is_look=True)


def test_a_strategy_that_was_never_run_has_no_backtest(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.run(sma_cross().with_parameters({"fast": 7}))
    assert registry.evidence(sma_cross()).backtest is None


def test_the_backtest_is_made_again(looked: tuple[str, Evidence]) -> None:
    run, found = looked
    backtest = found.backtest
    assert backtest is not None and backtest.run == run
    assert backtest.recorded_hash == backtest.rerun_hash
    assert backtest.evidence is EvidenceClass.REAL and backtest.periods_per_year == 252
    assert backtest.daily.equity_minor[0] == 100_000 * 10**8
    profit = backtest.daily.equity_minor[-1] - backtest.daily.equity_minor[0]
    assert sum(backtest.trade_profits_minor + backtest.open_profits_minor) == profit
    assert all(each.recorded == each.recomputed for each in found.values)


def test_what_was_tried_is_counted(looked: tuple[str, Evidence]) -> None:
    _, found = looked
    trials, backtest = found.trials, found.backtest
    assert trials is not None and backtest is not None
    assert (trials.count, trials.holdout_looks) == (4, 1)
    days = len(backtest.daily.day_numbers) - 1
    assert unpack_returns(trials.returns, days=days).shape == (4, days)


def test_look_ahead_is_tried_at_twenty_places_and_more(looked: tuple[str, Evidence]) -> None:
    _, found = looked
    assert found.lookahead is not None
    kinds = [each.kind for each in found.lookahead.tests]
    assert kinds.count("cut") >= 20 and kinds.count("scramble") >= 20 and "start" in kinds
    assert all(each.whole_hash == each.other_hash for each in found.lookahead.tests)
    assert max(each.decisions for each in found.lookahead.tests) > 10


def test_the_holdout_is_the_end_of_the_data(looked: tuple[str, Evidence]) -> None:
    _, found = looked
    holdout, backtest = found.holdout, found.backtest
    assert holdout is not None and backtest is not None and holdout.daily is not None
    assert (holdout.days, holdout.data_days, holdout.read_by) == (199, 1047, ())
    assert len(holdout.daily.day_numbers) == 199 + 1
    # The strategy comes to it as it stood the day before.
    assert holdout.daily.day_numbers[0] == backtest.daily.day_numbers[-1]
    assert holdout.daily.equity_minor[0] == backtest.daily.equity_minor[-1]
    assert backtest.data_end_ns > moment_to_ns(SEALED)


def test_a_run_that_has_read_the_holdout_breaks_its_seal(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    reader = registry.run(sma_cross().with_parameters({"fast": 7}))
    registry.run(sma_cross(SEALED))
    holdout = registry.evidence(sma_cross(SEALED), is_look=True).holdout
    assert holdout is not None
    assert holdout.read_by == (reader,) and holdout.daily is None


def test_it_stays_sealed_until_somebody_asks(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.run(sma_cross(SEALED))
    found = registry.evidence(sma_cross(SEALED))
    assert found.holdout is not None and found.holdout.daily is None
    assert found.trials is not None and found.trials.holdout_looks == 0


def test_stress_doubles_what_costs_and_not_what_a_venue_pays_back() -> None:
    config = sma_cross()
    book = config.fills.book
    fees = replace(book.fees, model="bps", maker_bps=Decimal(-1), taker_bps=Decimal(3))
    slippage = replace(book.slippage, model="bps", value=Decimal(2))
    dear = replace(config.fills, book=replace(book, fees=fees, slippage=slippage))
    found = stressed(replace(config, fills=dear)).fills.book
    assert (found.fees.maker_bps, found.fees.taker_bps) == (-1, 6)
    assert found.slippage.value == 4 and found.is_late


# The file's slippage and taker fee -> what the dearer run has: never under twice what the venue costs, which is a
# basis point of spread, and of a sale 0.206 by value and 0.195 by the share of 10 dollars: 0.2005 of each side.
LEAST = [
    ("none", "0", "0", ("bps", "2"), "0.401"),
    ("bps", "0.1", "0.0000001", ("bps", "2"), "0.401"),
    ("bps", "3", "0.2", ("bps", "6"), "0.401"),
    ("bps", "3", "1", ("bps", "6"), "2"),
    ("volume_share", "0.000001", "0", ("volume_share", "0.000002"), "2.401"),
    ("volume_share", "0.1", "3", ("volume_share", "0.2"), "6"),
]


@pytest.mark.parametrize(("model", "value", "fee", "slippage", "taker"), LEAST)
def test_stress_has_costs_whatever_the_author_says(
    model: str, value: str, fee: str, slippage: tuple[str, str], taker: str
) -> None:
    config = sma_cross()
    book = replace(
        config.fills.book,
        fees=FeeModel("bps", taker_bps=Decimal(fee)),
        slippage=SlippageModel(model, Decimal(value)),
    )
    dear = stressed(replace(config, fills=replace(config.fills, book=book)), ALPACA_COSTS)
    found = dear.fills.book
    assert (found.slippage.model, found.slippage.value) == (slippage[0], Decimal(slippage[1]))
    assert found.fees.taker_bps == Decimal(taker)


def test_who_says_that_nothing_is_charged_is_charged_what_the_venue_charges() -> None:
    config = sma_cross()
    free = replace(config.fills.book, fees=FeeModel("none", taker_bps=Decimal(9)))
    fills = replace(config.fills, book=free)
    found = stressed(replace(config, fills=fills), ALPACA_COSTS).fills.book
    assert (found.fees.model, found.fees.taker_bps) == ("bps", Decimal("0.401"))


def test_stress_costs_something(looked: tuple[str, Evidence]) -> None:
    _, found = looked
    assert found.stressed is not None and found.backtest is not None
    assert found.stressed.delay_bars == 1
    assert found.stressed.daily.equity_minor != found.backtest.daily.equity_minor


def test_orders_are_held_against_the_volume_of_the_days_before(
    looked: tuple[str, Evidence],
) -> None:
    _, found = looked
    assert found.backtest is not None and found.backtest.orders
    order = found.backtest.orders[0]
    assert 90_000 * 10**8 < order.value_minor < 110_000 * 10**8
    assert 0 < order.adv_share < 0.001 and 0 < order.sigma_day < 0.1
