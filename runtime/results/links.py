"""What belongs together in a run with a trading loop: orders, signals, positions, exits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.trading import ExitReason
from runtime.results.exact import Flags, Ints
from runtime.results.output import RunOutput
from runtime.results.rows import rows_of

REASON_NAMES = {reason.value: reason.name.lower() for reason in ExitReason if reason}
LOOP_TABLES = ("signals", "checks", "exits", "exit_attempts", "guards")
LOOP_KINDS = (at.KIND_LINKED, *range(at.KIND_SIGNAL_RECEIVED, at.KIND_APPROVAL_REFUSED + 1))
_FIELDS = 5  # order, signal, position, reason, attempt


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """What some orders belong to; 0 where there is nothing of the kind."""

    signal: Ints
    position: Ints
    reason: Ints
    attempt: Ints


def has_trading_loop(output: RunOutput) -> bool:
    """Return whether signals, checks, exits or guards left anything in the journal."""
    return any(kind in output.rows_by_kind for kind in LOOP_KINDS)


def links_of(output: RunOutput, orders: Ints) -> Links:
    """Return what each of `orders` (ids) belongs to.

    A denied order has no row that says so: its signal is told by its checks.
    """
    table = _links(output)
    place = np.searchsorted(table[:, 0], orders)
    found = np.zeros((orders.size, _FIELDS), dtype=np.int64)
    if table.size:
        place = np.minimum(place, len(table) - 1)
        known = table[place, 0] == orders
        found[known] = table[place[known]]
    return Links(found[:, 1], found[:, 2], found[:, 3], found[:, 4])


def _links(output: RunOutput) -> Ints:
    """Return one row per order: id, signal, position, reason, attempt; by id."""
    checked = output.journal[rows_of(output, at.KIND_CHECKED)]
    denied = output.journal[rows_of(output, at.KIND_SIGNAL_DENIED)]
    linked = output.journal[rows_of(output, at.KIND_LINKED)]
    table = np.concatenate(
        (
            _filled(checked, loop.CHECKED_ORDER, loop.CHECKED_SIGNAL),
            _filled(denied, loop.ANSWER_ORDER, loop.ANSWER_NUMBER),
            _filled(
                linked,
                loop.LINKED_ORDER,
                loop.LINKED_SIGNAL,
                loop.LINKED_POSITION,
                loop.LINKED_REASON,
                loop.LINKED_ATTEMPT,
            ),
        )
    )
    table = table[np.argsort(table[:, 0], kind="stable")]
    is_last = np.diff(table[:, 0], append=-1) != 0  # what is linked comes after what was checked
    result: Ints = table[is_last & (table[:, 0] > 0)]
    return result


def _filled(rows: Ints, *wanted: int) -> Ints:
    table = np.zeros((len(rows), _FIELDS), dtype=np.int64)
    for place, column in enumerate(wanted):
        table[:, place] = rows[:, column]
    return table


def trips_linked(output: RunOutput, instrument: Ints, opened_row: Ints) -> tuple[Ints, Ints]:
    """Return the number and the exit reason of each round trip, 0 where there is none.

    `opened_row` is the journal row of the change of position that opened it: the trading loop's own
    row follows it, before anything else of that instrument opens. What only a fee in kind makes two
    trips of is one to the loop: the second has no number.
    """
    opened = output.journal[rows_of(output, at.KIND_POSITION_OPENED)]
    rows = rows_of(output, at.KIND_POSITION_OPENED)
    number = np.zeros(instrument.size, dtype=np.int64)
    reason = np.zeros(instrument.size, dtype=np.int64)
    if not rows.size or not instrument.size:
        return number, reason
    stride = len(output.journal) + 1
    keys = opened[:, at.EVENT_INSTRUMENT] * stride + rows
    order = np.argsort(keys, kind="stable")
    keys, numbers = keys[order], opened[order, loop.TRIP_POSITION]
    wanted = instrument * stride + opened_row
    place = np.searchsorted(keys, wanted)
    # Trips are by instrument and time: the next one ends where this one's row may be.
    following = np.append(wanted[1:], np.iinfo(np.int64).max)
    found: Flags = place < keys.size
    found[found] = (keys[place[found]] // stride == instrument[found]) & (
        keys[place[found]] < following[found]
    )
    number[found] = numbers[place[found]]
    closed = output.journal[rows_of(output, at.KIND_POSITION_CLOSED)]
    reasons = dict(
        zip(closed[:, loop.TRIP_POSITION].tolist(), closed[:, loop.TRIP_REASON].tolist())
    )
    reason[:] = [reasons.get(each, 0) for each in number.tolist()]
    return number, reason
