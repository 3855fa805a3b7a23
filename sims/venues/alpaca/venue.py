"""`AlpacaVenue`: the venue on a port of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Self

import numpy as np
from aiohttp import web
from numpy.typing import NDArray

from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_SECOND, to_minor
from engine.ports import Clock
from sims.venues.alpaca.books import Books
from sims.venues.alpaca.budget import Budget
from sims.venues.alpaca.cash import move_cash, tell_activities
from sims.venues.alpaca.control import Control
from sims.venues.alpaca.data_routes import DataRoutes
from sims.venues.alpaca.data_stream import DataStream
from sims.venues.alpaca.disturbances import Disturbances
from sims.venues.alpaca.door import LOOPBACK, Door
from sims.venues.alpaca.exchange import Exchange
from sims.venues.alpaca.faults import Fault, Schedule
from sims.venues.alpaca.front import Front, Seen
from sims.venues.alpaca.happenings import Happening
from sims.venues.alpaca.hours import Hours
from sims.venues.alpaca.market import Row
from sims.venues.alpaca.order_stream import OrderStream
from sims.venues.alpaca.playing import Playing
from sims.venues.alpaca.quoting import cancel_record, correction_record
from sims.venues.alpaca.settings import VenueSettings
from sims.venues.alpaca.trading_routes import TradingRoutes
from sims.venues.alpaca.venue_time import VenueTime


class AlpacaVenue:
    """A venue that speaks as Alpaca does, on loopback only.

    Parameters
    ----------
    instruments
        What is listed.
    clock
        Whose time passes.
    start_ns
        The venue's time at first.
    speed
        Venue seconds in a second of the clock; None: time is moved by `advance`.
    opens_ns, closes_ns
        The sessions of shares; none: it never closes.
    events
        The market, as rows of `engine.model.layout`; those up to the start are history.
    night_seconds
        How many seconds of the clock it is closed between two sessions, if its time is made faster: what is
        decided on a close can be there before the next open.
    faults
        What goes wrong, and when.
    waits_for_listener
        Whether time stands until somebody subscribes to market data.
    port, control_port
        0: a free one.
    used_client_ids, remember
        The client ids of a life before, and what is called with each new one: they are unique forever.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        *,
        clock: Clock,
        start_ns: int,
        speed: float | None = None,
        opens_ns: Sequence[int] = (),
        closes_ns: Sequence[int] = (),
        events: NDArray[np.int64] | None = None,
        settings: VenueSettings | None = None,
        night_seconds: float = 0.25,
        faults: Iterable[Fault] = (),
        waits_for_listener: bool = False,
        port: int = 0,
        control_port: int = 0,
        used_client_ids: Sequence[str] = (),
        remember: Callable[[str], None] = lambda client_id: None,
    ) -> None:
        self.settings = settings or VenueSettings()
        self.time = VenueTime(clock, start_ns, speed)
        self.exchange = Exchange(
            instruments,
            Hours(opens_ns, closes_ns),
            self.settings,
            self.time.now_ns,
            speed or 1.0,
            self._tell,
        )
        self.exchange.remember_ids(used_client_ids, remember)
        self.books = Books(self.exchange)
        schedule = Schedule()
        self.order_stream = OrderStream(self.settings, schedule)
        self.data_stream = DataStream(self.exchange, self.settings, schedule, self.begin)
        self._playing = Playing(
            self.exchange,
            self.time,
            events,
            night_seconds,
            lambda row: self.disturbances.thinned(row),
            self.data_stream.publish,
        )
        self.disturbances = Disturbances(
            self.exchange, schedule, self._playing.later, self.restart, self._playing.show
        )
        for fault in faults:
            self.disturbances.add(fault)
        self._front = Front(
            self.settings,
            Budget(clock, self.settings.requests_per_minute),
            Budget(clock, self.settings.data_requests_per_minute),
            self.disturbances.on_request,
        )
        self._waits = waits_for_listener
        self._door = Door(web.Application(), port)
        self._control_door = Door(web.Application(), control_port)
        self._restarting: asyncio.Future[None] | None = None
        self._running: asyncio.Task[None] | None = None
        self._has_begun = asyncio.Event()

    # --- where it is -----------------------------------------------------------------------------
    @property
    def url(self) -> str:
        """The base of trading and market data: what an SDK takes as ``url_override``."""
        return f"http://{LOOPBACK}:{self._door.port}"

    @property
    def stream_url(self) -> str:
        """The order stream."""
        return f"ws://{LOOPBACK}:{self._door.port}/stream"

    def data_stream_url(self, feed: str = "iex") -> str:
        """The market data stream of shares by a feed, or that of crypto (``crypto``)."""
        path = "v1beta3/crypto/us" if feed == "crypto" else f"v2/{feed}"
        return f"ws://{LOOPBACK}:{self._door.port}/{path}"

    @property
    def control_url(self) -> str:
        """The control port."""
        return f"http://{LOOPBACK}:{self._control_door.port}"

    @property
    def requests(self) -> Sequence[Seen]:
        """What the wire has seen, oldest first."""
        return self._front.requests

    @property
    def operations(self) -> Sequence[str]:
        """The names of what can be requested."""
        return [name for name in self._door.router if name]

    # --- its life --------------------------------------------------------------------------------
    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen."""
        app = web.Application(middlewares=[self._front.pass_through])
        TradingRoutes(self.exchange, lambda: self.disturbances.clock_offset_ns).add_to(app.router)
        DataRoutes(self.exchange).add_to(app.router)
        app.router.add_get("/stream", self.order_stream.connect)
        self.data_stream.add_to(app.router)
        self._door = Door(app, self._door.port)
        await self._door.open()
        control = Control(
            self.books,
            self._front.requests,
            self.disturbances,
            self.time,
            self.begin,
            self.advance_to,
        )
        self._control_door = Door(control.application(), self._control_door.port)
        await self._control_door.open()
        if not self._waits:
            self.begin()

    def begin(self) -> None:
        """Let time pass and the market go on, where they have not begun."""
        if not self.time.is_by_hand and self._running is None:
            self.time.go_on()
            self._running = asyncio.create_task(self._playing.run())
            self._has_begun.set()

    async def serve(self) -> None:
        """Be there until canceled; what stops the market is raised, and is a mistake of ours."""
        await self._has_begun.wait()
        assert self._running is not None, "it has begun"
        await self._running

    async def stop(self) -> None:
        """Go away, with all connections; what has stopped the market before is raised."""
        if self._restarting is not None:
            self._restarting.cancel()
        self.order_stream.drop_all()
        self.data_stream.drop_all()
        await self._door.close()
        await self._control_door.close()
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    def restart(self, seconds: float) -> None:
        """Go away with all connections, and come back after some seconds of the clock."""
        self.order_stream.drop_all()
        self.data_stream.drop_all()
        self._restarting = asyncio.ensure_future(self._door.shut_for(seconds))

    # --- the market by hand ----------------------------------------------------------------------
    def advance(self, seconds: float) -> None:
        """Let time pass that is moved by hand, with all that is due in it."""
        self._playing.play_until(self.time.now_ns() + round(seconds * NS_PER_SECOND))

    def advance_to(self, ns: int) -> None:
        """Let time pass up to a moment."""
        self._playing.play_until(ns)

    def quote(
        self, symbol: str, bid: str, ask: str, bid_size: str = "1000", ask_size: str = "1000"
    ) -> None:
        """Show a quote now."""
        item = self.exchange.by_symbol[symbol].instrument
        row = self._row(symbol, at.KIND_QUOTE)
        row[at.QUOTE_BID], row[at.QUOTE_ASK] = item.price_to_ticks(bid), item.price_to_ticks(ask)
        row[at.QUOTE_BID_SIZE] = item.quantity_to_lots(bid_size)
        row[at.QUOTE_ASK_SIZE] = item.quantity_to_lots(ask_size)
        self._playing.show(row)

    def trade(self, symbol: str, price: str, size: str = "100") -> None:
        """Show a print now."""
        item = self.exchange.by_symbol[symbol].instrument
        row = self._row(symbol, at.KIND_TRADE)
        row[at.TRADE_PRICE] = item.price_to_ticks(price)
        row[at.TRADE_SIZE] = item.quantity_to_lots(size)
        self._playing.show(row)

    def correct_trade(self, symbol: str, price: str) -> None:
        """Say that the last print had another price."""
        asset = self.exchange.by_symbol[symbol]
        row = self.exchange.shown[asset.number].trades[-1]
        ticks = asset.instrument.price_to_ticks(price)
        self.data_stream.revise(asset, correction_record(asset, row, ticks, self.time.now_ns()))
        row[at.TRADE_PRICE] = ticks

    def cancel_trade(self, symbol: str) -> None:
        """Take the last print back."""
        asset = self.exchange.by_symbol[symbol]
        row = self.exchange.shown[asset.number].trades.pop()
        self.data_stream.revise(asset, cancel_record(asset, row, self.time.now_ns()))

    def bar(
        self,
        symbol: str,
        prices: tuple[str, str, str, str],
        volume: str = "1000",
        seconds: int = 60,
    ) -> None:
        """Show a bar that ends now: its open, high, low and close."""
        item = self.exchange.by_symbol[symbol].instrument
        row = self._row(symbol, at.KIND_BAR)
        row[at.BAR_OPEN_TS] = row[at.EVENT_TS] - seconds * NS_PER_SECOND
        row[at.BAR_OPEN : at.BAR_CLOSE + 1] = [item.price_to_ticks(price) for price in prices]
        row[at.BAR_VOLUME] = item.quantity_to_lots(volume)
        shown = self.exchange.shown[row[at.EVENT_INSTRUMENT]]
        row[at.BAR_FILLS] = int(not shown.quotes and not shown.trades)
        self._playing.show(row)

    def split(self, symbol: str, numerator: int, denominator: int) -> None:
        """Let an instrument split now: `numerator` new units for `denominator` old ones."""
        row = self._row(symbol, at.KIND_SPLIT)
        row[at.SPLIT_NUMERATOR], row[at.SPLIT_DENOMINATOR] = numerator, denominator
        self._playing.show(row)

    def move_cash(self, kind: str, amount: str, symbol: str = "", description: str = "") -> None:
        """Move the account's cash now, for a reason that the venue has a word for: ``FEE``, ``CSD``, ..."""
        move_cash(self.exchange, kind, to_minor(amount, name="amount"), symbol, description)

    def tell_coin_fees(self) -> None:
        """Tell the fees of coins that were taken and not told, as at the end of a day."""
        tell_activities(self.exchange)

    def _row(self, symbol: str, kind: int) -> Row:
        row = [0] * at.EVENT_WIDTH
        row[at.EVENT_TS], row[at.EVENT_KIND] = self.time.now_ns(), kind
        row[at.EVENT_INSTRUMENT] = self.exchange.by_symbol[symbol].number
        return row

    # --- what is told ----------------------------------------------------------------------------
    def _tell(self, happening: Happening) -> None:
        self.order_stream.tell(happening)
        self.disturbances.on_happening(happening)
