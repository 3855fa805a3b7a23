"""All that an import still has to be told, at once: a person answers in one go, not one run after the other.

What a file does not say is asked at many places, each of which can only be reached when those before it
were answered. So a question is answered with a guess and the reading is tried once more, for nothing
but the next question. What was read with a guess is thrown away: no guess is ever imported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from data.importing.findings import BadRowsError
from data.importing.options import ImportOptions, Stamp
from engine.errors import DataError

Read = TypeVar("Read")


def ask_at_once(
    read: Callable[[ImportOptions], Read], options: ImportOptions, *, symbol: str
) -> Read:
    """Return what is read; or ask everything that has to be asked.

    Parameters
    ----------
    read
        Reads the file as the options say; writes nothing.
    symbol
        The name that is proposed for an instrument without one.

    Raises
    ------
    DataError
        If something is wrong or has to be said; the code is that of the first question.
    """
    asked: list[DataError] = []
    while True:
        try:
            done = read(options)
        except DataError as error:
            guessed = _guessed(error, options, symbol)
            if not asked and guessed is None:
                raise
            if guessed is None or error.code in [each.code for each in asked]:
                break
            asked.append(error)
            options = guessed
        else:
            if not asked:
                return done
            break
    raise DataError(
        "; ".join(each.problem for each in asked),
        where=asked[0].where,
        remedy="\n".join(each.remedy for each in asked),
        code=asked[0].code,
    )


def _guessed(error: DataError, options: ImportOptions, symbol: str) -> ImportOptions | None:
    """Return options that answer a question somehow; None where it is none that has an answer."""
    if isinstance(error, BadRowsError):
        return None
    match error.code:
        case "data.symbol_missing":
            return replace(options, symbol=symbol)
        case "data.zone_missing":
            return replace(options, timezone="UTC")
        case "data.calendar_missing":
            return replace(options, calendar="24/7")
        case "data.stamp_missing":
            return replace(options, stamp=Stamp.OPEN)
        case "data.off_grid":
            return replace(options, price_precision=9, quantity_precision=9)
    return None
