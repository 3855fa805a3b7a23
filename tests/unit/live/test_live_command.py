"""`trader live` on the command line: what is refused before the venue is asked; what a stage makes of amounts."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from runtime.gateway.checks import Limits
from runtime.journal.sessions import SessionStore
from runtime.session.dry_run import Unsent
from runtime.session.live import go_live
from runtime.session.stage import reduced, reduced_limits
from tests.unit.live.processes import KEYS
from tests.unit.live.rehearsals import Rehearsal


@pytest.mark.parametrize(
    ("table", "exit_code", "sentence"),
    [
        ("", 2, "no account at alpaca is configured"),
        ('[venues.alpaca]\nenvironment = "live"', 1, "is by its name one of a paper account"),
        (
            '[venues.alpaca]\nenvironment = "live"\nurl = "http://127.0.0.1:9"',
            2,
            "has the venue's own address",
        ),
        ('[venues.alpaca]\nurl = "https://api.alpaca.markets"', 2, "is not used"),
        ('[venues.alpaca]\nurl = "http://127.0.0.1:9"', 1, "there is no certificate"),
    ],
)
def test_what_is_wrong_is_told(
    here: Rehearsal,
    monkeypatch: pytest.MonkeyPatch,
    table: str,
    exit_code: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(here.folder)
    for name, value in {**KEYS, "TRADER_DATABASE_URL": here.url}.items():
        monkeypatch.setenv(name, value)
    text = STRATEGY_ON_A_SHARE
    (here.folder / "strategies" / "share.toml").write_text(text)
    (here.folder / "trader.toml").write_text(f"[sessions]\n{table}\n")
    answer = CliRunner().invoke(app, ["live", "share"])
    assert answer.exit_code == exit_code, answer.stderr
    assert sentence in " ".join(answer.stderr.split())


STRATEGY_ON_A_SHARE = """
[strategy]
name = "share"
[data]
dataset = "world:minute_bars"
[data.world]
instruments = 1
length = 400
[rules]
entry = "close > open"
exit = "close < open"
"""


def test_a_dry_run_sends_nothing_and_leaves_nothing(here: Rehearsal, tmp_path: Path) -> None:
    here.issue()
    found: list[Unsent] = []

    async def story() -> None:
        with here.desk() as desk, here.store() as store:
            async with here.venue() as venue:
                dry = SessionStore.open(f"sqlite:///{tmp_path / 'dry.db'}")
                plan = here.plan(venue, dry=dry)
                session = await go_live(store, plan, desk)
                plan.feed.session = session

                def told(unsent: Unsent) -> None:
                    found.append(unsent)
                    session.stop("the first order")

                plan.unsent = told
                await session.run()
                assert not venue.books.orders
                assert [each.account for each in store.list()] == ["paper:drill"]
                dry.close()

    asyncio.run(story())
    assert found[0].order.quantity_lots == 10, "a quarter of 40"


def test_a_stage_makes_every_amount_smaller(here: Rehearsal) -> None:
    config = reduced(here.config(), 25)
    assert config.account.cash == Decimal(25_000)
    assert config.sizing.quantity == Decimal(10)
    assert config.guards is not None
    assert config.guards.daily_loss_amount == Decimal(12_500)  # of 50,000
    assert reduced(here.config(), 100) == here.config()


def test_a_stage_makes_the_gateways_limits_smaller() -> None:
    limits = Limits(order_value_minor=1_001, position_value_minor=0, orders_per_minute=10)
    less = reduced_limits(limits, 25)
    assert (less.order_value_minor, less.position_value_minor) == (250, 0)  # 0: no limit
    assert less.orders_per_minute == 2
    assert less.collar_ppm == limits.collar_ppm
