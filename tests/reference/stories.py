"""Stories: a few orders and market events in a trader's words, run on any fill book.

The words are those of tests/scenarios/fills_grammar.md. A story is parsed once, to a list of steps
with times; `run_story` tells them to a book and returns what the book said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from engine.model.instruments import Instrument, InstrumentKind
from engine.model.orders import OrderRequest, OrderType, Side, TimeInForce

TIME_ZERO = 1_000  # the story's time 0, so that a position can be held before it
FIRST_EVENT = 10  # the story's time of its first event
STEP = 10  # from one event to the next, and from a bar's open to its close
FIRST_ID = 100  # order n of the story is order 100 + n of the book
HOLDER_ID = 1


class Said(Protocol):
    """What a book says; the fields of `BookEvent`."""

    kind: str
    order_id: int
    instrument: int
    ts_ns: int
    lots: int
    price_ticks: int
    fee_minor: int
    fee_lots: int
    liquidity: int
    rule: str
    reference_ticks: int
    reason: str


class Book(Protocol):
    """The verbs that both books share."""

    def submit(self, request: OrderRequest, now_ns: int, /) -> Sequence[Said] | None: ...
    def cancel(self, order_id: int, now_ns: int, /) -> Sequence[Said] | None: ...
    def replace(
        self,
        order_id: int,
        now_ns: int,
        /,
        *,
        quantity_lots: int,
        limit_ticks: int,
        stop_ticks: int,
    ) -> Sequence[Said] | None: ...
    def on_bar(
        self, i: int, opened: int, closed: int, o: int, h: int, low: int, c: int, volume: int, /
    ) -> Sequence[Said]: ...
    def on_quote(
        self, i: int, ts: int, bid: int, ask: int, bid_size: int, ask_size: int, /
    ) -> Sequence[Said]: ...
    def on_trade(
        self, i: int, ts: int, price: int, size: int, aggressor: int, /
    ) -> Sequence[Said]: ...
    def on_session_open(self, ts: int, /) -> Sequence[Said]: ...
    def on_session_close(self, ts: int, /) -> Sequence[Said]: ...
    def on_split(self, i: int, ts: int, numerator: int, denominator: int, /) -> Sequence[Said]: ...
    def on_halt(self, i: int, ts: int, /) -> Sequence[Said]: ...
    def on_resume(self, i: int, ts: int, /) -> Sequence[Said]: ...


@dataclass(frozen=True)
class Step:
    """One call of a book's verb, its arguments in the book's own integers."""

    verb: str
    arguments: tuple[object, ...]
    changes: dict[str, int] = field(default_factory=dict)

    def tell(self, book: Book) -> list[Said]:
        """Call the verb and return what the book said."""
        return list(getattr(book, self.verb)(*self.arguments, **self.changes) or ())


@dataclass
class Story:
    """The steps in their order, and the orders by number."""

    instrument: Instrument
    steps: list[Step] = field(default_factory=list)
    orders: dict[int, OrderRequest] = field(default_factory=dict)
    clock: int = FIRST_EVENT


def run_story(book: Book, story: Story) -> list[Said]:
    """Tell the whole story to a book; what it says about the holder's order is left out."""
    said = [event for step in story.steps for event in step.tell(book)]
    return [event for event in said if event.order_id != HOLDER_ID]


def parse_story(instrument: Instrument, orders: str, events: str) -> Story:
    """Read the first two columns of a line."""
    story = Story(instrument)
    for text in _items(orders):
        if text.startswith("hold "):
            _hold(story, int(text.split()[1]))
        else:
            _step(story, text if text.startswith("@") else f"@0 {text}")
    story.clock = FIRST_EVENT
    for text in _items(events):
        _step(story, text)
    return story


def _items(column: str) -> list[str]:
    return [item.strip() for item in column.split(";") if item.strip()]


def _hold(story: Story, lots: int) -> None:
    """Come into the story with a position: a market order and a bar long before it."""
    side = Side.BUY if lots > 0 else Side.SELL
    request = OrderRequest(HOLDER_ID, 0, side, OrderType.MARKET, abs(lots))
    price = _ticks(story, "0.50" if story.instrument.is_binary else "100")
    story.steps.append(Step("submit", (request, TIME_ZERO - 900)))
    bar = (0, TIME_ZERO - 500, TIME_ZERO - 490, price, price, price, price, -1)
    story.steps.append(Step("on_bar", bar))


def _step(story: Story, text: str) -> None:
    words = text.split()
    if words[0].startswith("@"):
        story.clock = int(words.pop(0)[1:])
    now = TIME_ZERO + story.clock
    verb, rest = words[0], words[1:]
    if verb in ("buy", "sell"):
        request = parse_order(story, words)
        story.orders[request.order_id] = request
        story.steps.append(Step("submit", (request, now)))
    elif verb == "cancel":
        story.steps.append(Step("cancel", (FIRST_ID + int(rest[0]), now)))
    elif verb == "replace":
        story.steps.append(_replace(story, rest, now))
    else:
        story.steps.append(_market_step(story, verb, rest, now))


