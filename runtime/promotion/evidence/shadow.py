"""Paper beside its shadow: a backtest over what the session has seen, decision by decision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from engine.model import layout as at
from engine.ports import Rows
from runtime.backtest import run_backtest
from runtime.config import StrategyConfig
from runtime.promotion.evidence.seen import Seen
from runtime.promotion.evidence.tape import history_of
from runtime.results.output import RunOutput
from runtime.results.rows import rows_of
from runtime.session_core.assembling import Market

_BPS = 10_000.0
_TERMS = (
    at.EVENT_TS,
    at.EVENT_INSTRUMENT,
    at.SUBMIT_SIDE,
    at.SUBMIT_TYPE,
    at.FACT_LOTS,
    at.SUBMIT_LIMIT,
    at.SUBMIT_STOP,
    at.SUBMIT_TIF,
)

# Enough to know a decision again where equity, and so quantities, are not quite the same.
WHEN_AND_WHERE = (at.EVENT_TS, at.EVENT_INSTRUMENT, at.SUBMIT_SIDE)


def shadow_of(config: StrategyConfig, market: Market, seen: Seen, session: str) -> RunOutput | None:
    """Return a backtest over what a session has seen; None where that was nothing.

    Its formulas have seen before what those of the session had.
    """
    if history_of(seen.tape, market, session).span_ns() is None:
        return None
    history = history_of(np.concatenate((seen.past, seen.tape)), market, session)
    return run_backtest(config, history=history, start_ns=seen.start_ns).pessimistic


def intents_of(output: RunOutput) -> tuple[str, ...]:
    """Return every order that was decided on, as a text that equal decisions share, in order."""
    return tuple(_key(row) for row in _submitted(output))


def shortfalls_bps(
    paper: RunOutput,
    shadow: RunOutput,
    terms: Sequence[int] = _TERMS,
    since_ns: int = 0,
) -> tuple[float, ...]:
    """Return, for each fill on paper, how much worse it was than the shadow's of the same decision.

    Fills of one order are held against each other in their order; one that the shadow does not have
    against the average of those that it has. What the shadow has not decided or filled has none.

    Parameters
    ----------
    terms
        Columns in which decisions are the same.
    since_ns
        Fills until then are left out.
    """
    theirs = _fills_by_decision(shadow, terms)
    found: list[float] = []
    for decision, fills in _fills_by_decision(paper, terms).items():
        others = theirs.get(decision)
        if not others:
            continue
        average = sum(price * lots for price, lots, _, _ in others) / sum(
            lots for _, lots, _, _ in others
        )
        for place, (price, _, side, ts_ns) in enumerate(fills):
            if ts_ns <= since_ns:
                continue
            reference = others[place][0] if place < len(others) else average
            found.append(side * (price - reference) / reference * _BPS)
    return tuple(found)


def _submitted(output: RunOutput) -> Rows:
    rows: Rows = output.journal[rows_of(output, at.KIND_SUBMITTED)]
    return rows


def _key(row: Rows, terms: Sequence[int] = _TERMS) -> str:
    return " ".join(str(int(row[column])) for column in terms)


def _fills_by_decision(
    output: RunOutput, terms: Sequence[int]
) -> dict[tuple[str, int], list[tuple[int, int, int, int]]]:
    """Return price, lots, side and time of fills by decision; a decision made twice is counted."""
    times: dict[str, int] = defaultdict(int)
    decisions: dict[int, tuple[str, int]] = {}
    sides: dict[int, int] = {}
    for row in _submitted(output):
        key, order = _key(row, terms), int(row[at.FACT_ORDER])
        decisions[order], sides[order] = (key, times[key]), int(row[at.SUBMIT_SIDE])
        times[key] += 1
    found: dict[tuple[str, int], list[tuple[int, int, int, int]]] = {}
    for fill in output.journal[rows_of(output, at.KIND_FILL)]:
        order, price = int(fill[at.FACT_ORDER]), int(fill[at.FACT_PRICE])
        if order in decisions and price != 0:
            one = (price, abs(int(fill[at.FACT_LOTS])), sides[order], int(fill[at.EVENT_TS]))
            found.setdefault(decisions[order], []).append(one)
    return found
