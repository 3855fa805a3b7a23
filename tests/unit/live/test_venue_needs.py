"""What a strategy needs and the venue does not do is refused: by its file before the venue is asked, by its
orders before one of them leaves.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from brokers.alpaca import reading
from engine.approved import Approved
from engine.errors import NegativeAnswer
from runtime.config.loading import parse_strategy
from runtime.gateway.refusals import Refused
from runtime.session.live import go_live
from runtime.session.paper import Wanted, prepared
from runtime.venues.needs import lacks
from tests.simulation.plans import LOOP, PLAIN, RULES
from tests.unit.live.rehearsals import STRATEGY, Rehearsal
from tests.venues.walks import SHARE, WALKING

BRACKETED = """
from trader import Strategy

class Bracketed(Strategy):
    def on_bar(self, bar):
        if not self.position() and not self.working_orders():
            self.buy("10.5", stop_loss=self.price(bar.close * 0.98, "down"))
"""
GREEDY = """
from trader import Strategy

class Bracketed(Strategy):
    def on_bar(self, bar):
        if self.working_orders():
            return
        if self.position():
            self.sell(500, reduce_only=True)
        else:
            self.buy(10)
"""
CLASS = """
[strategy]
name = "simulated"
class = "bracketed.py:Bracketed"
[data]
dataset = "sample:goog"
"""
BOTH = (RULES + LOOP).replace(
    'exit = "close < open"\n',
    'short_entry = "close < open"\nexit = "close < open"\nshort_exit = "close > open"\n',
)
BRACKET = "[execution]\nstop_loss_percent = 2\ntake_profit_percent = 2\n"
TRAILING = "[execution]\ntrailing_stop_percent = 2\n"
WEIGHTS = RULES.partition("[rules]")[0] + '[rules]\nweight = "1"\n[account]\nallow_short = true\n'
CLOSE_FIRST = 'flips = "close_first"\n'
AT_LIMIT = '[execution]\norder_type = "limit"\n'
CENTS = replace(SHARE, price_precision=4, price_step_ticks=100)
SHORT = STRATEGY.replace("\nentry =", "\nshort_entry =").replace("\nexit =", "\nshort_exit =")
HALVES = replace(SHARE, quantity_precision=1)


@pytest.mark.parametrize(
    ("text", "instrument", "told"),
    [
        (RULES + PLAIN, SHARE, ()),
        (STRATEGY, SHARE, ()),
        (RULES + PLAIN + BRACKET, SHARE, ()),
        (RULES + PLAIN + BRACKET, HALVES, ("fractions of a share", "fractions of a share")),
        (RULES + PLAIN + TRAILING, SHARE, ("a trailing stop on each entry",)),
        (RULES + LOOP + "[execution]\nstop_loss_percent = 2\n", SHARE, ("stop_loss_percent",)),
        (
            RULES + LOOP + "[execution]\ntake_profit_percent = 2\ntrailing_stop_percent = 3\n",
            SHARE,
            ("take_profit_percent", "trailing_stop_percent"),
        ),
        (BOTH, SHARE, ("sell more than is held",)),
        (BOTH + "[execution]\n" + CLOSE_FIRST, SHARE, ()),
        (WEIGHTS, SHARE, ("sell more than is held",)),
        (WEIGHTS + "[execution]\n" + CLOSE_FIRST, SHARE, ()),
        (SHORT, SHARE, ()),
        (RULES + PLAIN, HALVES, ()),  # at market
        (RULES + PLAIN + AT_LIMIT, HALVES, ("fractions of a share for the day only",)),
        (RULES + PLAIN + AT_LIMIT + 'time_in_force = "DAY"\n', HALVES, ()),
        (RULES + PLAIN, replace(SHARE, price_precision=4), ("finer prices than alpaca takes",)),
        (RULES + PLAIN, CENTS, ()),
        (RULES + PLAIN, replace(HALVES, quantity_step_lots=10), ()),
    ],
)
def test_what_the_file_needs_and_the_venue_does_not_do_is_told(
    text: str, instrument: object, told: tuple[str, ...]
) -> None:
    config = parse_strategy(text, Path("simulated.toml"))
    found = lacks(config, [instrument], "alpaca")  # type: ignore[list-item]
    assert len(found) == len(told)
    for lack, word in zip(found, told, strict=True):
        assert word in lack.problem


def test_trading_live_is_refused_before_the_venue_is_asked(here: Rehearsal) -> None:
    here.file.write_text(RULES + PLAIN + TRAILING)
    here.issue()

    async def story() -> None:
        with here.desk() as desk, here.store() as store:
            async with here.venue() as venue:
                plan = here.plan(venue)
            await go_live(store, plan, desk)  # nobody listens there any more

    with pytest.raises(NegativeAnswer) as caught:
        asyncio.run(story())
    assert caught.value.code == "live.not_supported"
    assert "[exits] trailing_stop" in caught.value.remedy
    assert "simulated.toml" in caught.value.where


def test_an_entry_whose_stop_the_venue_does_not_take_does_not_leave(here: Rehearsal) -> None:
    here.file.write_text(CLASS)
    here.file.with_name("bracketed.py").write_text(BRACKETED)
    here.bars, here.share = 5, HALVES
    here.issue()
    traded = here.trade()
    assert list(traded.venue.books.orders) == []
    assert traded.session.gateway.books.positions.get(0, 0) == 0
    assert len(traded.refused) >= 2, "the entry and its stop"
    assert {each.code.name for each in traded.refused} == {"NOT_SUPPORTED"}


def test_an_order_that_only_reduces_is_for_no_more_than_is_held(here: Rehearsal) -> None:
    here.file.write_text(CLASS)
    here.file.with_name("bracketed.py").write_text(GREEDY)
    here.bars = 5
    here.issue()
    traded = here.trade()
    first, second, *_ = traded.venue.books.orders
    assert (first.side, first.lots, second.side) == ("buy", 10, "sell")
    assert 0 < second.lots <= 10, "of the 500 that were asked for"
    assert traded.session.gateway.books.positions[0] >= 0
    assert traded.refused == []


def test_prices_between_two_cents_are_traded_on_cents(here: Rehearsal) -> None:
    here.share = CENTS
    here.issue()
    books = here.trade().venue.books
    assert len(books.executions) >= 5
    limits = [each.limit_ticks for each in books.orders if each.limit_ticks]
    assert limits and not any(ticks % 100 for ticks in limits)


def test_a_fraction_of_a_share_is_closed(here: Rehearsal) -> None:
    here.share = HALVES
    text = STRATEGY.replace("quantity = 40", "quantity = 42")  # a quarter of it is allowed: 10.5
    here.file.write_text(text.replace(WALKING, WALKING + 'time_in_force = "DAY"\n'))
    here.issue()
    sold = [each for each in here.trade().venue.books.orders if each.sign < 0]
    assert any(each.lots % 10 and each.filled_lots == each.lots for each in sold)
    assert {each.time_in_force for each in sold if each.lots % 10} == {"day"}


@pytest.mark.parametrize(
    ("change", "text", "told"),
    [
        ("is_tradable", STRATEGY, "AAPL does not trade at the venue"),
        ("is_shortable", SHORT, "sell AAPL short"),
    ],
)
def test_what_the_venue_does_not_list_so_is_not_begun(
    here: Rehearsal, change: str, text: str, told: str
) -> None:
    here.file.write_text(text)
    here.issue()

    async def story() -> None:
        with here.desk() as desk, here.store() as store:
            async with here.venue() as venue:
                setattr(venue.exchange.assets[0], change, False)
                await go_live(store, here.plan(venue), desk)

    with pytest.raises(NegativeAnswer) as caught:
        asyncio.run(story())
    assert caught.value.code == "live.not_listed"
    assert told in caught.value.problem


def test_a_venue_says_what_it_lists(here: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [SHARE, replace(SHARE, symbol="BRK/B")]

    async def story() -> None:
        async with here.venue() as venue:
            broker = here.door(venue).broker(wanted, here.clock)
            await broker.connect()
            one_by_one = await broker.listings()
            monkeypatch.setattr(reading, "ASSETS_ONE_BY_ONE", 1)
            at_once = await broker.listings()
            await broker.close()
            assert at_once == one_by_one
            assert [each.is_tradable for each in at_once] == [True, False]

    asyncio.run(story())


@pytest.mark.parametrize("kind", ["market", "limit"])
def test_a_position_goes_to_the_other_side_over_flat(here: Rehearsal, kind: str) -> None:
    here.file.write_text(BOTH + f'[execution]\norder_type = "{kind}"\n' + CLOSE_FIRST)
    here.issue()
    traded = here.trade()
    held, sides = 0, []
    for each in traded.venue.books.executions:
        held += each.sign * each.lots
        sides.append(np.sign(held))
    assert {-1, 0, 1} <= set(sides), "it was long, flat and short"
    assert [pair for pair in pairwise(sides) if pair[0] * pair[1] < 0] == [], "never in one order"
    assert [str(each) for each in traded.refused] == []


def test_a_person_is_told_of_three_refusals_in_a_row(here: Rehearsal) -> None:
    here.issue()

    async def story() -> str:
        with here.desk() as desk, here.store() as store:
            async with here.venue() as venue:
                plan = here.plan(venue)
                session = await go_live(store, plan, desk)
                venue.exchange.assets[0].is_tradable = False
                plan.feed.session = session  # type: ignore[attr-defined]
                await session.run()
                return session.parts.journal.session_id

    session_id = asyncio.run(story())
    with here.store() as store:
        told = [row for row in store.rows(session_id, "incidents") if row["kind"] == "orders"]
    assert [(row["severity"], row["subject"]) for row in told] == [("critical", "AAPL")]
    assert "3 orders in a row" in told[0]["text"]
    assert "not tradable" in told[0]["text"]


def test_paper_on_the_venues_feed_warns_of_what_live_would_refuse(
    here: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (here.folder / "trader.toml").open("a") as file:
        file.write(
            '[venues.alpaca]\nenvironment = "rehearsal"\nurl = "http://127.0.0.1:9"\n'
            'key_id = "env:KEY_ID"\nsecret_key = "env:SECRET_KEY"\n'
        )
    monkeypatch.setenv("KEY_ID", "PK1")
    monkeypatch.setenv("SECRET_KEY", "secret")
    monkeypatch.chdir(here.folder)
    here.file.write_text(RULES + PLAIN + TRAILING)
    told: list[str] = []
    with here.store() as store:
        for feed in ("replay", "alpaca"):
            wanted = Wanted(here.config(), here.folder, feed, is_new=True, warn=told.append)
            found = prepared(wanted, store)
            assert found is not None
            store.leases.release(found[0].parts.journal.lease)
    (one,) = told
    assert one.startswith("`trader live` would refuse it: execution.trailing_stop_percent")


def test_a_partly_filled_exit_walks_on_as_another_order(here: Rehearsal) -> None:
    here.seed, here.bars = 3, 30
    thin = STRATEGY.replace("quantity = 40", "quantity = 800")  # more than a bar trades
    here.file.write_text(thin.replace("profit_target = {", 'profit_target = { wait = "50s",'))
    here.issue()
    refused: Counter[int] = Counter()  # exits, by how often their change was refused

    async def story() -> None:
        with here.desk() as desk, here.store() as store:
            async with here.venue() as venue:
                plan = here.plan(venue)

                def note(command: Approved, why: Refused) -> None:
                    known = session.gateway.books.find(command.order_id)
                    if known is not None and known.side < 0:
                        refused[command.order_id] += 1

                plan.observers.refused = note
                session = await go_live(store, plan, desk)
                plan.feed.session = session  # type: ignore[attr-defined]
                await session.run()
                sold = [each for each in venue.books.orders if each.sign < 0]
                followed = [
                    after.lots == before.lots - before.filled_lots
                    for before, after in pairwise(sold)
                    if before.status == "canceled" and 0 < before.filled_lots < before.lots
                ]
                assert any(followed), "none is of what the one before it had left"

    asyncio.run(story())
    assert refused and set(refused.values()) == {1}, "it is not asked for again"
