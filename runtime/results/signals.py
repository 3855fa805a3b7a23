"""Signals and the checks of their orders, as frames; and the ids by which signals are known outside.

The journal numbers signals in the order in which they came. A number changes when anything earlier
does, so the public id is made of what a signal is: the strategy's fingerprint, its instrument, side
and decision time. The same decision has the same id after a restart, and two different ones share
one of 80 bits with no chance worth a thought.
"""

from __future__ import annotations

from base64 import b32encode
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.denials import SENTENCES, Denial
from engine.model.trading import SignalSource, Verdict
from runtime.results import columns
from runtime.results.exact import Ints
from runtime.results.frames import SIDE_NAMES, price_column, quantity_column, symbol_names
from runtime.results.output import RunOutput
from runtime.results.rows import rows_of, terms_of
from runtime.results.units import check_unit_column, given, mixed_column

if TYPE_CHECKING:
    import polars as pl

ID_BYTES = 10  # 16 letters and digits
PPB_DIGITS = 9
SOURCES = {source.value: source.name.lower() for source in SignalSource}
VERDICTS = {verdict.value: verdict.name.lower() for verdict in Verdict}
ANSWERS = {
    at.KIND_SIGNAL_APPROVED: "approved",
    at.KIND_SIGNAL_DENIED: "denied",
    at.KIND_SIGNAL_QUEUED: "queued",  # it waits for a person
}
CODE_NAMES = {code.value: code.name.lower() for code in Denial if code}
CODE_SENTENCES = {code.value: text for code, text in SENTENCES.items()}


def signal_id(fingerprint: str, symbol: str, side: int, ts_ns: int) -> str:
    """Return the public id of a signal.

    Parameters
    ----------
    fingerprint
        Of the strategy's configuration.
    side
        1 to buy, -1 to sell.
    ts_ns
        When it was decided, nanoseconds UTC.

    Examples
    --------
    >>> signal_id("5f0c", "ACME", 1, 86_400_000_000_000)
    'wwiuz32gjobu7drg'
    """
    text = "\n".join((fingerprint, symbol, str(side), str(ts_ns)))
    digest = blake2b(text.encode(), digest_size=ID_BYTES).digest()
    return b32encode(digest).decode().lower()


def signal_ids(output: RunOutput, fingerprint: str) -> dict[int, str]:
    """Return the public id of each signal by its number."""
    rows = output.journal[rows_of(output, at.KIND_SIGNAL_RECEIVED)]
    symbols = symbol_names(output)
    wanted = (loop.RECEIVED_NUMBER, at.EVENT_INSTRUMENT, loop.RECEIVED_SIDE, at.EVENT_TS)
    return {
        number: signal_id(fingerprint, symbols[instrument], side, ts)
        for number, instrument, side, ts in rows[:, wanted].tolist()
    }


def id_column(name: str, numbers: Ints, ids: dict[int, str]) -> pl.Series:
    """Return the public ids of signals by number; null where there is none."""
    import polars as pl

    return pl.Series(name, [ids.get(number) for number in numbers.tolist()], dtype=pl.String)


def number_column(name: str, numbers: Ints) -> pl.Series:
    """Return numbers of signals, orders or positions; null where there is none."""
    import polars as pl

    return columns.where(pl.Series(name, numbers, dtype=pl.Int64), numbers > 0)


def signals_frame(output: RunOutput, *, fingerprint: str = "") -> pl.DataFrame:
    """Return one row per signal: what it said, and what became of it.

    `edge` and `confidence` are fractions, `goal` and `price` prices; `quantity` is what was ordered.
    `code` says why it was denied, by a stable name.
    """
    import polars as pl

    terms = terms_of(output)
    table = output.journal[rows_of(output, at.KIND_SIGNAL_RECEIVED)]
    number, i = table[:, loop.RECEIVED_NUMBER], table[:, at.EVENT_INSTRUMENT]
    kind, order, lots, code = _answers(output, number)
    goal, price = table[:, loop.RECEIVED_GOAL], table[:, loop.RECEIVED_PRICE]
    expires = table[:, loop.RECEIVED_EXPIRES]
    return pl.DataFrame(
        [
            pl.Series("signal", number),
            id_column("signal_id", number, signal_ids(output, fingerprint)),
            columns.times("time", table[:, at.EVENT_TS]),
            columns.names("symbol", i, symbol_names(output)),
            columns.names("side", table[:, loop.RECEIVED_SIDE], SIDE_NAMES),
            columns.names("source", table[:, loop.RECEIVED_SOURCE], SOURCES),
            _fraction("edge", table[:, loop.RECEIVED_EDGE]),
            _fraction("confidence", table[:, loop.RECEIVED_CONFIDENCE]),
            columns.where(price_column("goal", _or_zero(goal), i, terms), given(goal)),
            columns.where(price_column("price", _or_zero(price), i, terms), given(price)),
            columns.where(columns.times("expires", _or_zero(expires)), given(expires)),
            columns.names("answer", kind, ANSWERS),
            number_column("order_id", order),
            columns.where(quantity_column("quantity", lots, i, terms), lots > 0),
            columns.names("code", code, CODE_NAMES),
            columns.names("sentence", code, CODE_SENTENCES),
        ]
    )


def checks_frame(output: RunOutput, *, fingerprint: str = "") -> pl.DataFrame:
    """Return one row per risk check, those that passed or are off among them.

    `number` and `limit` are in `unit`: fractions, money of the account, prices, quantities, seconds.
    """
    import polars as pl

    table = output.journal[rows_of(output, at.KIND_CHECKED)]
    i, unit = table[:, at.EVENT_INSTRUMENT], table[:, loop.CHECKED_UNIT]
    signal = table[:, loop.CHECKED_SIGNAL]

    def mixed(name: str, column: int) -> pl.Series:
        return mixed_column(name, table[:, column], unit, i, output.instruments)

    return pl.DataFrame(
        [
            columns.times("time", table[:, at.EVENT_TS]),
            columns.names("symbol", i, symbol_names(output)),
            number_column("signal", signal),
            id_column("signal_id", signal, signal_ids(output, fingerprint)),
            number_column("order_id", table[:, loop.CHECKED_ORDER]),
            pl.Series("place", table[:, loop.CHECKED_PLACE]),
            columns.names("check", table[:, loop.CHECKED_CODE], CODE_NAMES),
            columns.names("verdict", table[:, loop.CHECKED_VERDICT], VERDICTS),
            mixed("number", loop.CHECKED_NUMBER),
            mixed("limit", loop.CHECKED_LIMIT),
            check_unit_column(unit, table[:, loop.CHECKED_CODE]),
        ]
    )


def _answers(output: RunOutput, numbers: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Return kind, order, lots and code of what each signal was answered; 0 where nothing was."""
    rows = rows_of(output, *ANSWERS)  # the last one counts
    wanted = (at.EVENT_KIND, loop.ANSWER_ORDER, loop.ANSWER_LOTS, loop.ANSWER_CODE)
    said = dict(
        zip(
            output.journal[rows, loop.ANSWER_NUMBER].tolist(),
            output.journal[rows][:, wanted].tolist(),
        )
    )
    nothing = [0] * len(wanted)
    found = [said.get(number, nothing) for number in numbers.tolist()]
    table = np.array(found, dtype=np.int64).reshape(-1, len(wanted))
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3]


def _fraction(name: str, ppb: Ints) -> pl.Series:
    return columns.where(columns.scaled(name, _or_zero(ppb), PPB_DIGITS), given(ppb))


def _or_zero(values: Ints) -> Ints:
    return np.where(given(values), values, 0)
