"""What to raise when a core has stopped itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from engine.errors import InputError, InternalFault
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_SECOND
from engine.state import Core

_OUTGROWN = {
    at.FAULT_OVERFLOW: "an amount of money or a quantity left the range of 64 bits",
    at.FAULT_NO_RATE: "a currency has no conversion rate yet",
}


def core_fault(
    core: Core,
    instruments: Sequence[Instrument],
    *,
    book_fault: int = 0,
    is_overflow: bool = False,
) -> InputError | InternalFault:
    """Return what to raise when the core, or the fill book beside it, has stopped itself.

    `is_overflow` says that the fill book's fault is an amount that left the range of 64 bits.
    """
    code = int(core.account[at.ACCOUNT_FAULT])
    seconds = int(core.account[at.ACCOUNT_NOW]) / NS_PER_SECOND
    when = datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="seconds")
    place = int(core.account[at.ACCOUNT_FAULT_INSTRUMENT]) if code else at.UNKNOWN
    where = f"{instruments[place].symbol}, {when}" if place >= 0 else when
    if code == at.FAULT_NONE and is_overflow:
        code = at.FAULT_OVERFLOW
    if code in _OUTGROWN:
        return InputError(
            f"{_OUTGROWN[code]}; the run was stopped before anything was booked",
            where=where,
            remedy="trade smaller, or check the data's prices and quantities",
            code="engine.out_of_range",
        )
    if code == at.FAULT_NEEDS_LOOP:
        return InputError(
            "the compiled strategy gives a signal (`enter`, `say_edge`), which needs the trading loop",
            where=where,
            remedy="add [signals], [risk], [exits] or [guards] to the strategy file",
            code="strategy.needs_loop",
        )
    return InternalFault(
        f"the engine stopped itself (core fault {code}, fill book fault {book_fault})",
        where=where,
        remedy="this is our mistake; please report the strategy file and this line",
    )
