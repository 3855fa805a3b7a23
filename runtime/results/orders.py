"""Every order of a run: its terms, how it ended and why.

The journal names what happened to an order, not its status after it. The status follows from the
last fact; an order whose fills reach its quantity is filled. One case needs more: a member of an OCO
group or a child of a bracket can be filled by less than it asked for, because another fill took the
rest away, which no fact of its own says. The number of working orders per instrument in the final
state decides those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.model import layout as at
from engine.model.denials import SENTENCES, Denial
from engine.model.orders import OrderStatus, OrderType, TimeInForce
from runtime.results import columns
from runtime.results.exact import Flags, Ints, divide_half_even, product_fits, ratio_rows
from runtime.results.frames import (
    SIDE_NAMES,
    currency_column,
    price_column,
    quantity_column,
    symbol_names,
)
from runtime.results.links import REASON_NAMES as EXIT_REASONS
from runtime.results.links import links_of
from runtime.results.output import RunOutput
from runtime.results.rows import Fills, Terms, changes_of, fills_of, rows_of, terms_of
from runtime.results.signals import id_column, number_column, signal_ids
from sims.fillbook.layout import REASONS, RULE_NAMES

if TYPE_CHECKING:
    import polars as pl

AVERAGE_DIGITS = 4  # decimals of an average beyond those of a price
STATUS_NAMES = {status.value: status.name.lower() for status in OrderStatus if status}
TYPE_NAMES = {item.value: item.name.lower() for item in OrderType}
TIF_NAMES = {item.value: item.name for item in TimeInForce}
REASON_NAMES = dict(enumerate(REASONS)) | {
    code.value: code.name.lower() for code in Denial if code is not Denial.NONE
}
SENTENCE_NAMES = {code.value: text for code, text in SENTENCES.items()}

FACT_STATUS = {
    at.KIND_ACCEPTED: at.STATUS_OPEN,
    at.KIND_ARMED: at.STATUS_OPEN,
    at.KIND_TRIGGERED: at.STATUS_TRIGGERED,
    at.KIND_FILL: at.STATUS_PARTIALLY_FILLED,
    at.KIND_CANCELED: at.STATUS_CANCELED,
    at.KIND_EXPIRED: at.STATUS_EXPIRED,
    at.KIND_REJECTED: at.STATUS_REJECTED,
}
LIMITED = (
    at.TYPE_LIMIT,
    at.TYPE_STOP_LIMIT,
    at.TYPE_LIMIT_ON_OPEN,
    at.TYPE_LIMIT_ON_CLOSE,
)
STOPPED = (at.TYPE_STOP, at.TYPE_STOP_LIMIT)


@dataclass(frozen=True, slots=True, eq=False)
class Orders:
    """Orders by id; prices 0 where there is none, `ended` 0 while an order works."""

    order: Ints
    ts: Ints
    instrument: Ints
    side: Ints
    order_type: Ints
    tif: Ints
    quantity: Ints
    limit: Ints
    stop: Ints
    status: Ints
    filled: Ints
    average: Ints
    fees: Ints
    ended: Ints
    reason: Ints


def orders_of(output: RunOutput, fills: Fills) -> Orders:
    """Read the orders, the denied ones among them."""
    table, denied = _requests(output)
    ids = table[:, at.FACT_ORDER]
    place, known = _places(ids, fills.order)
    filled, fees, value = (np.zeros(ids.size, dtype=np.int64) for _ in range(3))
    np.add.at(filled, place[known], fills.lots[known])
    np.add.at(fees, place[known], fills.fee[known])
    average = _averages(value, filled, fills, place, known)
    terms = _latest_terms(output, table, ids)
    status, ended, reason = _outcome(output, table, denied, filled, terms[0])
    return Orders(
        order=ids,
        ts=table[:, at.EVENT_TS],
        instrument=table[:, at.EVENT_INSTRUMENT],
        side=table[:, at.SUBMIT_SIDE],
        order_type=table[:, at.SUBMIT_TYPE],
        tif=table[:, at.SUBMIT_TIF],
        quantity=terms[0],
        limit=terms[1],
        stop=terms[2],
        status=status,
        filled=filled,
        average=average,
        fees=fees,
        ended=ended,
        reason=reason,
    )


def orders_frame(output: RunOutput, *, fingerprint: str = "") -> pl.DataFrame:
    """Return one row per order, by id, the denied ones among them.

    `quantity`, `limit` and `stop` are the latest terms; `filled` counts units as they traded (a
    split in between is not applied). `average_price` is rounded half-even to four decimals more
    than a price. `reason` is a stable code of the end or the denial, `sentence` explains a denial.
    `signal_id`, `position_id` and `exit_reason` say what it belongs to; without a trading loop they
    are null. `fingerprint` is the strategy's, of which the signals' ids are made.
    """
    import polars as pl

    terms = terms_of(output)
    fills = fills_of(output, changes_of(output))
    orders = orders_of(output, fills)
    i = orders.instrument
    limit = price_column("limit", orders.limit, i, terms)
    stop = price_column("stop", orders.stop, i, terms)
    average = average_column("average_price", orders.average, i, terms)
    frame = pl.DataFrame(
        [
            pl.Series("order_id", orders.order),
            columns.times("time", orders.ts),
            columns.names("symbol", i, symbol_names(output)),
            columns.names("side", orders.side, SIDE_NAMES),
            columns.names("type", orders.order_type, TYPE_NAMES),
            columns.names("time_in_force", orders.tif, TIF_NAMES),
            quantity_column("quantity", orders.quantity, i, terms),
            columns.where(limit, np.isin(orders.order_type, LIMITED)),
            columns.where(stop, np.isin(orders.order_type, STOPPED)),
            columns.names("status", orders.status, STATUS_NAMES),
            quantity_column("filled", orders.filled, i, terms),
            columns.where(average, orders.filled > 0),
            columns.money("fees", orders.fees),
            currency_column(output, terms.currency[i]),
            columns.where(columns.times("ended", orders.ended), orders.ended > 0),
            columns.names("reason", orders.reason, REASON_NAMES),
            columns.names("sentence", orders.reason, SENTENCE_NAMES),
        ]
    )
    frame = frame.join(_rules(fills), on="order_id", how="left", maintain_order="left")
    links = links_of(output, orders.order)
    return frame.with_columns(
        id_column("signal_id", links.signal, signal_ids(output, fingerprint)),
        number_column("position_id", links.position),
        columns.names("exit_reason", links.reason, EXIT_REASONS),
    )


def average_column(name: str, average: Ints, instrument: Ints, terms: Terms) -> pl.Series:
    """Return averages in 10^-AVERAGE_DIGITS ticks as prices."""
    scale = int(terms.price_precision.max(initial=0)) + AVERAGE_DIGITS
    precision = terms.price_precision[instrument] + AVERAGE_DIGITS
    return columns.at_precision(name, average, precision, scale)


def denials_of(output: RunOutput) -> dict[Denial, int]:
    """Return how many orders and replacements were denied, by reason, most frequent first."""
    rows = rows_of(output, at.KIND_DENIED)
    codes, counts = np.unique(output.journal[rows, at.FACT_REASON], return_counts=True)
    pairs = sorted(zip(counts.tolist(), codes.tolist()), key=lambda pair: (-pair[0], pair[1]))
    return {Denial(code): count for count, code in pairs}


def _requests(output: RunOutput) -> tuple[Ints, Flags]:
    """Return the row of each order's birth by id, and which were denied.

    A denied replacement carries the id of an order that exists; it is not an order.
    """
    submitted = rows_of(output, at.KIND_SUBMITTED)
    denied = rows_of(output, at.KIND_DENIED)
    journal = output.journal
    fresh = ~np.isin(journal[denied, at.FACT_ORDER], journal[submitted, at.FACT_ORDER])
    rows = np.concatenate((submitted, denied[fresh]))
    order = np.argsort(journal[rows, at.FACT_ORDER], kind="stable")
    return journal[rows[order]], (journal[rows[order], at.EVENT_KIND] == at.KIND_DENIED)


def _places(ids: Ints, wanted: Ints) -> tuple[Ints, Flags]:
    if not ids.size:
        return np.zeros(wanted.size, dtype=np.int64), np.zeros(wanted.size, dtype=np.bool_)
    place = np.minimum(np.searchsorted(ids, wanted), ids.size - 1)
    return place, ids[place] == wanted


def _averages(value: Ints, filled: Ints, fills: Fills, place: Ints, known: Flags) -> Ints:
    """Return the average price of each order in 10^-AVERAGE_DIGITS ticks."""
    if product_fits(fills.price, fills.lots, max(fills.row.size, 1)):
        np.add.at(value, place[known], fills.price[known] * fills.lots[known])
        return ratio_rows(value, filled, AVERAGE_DIGITS)
    exact = value.astype(object)
    np.add.at(exact, place[known], fills.price[known].astype(object) * fills.lots[known])
    shift = 10**AVERAGE_DIGITS
    rows = zip(exact.tolist(), np.maximum(filled, 1).tolist())
    return np.array([divide_half_even(total * shift, lots) for total, lots in rows], dtype=np.int64)


def _latest_terms(output: RunOutput, table: Ints, ids: Ints) -> tuple[Ints, Ints, Ints]:
    """Return quantity, limit and stop after the last replacement."""
    terms = tuple(
        table[:, column].copy() for column in (at.FACT_LOTS, at.SUBMIT_LIMIT, at.SUBMIT_STOP)
    )
    replaced = output.journal[rows_of(output, at.KIND_REPLACED)]
    place, known = _places(ids, replaced[:, at.FACT_ORDER])
    for target, column in zip(terms, (at.FACT_LOTS, at.FACT_PRICE, at.FACT_REFERENCE)):
        target[place[known]] = replaced[known, column]  # the last of equal places stays
    quantity, limit, stop = terms
    return quantity, limit, stop


def _outcome(
    output: RunOutput, table: Ints, denied: Flags, filled: Ints, quantity: Ints
) -> tuple[Ints, Ints, Ints]:
    """Return status, time of the end and reason of each order."""
    ids = table[:, at.FACT_ORDER]
    facts = output.journal[rows_of(output, *FACT_STATUS)]
    place, known = _places(ids, facts[:, at.FACT_ORDER])
    facts, place = facts[known], place[known]
    status = np.where(denied, at.STATUS_DENIED, at.STATUS_IN_FLIGHT)
    meaning = np.zeros(at.KIND_EQUITY_MARKED + 1, dtype=np.int64)
    meaning[list(FACT_STATUS)] = list(FACT_STATUS.values())
    np.maximum.at(status, place, meaning[facts[:, at.EVENT_KIND]])
    _mark_pending(output, ids, status)
    last, reason = table[:, at.EVENT_TS].copy(), np.where(denied, table[:, at.FACT_REASON], 0)
    last[place] = facts[:, at.EVENT_TS]
    reason[place] = facts[:, at.FACT_REASON]
    status[~denied & (filled > 0) & (filled >= quantity)] = at.STATUS_FILLED
    _settle_partly_filled(output, table[:, at.EVENT_INSTRUMENT], filled, status)
    ended = np.where(status >= at.STATUS_FILLED, last, 0)
    return status, ended, np.where(status == at.STATUS_FILLED, 0, reason)


def _mark_pending(output: RunOutput, ids: Ints, status: Ints) -> None:
    """An open order whose last cancel is unanswered is pending."""
    asked = output.journal[rows_of(output, at.KIND_CANCEL_SENT, at.KIND_CANCEL_REJECTED)]
    place, known = _places(ids, asked[:, at.FACT_ORDER])
    pending = np.zeros(ids.size, dtype=np.bool_)
    pending[place[known]] = asked[known, at.EVENT_KIND] == at.KIND_CANCEL_SENT
    status[pending & (status < at.STATUS_FILLED)] = at.STATUS_PENDING_CANCEL


def _settle_partly_filled(output: RunOutput, instrument: Ints, filled: Ints, status: Ints) -> None:
    """Of the orders that seem partly filled, only as many are as the final state has working."""
    unsure = (filled > 0) & (status < at.STATUS_FILLED)
    for i in np.unique(instrument[unsure]).tolist():
        open_rows = np.flatnonzero((instrument == i) & (status < at.STATUS_FILLED))
        rows = open_rows[unsure[open_rows]]
        working = int(output.positions[i, at.POSITION_WORKING])
        still = max(working - (open_rows.size - rows.size), 0)
        status[rows[: max(rows.size - still, 0)]] = at.STATUS_FILLED


def _rules(fills: Fills) -> pl.DataFrame:
    """Return the names of the rules that filled each order, in order of their first fill."""
    import polars as pl

    rules = columns.names("rules", fills.rule, RULE_NAMES)
    frame = pl.DataFrame([pl.Series("order_id", fills.order), rules])
    once = frame.unique(maintain_order=True)
    return once.group_by("order_id", maintain_order=True).agg(pl.col("rules").str.join(", "))
