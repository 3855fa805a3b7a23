"""Seeded worlds of random orders and random market events, and the shortest story of a failure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random

from engine.model.instruments import Instrument, InstrumentKind
from engine.model.orders import OrderRequest, OrderType, Side, TimeInForce
from sims.fillbook import BookSettings, FeeModel, SlippageModel
from tests.reference.stories import Said, Step

CENTRE = 100  # prices are whole steps around it, so that they meet each other often
LINKS = ("plain", "plain", "bracket", "oco")


@dataclass
class World:
    """One seed's instruments, assumptions and steps."""

    instruments: list[Instrument]
    settings: BookSettings
    steps: list[Step] = field(default_factory=list)


def make_world(seed: int) -> World:
    """Return the world of a seed: bars, quotes, prints, or quotes and prints."""
    rng = Random(seed)
    step = rng.choice((1, 1, 5))
    instrument = Instrument(
        "XYZ",
        InstrumentKind.EQUITY,
        price_step_ticks=step,
        quantity_step_lots=rng.choice((1, 1, 1, 5)),
    )
    world = World([instrument], _random_settings(rng))
    _Maker(rng, world, rng.choice(("bars", "bars", "quotes", "prints", "both"))).make()
    return world


def _random_settings(rng: Random) -> BookSettings:
    slippage = rng.choice(
        ("none", "none", "fixed:2", "bps:70", "spread:130", "volume_share:0.2", "square_root:0.05")
    )
    model, _, value = slippage.partition(":")
    return BookSettings(
        path=rng.choice(
            ("pessimistic", "pessimistic", "optimistic", "high_first", "low_first", "nearest")
        ),
        limit_fill=rng.choice(("through", "touch", "queue")),
        volume_cap=rng.choice((None, None, Decimal("0.1"), Decimal("0.35"))),
        latency_ns=rng.choice((0, 0, 0, 3, 10, 15)),
        is_late=rng.choice((None, None, None, True)),
        slippage=SlippageModel(model, Decimal(value or 0)),
        fees=rng.choice(
            (
                FeeModel(),
                FeeModel("bps", maker_bps=Decimal("-0.5"), taker_bps=Decimal("4.7")),
                FeeModel("per_share", per_unit=Decimal("0.005"), minimum=Decimal("0.01")),
                FeeModel(
                    "per_share",
                    per_unit=Decimal("0.0035"),
                    minimum=Decimal("0.35"),
                    maximum_fraction=Decimal("0.01"),
                ),
                FeeModel("binance", maker_bps=Decimal(10), taker_bps=Decimal("12.5")),
                FeeModel("mt5", per_unit=Decimal("3.5")),
            )
        ),
    )