def _market_step(story: Story, verb: str, rest: list[str], now: int) -> Step:
    match verb:
        case "bar":
            prices = [_ticks(story, word) for word in rest[:4]]
            story.clock += STEP
            return Step("on_bar", (0, now, now + STEP, *prices, _amount(rest[4:], "v")))
        case "quote":
            bid, ask = (_ticks(story, word) for word in rest[:2])
            sizes = [int(word) for word in rest[2].split("x")] if len(rest) > 2 else [-1, -1]
            story.clock += STEP
            return Step("on_quote", (0, now, bid, ask, *sizes))
        case "print":
            aggressor = {"buyer": 1, "seller": -1}.get(rest[-1], 0)
            story.clock += STEP
            price = _ticks(story, rest[0])
            return Step("on_trade", (0, now, price, _amount(rest[1:], "x"), aggressor))
        case "open" | "close":
            return Step(f"on_session_{verb}", (now,))
        case "halt" | "resume":
            return Step(f"on_{verb}", (0, now))
        case "split":
            numerator, denominator = rest[0].split(":")
            return Step("on_split", (0, now, int(numerator), int(denominator)))
    raise ValueError(f"no such event: {verb} {' '.join(rest)}")


def _amount(words: list[str], letter: str) -> int:
    """Return the number of a word like v1000 or x5; -1, unknown, when there is none."""
    found = [word[1:] for word in words if word[0] == letter and word[1:].isdigit()]
    return int(found[0]) if found else -1


def _replace(story: Story, words: list[str], now: int) -> Step:
    order_id = FIRST_ID + int(words[0])
    old = story.orders[order_id]
    changes = {
        "quantity_lots": old.quantity_lots,
        "limit_ticks": old.limit_ticks,
        "stop_ticks": old.stop_ticks,
    }
    rest = words[1:]
    while rest:
        word = rest.pop(0)
        if word[0] == "x":
            changes["quantity_lots"] = int(word[1:])
        else:
            changes[f"{word}_ticks"] = _ticks(story, rest.pop(0))
    return Step("replace", (order_id, now), changes)


def _ticks(story: Story, price: str) -> int:
    return story.instrument.price_to_ticks(Decimal(price))


_PLAIN = {
    "market": (OrderType.MARKET, None),
    "limit": (OrderType.LIMIT, "limit_ticks"),
    "stop": (OrderType.STOP, "stop_ticks"),
    "on-open": (OrderType.MARKET_ON_OPEN, None),
    "on-close": (OrderType.MARKET_ON_CLOSE, None),
}
_WITH_LIMIT = {
    OrderType.STOP: OrderType.STOP_LIMIT,
    OrderType.MARKET_ON_OPEN: OrderType.LIMIT_ON_OPEN,
    OrderType.MARKET_ON_CLOSE: OrderType.LIMIT_ON_CLOSE,
}


def parse_order(story: Story, words: list[str]) -> OrderRequest:
    """Read an order such as ``buy stop 101 limit 102 x5 day oco:1 <1``."""
    fields: dict[str, object] = {"order_type": OrderType.MARKET, "quantity_lots": 10}
    side = Side.BUY if words[0] == "buy" else Side.SELL
    rest = list(words[1:])
    is_first = True
    kind = OrderType.MARKET
    while rest:
        word = rest.pop(0)
        if word == "limit" and not is_first:
            fields["order_type"] = _WITH_LIMIT[kind]
            fields["limit_ticks"] = _ticks(story, rest.pop(0))
        elif word in _PLAIN:
            kind, price = _PLAIN[word]
            fields["order_type"] = kind
            if price:
                fields[price] = _ticks(story, rest.pop(0))
        elif word == "trail":
            fields["order_type"] = OrderType.TRAILING_STOP
            _read_trail(story, fields, rest.pop(0))
        else:
            _read_option(fields, word)
        is_first = False
    order_id = FIRST_ID + len(story.orders) + 1
    return OrderRequest(order_id, 0, side, **fields)  # type: ignore[arg-type]


def _read_trail(story: Story, fields: dict[str, object], word: str) -> None:
    if word.endswith("%"):
        fields["trail_ppm"] = int(Decimal(word[:-1]) * 10_000)
    else:
        fields["trail_ticks"] = _ticks(story, word)


def _read_option(fields: dict[str, object], word: str) -> None:
    if word in ("day", "gtc", "ioc", "fok"):
        fields["time_in_force"] = TimeInForce[word.upper()]
    elif word.startswith("gtd:"):
        fields["time_in_force"] = TimeInForce.GTD
        fields["expire_ns"] = TIME_ZERO + int(word[4:])
    elif word == "post":
        fields["post_only"] = True
    elif word == "reduce":
        fields["reduce_only"] = True
    elif word.startswith("oco:"):
        fields["group_id"] = int(word[4:])
    elif word.startswith("<"):
        fields["parent_id"] = FIRST_ID + int(word[1:])
    elif word[0] == "x":
        fields["quantity_lots"] = int(word[1:])
    else:
        raise ValueError(f"no such option of an order: {word}")


def make_instrument(words: dict[str, str]) -> Instrument:
    """Return the instrument that a section's settings describe."""
    precision = int(words.get("precision", "2"))
    return Instrument(
        symbol="XYZ",
        kind=InstrumentKind.BINARY_EVENT if "binary" in words else InstrumentKind.EQUITY,
        price_precision=precision,
        quantity_precision=int(words.get("decimals", "0")),
        price_step_ticks=int(Decimal(words.get("step", "0.01")).scaleb(precision)),
        quantity_step_lots=int(words.get("lot", "1")),
    )
