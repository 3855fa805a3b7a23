"""Our adapter trades a coin at the simulated venue, over real sockets, and the vendor's client reads the same."""

from __future__ import annotations

from decimal import Decimal

from brokers.alpaca.broker import AlpacaBroker
from engine.model import layout as at
from engine.model.orders import OrderType, TimeInForce
from engine.ports import CashKind, SubmitStatus
from runtime.clocks import SystemClock
from sims.venues.alpaca import VenueSettings
from tests.venues.alpaca.adapters import Ear, broker_at, order_of
from tests.venues.alpaca.markets import BTC, call, run, sdk, until, venue_at

DEAR = VenueSettings(coin_fee_bps=Decimal(25))
SUNDAY = "2026-11-22T03:00"


def broker_of_coins(venue: object) -> AlpacaBroker:
    """Return a broker of the pair alone, not connected."""
    broker = broker_at(venue)  # type: ignore[arg-type]
    return AlpacaBroker(broker._urls, broker._keys, (BTC,), SystemClock(), broker._settings)


def test_a_coin_is_bought_on_a_sunday_and_what_is_kept_of_it_is_told() -> None:
    async def story() -> None:
        venue = venue_at(SUNDAY, settings=DEAR)
        venue.quote("BTC/USD", "90000.00", "90000.50")
        async with venue:
            broker = broker_of_coins(venue)
            facts = await broker.connect()
            assert facts.buying_power_minor == 100_000 * 10**8, "paid in full: no margin"
            ear = Ear(broker)
            (listed,) = await broker.listings()
            assert listed.is_coin and listed.is_tradable and not listed.is_shortable
            assert (listed.quantity_step, listed.price_step) == (Decimal("0.0001"), Decimal("0.01"))
            terms = {"time_in_force": TimeInForce.GTC, "limit_ticks": 9_000_050}
            bought = order_of(quantity_lots=2_000, **terms)  # 0.2
            assert (await broker.submit(bought, "tr-b")).status is SubmitStatus.TAKEN
            venue.quote("BTC/USD", "90000.00", "90000.50")
            await until(lambda: at.KIND_FILL in ear.kinds)
            (fill,) = [x.execution for x in ear.events if x.execution is not None]
            assert (fill.instrument, fill.lots, fill.price_ticks) == (0, 2_000, 9_000_050)
            assert [(x.instrument, x.lots) for x in await broker.executions("")] == [(0, 2_000)]
            (held,) = await broker.positions()
            assert (held.instrument, held.lots) == (0, 1_995), "a quarter of a percent is kept"
            (kept,) = await broker.cash_entries("")
            assert (kept.kind, kept.minor, kept.kept_lots) == (CashKind.FEE, 0, 5)
            assert kept.instrument == 0 and not kept.is_foreign
            # More than is there is not sold; what is there is, and its fee is money.
            whole = order_of(2, side=-1, quantity_lots=2_000, order_type=OrderType.MARKET,
                             time_in_force=TimeInForce.GTC, limit_ticks=0)  # fmt: skip
            refused = await broker.submit(whole, "tr-c")
            assert (refused.status, refused.code) == (SubmitStatus.REFUSED, "funds")
            rest = order_of(3, side=-1, quantity_lots=1_995, order_type=OrderType.MARKET,
                            time_in_force=TimeInForce.GTC, limit_ticks=0)  # fmt: skip
            assert (await broker.submit(rest, "tr-d")).status is SubmitStatus.TAKEN
            venue.quote("BTC/USD", "90000.00", "90000.50")
            await until(lambda: ear.kinds.count(at.KIND_FILL) == 2)
            assert await broker.positions() == []
            _, charged = await broker.cash_entries("")
            assert (charged.minor, charged.kept_lots) == (-4_489 * 10**6, 0)  # 44.8875 up to a cent
            assert (await broker.account()).cash_minor == venue.exchange.tally.cash["USD"]
            await broker.close()
            ear.task.cancel()

    run(story())


def test_the_vendors_client_calls_a_position_without_the_slash() -> None:
    async def story() -> None:
        venue = venue_at(SUNDAY, settings=DEAR)
        venue.quote("BTC/USD", "90000.00", "90000.50")
        async with venue:
            broker = broker_of_coins(venue)
            await broker.connect()
            bought = order_of(
                quantity_lots=100, time_in_force=TimeInForce.IOC, limit_ticks=9_000_050
            )
            assert (await broker.submit(bought, "tr-b")).status is SubmitStatus.TAKEN
            venue.quote("BTC/USD", "90000.00", "90000.50")
            client = sdk(venue)
            (position,) = await call(client.get_all_positions)
            assert (position.symbol, position.qty) == ("BTCUSD", "0.0099")
            told = await call(client.get, "/account/activities/CFEE")
            assert [(x["symbol"], x["qty"], x["net_amount"]) for x in told] == [
                ("BTCUSD", "-0.0001", "0")
            ]
            await broker.close()

    run(story())
