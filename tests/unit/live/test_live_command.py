"""`trader live`: a dry run; what a stage makes of amounts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from runtime.gateway.checks import Limits
from runtime.journal.sessions import SessionStore
from runtime.session.dry_run import Unsent
from runtime.session.live import go_live
from runtime.session.stage import largest_order, reduced, reduced_limits
from tests.unit.live.rehearsals import Rehearsal


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


def test_the_largest_order_is_that_of_the_narrowest_limit(here: Rehearsal) -> None:
    config = here.config()  # 100,000 USD
    assert config.risk is not None
    tenth = replace(config, risk=replace(config.risk, max_position_percent=Decimal(10)))
    money = 10**8
    assert largest_order(replace(config, risk=None), Limits()) == 100_000 * money
    assert largest_order(tenth, Limits()) == 10_000 * money
    assert largest_order(tenth, Limits(order_value_minor=3_000 * money)) == 3_000 * money
    assert largest_order(reduced(tenth, 25), Limits()) == 2_500 * money
