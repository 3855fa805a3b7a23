"""What waits with us until another order has ended, at a venue that takes no orders that hang on others.

Two kinds of orders wait:

- the children of an entry (a stop, a target, or both), until the entry has ended and has filled something.
  So the venue's own brackets have it: their legs begin when the entry is filled completely. While a limit
  works, a price at its stop would have filled it before. Both leave as one order of which one part ends the
  other (`engine.ports.TakesPairs`), as two exits for the same shares are refused;
- an order at market that closes all of a position whose children work: they are canceled first, for the
  same reason, and it leaves when their end is proven;
- an order that closes what another one still reserves that was asked to end: until that has ended.

The intent of what waits is durable from its decision on, under its name. Whether it has left can be asked
for after a crash like of any other order. All of it is a function of the books.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.approved import Approved, CancelApproved, RiskApproved
from engine.model.instruments import Instrument
from engine.model.orders import OrderFlag, OrderType, TimeInForce
from runtime.gateway.ledger import OrderLedger, Sent, Tracked


def bracket_problems(
    commands: Sequence[Approved], instruments: Sequence[Instrument]
) -> dict[int, str]:
    """Return, by order, why the brackets of a decision cannot wait with us; empty where they can."""
    children: dict[int, list[RiskApproved]] = {}
    for each in commands:
        if isinstance(each, RiskApproved) and each.parent_id:
            children.setdefault(each.parent_id, []).append(each)
    found: dict[int, str] = {}
    for parent_id, group in children.items():
        problem = _problem(group, instruments[group[0].instrument])
        found |= dict.fromkeys((parent_id, *(each.order_id for each in group)), problem)
    return found


def _problem(group: Sequence[RiskApproved], instrument: Instrument) -> str:
    """Return why what hangs on one entry cannot be sent after it."""
    stops = [each for each in group if each.order_type is OrderType.STOP]
    targets = [each for each in group if each.order_type is OrderType.LIMIT]
    if len(stops) > 1 or len(targets) > 1 or len(stops) + len(targets) != len(group):
        return "an entry has one stop and one limit hanging on it, or one of them"
    if any(each.time_in_force not in (TimeInForce.DAY, TimeInForce.GTC) for each in group):
        return "what hangs on an entry works for the day or until canceled"
    if any(each.quantity_lots % 10**instrument.quantity_precision for each in group):
        return "fractions of a share take no stop or limit that hangs on an entry"
    if any(each.flags & OrderFlag.POST_ONLY for each in group):
        return "what hangs on an entry may trade at once"
    return ""


def targets_of_stops(commands: Sequence[Approved]) -> dict[int, int]:
    """Return, by order, the target that the venue takes a stop with."""
    orders = [each for each in commands if isinstance(each, RiskApproved) and each.parent_id]
    return {
        stop.order_id: target.order_id
        for stop in orders
        for target in orders
        if (stop.order_type, target.order_type) == (OrderType.STOP, OrderType.LIMIT)
        and stop.parent_id == target.parent_id
    }


def waits_for(
    command: Approved, commands: Sequence[Approved], books: OrderLedger, *, closes: bool
) -> int:
    """Return which order a command waits for, beside the others of its decision; 0: it does not wait.

    Of children, what stands in the way of a part, or of a limit, is left alone: the venue then refuses that
    order, and the position stays protected.
    """
    if not isinstance(command, RiskApproved):
        return 0
    if command.parent_id or not closes:
        return command.parent_id
    i, side, lots = command.instrument, command.side, command.quantity_lots
    children = in_the_way(i, side, books)
    ends = {each.order_id for each in commands if isinstance(each, CancelApproved)}
    is_clear = all(each.is_leaving or each.order_id in ends for each in children)
    is_all = command.order_type is OrderType.MARKET and lots == abs(books.positions.get(i, 0))
    if children and (is_clear or is_all):
        return children[0].order_id
    leaving = books.leaving(i, side)
    fits = books.only_closes(i, side, lots, waits=False)
    return leaving[0].order_id if leaving and not fits else 0


def in_the_way(instrument: int, side: int, books: OrderLedger) -> list[Tracked]:
    """Return the children that may work at the venue and reserve what an order of a side would close."""
    return [
        each
        for each in books.live()
        if each.instrument == instrument
        and each.side == side
        and each.sent is not Sent.HELD
        and books.is_child(each)
    ]


def waited_for(order: Tracked, books: OrderLedger) -> list[Tracked]:
    """Return what an order that closes still waits for: what was asked to end, and children if it waits for them."""
    first = books.find(order.held_for)
    children = first is None or books.is_child(first)
    way = in_the_way(order.instrument, order.side, books) if children else []
    return [*way, *books.leaving(order.instrument, order.side)]


def is_due(order: Tracked, books: OrderLedger) -> bool:
    """Return whether what an order waits for has ended."""
    if books.is_child(order):
        entry = books.find(order.held_for)
        return entry is None or entry.sent is Sent.ENDED
    return not waited_for(order, books)


def room(order: Tracked, books: OrderLedger) -> int:
    """Return the lots that an order may close now: what is held, less what others close or protect."""
    others: dict[int, int] = {}
    for each in in_the_way(order.instrument, order.side, books):
        if each.held_for != order.held_for:
            others[each.held_for] = max(others.get(each.held_for, 0), each.open_lots)
    held = -order.side * books.positions.get(order.instrument, 0)
    return max(held - sum(others.values()) - lots_beside(order, books), 0)


def lots_beside(order: Tracked, books: OrderLedger) -> int:
    """Return the lots of other orders by themselves that may close the same, and work or are about to."""
    return sum(
        each.open_lots
        for each in books.live()
        if each.instrument == order.instrument
        and each.side == order.side
        and each.order_id != order.order_id
        and not books.is_child(each)
    )
