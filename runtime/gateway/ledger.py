"""The gateway's own books: what was sent under which name, what of it is filled, what may still be.

    intent -> attempt -> client id -> venue id -> execution ids

It hears of the broker what the engine hears, and of nothing else; what the two believe is compared
before anything leaves. A fill is booked once, however often it is told (an execution's id), and its
order stays known after its end, because a fill may come late.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import msgspec

from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.ports import Rows
from runtime.journal.records import Intent, Outcome

_MINUTE: Final = 60 * 10**9
HELD: Final = "held"  # an outcome: it waits with us,
LEAVING: Final = "leaving"  # ... and is about to be sent
ENDED_KEPT: Final = 10_000  # orders that have ended, for fills that come late
_ENDS = (at.KIND_CANCELED, at.KIND_EXPIRED, at.KIND_REJECTED)


class Sent(IntEnum):
    """What is known of an order's sending."""

    SENDING = 1  # durable, and perhaps on its way
    TAKEN = 2  # the venue has it
    UNKNOWN = 3  # it may have it
    ENDED = 4
    HELD = 5  # durable, and waits with us for another order's end


_PERHAPS: Final = (Sent.SENDING, Sent.UNKNOWN, Sent.HELD)  # what the venue tells of proves it taken


class Tracked(msgspec.Struct, array_like=True):
    """One order."""

    order_id: int
    client_id: str
    instrument: int
    side: int
    quantity_lots: int
    limit_ticks: int
    sent: Sent = Sent.SENDING
    filled_lots: int = 0
    venue_id: str = ""
    commands: int = 1  # intents about it so far
    is_accepted: bool = False  # the engine was told
    doubts: int = 0  # a request about it whose outcome is not proven: its kind
    wanted_lots: int = 0  # what the last replacement asks for; 0: none is under way
    wanted_limit: int = 0
    wanted_stop: int = 0
    held_for: int = 0  # the order that it waits for, or has waited for
    is_leaving: bool = False  # its end was asked for

    @property
    def open_lots(self) -> int:
        """What may still be filled: of a replacement under way the larger."""
        if self.sent is Sent.ENDED:
            return 0
        return max(max(self.quantity_lots, self.wanted_lots) - self.filled_lots, 0)

    @property
    def is_doubtful(self) -> bool:
        """Whether the venue is to be asked what has become of it."""
        return self.sent is Sent.UNKNOWN or self.doubts != 0


