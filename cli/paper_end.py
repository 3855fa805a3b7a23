"""The end of paper sessions on the screen: of one the tear sheet, of several a line for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cli import screen
from cli.errors import warn

if TYPE_CHECKING:
    from runtime.journal.sessions import SessionStore
    from runtime.session.host import Ended
    from runtime.session.paper import Wanted
    from runtime.session.session import Session


class SessionEnd(NamedTuple):
    """A session that has ended, and what was wanted of it."""

    session: Session
    wanted: Wanted
    ended: Ended
    store: SessionStore
    elapsed_ns: int
    environment: str = "PAPER"


def print_ends(ends: Sequence[SessionEnd], *, is_json: bool) -> None:
    """Say how sessions have ended; to programs as JSON."""
    if is_json:
        answers = [_answer(each) for each in ends]
        screen.print_json(answers[0] if len(answers) == 1 else {"sessions": answers})
    elif len(ends) == 1:
        _print_one(ends[0])
    elif ends:
        _print_several(ends)
    if not is_json:
        for line in dict.fromkeys(filter(None, map(_what_counts, ends))):
            print(line)


def _what_counts(end: SessionEnd) -> str:
    """Return what the days of a paper session are worth to the promotion gate; empty: all is said."""
    from engine.ports import EvidenceClass

    if end.environment != "PAPER" or end.ended.error is not None:
        return ""
    if end.session.parts.feed.evidence is EvidenceClass.REAL:
        return "Gate        whole days of it may count: `trader promote STRATEGY` says which"
    if end.wanted.feed == "alpaca":
        return "Gate        whole days of it may count, for a rehearsal's certificate only"
    return (
        "Gate        no day of it counts for `trader promote`: it was no venue's market.\n"
        "            What counts: `trader paper STRATEGY --feed alpaca`"
    )


def _answer(end: SessionEnd) -> dict[str, object]:
    core = end.session.parts.core
    return {
        "session": end.ended.session,
        "environment": end.environment,
        "strategy": end.wanted.config.name,
        "state": end.ended.state.value,
        "evidence": end.session.parts.feed.evidence.value,
        "inputs": _inputs(end),
        "equity": f"{core.equity_minor / 1e8:.2f}",
        "state_hash": core.state_hash,
        "cause": end.ended.problem or end.session.cause,
        "held": end.session.left.held,
        "working": end.session.left.working,
    }


def _inputs(end: SessionEnd) -> int | None:
    """Return how many inputs the session has taken; None where the database does not answer."""
    from engine.errors import InputError

    try:
        return end.store.inputs(end.ended.session)
    except InputError:
        return None


def _print_one(end: SessionEnd) -> None:
    from engine.errors import InputError
    from runtime.session.states import FEED_ENDED, SessionState

    if end.ended.error is not None:
        return  # it is told as an error
    try:
        _print_result(end)
    except InputError as error:  # it has ended in order all the same
        warn(f"the result cannot be shown: {error.problem}")
    answer = _answer(end)
    print(
        f"Session     {answer['session']} {end.environment}, {answer['state']}: {answer['cause']}"
    )
    if end.session.cause != FEED_ENDED:
        print(f"Left        {end.session.left}")
        for why in end.session.holds:
            print(f"At its end  {why}")
        if end.ended.state is SessionState.STOPPED:
            print("Goes on     where it has stopped, at the next start")
    inputs = answer["inputs"]
    after = "" if inputs is None else f" after {inputs:,} inputs"
    print(f"State       {answer['state_hash']}{after}")


def _print_result(end: SessionEnd) -> None:
    from reports.tearsheet import render_tearsheet
    from runtime.session.results import result_of

    entries = end.store.entries(end.ended.session)
    result = result_of(end.session, end.wanted, entries, elapsed_ns=end.elapsed_ns)
    if result is None:
        print("Nothing was seen yet that could be judged: no day has closed.")
    else:
        render_tearsheet(result.summary, screen.console())


def _print_several(ends: Sequence[SessionEnd]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("strategy", "session", "", "state", "equity", "result"):
        is_number = name in ("equity", "result")
        table.add_column(
            name, justify="right" if is_number else "left", no_wrap=True, overflow="ellipsis"
        )
    for end in ends:
        table.add_row(end.wanted.config.name, end.ended.session, end.environment, *_figures(end))
    screen.console().print(table)


def _figures(end: SessionEnd) -> tuple[str, str, str]:
    from engine.model.units import to_minor
    from runtime.observing.glance import money_text

    equity_minor = end.session.parts.core.equity_minor
    begun_minor = to_minor(end.wanted.config.account.cash, name="account.cash")
    result = money_text(equity_minor - begun_minor, signed=True)
    return end.ended.state.value, money_text(equity_minor), result
