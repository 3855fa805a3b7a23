"""What a broker may be asked for: commands that the core's checks let pass, as values.

A broker accepts these types only, and only `approved_commands` makes them, out of the core's command
block, which only `engine.kernels.orders.push_command` writes, after the checks. So an order that was
not checked has no type with which it could be sent (tests/architecture holds both to one place).
"""

from __future__ import annotations

from typing import Final

import msgspec

from engine.kernels.orders import find_order
from engine.model import layout as at
from engine.model.orders import OrderFlag, OrderType, TimeInForce
from engine.state import Core


class RiskApproved(msgspec.Struct, frozen=True):
    """A new order that passed the checks. Prices are 0 where the type has none."""

    order_id: int
    instrument: int
    side: int
    order_type: OrderType
    time_in_force: TimeInForce
    quantity_lots: int
    limit_ticks: int
    stop_ticks: int
    trail_ticks: int
    trail_ppm: int
    expires_ns: int
    flags: OrderFlag
    parent_id: int
    group_id: int


class CancelApproved(msgspec.Struct, frozen=True):
    """The end of an order that works; `instrument` is -1 where it has ended since it was asked for."""

    order_id: int
    instrument: int


class ReplaceApproved(msgspec.Struct, frozen=True):
    """A new total quantity and new prices of an order that works, checked like a new order."""

    order_id: int
    instrument: int
    quantity_lots: int
    limit_ticks: int
    stop_ticks: int


Approved = RiskApproved | CancelApproved | ReplaceApproved

# Making a member of an enumeration takes a microsecond, looking it up a twentieth.
_TYPES: Final = {int(each): each for each in OrderType}
_TIMES: Final = {int(each): each for each in TimeInForce}
_FLAGS: Final = {flags: OrderFlag(flags) for flags in range(max(OrderFlag) * 2)}


def approved_commands(core: Core) -> tuple[Approved, ...]:
    """Return the commands that wait in a core's block, in their order.

    The core is one for the interpreted world (`engine.state.plain_core`).
    To be called before the block is emptied and before the next event, as a command names the row
    of its order.
    """
    count: int = core.account[at.ACCOUNT_COMMANDS]
    return tuple(_approved(core, n) for n in range(count))


def approved_again(core: Core, order_id: int) -> RiskApproved | None:
    """Return an order that passed the checks and is not known to have arrived, to be sent again.

    None where it has ended, or where its end was asked for.
    """
    row = find_order(core, order_id)
    if row < 0 or core.orders[row, at.ORDER_STATUS] not in (at.STATUS_IN_FLIGHT, at.STATUS_HELD):
        return None
    return _submitted(core, row)


def at_most(order: RiskApproved, lots: int) -> RiskApproved:
    """Return an order for so many lots, if it is for more: what is approved is so for less."""
    return msgspec.structs.replace(order, quantity_lots=min(order.quantity_lots, lots))


def cancel_of(order_id: int, instrument: int) -> CancelApproved:
    """Return the wish to end an order of ours: it needs nobody's approval."""
    return CancelApproved(order_id, instrument)


def _approved(core: Core, n: int) -> Approved:
    row: int = core.commands[n, at.COMMAND_ROW]
    order_id: int = core.commands[n, at.COMMAND_ORDER]
    kind: int = core.commands[n, at.COMMAND_KIND]
    if kind == at.KIND_CANCEL_SENT:
        # One fact may ask for the end of an order, and the next say that it has ended (OCO).
        row = find_order(core, order_id)
        instrument = -1 if row < 0 else core.orders[row, at.ORDER_INSTRUMENT]
        return CancelApproved(order_id, instrument)
    assert core.orders[row, at.ORDER_ID] == order_id, f"command {n} names a row that has moved"
    if kind == at.KIND_REPLACE_SENT:
        columns = (at.COMMAND_QUANTITY, at.COMMAND_LIMIT, at.COMMAND_STOP)
        terms = [core.commands[n, column] for column in columns]
        return ReplaceApproved(order_id, core.orders[row, at.ORDER_INSTRUMENT], *terms)
    assert kind == at.KIND_SUBMITTED, f"command {n} is of the unknown kind {kind}"
    return _submitted(core, row)


def _submitted(core: Core, row: int) -> RiskApproved:
    orders = core.orders
    return RiskApproved(
        order_id=orders[row, at.ORDER_ID],
        instrument=orders[row, at.ORDER_INSTRUMENT],
        side=orders[row, at.ORDER_SIDE],
        order_type=_TYPES[orders[row, at.ORDER_TYPE]],
        time_in_force=_TIMES[orders[row, at.ORDER_TIF]],
        quantity_lots=orders[row, at.ORDER_QUANTITY],
        limit_ticks=orders[row, at.ORDER_LIMIT],
        stop_ticks=orders[row, at.ORDER_STOP],
        trail_ticks=orders[row, at.ORDER_TRAIL_TICKS],
        trail_ppm=orders[row, at.ORDER_TRAIL_PPM],
        expires_ns=orders[row, at.ORDER_EXPIRE],
        flags=_FLAGS[orders[row, at.ORDER_FLAGS]],
        parent_id=orders[row, at.ORDER_PARENT],
        group_id=orders[row, at.ORDER_GROUP],
    )
