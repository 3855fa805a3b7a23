"""The trading loop's tables: what is on, what is off, and what its values become."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.errors import ConfigError, FormulaError
from engine.model.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND
from runtime.config.values import format_duration, to_duration
from tests.unit.config.strategy_texts import MINIMAL, parse

D = Decimal
PLAIN_FINGERPRINT = parse(MINIMAL).fingerprint

SWITCHES = [
    "[signals]",
    "[risk]",
    "[exits]",
    "[guards]",
    'rules.edge = "0.1"',
    'rules.probability = "0.5"',
    'rules.confidence = "0.5"',
    'rules.target_price = "close * 2"',
    'execution.timeout = "30s"',
    'execution.timeout = "off"',
    'execution.on_timeout = "cancel"',
    'execution.protect_within = "5s"',
    "sizing.minimum_quantity = 1",
    "sizing.maximum_percent = 10",
    'sizing = { method = "fixed_fraction", fraction = 0.01 }\nexecution.stop_loss_percent = 5',
]


def with_line(line: str) -> str:
    """Return the minimal file with one more table, or with keys put before its tables."""
    if line.startswith("["):
        return f"{MINIMAL}{line}\n"
    rules = 'rules.entry = "close > sma(close, 20)"\n'
    return f'{line}\n{rules}strategy.name = "minimal"\ndata.dataset = "sample:goog"\n'


def test_without_its_tables_the_loop_is_off() -> None:
    config = parse(MINIMAL)
    assert not config.is_trading
    sections = (config.signals, config.risk, config.entries, config.exits, config.guards)
    assert sections == (None,) * 5


@pytest.mark.parametrize("line", SWITCHES)
def test_one_key_of_it_switches_the_loop_on(line: str) -> None:
    config = parse(with_line(line))
    assert config.is_trading
    assert config.fingerprint != PLAIN_FINGERPRINT


def test_monitoring_alone_changes_nothing() -> None:
    config = parse(f'{MINIMAL}[monitoring]\nevery = "1m"\n')
    assert not config.is_trading
    assert config.monitoring is not None and config.monitoring.every_ns == NS_PER_MINUTE
    assert config.fingerprint == PLAIN_FINGERPRINT


def test_entries_again_are_allowed_at_half_of_the_drawdown() -> None:
    guards = parse(f"{MINIMAL}[guards.drawdown]\npercent = 15\n").guards
    assert guards is not None and guards.reset_percent == D("7.5")


def whole(*values: Decimal | int | None) -> list[int | None]:
    """Return values of which each is a whole number."""
    return [None if each is None else int(each) for each in values]


def test_a_table_that_is_there_has_all_its_defaults_on() -> None:
    # The numbers are those of the specification, sections 4 to 6.
    config = parse(f"{MINIMAL}[signals]\n[risk]\n[exits]\n[guards]\n")
    signals, risk, exits, guards = config.signals, config.risk, config.exits, config.guards
    assert signals is not None and risk is not None and exits is not None and guards is not None
    assert whole(signals.min_edge_percent, signals.expiry_ns) == [5, 5 * NS_PER_MINUTE]
    assert whole(risk.max_positions, risk.max_orders_per_minute, risk.collar_percent) == [10, 60, 5]
    assert (risk.max_correlation, risk.max_quote_age_ns) == (D("0.8"), 60 * NS_PER_SECOND)
    assert all(each.enabled for each in exits.conditions.values())
    assert len(exits.conditions) == 10
    waits = [each.wait_ns // NS_PER_SECOND for each in exits.conditions.values()]
    assert waits == [5, 5, 10, 10, 15, 30, 30, 60, 30, 60]
    walks = [each.walks for each in exits.conditions.values()]
    assert walks == [0, 0, 2, 2, 3, 5, 5, 10, 5, 10]
    assert exits.stop_loss_percent == 15
    assert whole(*exits.profit_percents) == [25, 20, 15]
    assert [whole(*each) for each in exits.stages] == [[15, 50], [25, 25]]
    assert whole(exits.trail_active_percent, exits.trail_distance_percent) == [10, 5]
    assert whole(exits.trail_tighten_percent, exits.trail_least_percent) == [1, 2]
    assert whole(guards.daily_loss_amount, guards.daily_loss_percent) == [500, None]
    assert whole(guards.drawdown_percent, guards.manual_reset) == [20, None]
    assert (guards.api_errors, guards.api_window_ns) == (5, 5 * NS_PER_MINUTE)
    assert (guards.database_errors, guards.database_window_ns) == (3, NS_PER_MINUTE)
    assert whole(*guards.tiers) == [500, 2_000, 10_000]


@pytest.mark.parametrize(
    ("leverage", "written", "gross", "net"),
    [("1", "", 100, 100), ("2", "", 200, 200), ("2", "max_gross_percent = 150", 150, 150),
     ("2", "max_net_percent = 50", 200, 50)],
)  # fmt: skip
def test_gross_and_net_limits_follow_the_leverage(
    leverage: str, written: str, gross: int, net: int
) -> None:
    config = parse(f"{MINIMAL}[account]\nleverage = {leverage}\n[risk]\n{written}\n")
    assert config.risk is not None
    assert whole(config.risk.max_gross_percent, config.risk.max_net_percent) == [gross, net]


def test_an_entry_that_may_wait_for_ever_has_no_timeout() -> None:
    config = parse(f'{MINIMAL}[execution]\ntimeout = "off"\n')
    assert config.entries is not None and config.entries.timeout_ns is None
    usual = parse(f"{MINIMAL}[risk]\n")
    assert usual.entries is not None and usual.entries.timeout_ns == 30 * NS_PER_SECOND


def test_a_default_that_is_said_is_the_same_strategy() -> None:
    said = parse(f'{MINIMAL}[exits]\nearly_exit = {{ percent = 2.0, wait = "1m" }}\n')
    assert said.fingerprint == parse(f"{MINIMAL}[exits]\n").fingerprint


@pytest.mark.parametrize(
    "change",
    ["[exits.stop_loss]\npercent = 14", "[exits.rebalance]\nenabled = false", "[risk]",
     "[exits.partial_exit_target]\nstages = [[15, 50]]", '[signals]\nexpiry = "6m"'],
)  # fmt: skip
def test_every_limit_decides_about_the_identity(change: str) -> None:
    assert (
        parse(f"{MINIMAL}[exits]\n{change}\n").fingerprint
        != parse(f"{MINIMAL}[exits]\n").fingerprint
    )


@pytest.mark.parametrize(
    ("text", "ns"),
    [("0s", 0), ("250ms", NS_PER_SECOND // 4), ("90s", 90 * NS_PER_SECOND), ("5m", 5 * NS_PER_MINUTE),
     ("24h", NS_PER_DAY), ("2h", 2 * NS_PER_HOUR), ("7d", 7 * NS_PER_DAY)],
)  # fmt: skip
def test_durations_are_read_and_written(text: str, ns: int) -> None:
    assert to_duration(text) == ns
    assert to_duration(format_duration(ns)) == ns


@pytest.mark.parametrize("text", ["", "5", "s", "5 s", "-5s", "5.5s", "5S", "5sec", "5s ", "5y"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not accepted"):
        parse(f'{MINIMAL}[signals]\nexpiry = "{text}"\n')


def test_an_error_in_the_volatility_is_placed_in_its_table() -> None:
    with pytest.raises(FormulaError) as caught:
        parse(
            f'{MINIMAL}[sizing]\nmethod = "vol_target"\ntarget_volatility_percent = 10\n'
            'volatility = "stdev(close"\n'
        )
    assert caught.value.where == "strategy.toml, line 12, sizing.volatility"


def test_parameters_of_the_volatility_are_used() -> None:
    config = parse(
        f"""{MINIMAL}
[parameters]
window = 20
unused = 1
[sizing]
method = "vol_target"
target_volatility_percent = 10
volatility = "stdev(close, window)"
"""
    )
    assert config.warnings == ("parameter unused is used in no formula",)


# --- the type of entry orders: SPEC 4.5, "limit by default" ------------------------------------------
@pytest.mark.parametrize(
    ("tables", "order_type"),
    [
        ("", "market"),  # without the trading loop nothing has changed
        ("[risk]\n", "limit"),
        ("[exits]\n", "limit"),
        ('[execution]\ntimeout = "1m"\n', "limit"),
        ('[execution]\norder_type = "market"\n[risk]\n', "market"),
        ('[execution]\norder_type = "limit"\n', "limit"),
        ("[execution]\noffset_bps = 3\n[risk]\n", "limit"),
    ],
)
def test_entries_are_limit_orders_where_nothing_else_is_said(tables: str, order_type: str) -> None:
    assert parse(MINIMAL + tables).execution.order_type == order_type


def test_an_offset_without_the_loop_belongs_to_limit_orders_all_the_same() -> None:
    with pytest.raises(ConfigError, match="offset_bps belongs to limit orders"):
        parse(MINIMAL + "[execution]\noffset_bps = 3\n")
