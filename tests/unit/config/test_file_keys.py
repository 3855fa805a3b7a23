"""Every name of a checked configuration stands for a key of the file."""

from __future__ import annotations

from dataclasses import fields

import pytest

from runtime.config.file_keys import file_key
from runtime.config.schema import StrategyFile
from runtime.config.strategy import AccountSection, ExecutionSection, SizingSection
from runtime.config.trading_building import CONDITIONS
from runtime.config.trading_sections import (
    EntriesSection,
    ExitCondition,
    ExitsSection,
    GuardsSection,
    RiskSection,
    SignalsSection,
)
from runtime.config.wording import field_at
from sims.fillbook.settings import BookSettings

SECTIONS = {
    "sizing": SizingSection,
    "execution": ExecutionSection,
    "account": AccountSection,
    "fills": BookSettings,
    "signals": SignalsSection,
    "risk": RiskSection,
    "entries": EntriesSection,
    "exits": ExitsSection,
    "guards": GuardsSection,
}
NAMES = [
    *(f"{section}.{each.name}" for section, kind in SECTIONS.items() for each in fields(kind)),
    *("adjustment", "rebalance", "tier", "parameters"),
]
OF_THE_GATE = ("fills.is_late",)  # no file can say them
OF_CONDITIONS = [
    f"exits.conditions.{name}.{each.name}" for name in CONDITIONS for each in fields(ExitCondition)
]


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in ("exits.conditions", *OF_THE_GATE)]
)
def test_a_name_stands_for_a_key_or_a_table(name: str) -> None:
    assert field_at(StrategyFile, tuple(file_key(name).split("."))) is not None


def test_the_ten_conditions_have_their_keys() -> None:
    without_walks = {"exits.stop_loss.walks", "exits.circuit_breaker.walks"}  # they go to market
    for name in OF_CONDITIONS:
        key = file_key(name)
        known = field_at(StrategyFile, tuple(key.split("."))) is not None
        assert known != (key in without_walks), name


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("exits.stop_loss_percent", "exits.stop_loss.percent"),
        ("exits.conditions.profit_target.walks", "exits.profit_target.walks"),
        ("risk.max_quote_age_ns", "risk.max_quote_age"),
        ("entries.timeout_ns", "execution.timeout"),
        ("guards.daily_loss_amount", "guards.daily_loss.amount"),
        ("account.cash", "account.cash"),
        ("parameters.fast", "parameters.fast"),
    ],
)
def test_a_key_is_named_as_in_the_file(name: str, key: str) -> None:
    assert file_key(name) == key
