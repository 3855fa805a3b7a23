"""The core's orders: made from intents that passed the checks, moved by the broker's facts.

An order's row exists from approval to its end; ended rows are removed at once, keeping the order of
ids. What the shell must know leaves as journal rows and commands.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.kernels.booking import book_fill
from engine.kernels.hearing import hear_fact, hear_refusal
from engine.kernels.late import keep_ended, take_late_fill
from engine.kernels.ledger import fault, journal_row
from engine.kernels.money import OVERFLOW, add_checked
from engine.kernels.positions import tradable_lots
from engine.kernels.trips import note_position
from engine.model.denials import (
    DENY_NONE,
    DENY_NOTHING_TO_REDUCE,
    DENY_PARENT_DENIED,
    DENY_TOO_MANY_ORDERS,
    DENY_UNKNOWN_ORDER,
)
from engine.model.layout import (
    ACCOUNT_COMMANDS,
    ACCOUNT_DENIED,
    ACCOUNT_LAST_DENIAL,
    ACCOUNT_NEXT_ORDER,
    ACCOUNT_NOW,
    ACCOUNT_ORDERS,
    ACCOUNT_SUBMITTED,
    ACCOUNT_TRADING,
    COMMAND_KIND,
    COMMAND_LIMIT,
    COMMAND_ORDER,
    COMMAND_QUANTITY,
    COMMAND_ROW,
    COMMAND_STOP,
    EVENT_INSTRUMENT,
    EVENT_KIND,
    EVENT_WIDTH,
    FACT_FEE,
    FACT_LOTS,
    FACT_ORDER,
    FACT_PRICE,
    FACT_REASON,
    FACT_REFERENCE,
    FAULT_COMMANDS_FULL,
    FAULT_TRANSITION,
    FAULT_UNKNOWN_ORDER,
    FLAG_REDUCE_ONLY,
    KIND_ACCEPTED,
    KIND_ARMED,
    KIND_CANCEL_REJECTED,
    KIND_CANCEL_SENT,
    KIND_DENIED,
    KIND_FILL,
    KIND_LINKED,
    KIND_REPLACE_SENT,
    KIND_REPLACED,
    KIND_SUBMITTED,
    NEXT_STATUS,
    ORDER_ARMED,
    ORDER_ATTEMPT,
    ORDER_EVENT_COUNT,
    ORDER_EXIT,
    ORDER_FEES,
    ORDER_FILLED,
    ORDER_FLAGS,
    ORDER_GROUP,
    ORDER_ID,
    ORDER_INSTRUMENT,
    ORDER_LIMIT,
    ORDER_PARENT,
    ORDER_POSITION,
    ORDER_QUANTITY,
    ORDER_REFUSED,
    ORDER_REPLACING,
    ORDER_SIDE,
    ORDER_SIGNAL,
    ORDER_STATUS,
    ORDER_STOP,
    ORDER_SUBMITTED_NS,
    ORDER_TIF,
    ORDER_TYPE,
    ORDER_VALUE,
    ORDER_WIDTH,
    POSITION_WORKING,
    STATUS_FILLED,
    STATUS_HELD,
    STATUS_IN_FLIGHT,
    STATUS_PENDING_CANCEL,
    SUBMIT_LIMIT,
    SUBMIT_SIDE,
    SUBMIT_STOP,
    SUBMIT_TIF,
    SUBMIT_TYPE,
    TYPE_MARKET,
)
from engine.model.orders import OrderEvent
from engine.model.trading_layout import (
    LINKED_ATTEMPT,
    LINKED_FLAGS,
    LINKED_GROUP,
    LINKED_ORDER,
    LINKED_PARENT,
    LINKED_POSITION,
    LINKED_REASON,
    LINKED_SIGNAL,
)
from engine.rules.checks import check_risk, check_send
from engine.rules.rate import note_order
from engine.rules.risk import check_order, closes_all, left_to_close, opens, works_beside
from engine.state import Core, Table

EVENT_PARTIAL_FILL = OrderEvent.PARTIAL_FILL.value
EVENT_FILL = OrderEvent.FILL.value
EVENT_CANCEL_SENT = OrderEvent.CANCEL_SENT.value
# From the kinds of broker facts, in their order from KIND_ACCEPTED, to events of the transition table.
ORDER_EVENTS = (
    OrderEvent.ACCEPTED.value,
    OrderEvent.ARMED.value,
    OrderEvent.TRIGGERED.value,
    OrderEvent.FILL.value,
    OrderEvent.CANCELED.value,
    OrderEvent.EXPIRED.value,
    OrderEvent.REJECTED.value,
    OrderEvent.REPLACED.value,
    OrderEvent.CANCEL_REJECTED.value,
)


@kernel
def find_order(s: Core, order_id: int) -> int:
    """Return the row of a working order, or -1."""
    for r in range(s.account[ACCOUNT_ORDERS]):
        if s.orders[r, ORDER_ID] == order_id:
            return r
    return -1


@kernel
def push_command(s: Core, kind: int, r: int, quantity: int, limit: int, stop: int) -> None:
    """Hand one command to the shell."""
    n = s.account[ACCOUNT_COMMANDS]
    if n >= s.commands.shape[0]:
        fault(s, FAULT_COMMANDS_FULL, s.orders[r, ORDER_INSTRUMENT])
        return
    s.account[ACCOUNT_COMMANDS] = n + 1
    s.commands[n, COMMAND_KIND] = kind
    s.commands[n, COMMAND_ORDER] = s.orders[r, ORDER_ID]
    s.commands[n, COMMAND_ROW] = r
    s.commands[n, COMMAND_QUANTITY] = quantity
    s.commands[n, COMMAND_LIMIT] = limit
    s.commands[n, COMMAND_STOP] = stop


@kernel
def journal_order(s: Core, kind: int, r: int, reason: int) -> None:
    """Record a decision about the order in row `r`."""
    n = journal_row(s, kind, s.orders[r, ORDER_INSTRUMENT])
    s.journal[n, FACT_ORDER] = s.orders[r, ORDER_ID]
    s.journal[n, FACT_LOTS] = s.orders[r, ORDER_QUANTITY]
    s.journal[n, SUBMIT_SIDE] = s.orders[r, ORDER_SIDE]
    s.journal[n, SUBMIT_TYPE] = s.orders[r, ORDER_TYPE]
    s.journal[n, SUBMIT_LIMIT] = s.orders[r, ORDER_LIMIT]
    s.journal[n, SUBMIT_STOP] = s.orders[r, ORDER_STOP]
    s.journal[n, SUBMIT_TIF] = s.orders[r, ORDER_TIF]
    s.journal[n, FACT_REASON] = reason


@kernel
def check_all(s: Core, r: int) -> int:
    """Return why the order in row `r` must not be sent, or DENY_NONE: its form, the account, the risk."""
    code = check_order(s, r)
    if s.account[ACCOUNT_TRADING] == 1 and code == DENY_NONE:
        code = check_send(s, r)
        if code == DENY_NONE and opens(s, r):
            code = check_risk(s, r)
    return code


@kernel
def only_reduces(s: Core, r: int) -> bool:
    """Return whether the order in row `r` is one by itself that says it only reduces."""
    return bool(s.orders[r, ORDER_FLAGS] & FLAG_REDUCE_ONLY and s.orders[r, ORDER_PARENT] == 0)


@kernel
def fit_to_position(s: Core, r: int) -> int:
    """Cut a new reduce-only order to what is left to close; return why it is none, or DENY_NONE.

    So it is one order in every mode: what a broker does with too much of it is its own.
    """
    left = left_to_close(s, r)
    if left == 0:
        return DENY_NOTHING_TO_REDUCE
    s.orders[r, ORDER_QUANTITY] = min(s.orders[r, ORDER_QUANTITY], left)
    return DENY_NONE


@kernel
def make_way(s: Core, r: int) -> None:
    """Cancel what would close, but not at market, the lots that the order in row `r` closes."""
    for o in range(s.account[ACCOUNT_ORDERS]):
        if works_beside(s, o, r) and s.orders[o, ORDER_TYPE] != TYPE_MARKET:
            ask_cancel(s, s.orders[o, ORDER_ID])


@kernel
def place(s: Core, intents: Table, row: int) -> int:
    """Check the intent in `intents[row]` and, approved, make it an order; return its id, or 0 if denied."""
    order_id = judge_intent(s, intents, row)
    if order_id == 0:
        return 0
    r = s.account[ACCOUNT_ORDERS]
    s.account[ACCOUNT_ORDERS] = r + 1
    s.account[ACCOUNT_SUBMITTED] += 1
    s.positions[s.orders[r, ORDER_INSTRUMENT], POSITION_WORKING] += 1
    if only_reduces(s, r) and closes_all(s, r):
        make_way(s, r)
    journal_order(s, KIND_SUBMITTED, r, 0)
    if s.account[ACCOUNT_TRADING] == 1:
        note_order(s)
        journal_links(s, r)
    push_command(s, KIND_SUBMITTED, r, 0, 0, 0)
    return order_id


@kernel
def judge_intent(s: Core, intents: Table, row: int) -> int:
    """Check the intent in `intents[row]`; return the id that its order would have, or 0 if denied.

    Nothing is sent: the order stands in the first free row, where the next one will stand.

    An intent is an order row whose ORDER_PARENT and ORDER_GROUP may be relative: a parent of -k is
    the order made k intents ago (0 if that was denied: the child is denied too), a group of -1 is
    the group of the parent's children.
    """
    r = s.account[ACCOUNT_ORDERS]
    if r >= s.orders.shape[0]:
        return deny_intent(s, intents, row, DENY_TOO_MANY_ORDERS)
    for column in range(ORDER_WIDTH):
        s.orders[r, column] = intents[row, column]
    order_id = s.account[ACCOUNT_NEXT_ORDER]
    s.orders[r, ORDER_ID] = order_id
    s.orders[r, ORDER_STATUS] = STATUS_IN_FLIGHT
    s.orders[r, ORDER_FILLED] = 0
    s.orders[r, ORDER_VALUE] = 0
    s.orders[r, ORDER_FEES] = 0
    s.orders[r, ORDER_ARMED] = 0
    s.orders[r, ORDER_REPLACING] = 0
    s.orders[r, ORDER_SUBMITTED_NS] = s.account[ACCOUNT_NOW]
    s.account[ACCOUNT_NEXT_ORDER] = order_id + 1
    parent = s.orders[r, ORDER_PARENT]
    if parent < 0:
        parent = order_id + parent
        s.orders[r, ORDER_PARENT] = parent
    if s.orders[r, ORDER_GROUP] == -1:
        s.orders[r, ORDER_GROUP] = parent
    code = DENY_NONE
    if parent != 0:
        s.orders[r, ORDER_STATUS] = STATUS_HELD
        s.orders[r, ORDER_FLAGS] = s.orders[r, ORDER_FLAGS] | FLAG_REDUCE_ONLY
        if find_order(s, parent) < 0:
            code = DENY_PARENT_DENIED
    if code == DENY_NONE:
        code = check_all(s, r)
    if code == DENY_NONE and only_reduces(s, r):
        code = fit_to_position(s, r)
    if code != DENY_NONE:
        s.account[ACCOUNT_DENIED] += 1
        s.account[ACCOUNT_LAST_DENIAL] = code
        journal_order(s, KIND_DENIED, r, code)
        return 0
    return order_id


@kernel
def journal_links(s: Core, r: int) -> None:
    """Record what the order in row `r` belongs to."""
    n = journal_row(s, KIND_LINKED, s.orders[r, ORDER_INSTRUMENT])
    s.journal[n, LINKED_ORDER] = s.orders[r, ORDER_ID]
    s.journal[n, LINKED_SIGNAL] = s.orders[r, ORDER_SIGNAL]
    s.journal[n, LINKED_POSITION] = s.orders[r, ORDER_POSITION]
    s.journal[n, LINKED_REASON] = s.orders[r, ORDER_EXIT]
    s.journal[n, LINKED_ATTEMPT] = s.orders[r, ORDER_ATTEMPT]
    s.journal[n, LINKED_PARENT] = s.orders[r, ORDER_PARENT]
    s.journal[n, LINKED_GROUP] = s.orders[r, ORDER_GROUP]
    s.journal[n, LINKED_FLAGS] = s.orders[r, ORDER_FLAGS]


@kernel
def ask_cancel(s: Core, order_id: int) -> bool:
    """Ask the broker to cancel an order; False when none such is working."""
    r = find_order(s, order_id)
    if r < 0:
        s.account[ACCOUNT_LAST_DENIAL] = DENY_UNKNOWN_ORDER
        return False
    move(s, r, EVENT_CANCEL_SENT)
    journal_order(s, KIND_CANCEL_SENT, r, 0)
    push_command(s, KIND_CANCEL_SENT, r, 0, 0, 0)
    return True


@kernel
def ask_replace(s: Core, order_id: int, quantity: int, limit: int, stop: int) -> bool:
    """Ask the broker for a new total quantity and prices; checked like a new order.

    The order in the core keeps its old terms until the broker says REPLACED, but is judged at the
    larger quantity from now on (`engine.rules.risk.open_lots`), because either may fill.
    """
    r = find_order(s, order_id)
    if r < 0:
        s.account[ACCOUNT_LAST_DENIAL] = DENY_UNKNOWN_ORDER
        return False
    old_quantity = s.orders[r, ORDER_QUANTITY]
    if only_reduces(s, r):  # it grows by no more than is left to close
        most = add_checked(s.orders[r, ORDER_FILLED], left_to_close(s, r))
        quantity = min(quantity, max(old_quantity, most))
    old_limit, old_stop = s.orders[r, ORDER_LIMIT], s.orders[r, ORDER_STOP]
    s.orders[r, ORDER_QUANTITY] = quantity
    s.orders[r, ORDER_LIMIT] = limit
    s.orders[r, ORDER_STOP] = stop
    code = check_all(s, r)
    if code != DENY_NONE:
        s.account[ACCOUNT_DENIED] += 1
        s.account[ACCOUNT_LAST_DENIAL] = code
        journal_order(s, KIND_DENIED, r, code)
    else:
        if s.account[ACCOUNT_TRADING] == 1:
            note_order(s)
        journal_order(s, KIND_REPLACE_SENT, r, 0)
        push_command(s, KIND_REPLACE_SENT, r, quantity, limit, stop)
        s.orders[r, ORDER_REPLACING] = max(s.orders[r, ORDER_REPLACING], quantity)
    s.orders[r, ORDER_QUANTITY] = old_quantity
    s.orders[r, ORDER_LIMIT] = old_limit
    s.orders[r, ORDER_STOP] = old_stop
    return code == DENY_NONE


@kernel
def move(s: Core, r: int, event: int) -> None:
    """Move an order along the transition table; an edge that is not there is a fault."""
    status = NEXT_STATUS[s.orders[r, ORDER_STATUS] * ORDER_EVENT_COUNT + event]
    if status == 0:
        fault(s, FAULT_TRANSITION, s.orders[r, ORDER_INSTRUMENT])
        return
    s.orders[r, ORDER_STATUS] = status


@kernel
def remove_order(s: Core, r: int) -> None:
    """Take an ended order out of the table, keeping the order of ids."""
    s.positions[s.orders[r, ORDER_INSTRUMENT], POSITION_WORKING] -= 1
    last = s.account[ACCOUNT_ORDERS] - 1
    for row in range(r, last):
        for column in range(ORDER_WIDTH):
            s.orders[row, column] = s.orders[row + 1, column]
    s.account[ACCOUNT_ORDERS] = last


@kernel
def end_order(s: Core, r: int) -> None:
    """An order has ended: its children keep what its fills armed, as the broker keeps it."""
    order_id = s.orders[r, ORDER_ID]
    for c in range(s.account[ACCOUNT_ORDERS]):
        if s.orders[c, ORDER_PARENT] == order_id:
            s.orders[c, ORDER_QUANTITY] = min(s.orders[c, ORDER_QUANTITY], s.orders[c, ORDER_ARMED])
    if s.account[ACCOUNT_TRADING] == 1:
        keep_ended(s, r)
    remove_order(s, r)


@kernel
def apply_fact(s: Core, facts: Table, f: int) -> None:
    """Apply one broker fact: journal it, move the order, book the fill."""
    n = journal_row(s, facts[f, EVENT_KIND], facts[f, EVENT_INSTRUMENT])
    for column in range(EVENT_WIDTH):
        s.journal[n, column] = facts[f, column]
    kind = facts[f, EVENT_KIND]
    r = find_order(s, facts[f, FACT_ORDER])
    if r < 0:
        if kind == KIND_FILL and take_late_fill(s, facts, f):
            withdraw_protection(s, facts[f, EVENT_INSTRUMENT], 0)
        elif kind != KIND_CANCEL_REJECTED:
            fault(s, FAULT_UNKNOWN_ORDER, facts[f, EVENT_INSTRUMENT])
        return
    if kind == KIND_FILL:
        apply_fill(s, facts, f, r)
        return
    if kind == KIND_CANCEL_REJECTED and s.orders[r, ORDER_STATUS] != STATUS_PENDING_CANCEL:
        # No cancel was sent: it is a replace that is refused.
        s.orders[r, ORDER_REPLACING] = 0
        s.orders[r, ORDER_REFUSED] = s.account[ACCOUNT_NOW]
        hear_refusal(s, r)
    move(s, r, ORDER_EVENTS[kind - KIND_ACCEPTED])
    if kind == KIND_REPLACED:
        s.orders[r, ORDER_QUANTITY] = facts[f, FACT_LOTS]
        s.orders[r, ORDER_LIMIT] = facts[f, FACT_PRICE]
        s.orders[r, ORDER_STOP] = facts[f, FACT_REFERENCE]
        if s.orders[r, ORDER_REPLACING] <= facts[f, FACT_LOTS]:
            s.orders[r, ORDER_REPLACING] = 0
        s.orders[r, ORDER_ARMED] = min(s.orders[r, ORDER_ARMED], facts[f, FACT_LOTS])
    if kind == KIND_ARMED:
        s.orders[r, ORDER_ARMED] = facts[f, FACT_LOTS]
    hear_fact(s, r, kind, 0)
    if s.orders[r, ORDER_STATUS] >= STATUS_FILLED:
        end_order(s, r)


@kernel
def apply_fill(s: Core, facts: Table, f: int, r: int) -> None:
    """Book the fill in `facts[f]` of the order in row `r`."""
    lots, fee, i = facts[f, FACT_LOTS], facts[f, FACT_FEE], s.orders[r, ORDER_INSTRUMENT]
    realized = book_fill(s, s.orders, r, facts, f)
    if realized == OVERFLOW:
        return
    hear_fact(s, r, KIND_FILL, lots)
    note_position(s, i, realized, fee)
    arm_children_mirror(s, r, lots)
    reduce_group_mirror(s, r, lots)
    group = s.orders[r, ORDER_GROUP]
    if s.orders[r, ORDER_FILLED] >= s.orders[r, ORDER_QUANTITY]:
        move(s, r, EVENT_FILL)
        end_order(s, r)
    else:
        move(s, r, EVENT_PARTIAL_FILL)
    if s.positions[i, POSITION_WORKING] > 0:
        withdraw_protection(s, i, group)


@kernel
def withdraw_protection(s: Core, i: int, group: int) -> None:
    """Cancel the reduce-only orders that have no position left to protect.

    Left working they would close the next position, at the prices of the one that is gone. Children
    still held belong to an entry that works; members of `group` the broker ends itself (OCO).
    """
    for r in range(s.account[ACCOUNT_ORDERS]):
        if s.orders[r, ORDER_INSTRUMENT] != i or not s.orders[r, ORDER_FLAGS] & FLAG_REDUCE_ONLY:
            continue
        status = s.orders[r, ORDER_STATUS]
        if status == STATUS_HELD or status == STATUS_PENDING_CANCEL:
            continue
        if group != 0 and s.orders[r, ORDER_GROUP] == group:
            continue
        if s.orders[r, ORDER_SIDE] * tradable_lots(s, i) >= 0:
            ask_cancel(s, s.orders[r, ORDER_ID])


@kernel
def arm_children_mirror(s: Core, r: int, lots: int) -> None:
    """The broker arms children by a fill of their parent; at its last fill that is known at once."""
    order_id = s.orders[r, ORDER_ID]
    for c in range(s.account[ACCOUNT_ORDERS]):
        if s.orders[c, ORDER_PARENT] == order_id:
            armed = s.orders[c, ORDER_ARMED] + lots
            s.orders[c, ORDER_ARMED] = min(armed, s.orders[c, ORDER_QUANTITY])


@kernel
def reduce_group_mirror(s: Core, r: int, lots: int) -> None:
    """The broker takes a fill of an OCO member off the others; the core's rows follow."""
    group = s.orders[r, ORDER_GROUP]
    if group == 0:
        return
    for o in range(s.account[ACCOUNT_ORDERS]):
        if o != r and s.orders[o, ORDER_GROUP] == group:
            filled = s.orders[o, ORDER_FILLED]
            s.orders[o, ORDER_QUANTITY] = max(filled, s.orders[o, ORDER_QUANTITY] - lots)
            s.orders[o, ORDER_ARMED] = max(filled, s.orders[o, ORDER_ARMED] - lots)


@kernel
def deny_intent(s: Core, intents: Table, row: int, code: int) -> int:
    """Deny an intent before it has a row: it takes a number all the same, for those that hang on it."""
    n = journal_row(s, KIND_DENIED, intents[row, ORDER_INSTRUMENT])
    s.journal[n, FACT_ORDER] = s.account[ACCOUNT_NEXT_ORDER]
    s.journal[n, FACT_LOTS] = intents[row, ORDER_QUANTITY]
    s.journal[n, SUBMIT_SIDE] = intents[row, ORDER_SIDE]
    s.journal[n, FACT_REASON] = code
    s.account[ACCOUNT_NEXT_ORDER] += 1
    s.account[ACCOUNT_DENIED] += 1
    s.account[ACCOUNT_LAST_DENIAL] = code
    return 0
