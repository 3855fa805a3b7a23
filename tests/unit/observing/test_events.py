"""Events: what the engine's journal says, with ids that lead from a signal to its position."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from engine.model.layout import EVENT_KIND, KIND_FILL, KIND_LINKED, KIND_SIGNAL_APPROVED
from runtime.config import StrategyConfig
from runtime.observing.events import MEANINGS, Event, EventName
from runtime.observing.folding import EventFold, Known
from runtime.observing.known import known_of
from runtime.results import RunOutput
from runtime.results.trades import trades_frame
from sims.virtual_time import run_virtual
from tests.unit.session.papers import Desk

E = EventName


def fold_of(config: StrategyConfig, output: RunOutput, known: Known | None = None) -> EventFold:
    return EventFold(
        output.instruments, config.fingerprint, is_trading=config.is_trading, known=known
    )


def named(events: Sequence[Event], name: EventName) -> list[Event]:
    return [event for event in events if event.name is name]


def test_every_event_has_a_meaning() -> None:
    assert set(MEANINGS) == set(EventName)


@pytest.mark.parametrize("example", ["sma_cross.toml", "full_loop.toml"])
def test_each_fill_and_each_round_trip_is_an_event(example: str, tmp_path: Path) -> None:
    desk = Desk.of_example(example, tmp_path)
    output = desk.backtest()
    events = fold_of(desk.config, output).take(output.journal)
    fills, closed = named(events, E.TRADE_EXECUTED), named(events, E.POSITION_CLOSED)
    assert len(fills) == int((output.journal[:, EVENT_KIND] == KIND_FILL).sum())
    assert len({event.fill for event in fills}) == len(fills)
    trades = trades_frame(output)
    assert len(closed) == int((~trades["is_open"]).sum())
    trades = trades.filter(~trades["is_open"])
    assert sum(float(event.pnl) for event in closed) == pytest.approx(
        float(trades["pnl"].sum()), abs=0.005 * len(closed)
    )


def test_a_closed_position_leads_back_to_its_signal(tmp_path: Path) -> None:
    desk = Desk.of_example("full_loop.toml", tmp_path)
    output = desk.backtest()
    events = fold_of(desk.config, output).take(output.journal)
    signals = {event.signal for event in named(events, E.SIGNAL_RECEIVED)}
    orders = {event.order: event for event in named(events, E.ORDER_SUBMITTED)}
    fills = {event.fill: event for event in named(events, E.TRADE_EXECUTED)}
    for closed in named(events, E.POSITION_CLOSED):
        assert closed.signal in signals
        last = fills[closed.fill]
        assert last.position == closed.position
        assert orders[last.order].position == closed.position
        (opened,) = (e for e in named(events, E.POSITION_OPENED) if e.position == closed.position)
        assert orders[fills[opened.fill].order].signal == closed.signal


def test_a_signal_is_approved_before_its_order_is_submitted(tmp_path: Path) -> None:
    desk = Desk.of_example("full_loop.toml", tmp_path)
    output = desk.backtest()
    events = fold_of(desk.config, output).take(output.journal)
    orders = named(events, E.ORDER_SUBMITTED)
    approved = {event.order for event in named(events, E.SIGNAL_APPROVED)}
    assert approved
    for event in named(events, E.SIGNAL_APPROVED):
        (order,) = (each for each in orders if each.order == event.order)
        assert events.index(event) < events.index(order)


def test_an_exit_of_one_order_is_told_in_the_singular(tmp_path: Path) -> None:
    desk = Desk.of_example("full_loop.toml", tmp_path)
    output = desk.backtest()
    ended = named(fold_of(desk.config, output).take(output.journal), E.EXIT_ENDED)
    assert any(event.text.endswith("after 1 order") for event in ended)


@pytest.mark.parametrize("example", ["sma_cross.toml", "full_loop.toml"])
def test_rows_in_any_portions_make_the_same_events(example: str, tmp_path: Path) -> None:
    desk = Desk.of_example(example, tmp_path)
    output = desk.backtest()
    whole = fold_of(desk.config, output).take(output.journal)
    fold, parts = fold_of(desk.config, output), list[Event]()
    rows = output.journal
    belongs = (KIND_LINKED, KIND_SIGNAL_APPROVED)  # to the order before it: always of one step
    linked = [0, *(n for n in range(1, len(rows)) if rows[n, EVENT_KIND] not in belongs), len(rows)]
    for first, last in itertools.pairwise(linked):
        parts += fold.take(rows[first:last])
    assert parts == whole


@pytest.mark.parametrize("example", ["sma_cross.toml", "full_loop.toml"])
def test_a_session_that_goes_on_links_to_what_was_before(example: str, tmp_path: Path) -> None:
    """Stopped in the middle: events after the restart are those of the whole run."""
    desk = Desk.of_example(example, tmp_path, speed=86_400.0)
    whole = fold_of(desk.config, desk.backtest()).take(desk.backtest().journal)
    seen: list[Event] = []
    for until in (400.0, 1e9):
        with desk.store() as store:

            async def part(until: float = until) -> None:
                import asyncio

                from runtime.session.parts import Observers

                session_ids = [each.id for each in store.list()]
                known = known_of(store, session_ids[0]) if session_ids else None
                fold = EventFold(
                    desk.history.instruments, desk.config.fingerprint,
                    is_trading=desk.config.is_trading, known=known,
                )  # fmt: skip
                told = Observers(rows=lambda rows: seen.extend(fold.take(rows)))
                session = desk.session(store, observers=told)
                asyncio.get_running_loop().call_later(until, session.stop, "the evening")
                await session.run()

            run_virtual(part())
    # Which fill was the last before the restart is not kept: only a position's order can be missing.
    assert [_without_last(event) for event in seen] == [_without_last(event) for event in whole]


def _without_last(event: Event) -> Event:
    is_trip = event.name in (E.POSITION_CLOSED, E.POSITION_OPENED)
    return msgspec.structs.replace(event, order=0, fill="") if is_trip else event
