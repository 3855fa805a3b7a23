"""Positions from flat to flat, with the arithmetic of `runtime.results.trades`.

What a session lacks there is how many lots an instrument trades in at least. So what a fee in kind
leaves over of a position ends it where the trading loop says so, and otherwise keeps it open.
"""

from __future__ import annotations

from engine.model import layout as at
from engine.model import trading_layout as loop
from runtime.journal.projections.draft import Draft, Values
from runtime.results.exact import divide_half_even

TRIPS = "session_positions"


def changed(draft: Draft, place: int, row: list[int], fill: Values | None) -> None:
    """POSITION_CHANGED; `fill` is the one that made it."""
    trip = last_trip(draft, row[at.EVENT_INSTRUMENT])
    before, cost_before = (trip["lots"], trip["cost_minor"]) if trip else (0, 0)
    after, realized = row[at.POSITION_AFTER], row[at.POSITION_REALIZED]
    closed, cause = row[at.POSITION_CLOSED_LOTS], row[at.POSITION_CAUSE]
    traded = 0 if cause == at.KIND_SPLIT else abs(after - before)
    value = row[at.POSITION_COST_AFTER] - cost_before - realized
    fee = fill["fee_minor"] if fill is not None and cause == at.KIND_FILL else 0
    if fill is not None:
        fill["position_lots"] = after
        if cause == at.KIND_FILL:
            fill["side"] = 1 if after > before else -1
            fill["realized_minor"] = realized
        else:  # units that the venue keeps are a fee of the fill
            fill["fee_minor"] -= value
    of_closing = divide_half_even(fee * closed, max(traded, 1))
    is_open = trip is not None and trip["closed_ns"] is None
    if trip is not None and is_open:
        _close(trip, row, closed, of_closing if closed else 0, realized)
        if cause in (at.KIND_FEE_IN_KIND, at.KIND_UNITS_KEPT):
            trip["fees_minor"] -= value
    is_flip = before * after < 0
    if is_flip or (not is_open and after != 0):
        trip = _begin(draft, place, row)
    if trip is None:
        return
    draft.touch(TRIPS, trip)
    trip["lots"], trip["cost_minor"] = after, row[at.POSITION_COST_AFTER]
    if traded > closed:
        trip["entered_lots"] += traded - closed
        trip["fees_minor"] += fee - of_closing
    if after == 0 and trip["closed_ns"] is None:
        trip["closed_ns"] = row[at.EVENT_TS]


def _close(trip: Values, row: list[int], closed: int, fee: int, realized: int) -> None:
    """Book what a change closes; a flip ends the trip."""
    trip["realized_minor"] += realized
    if closed and row[at.POSITION_CAUSE] != at.KIND_FEE_IN_KIND:
        trip["left_lots"] += closed
        trip["fees_minor"] += fee
    if trip["lots"] * row[at.POSITION_AFTER] < 0:
        trip["lots"] = trip["cost_minor"] = 0
        trip["closed_ns"] = row[at.EVENT_TS]


def _begin(draft: Draft, place: int, row: list[int]) -> Values:
    instrument = row[at.EVENT_INSTRUMENT]
    return draft.put(
        TRIPS,
        {
            "row": place,
            "instrument": instrument,
            "symbol": draft.symbol(instrument),
            "direction": 1 if row[at.POSITION_AFTER] > 0 else -1,
            **dict.fromkeys(("lots", "entered_lots", "left_lots"), 0),
            **dict.fromkeys(("cost_minor", "realized_minor", "fees_minor"), 0),
            "opened_ns": row[at.EVENT_TS],
            "closed_ns": None,
            **dict.fromkeys(("position", "signal", "exit_reason"), 0),
        },
    )


def last_trip(draft: Draft, instrument: int) -> Values | None:
    """Return an instrument's newest trip."""
    draft.adopt(TRIPS, draft.read("last_trip", of_instrument=instrument))
    found = [each for each in draft.known(TRIPS) if each["instrument"] == instrument]
    return max(found, key=lambda each: int(each["row"]), default=None)


def opened(draft: Draft, row: list[int]) -> None:
    """POSITION_OPENED: the trading loop's number for the trip that has just begun."""
    trip = last_trip(draft, row[at.EVENT_INSTRUMENT])
    if trip is not None:
        trip["position"], trip["signal"] = row[loop.TRIP_POSITION], row[loop.TRIP_SIGNAL]
        draft.touch(TRIPS, trip)


def closed(draft: Draft, row: list[int]) -> None:
    """POSITION_CLOSED."""
    position = row[loop.TRIP_POSITION]
    draft.adopt(TRIPS, draft.read("trip_of_position", of_position=position))
    for trip in draft.known(TRIPS):
        if trip["position"] == position:
            trip["exit_reason"] = row[loop.TRIP_REASON]
            trip["closed_ns"] = trip["closed_ns"] or row[at.EVENT_TS]
            draft.touch(TRIPS, trip)
