"""Where two runs part: the first decision or value in which they are not the same.

Runs leave a journal of integer rows (`engine.model.layout`) and columns of values. Both are compared
to the last bit; what two runs may differ in by nature (the place of an event in its stream) is left
out. Whoever asks decides until when they have to agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from engine.model import layout as at
from engine.model.denials import Denial
from engine.model.instruments import Instrument
from engine.model.orders import OrderType, TimeInForce
from engine.model.units import from_minor, from_quanta

Ints = NDArray[np.int64]

DECISIONS = (at.KIND_SUBMITTED, at.KIND_DENIED, at.KIND_CANCEL_SENT, at.KIND_REPLACE_SENT)
OUTCOMES = (at.KIND_FILL, at.KIND_CANCELED, at.KIND_EXPIRED, at.KIND_REJECTED, at.KIND_REPLACED)
NOTHING = "nothing"

_IGNORED = [at.EVENT_SEQUENCE]
_VERBS = {
    at.KIND_SUBMITTED: "",
    at.KIND_DENIED: "denied: ",
    at.KIND_CANCEL_SENT: "cancel: ",
    at.KIND_REPLACE_SENT: "replace by: ",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place in which two runs are not the same.

    `subject` is what differs (``order``, ``fill``, a formula, an attribute), `one` and `other` are
    what the two runs have there, as text.
    """

    ts_ns: int
    symbol: str
    subject: str
    one: str
    other: str


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Values of one name over a run, ascending in time; times may repeat (quotes of one stamp)."""

    name: str
    symbol: str
    ts_ns: Ints
    values: NDArray[np.float64]

    def until(self, ts_ns: int) -> Series:
        """Return what was known at a time."""
        count = int(np.searchsorted(self.ts_ns, ts_ns, side="right"))
        return Series(self.name, self.symbol, self.ts_ns[:count], self.values[:count])


def rows_until(
    journal: Ints, ts_ns: int | None = None, kinds: Sequence[int] = (*DECISIONS, *OUTCOMES)
) -> Ints:
    """Return the rows of some kinds, up to and with a time, without what two runs may differ in."""
    wanted = np.isin(journal[:, at.EVENT_KIND], kinds)
    if ts_ns is not None:
        wanted &= journal[:, at.EVENT_TS] <= ts_ns
    rows = journal[wanted].copy()
    rows[:, _IGNORED] = 0
    return rows


def first_difference(
    one: Ints,
    other: Ints,
    instruments: Sequence[Instrument],
    *,
    until_ns: int | None = None,
    kinds: Sequence[int] = (*DECISIONS, *OUTCOMES),
) -> Difference | None:
    """Return the first decision or outcome in which two journals differ, or None.

    Parameters
    ----------
    one, other
        Journal rows, in the order of the runs.
    instruments
        Of both runs; their order gives the rows' instrument numbers.
    until_ns
        Compare what happened up to and with this time; None is everything.
    kinds
        Which rows are compared. A fill at a bar's open has that time and is known at its close: up
        to a time only `DECISIONS` can be compared.
    """
    one, other = rows_until(one, until_ns, kinds), rows_until(other, until_ns, kinds)
    common = min(len(one), len(other))
    unequal = np.flatnonzero((one[:common] != other[:common]).any(axis=1))
    if len(unequal) == 0 and len(one) == len(other):
        return None
    place = int(unequal[0]) if len(unequal) else common
    return _parted(
        one[place] if place < len(one) else None,
        other[place] if place < len(other) else None,
        instruments,
    )


def _parted(one: Ints | None, other: Ints | None, instruments: Sequence[Instrument]) -> Difference:
    """Name two rows of one place; the later of two that are not about the same comes too late."""
    if one is not None and other is not None and not _is_same_matter(one, other):
        if one[at.EVENT_TS] <= other[at.EVENT_TS]:
            other = None
        else:
            one = None
    row = one if one is not None else other
    assert row is not None
    instrument = instruments[row[at.EVENT_INSTRUMENT]]
    return Difference(
        ts_ns=int(row[at.EVENT_TS]),
        symbol=instrument.symbol,
        subject="order" if int(row[at.EVENT_KIND]) in DECISIONS else "fill",
        one=NOTHING if one is None else describe_row(one, instrument),
        other=NOTHING if other is None else describe_row(other, instrument),
    )


def _is_same_matter(one: Ints, other: Ints) -> bool:
    same = one[[at.EVENT_TS, at.EVENT_INSTRUMENT]] == other[[at.EVENT_TS, at.EVENT_INSTRUMENT]]
    return bool(same.all())


def first_value_difference(
    one: Series, other: Series, *, until_ns: int | None = None
) -> Difference | None:
    """Return the first value in which two series differ, or None; undefined equals undefined."""
    if until_ns is not None:
        one, other = one.until(until_ns), other.until(until_ns)
    common = min(len(one.values), len(other.values))
    a, b = one.values[:common], other.values[:common]
    differs = (a != b) & ~(np.isnan(a) & np.isnan(b))
    differs |= one.ts_ns[:common] != other.ts_ns[:common]
    places = np.flatnonzero(differs)
    if len(places) == 0 and len(one.values) == len(other.values):
        return None
    place = int(places[0]) if len(places) else common
    times = [int(each.ts_ns[place]) for each in (one, other) if place < len(each.ts_ns)]
    texts = format_pair(
        float(one.values[place]) if place < len(one.values) else None,
        float(other.values[place]) if place < len(other.values) else None,
    )
    return Difference(min(times), one.symbol, one.name, *texts)


def format_pair(one: float | None, other: float | None) -> tuple[str, str]:
    """Write two values with as many digits as tell them apart.

    Examples
    --------
    >>> format_pair(1.0, 1.0000001), format_pair(None, float("nan"))
    (('1', '1.0000001'), ('nothing', 'undefined'))
    """
    for digits in (6, 10, 17):
        texts = _format(one, digits), _format(other, digits)
        if texts[0] != texts[1]:
            break
    return texts


def _format(value: float | None, digits: int) -> str:
    if value is None:
        return NOTHING
    return "undefined" if value != value else f"{value:.{digits}g}"


def describe_row(row: Ints, instrument: Instrument) -> str:
    """Write a decision or an outcome as a person would say it.

    Prices and quantities are those of the row: exact, in currency and units.
    """
    kind = int(row[at.EVENT_KIND])
    if kind in DECISIONS:
        return f"{_VERBS[kind]}{_order_text(row, instrument)}{_reason(row, kind)}"
    word = at.EventKind(kind).name.lower()
    if kind != at.KIND_FILL:
        return f"{word}: order {row[at.FACT_ORDER]}"
    fee = from_minor(int(row[at.FACT_FEE])).normalize()
    quantity, price = _quantity(row, instrument), _price(row, at.FACT_PRICE, instrument)
    return f"fill {quantity:f} at {price:f}, fee {fee:f} (order {row[at.FACT_ORDER]})"


def _order_text(row: Ints, instrument: Instrument) -> str:
    side = "buy" if row[at.SUBMIT_SIDE] > 0 else "sell"
    kind = OrderType(int(row[at.SUBMIT_TYPE]))
    words = [side, f"{_quantity(row, instrument):f}", kind.name.lower().replace("_", " ")]
    for name, column in (("limit", at.SUBMIT_LIMIT), ("stop", at.SUBMIT_STOP)):
        if row[column]:
            label = [] if words[-1] == name else [name]
            words += [*label, f"{_price(row, column, instrument):f}"]
    if row[at.SUBMIT_TIF] not in (0, at.TIF_GTC):
        words.append(TimeInForce(int(row[at.SUBMIT_TIF])).name)
    return " ".join(words)


def _reason(row: Ints, kind: int) -> str:
    if kind != at.KIND_DENIED:
        return ""
    return f" ({Denial(int(row[at.FACT_REASON])).name.lower()})"


def _quantity(row: Ints, instrument: Instrument) -> Decimal:
    return from_quanta(int(row[at.FACT_LOTS]), instrument.quantity_precision).normalize()


def _price(row: Ints, column: int, instrument: Instrument) -> Decimal:
    return from_quanta(int(row[column]), instrument.price_precision)
