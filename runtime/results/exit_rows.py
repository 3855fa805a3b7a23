"""The exits of a run, put together from their rows: what fired, what was sent, what came of it.

A row says that something fired whenever the set of conditions that hold has changed, or is acted on. So
not every such row begins an exit: one that works goes on, and sometimes nothing can be done. An exit is
known by what follows: its first attempt, or its end, which says when it began. While it works, it
counts as begun by the last row of its reason before its first attempt. The conditions told until its
end are what fired with it.

Fills belong to the exit whose attempt sent the order; what fills after a higher priority took over
belongs to that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.trading import AttemptResult, ExitReason
from runtime.results.output import RunOutput
from runtime.results.rows import Changes, Fills, rows_of

_OF_FIRING = ("row", "fired", "price", "pnl_ppm", "lots", "number", "limit")
ExitKey = tuple[int, ...]  # instrument, position, reason
EXIT_KINDS = (
    at.KIND_EXIT_FIRED,
    at.KIND_EXIT_ATTEMPT,
    at.KIND_ATTEMPT_ENDED,
    at.KIND_EXIT_ENDED,
)


@dataclass(slots=True, eq=False)
class Attempt:
    """One order to close, or one replacement of it; `ended_row` is -1 while it works."""

    row: int
    ts: int
    number: int
    kind: int
    price: int
    lots: int
    touch: int
    order: int
    ended_row: int = -1
    ended: int = 0
    result: int = AttemptResult.WORKING.value
    filled: int = 0
    code: int = 0


@dataclass(slots=True, eq=False)
class Exit:
    """One exit; `ended_row` is -1 while it works. Lots and ticks of its instrument, ns, minor."""

    row: int
    instrument: int
    position: int
    reason: int
    fired: int
    price: int
    pnl_ppm: int
    lots: int
    number: int
    limit: int
    also: int
    attempts: list[Attempt] = field(default_factory=list)
    ended_row: int = -1
    ended: int = 0
    result: int = AttemptResult.WORKING.value
    sent: int = 0
    walks: int = 0
    closed: int = 0
    left: int = 0
    # Of its fills, in the instrument's currency
    traded: int = 0  # lots
    paid: int = 0  # ticks times lots
    side: int = 0
    realized: int = 0
    fees: int = 0
    cost: int = 0  # of what was closed

    def also_fired(self) -> list[ExitReason]:
        """Return the other conditions that fired with it."""
        return [each for each in reasons_of(self.also) if each != self.reason]

    @property
    def pnl(self) -> int:
        """What it realized, less the fees of its fills."""
        return self.realized - self.fees

    @property
    def worse_ticks(self) -> int:
        """How much worse than at the exit price when it fired, in ticks times lots."""
        return self.side * (self.paid - self.price * self.traded)


def reasons_of(mask: int) -> list[ExitReason]:
    """Return the conditions whose bits are set.

    Examples
    --------
    >>> [reason.name for reason in reasons_of(1 << 8 | 1 << 9)]
    ['EARLY_EXIT', 'EDGE_DISAPPEARED']
    """
    return [reason for reason in ExitReason if reason and mask >> reason.value & 1]


class ExitFold:
    """Exits as their rows tell of them, one after another.

    Attributes
    ----------
    found
        The exits that have begun, in the order in which they did.
    fired
        What may still begin one, by instrument, position and reason.
    working
        The exits that have not ended.
    """

    def __init__(self) -> None:
        self.found: list[Exit] = []
        self.fired: dict[ExitKey, list[Exit]] = {}
        self.working: dict[ExitKey, Exit] = {}

    def add(self, row: int, values: list[int]) -> None:
        """Take one row of a kind in `EXIT_KINDS`; `row` is its place."""
        # All four kinds begin with the position and the reason.
        key = (values[at.EVENT_INSTRUMENT], *values[loop.FIRED_POSITION : loop.FIRED_REASON + 1])
        kind = values[at.EVENT_KIND]
        if kind == at.KIND_EXIT_FIRED:
            _note_mask(self.working, key, values[loop.FIRED_ALSO])
            self.fired.setdefault(key, []).append(_fired(row, values))
            return
        if kind != at.KIND_ATTEMPT_ENDED and key not in self.working and key in self.fired:
            self.working[key] = replace(self.fired[key][-1])
            self.found.append(self.working[key])
        if kind == at.KIND_ATTEMPT_ENDED:
            _end_attempt(self.working.get(key) or _last_of(self.found, key), row, values)
        elif key in self.working and kind == at.KIND_EXIT_ATTEMPT:
            self.working[key].attempts.append(_attempt(row, values))
        elif key in self.working:
            _end(self.working.pop(key), row, values, self.fired.pop(key))


def exits_of(output: RunOutput) -> list[Exit]:
    """Return the exits of a run in the order in which they fired, without their fills."""
    rows = rows_of(output, *EXIT_KINDS)
    fold = ExitFold()
    for row, values in zip(rows.tolist(), output.journal[rows].tolist()):
        fold.add(row, values)
    return sorted(fold.found, key=lambda each: each.row)


def times_fired(output: RunOutput, exits: Sequence[Exit]) -> dict[ExitReason, int]:
    """Return how often each condition fired: began to hold, or was acted on once more."""
    counts = {reason: 0 for reason in ExitReason if reason}
    begun = {each.row: 1 << each.reason for each in exits if each.ended_row >= 0}
    held: dict[int, int] = {}  # by position
    rows = rows_of(output, at.KIND_EXIT_FIRED)
    masks = output.journal[rows][:, (loop.FIRED_POSITION, loop.FIRED_ALSO)].tolist()
    for row, (position, mask) in zip(rows.tolist(), masks):
        before = held.get(position, 0)
        # A row with the conditions of the one before tells of another time: in between none held.
        risen = mask if mask == before else mask & ~before
        for reason in reasons_of(risen | begun.get(row, 0)):
            counts[reason] += 1
        held[position] = mask
    return counts


def exits_with_fills(output: RunOutput, fills: Fills, changes: Changes) -> list[Exit]:
    """Return the exits with what their fills traded and realized."""
    exits = exits_of(output)
    sender = {attempt.order: each for each in exits for attempt in each.attempts}
    costs = _closed_costs(changes)
    following: dict[int, list[Exit]] = {}
    for each in exits:
        following.setdefault(each.instrument, []).append(each)
    for values in _fill_rows(fills):
        sent = sender.get(values[1])
        if sent is not None:
            taker = _taker(sent, following[sent.instrument], values[0])
            _add_fill(taker, values, costs.get(values[0], 0))
    return exits


def _note_mask(working: dict[ExitKey, Exit], key: ExitKey, mask: int) -> None:
    """Tell the exit that works on this position what else holds by now."""
    for reason in ExitReason:
        each = working.get((*key[:2], reason.value))
        if each is not None:
            each.also |= mask


def _fired(row: int, values: list[int]) -> Exit:
    return Exit(
        row=row,
        instrument=values[at.EVENT_INSTRUMENT],
        position=values[loop.FIRED_POSITION],
        reason=values[loop.FIRED_REASON],
        fired=values[at.EVENT_TS],
        price=values[loop.FIRED_PRICE],
        pnl_ppm=values[loop.FIRED_PNL_PPM],
        lots=values[loop.FIRED_LOTS],
        number=values[loop.FIRED_NUMBER],
        limit=values[loop.FIRED_LIMIT],
        also=values[loop.FIRED_ALSO],
    )


def _attempt(row: int, values: list[int]) -> Attempt:
    return Attempt(
        row=row,
        ts=values[at.EVENT_TS],
        number=values[loop.ATTEMPT_NUMBER],
        kind=values[loop.ATTEMPT_KIND],
        price=values[loop.ATTEMPT_PRICE],
        lots=values[loop.ATTEMPT_LOTS],
        touch=values[loop.ATTEMPT_TOUCH],
        order=values[loop.ATTEMPT_ORDER],
    )


def _last_of(found: list[Exit], key: ExitKey) -> Exit | None:
    """Return the latest exit of this position and reason: an order may end after its exit has."""
    for each in reversed(found):
        if (each.instrument, each.position, each.reason) == key:
            return each
    return None


def _end_attempt(owner: Exit | None, row: int, values: list[int]) -> None:
    number, order = values[loop.ENDED_NUMBER], values[loop.ENDED_ORDER]
    for attempt in reversed(owner.attempts if owner else []):
        if attempt.ended_row < 0 and (attempt.number, attempt.order) == (number, order):
            attempt.ended_row, attempt.ended = row, values[at.EVENT_TS]
            attempt.result, attempt.code = values[loop.ENDED_RESULT], values[loop.ENDED_CODE]
            attempt.filled = values[loop.ENDED_LOTS]
            return


def _end(ended: Exit, row: int, values: list[int], fired: list[Exit]) -> None:
    begun = [each for each in fired if each.fired == values[loop.EXITED_FIRED]]
    for name in _OF_FIRING if begun else ():
        setattr(ended, name, getattr(begun[0], name))
    ended.ended_row, ended.ended = row, values[at.EVENT_TS]
    ended.result = values[loop.EXITED_RESULT]
    ended.sent, ended.walks = values[loop.EXITED_ATTEMPTS], values[loop.EXITED_WALKS]
    ended.closed, ended.left = values[loop.EXITED_LOTS], values[loop.EXITED_LEFT]


def _fill_rows(fills: Fills) -> Iterator[tuple[int, ...]]:
    """Yield row, order, side, lots, price, fee and realized money of each fill."""
    columns = (
        fills.row,
        fills.order,
        fills.side,
        fills.lots,
        fills.price,
        fills.fee,
        fills.realized,
    )
    return zip(*(column.tolist() for column in columns))


def _closed_costs(changes: Changes) -> dict[int, int]:
    """Return the cost of what each closing fill closed, by the fill's row.

    The ledger books ``change of cost = value + realized``, so what left is its absolute; a fill that
    turns a position around closes all that there was.
    """
    closing = changes.closes() & (changes.fill_row >= 0)
    left = abs(changes.value + changes.realized)
    left[changes.flips()] = abs(changes.cost_before[changes.flips()])
    return dict(zip(changes.fill_row[closing].tolist(), left[closing].tolist()))


def _taker(sent: Exit, exits: list[Exit], row: int) -> Exit:
    """Return whose fill it is: the sender's, or of what took over from it."""
    if sent.ended_row < 0 or sent.ended_row > row:
        return sent
    for each in exits:
        if each.row < row and (each.ended_row < 0 or each.ended_row > row):
            return each
    return sent


def _add_fill(taker: Exit, values: tuple[int, ...], cost: int) -> None:
    _, _, side, lots, price, fee, realized = values
    taker.side = side
    taker.traded += lots
    taker.paid += lots * price
    taker.fees += fee
    taker.realized += realized
    taker.cost += cost
