"""Exits and their attempts, put together by `runtime.results.exit_rows.ExitFold`.

The fold goes over the rows of one position. What it would have to remember between groups stands in
the tables: a condition that has fired and begun nothing is an exit in the state ``fired``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.model import trading_layout as loop
from runtime.journal.projections.draft import Draft, Values
from runtime.results.exit_rows import Attempt, Exit, ExitFold, ExitKey

EXITS, ATTEMPTS = "session_exits", "session_attempts"
FIRED, WORKING, ENDED = "fired", "working", "ended"


class ExitTables:
    """The exits of the positions that a group tells of."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._folds: dict[int, ExitFold] = {}  # by position
        self._before: dict[int, set[int]] = {}  # the rows that the database has

    def add(self, place: int, row: list[int]) -> None:
        """Take a row of one of the four kinds."""
        position = row[loop.FIRED_POSITION]
        if position not in self._folds:
            self._load(position)
        self._folds[position].add(place, row)

    def write(self) -> None:
        """Write the exits as they are now."""
        for position, fold in self._folds.items():
            rows = {each["row"]: each for each in self._rows(fold)}
            for gone in sorted(self._before[position] - set(rows)):
                self._draft.delete(EXITS, "delete_exit", gone)
            for row in rows.values():
                self._draft.put(EXITS, row)
            for each in fold.found:
                for attempt in each.attempts:
                    self._draft.put(ATTEMPTS, _attempt_row(attempt, each))
            self._before[position] = set(rows)

    def _load(self, position: int) -> None:
        attempts: dict[int, list[Attempt]] = {}
        sent = self._draft.read("attempts_of_position", of_position=position)
        for each in sent:
            attempts.setdefault(each["exit_row"], []).append(_attempt(each))
        exits = self._draft.read("exits_of_position", of_position=position)
        self._draft.adopt(ATTEMPTS, sent)
        self._draft.adopt(EXITS, exits)
        self._before[position] = {each["row"] for each in exits}
        self._folds[position] = _fold(exits, attempts)

    def _rows(self, fold: ExitFold) -> Iterable[Values]:
        for candidates in fold.fired.values():
            yield from (self._exit_row(each, FIRED) for each in candidates)
        working = {id(each) for each in fold.working.values()}
        for each in fold.found:  # in the place of the candidate that began it
            yield self._exit_row(each, WORKING if id(each) in working else ENDED)

    def _exit_row(self, each: Exit, state: str) -> Values:
        is_ended = each.ended_row >= 0
        return {
            "row": each.row,
            "instrument": each.instrument,
            "symbol": self._draft.symbol(each.instrument),
            "position": each.position,
            "reason": each.reason,
            "fired_ns": each.fired,
            "price_ticks": each.price,
            "pnl_ppm": each.pnl_ppm,
            "lots": each.lots,
            "number": each.number,
            "bound": each.limit,
            "also": each.also,
            "state": state,
            "result": each.result,
            "sent": each.sent,
            "walks": each.walks,
            "closed_lots": each.closed,
            "left_lots": each.left,
            "ended_row": each.ended_row if is_ended else None,
            "ended_ns": each.ended if is_ended else None,
        }


def _fold(exits: list[Values], attempts: dict[int, list[Attempt]]) -> ExitFold:
    """Return the fold that left these rows."""
    fold = ExitFold()
    for each in exits:
        found = _exit(each, attempts.get(each["row"], []))
        key: ExitKey = (found.instrument, found.position, found.reason)
        if each["state"] != ENDED:
            fold.fired.setdefault(key, []).append(_exit(each, []))
        if each["state"] != FIRED:
            fold.found.append(found)
        if each["state"] == WORKING:
            fold.working[key] = found
    return fold


def _exit(row: Values, attempts: list[Attempt]) -> Exit:
    return Exit(
        row=row["row"],
        instrument=row["instrument"],
        position=row["position"],
        reason=row["reason"],
        fired=row["fired_ns"],
        price=row["price_ticks"],
        pnl_ppm=row["pnl_ppm"],
        lots=row["lots"],
        number=row["number"],
        limit=row["bound"],
        also=row["also"],
        attempts=attempts,
        result=row["result"],
        sent=row["sent"],
        walks=row["walks"],
        closed=row["closed_lots"],
        left=row["left_lots"],
        **_ending(row),
    )


def _attempt(row: Values) -> Attempt:
    return Attempt(
        row=row["row"],
        ts=row["sent_ns"],
        number=row["number"],
        kind=row["kind"],
        price=row["price_ticks"],
        lots=row["lots"],
        touch=row["touch_ticks"],
        order=row["order_id"],
        result=row["result"],
        filled=row["filled_lots"],
        code=row["code"],
        **_ending(row),
    )


def _ending(row: Values) -> dict[str, Any]:
    is_ended = row["ended_row"] is not None
    return {"ended_row": row["ended_row"], "ended": row["ended_ns"]} if is_ended else {}


def _attempt_row(attempt: Attempt, owner: Exit) -> Values:
    is_ended = attempt.ended_row >= 0
    return {
        "row": attempt.row,
        "exit_row": owner.row,
        "position": owner.position,
        "number": attempt.number,
        "kind": attempt.kind,
        "price_ticks": attempt.price,
        "lots": attempt.lots,
        "touch_ticks": attempt.touch,
        "order_id": attempt.order,
        "sent_ns": attempt.ts,
        "ended_row": attempt.ended_row if is_ended else None,
        "ended_ns": attempt.ended if is_ended else None,
        "result": attempt.result,
        "filled_lots": attempt.filled,
        "code": attempt.code,
    }
