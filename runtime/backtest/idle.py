"""Why a run traded nothing: what a person wants to know first, and a table of zeros does not say."""

from __future__ import annotations

from dataclasses import dataclass

from engine.model import layout as at
from engine.model.units import from_minor
from reports.formats import format_money
from runtime.results import RunOutput
from runtime.results.orders import denials_of
from runtime.results.rows import rows_of, terms_of


@dataclass(frozen=True, slots=True)
class Silence:
    """What a decider knows about a run without orders: how often it wished to enter, if it counts.

    `is_defined` is False when its formulas had no value at any bar.
    """

    wishes: int | None = None
    is_defined: bool = True


def idle_lines(output: RunOutput, silence: Silence) -> tuple[str, ...]:
    """Return one line that says why there was no order; none where there was one."""
    if len(rows_of(output, at.KIND_SUBMITTED)) or denials_of(output):
        return ()
    if not silence.is_defined:
        return (
            "no order: what asks to enter had no value at any bar; is the history long enough?",
        )
    if silence.wishes is None:
        return ("no order: the strategy placed none",)
    if silence.wishes == 0:
        return ("no order: no entry was ever asked for",)
    return (f"no order: {silence.wishes} wishes to enter, each under one lot{_lot_worth(output)}",)


def _lot_worth(output: RunOutput) -> str:
    """Return what the smallest trade of the first instrument costs, in words."""
    if len(output.instruments) != 1:
        return ""
    instrument, last = output.instruments[0], int(output.positions[0, at.POSITION_LAST])
    terms = terms_of(output)
    minor = last * instrument.quantity_step_lots * int(terms.numerator[0])
    worth = from_minor(minor // int(terms.denominator[0]))
    lot = f"{instrument.lot_size:f} {instrument.symbol}"
    return f" ({lot} is worth {format_money(worth)} {instrument.currency} at the end)"
