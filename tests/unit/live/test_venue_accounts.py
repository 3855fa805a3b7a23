"""An account at a venue, as a workspace names it: its address proves what it is, its keys stay hidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.ports import Environment
from runtime.venues.accounts import AlpacaAccount, load_alpaca
from runtime.workspace import find_workspace

KEYS = {"TRADER_ALPACA_KEY_ID": "PKKEYNAME", "TRADER_ALPACA_SECRET_KEY": "verysecretkey"}


def load(folder: Path, table: str, variables: dict[str, str] = KEYS) -> AlpacaAccount:
    (folder / "trader.toml").write_text(table)
    return load_alpaca(find_workspace(folder), variables)


@pytest.mark.parametrize(
    ("table", "environment", "trading"),
    [
        ('environment = "live"', Environment.LIVE, "https://api.alpaca.markets"),
        ('environment = "paper"', Environment.PAPER, "https://paper-api.alpaca.markets"),
        ('url = "http://127.0.0.1:8080"', Environment.REHEARSAL, "http://127.0.0.1:8080"),
    ],
)
def test_an_environment_has_its_address(
    tmp_path: Path, table: str, environment: Environment, trading: str
) -> None:
    account = load(tmp_path, f"[venues.alpaca]\n{table}\n")
    assert (account.environment, account.urls.trading) == (environment, trading)
    assert "verysecret" not in repr(account)


@pytest.mark.parametrize(
    ("table", "variables", "code"),
    [
        ("[sessions]", KEYS, "venue.not_configured"),
        ("[venues.alpaca]", KEYS, "venue.no_address"),
        ('[venues.alpaca]\nurl = "http://10.0.0.1:8080"', KEYS, "venue.environment"),
        ('[venues.alpaca]\nurl = "https://api.alpaca.markets"', KEYS, "venue.environment"),
        (
            '[venues.alpaca]\nenvironment = "live"\nurl = "http://127.0.0.1:1"',
            KEYS,
            "venue.environment",
        ),
        ('[venues.alpaca]\nenvironment = "live"', {}, "venue.no_key"),
        (
            '[venues.alpaca]\nenvironment = "live"\nsecret_key = "verysecretkey"',
            KEYS,
            "venue.no_key",
        ),
    ],
)
def test_what_is_not_proven_is_refused(
    tmp_path: Path, table: str, variables: dict[str, str], code: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, table, variables)
    assert caught.value.code == code
    assert caught.value.remedy
    assert "verysecret" not in str(caught.value)


def test_keys_are_told_to_whoever_hides_them(tmp_path: Path) -> None:
    (tmp_path / "trader.toml").write_text('[venues.alpaca]\nenvironment = "live"\n')
    hidden: list[str] = []
    load_alpaca(find_workspace(tmp_path), KEYS, hide=hidden.extend)
    assert hidden == list(KEYS.values())


def test_whose_trades_bars_are_made_of_is_said(tmp_path: Path) -> None:
    assert load(tmp_path, '[venues.alpaca]\nenvironment = "paper"\n').market_data == "iex"
    table = '[venues.alpaca]\nenvironment = "paper"\nmarket_data = "sip"\n'
    assert load(tmp_path, table).market_data == "sip"