class _Maker:
    """Writes the steps; the clock only moves forward."""

    def __init__(self, rng: Random, world: World, kind: str) -> None:
        self.rng, self.world, self.kind = rng, world, kind
        self.clock = 1_000
        self.decided = 0
        self.orders: list[OrderRequest] = []
        self.groups = 0
        self.step_ticks = world.instruments[0].price_step_ticks
        self.lot = world.instruments[0].quantity_step_lots

    def tell(self, verb: str, *arguments: object, **changes: int) -> None:
        self.world.steps.append(Step(verb, arguments, changes))

    def now(self) -> int:
        """Return a time of decision in or before the next event, never earlier than the last."""
        self.decided = max(self.decided, self.clock + self.rng.choice((0, 0, 0, 1, 5, 10)))
        return self.decided

    def make(self) -> None:
        """Write a handful of sessions."""
        for _ in range(self.rng.randint(1, 3)):
            if self.rng.random() < 0.7:
                self.tell("on_session_open", self.clock)
            for _ in range(self.rng.randint(1, 4)):
                self.some_orders()
                self.sometimes_commands()
                self.sometimes_halts()
                self.market_event()
            if self.rng.random() < 0.8:
                self.tell("on_session_close", self.clock)
            if self.rng.random() < 0.15:
                self.split()
            self.clock += self.rng.choice((0, 0, 7))

    # ---- orders ----

    def some_orders(self) -> None:
        for _ in range(self.rng.choice((0, 1, 1, 2, 3))):
            now = self.now()
            match self.rng.choice(LINKS):
                case "plain":
                    self.submit(now)
                case "bracket":
                    parent = self.submit(now, is_parent=True)
                    group = self.new_group()
                    for _ in range(self.rng.randint(1, 2)):
                        child = self.submit(now, parent=parent, group=group)
                        if self.rng.random() < 0.1:
                            self.submit(now, parent=child)
                case "oco":
                    group = self.new_group()
                    for _ in range(self.rng.randint(2, 3)):
                        self.submit(now, group=group)

    def new_group(self) -> int:
        self.groups += 1
        return self.groups if self.rng.random() < 0.9 else 0

    def submit(
        self,
        now: int,
        *,
        parent: OrderRequest | None = None,
        group: int = 0,
        is_parent: bool = False,
    ) -> OrderRequest:
        rng = self.rng
        kinds = list(OrderType)
        kind = rng.choice(kinds[:5] if parent or rng.random() < 0.7 else kinds)
        side = Side(-parent.side) if parent else rng.choice(list(Side))
        tif = self.time_in_force(kind, parent)
        has_limit = kind.name.startswith(("LIMIT", "STOP_LIMIT"))
        trails = kind is OrderType.TRAILING_STOP
        by_ppm = trails and rng.random() < 0.5
        request = OrderRequest(
            order_id=len(self.orders) + 1,
            instrument=0,
            side=side,
            order_type=kind,
            quantity_lots=parent.quantity_lots
            if parent and rng.random() < 0.8
            else self.lot * rng.choice((1, 4, 10, 10, 25)),
            limit_ticks=self.price() if has_limit else 0,
            stop_ticks=self.price() if kind in (OrderType.STOP, OrderType.STOP_LIMIT) else 0,
            trail_ticks=rng.randint(1, 6) * self.step_ticks if trails and not by_ppm else 0,
            trail_ppm=rng.choice((12_345, 20_000, 50_000)) if by_ppm else 0,
            time_in_force=tif,
            expire_ns=now + rng.randint(0, 45) if tif is TimeInForce.GTD else 0,
            reduce_only=rng.random() < 0.1 and not is_parent,
            post_only=kind is OrderType.LIMIT and rng.random() < 0.12,
            parent_id=parent.order_id if parent else 0,
            group_id=group,
        )
        self.orders.append(request)
        self.tell("submit", request, now)
        return request

    def time_in_force(self, kind: OrderType, parent: OrderRequest | None) -> TimeInForce:
        if kind.name.endswith(("OPEN", "CLOSE")):
            return TimeInForce.GTC
        weights = (3, 8, 1, 1, 2) if parent is None else (1, 8, 0.3, 0.3, 1)
        return self.rng.choices(list(TimeInForce), weights)[0]

    def price(self) -> int:
        return (CENTRE + self.rng.randint(-8, 8)) * self.step_ticks

    # ---- commands ----

    def sometimes_commands(self) -> None:
        while self.orders and self.rng.random() < 0.35:
            self.command()

    def command(self) -> None:
        order = self.rng.choice(self.orders)
        now = self.now()
        if self.rng.random() < 0.4:
            self.tell("cancel", order.order_id, now)
            return
        if order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            return
        self.tell(
            "replace",
            order.order_id,
            now,
            quantity_lots=max(self.lot, order.quantity_lots * self.rng.choice((1, 1, 2, 0))),
            limit_ticks=self.price() if order.limit_ticks else 0,
            stop_ticks=self.price() if order.stop_ticks else 0,
        )

    def sometimes_halts(self) -> None:
        draw = self.rng.random()
        if draw < 0.04:
            self.tell("on_halt", 0, self.clock)
        elif draw < 0.12:
            self.tell("on_resume", 0, self.clock)

    def split(self) -> None:
        numerator, denominator = self.rng.choice(((2, 1), (3, 1), (3, 2), (1, 2)))
        self.tell("on_split", 0, self.clock, numerator, denominator)

    # ---- the market ----

    def market_event(self) -> None:
        kind = self.rng.choice(("quotes", "prints")) if self.kind == "both" else self.kind
        if kind == "bars":
            self.bar()
        elif kind == "quotes":
            bid, ask = sorted((self.price(), self.price()))
            ask = ask + self.step_ticks if bid == ask and self.rng.random() < 0.8 else ask
            if self.rng.random() < 0.04:
                bid, ask = ask, bid
            self.tell("on_quote", 0, self.clock, bid, ask, self.size(), self.size())
        else:
            aggressor = self.rng.choice((1, -1, 0))
            self.tell("on_trade", 0, self.clock, self.price(), self.size(), aggressor)
        self.clock += 10

    def size(self) -> int:
        return self.rng.choice((-1, 0, 3, 8, 15, 33, 40, 100))

    def bar(self) -> None:
        prices = [self.price() for _ in range(4)]
        first, last = self.rng.sample(prices, 2)
        volume = self.rng.choice((-1, 0, 9, 30, 50, 90, 120, 400, 1_000))
        closed = self.clock + 10
        self.tell("on_bar", 0, self.clock, closed, first, max(prices), min(prices), last, volume)


def shorten(steps: Sequence[Step], fails: Callable[[Sequence[Step]], bool]) -> list[Step]:
    """Leave out steps one by one for as long as it still fails."""
    kept = list(steps)
    n = len(kept)
    while n > 0:
        n -= 1
        fewer = [*kept[:n], *kept[n + 1 :]]
        if fails(fewer):
            kept = fewer
            n = min(n, len(kept))
    return kept


def tell_tale(world: World, steps: Sequence[Step], said: Sequence[str]) -> str:
    """Write a failing story so that a person can follow it."""
    lines = [f"settings: {world.settings}", f"instrument: {world.instruments[0]}"]
    lines += [f"  {step.verb} {step.arguments} {step.changes or ''}" for step in steps]
    return "\n".join([*lines, *said])


REASONS = {
    "ioc_rest",
    "fok_unfilled",
    "auction_rest",
    "oco",
    "parent_ended",
    "reduce_only_nothing_left",
    "post_only_would_cross",
    "split",
}


def essence(event: Said) -> tuple[object, ...]:
    """Return what the specification fixes of an event."""
    head = (event.kind, event.order_id, event.instrument, event.ts_ns)
    if event.kind == "fill":
        money = (event.lots, event.price_ticks, event.reference_ticks, event.fee_minor)
        return (*head, *money, event.liquidity, event.rule)
    if event.kind == "armed":
        return (*head, event.lots)
    return (*head, event.reason if event.reason in REASONS else "")


def without(settings: BookSettings, **changes: object) -> BookSettings:
    """Return the settings with something changed."""
    return replace(settings, **changes)  # type: ignore[arg-type]