@dataclass(slots=True)
class OrderLedger:
    """All orders of one account slice; `positions` are signed lots by instrument."""

    positions: dict[int, int] = field(default_factory=dict)
    _live: dict[int, Tracked] = field(default_factory=dict)
    _ended: OrderedDict[int, Tracked] = field(default_factory=OrderedDict)
    _by_client: dict[str, int] = field(default_factory=dict)
    _sent_at: deque[int] = field(default_factory=deque)  # of the last minute

    def begin(self, intent: Intent, now_ns: int = 0) -> None:
        """A command is about to be sent, at a time of the engine's."""
        if intent.kind != at.KIND_CANCEL_SENT:
            self.sent_last_minute(now_ns)  # forgets what is older
            self._sent_at.append(now_ns)
        if intent.kind == at.KIND_SUBMITTED:
            assert intent.client_id not in self._by_client, f"{intent.client_id} was sent before"
            self._live[intent.order_id] = Tracked(
                intent.order_id,
                intent.client_id,
                intent.instrument,
                intent.side,
                intent.quantity_lots,
                intent.limit_ticks,
                Sent.HELD if intent.held_for else Sent.SENDING,
                held_for=intent.held_for,
            )
            self._by_client[intent.client_id] = intent.order_id
            return
        known = self.find(intent.order_id)
        if known is None:
            return
        known.commands += 1
        if intent.kind == at.KIND_CANCEL_SENT:
            known.is_leaving = True
        if intent.kind == at.KIND_REPLACE_SENT:
            known.wanted_lots = intent.quantity_lots
            known.wanted_limit, known.wanted_stop = intent.limit_ticks, intent.stop_ticks

    def sent_last_minute(self, now_ns: int) -> int:
        """Return how many orders and changes have left in the minute before a time of the engine's."""
        while self._sent_at and self._sent_at[0] <= now_ns - _MINUTE:
            self._sent_at.popleft()
        return len(self._sent_at)

    def recall(self, intent: Intent, outcomes: Sequence[Outcome], now_ns: int = 0) -> None:
        """An intent was sent, as a journal says: taken, where it says nothing else and it was to leave."""
        self.begin(intent, now_ns)
        if intent.kind == at.KIND_SUBMITTED and not intent.held_for:
            self.mark(intent.order_id, Sent.TAKEN)
        for outcome in outcomes:
            if outcome.client_id == intent.client_id and outcome.kind in (0, intent.kind):
                self.learn(outcome)

    def learn(self, outcome: Outcome) -> None:
        """Note what became of a request, as a journal says."""
        known = self.find_client(outcome.client_id)
        if known is None:
            return
        is_order = outcome.kind in (0, at.KIND_SUBMITTED)
        match outcome.status:
            case "taken" if is_order:
                self.mark(known.order_id, Sent.TAKEN, outcome.venue_id)
            case "held":
                self.mark(known.order_id, Sent.HELD)
            case "unknown" | "leaving" if is_order:
                self.mark(known.order_id, Sent.UNKNOWN)
            case "unknown":
                self.doubt(known.order_id, outcome.kind)
            case "refused" | "not_sent" if outcome.kind == at.KIND_CANCEL_SENT:
                self.doubt(known.order_id, outcome.kind)
            case "refused" if not is_order:
                self.doubt(known.order_id, at.KIND_CANCEL_REJECTED)
            case _:
                pass

    def find(self, order_id: int) -> Tracked | None:
        """Return an order, also one that has ended lately."""
        return self._live.get(order_id) or self._ended.get(order_id)

    def find_client(self, client_id: str) -> Tracked | None:
        """Return an order by what the venue calls it."""
        order_id = self._by_client.get(client_id)
        return None if order_id is None else self.find(order_id)

    def find_venue(self, venue_id: str) -> Tracked | None:
        """Return an order that works by what the venue calls it."""
        if not venue_id:
            return None
        return next((each for each in self._live.values() if each.venue_id == venue_id), None)

    def doubt(self, order_id: int, kind: int) -> None:
        """Note that the outcome of a request about an order is not proven; 0: it is now."""
        known = self._live.get(order_id)
        if known is not None:
            known.doubts = kind

    def doubtful(self) -> tuple[Tracked, ...]:
        """Return the orders of which the venue is to be asked."""
        return tuple(each for each in self._live.values() if each.is_doubtful)

    def mark(self, order_id: int, sent: Sent, venue_id: str = "") -> None:
        """Note what has become of sending an order."""
        known = self.find(order_id)
        if known is None:
            return
        known.venue_id = venue_id or known.venue_id
        if sent is Sent.ENDED:
            self._end(known)
        elif known.sent is not Sent.ENDED:
            known.sent = sent

    def hear(self, facts: Rows) -> None:
        """Book what a broker has told, as the engine is told it."""
        for row in facts.tolist():
            kind = row[at.EVENT_KIND]
            if kind == at.KIND_UNITS_KEPT:
                i = row[at.EVENT_INSTRUMENT]
                self.positions[i] = self.positions.get(i, 0) - row[at.KEPT_LOTS]
                continue
            known = self.find(row[at.FACT_ORDER])
            if known is None:
                continue
            if kind == at.KIND_FILL:
                self._fill(known, row[at.FACT_LOTS], row[at.FACT_FEE_LOTS])
            elif kind in _ENDS:
                self._end(known)
            else:
                self._follow(known, kind, row)

    def set_position(self, instrument: int, lots: int) -> None:
        """Take over what is proven to be held: at a start, after a split or a settlement."""
        self.positions[instrument] = lots

    def follow(self, instrument: int, lots: int, split: tuple[int, int], one: Instrument) -> None:
        """Take over a position that an action has changed, and what a split has made of its orders.

        As the engine has it (`engine.step.scale_order`): what is left goes down to whole steps, and a limit
        trades no earlier than before.
        """
        self.set_position(instrument, lots)
        new, old = split
        if new == old:
            return
        for each in self._live.values():
            if each.instrument == instrument:
                filled = each.filled_lots * new // old
                left = (each.quantity_lots - each.filled_lots) * new // old
                each.filled_lots = filled
                each.quantity_lots = filled + left - left % one.quantity_step_lots
                each.limit_ticks = _scaled_limit(each, new, old, one.price_step_ticks)

    def working(self, instrument: int) -> tuple[int, int]:
        """Return the lots that all orders, also those of unknown outcome, may still buy and sell."""
        buys = sells = 0
        for each in self._live.values():
            if each.instrument == instrument and not self._is_kept(each):
                if each.side > 0:
                    buys += each.open_lots
                else:
                    sells += each.open_lots
        return buys, sells

    def _is_kept(self, order: Tracked) -> bool:
        """Return whether an order has surely not left: what it hangs on works."""
        if order.sent is not Sent.HELD or not self.is_child(order):
            return False
        entry = self.find(order.held_for)
        return entry is not None and entry.sent is not Sent.ENDED

    def protecting(self, instrument: int, side: int) -> int:
        """Return the lots of `working` that hang on an entry."""
        return sum(
            each.open_lots
            for each in self._live.values()
            if (each.instrument, each.side) == (instrument, side)
            and self.is_child(each)
            and not self._is_kept(each)
        )

    def leaving(self, instrument: int, side: int) -> tuple[Tracked, ...]:
        """Return what may work by itself on a side, and was asked to end."""
        return tuple(
            each
            for each in self._live.values()
            if (each.instrument, each.side) == (instrument, side)
            and each.is_leaving
            and each.sent is not Sent.HELD
            and not self.is_child(each)
        )

    def only_closes(self, instrument: int, side: int, lots: int, *, waits: bool) -> bool:
        """Return whether so many lots more on a side can only bring a position nearer to flat.

        What hangs on an entry is taken out of the way before (`runtime.gateway.holding`).

        Parameters
        ----------
        waits
            So is what was asked to end.
        """
        held = -side * self.positions.get(instrument, 0)
        buys, sells = self.working(instrument)
        works = (buys if side > 0 else sells) - self.protecting(instrument, side)
        if waits:
            works -= sum(each.open_lots for each in self.leaving(instrument, side))
        return 0 < held >= works + lots

    def held(self) -> tuple[Tracked, ...]:
        """Return the orders that wait with us."""
        return tuple(each for each in self._live.values() if each.sent is Sent.HELD)

    def is_child(self, order: Tracked) -> bool:
        """Return whether an order hangs on an entry; one of an entry that never left does."""
        if order.held_for == 0:
            return False
        other = self.find(order.held_for)
        return other is None or other.side != order.side

    def children(self, entry: Tracked) -> tuple[Tracked, ...]:
        """Return all that live and hang on an entry."""
        return tuple(
            each
            for each in self._live.values()
            if each.held_for == entry.order_id and each.side != entry.side
        )

    def siblings(self, order: Tracked) -> tuple[Tracked, ...]:
        """Return all that live and hang on the same entry, the order among them."""
        return tuple(
            each
            for each in self._live.values()
            if each.held_for == order.held_for and self.is_child(each)
        )

    def unknown(self, instrument: int) -> Tracked | None:
        """Return an order of the instrument of which nobody knows whether it works."""
        for each in self._live.values():
            if each.instrument == instrument and each.sent is Sent.UNKNOWN:
                return each
        return None

    def snapshot(self) -> bytes:
        """Return the books, for `restore`."""
        orders = [*self._live.values(), *self._ended.values()]
        return msgspec.msgpack.encode((self.positions, orders, list(self._sent_at)))

    def restore(self, snapshot: bytes) -> None:
        """Go on from other books."""
        self.positions, orders, sent_at = msgspec.msgpack.decode(
            snapshot, type=tuple[dict[int, int], list[Tracked], list[int]]
        )
        self._sent_at = deque(sent_at)
        for each in orders:
            (self._ended if each.sent is Sent.ENDED else self._live)[each.order_id] = each
            self._by_client[each.client_id] = each.order_id

    def live(self) -> tuple[Tracked, ...]:
        """Return the orders that may work."""
        return tuple(self._live.values())

    def _follow(self, known: Tracked, kind: int, row: Sequence[int]) -> None:
        # That a change was refused does not prove that the order has arrived: perhaps that is why.
        if known.sent in _PERHAPS and kind != at.KIND_CANCEL_REJECTED:
            known.sent = Sent.TAKEN
        if kind == at.KIND_REPLACED:
            known.quantity_lots = row[at.FACT_LOTS]
            known.limit_ticks = row[at.FACT_PRICE]
            known.wanted_lots = 0
        elif kind == at.KIND_CANCEL_REJECTED:
            known.wanted_lots = 0
        else:
            known.is_accepted = True

    def _fill(self, known: Tracked, lots: int, fee_lots: int) -> None:
        known.filled_lots += lots
        known.is_accepted = True
        if known.sent in _PERHAPS:
            known.sent = Sent.TAKEN
        held = self.positions.get(known.instrument, 0)
        self.positions[known.instrument] = held + known.side * lots - fee_lots
        for other in self.siblings(known) if self.is_child(known) else ():
            if other is not known:  # as the engine has it: one closes what the other does not
                other.quantity_lots = max(other.filled_lots, other.quantity_lots - lots)
        if known.filled_lots >= known.quantity_lots:
            self._end(known)

    def _end(self, known: Tracked) -> None:
        known.sent = Sent.ENDED
        known.wanted_lots = known.doubts = 0
        if self._live.pop(known.order_id, None) is not None:
            for child in self.children(known):  # they close what was filled
                child.quantity_lots = min(child.quantity_lots, known.filled_lots)
            self._ended[known.order_id] = known
            if len(self._ended) > ENDED_KEPT:
                _, oldest = self._ended.popitem(last=False)
                del self._by_client[oldest.client_id]


def _scaled_limit(order: Tracked, new: int, old: int, step: int) -> int:
    """Return a limit after a split: a buy's is rounded down, a sale's up, none becomes zero."""
    scaled = order.limit_ticks * old
    steps = scaled // (new * step) if order.side > 0 else -(-scaled // (new * step))
    return max(steps, 1) * step if order.limit_ticks else 0
