"""`trader replay` and `trader diff`: a session's journal, executed again and compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli import screen
from cli.errors import EXIT_NEGATIVE, guarded
from cli.options import CatalogFolder, Debug, Json
from cli.session_names import Session, opened_store, warn_of_rest

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.journal.sessions import SessionStore
    from runtime.results import RunOutput
    from runtime.session.replaying import Divergence, Replayed

BACKTEST = "backtest"


@guarded
def replay(session: Session, json: Json = False, debug: Debug = False) -> None:
    """Execute a session's journal again and prove that it decides the same.

    The strategy, its parameters and the market data are those in the journal; nothing else is read. Exit
    code 1: something was decided otherwise, and the first difference is shown.

    \b
    Examples:
      trader replay last
      trader replay 4k9zt --json
    """
    from runtime.session.replaying import Divergence

    with opened_store() as store:
        try:
            found = _replayed(store, session)
        except Divergence as error:
            _show_divergence(error, json=json)
            raise typer.Exit(EXIT_NEGATIVE) from None
    output = found.output
    if json:
        screen.print_json(
            {
                "session": session,
                "inputs": found.inputs,
                "states": found.states,
                "same_engine": found.is_same_engine,
                "state": found.state,
                "run_hash": output.state_hash,
                "equity_minor": output.final_equity_minor,
            }
        )
        return
    from engine.model.units import from_minor
    from reports.formats import format_money

    print(f"{found.inputs:,} inputs, every decision the same; {found.states} checkpoints met again")
    if not found.is_same_engine:
        print("The engine is another version than the session's, and decides the same.")
    equity = format_money(from_minor(output.final_equity_minor))
    print(f"Equity     {equity} {output.currencies[0]}")
    print(f"Run hash   {output.state_hash}")


@guarded
def diff(
    a: Session,
    b: Annotated[
        str, typer.Argument(metavar="B", help="Another session, or `backtest`: the plain one.")
    ] = BACKTEST,
    catalog: CatalogFolder = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the first decision in which two sessions, or a session and its backtest, differ.

    \b
    Examples:
      trader diff last
      trader diff last backtest
      trader diff 4k9zt 7x2ab
    """
    from pathlib import Path

    from runtime.differences import first_difference, rows_until
    from runtime.workspace import catalog_root

    with opened_store() as store:
        one = _replayed(store, a)
        if b == BACKTEST:
            other = _backtest_of(one, catalog_root(catalog, Path.cwd()))
        else:
            other = _replayed(store, b).output
    found = first_difference(one.output.journal, other.journal, one.output.instruments)
    equal_result = one.output.final_equity_minor == other.final_equity_minor
    count = len(rows_until(one.output.journal))
    if json:
        difference = None
        if found is not None:
            difference = {name: getattr(found, name) for name in found.__slots__}
        screen.print_json(
            {
                "decisions_and_fills": count,
                "difference": difference,
                "equity_minor": [one.output.final_equity_minor, other.final_equity_minor],
                "same_hash": one.output.state_hash == other.state_hash,
            }
        )
    elif found is None:
        same = "to the bit" if one.output.state_hash == other.state_hash else "in every decision"
        print(f"The same {same}: {count:,} decisions and fills")
    else:
        from runtime.config.moments import format_moment

        print(f"First difference: {found.subject} of {found.symbol}, {format_moment(found.ts_ns)}")
        print(f"  {a}: {found.one}")
        print(f"  {b}: {found.other}")
    if found is not None or not equal_result:
        raise typer.Exit(EXIT_NEGATIVE)


def _replayed(store: SessionStore, name: str) -> Replayed:
    """Play a session's journal, with a progress bar where somebody looks."""
    from runtime.session.replaying import replay

    session_id = store.get(name).id
    warn_of_rest(store, session_id)
    total = max(store.head(session_id).sequence, 1)
    with screen.progress("playing") as advance:
        return replay(
            store.sound_entries(session_id),
            lambda inputs: advance(min(inputs / total, 1.0), "playing"),
        )


def _backtest_of(one: Replayed, root: Path) -> RunOutput:
    from runtime.backtest import run_backtest

    return run_backtest(one.config, catalog_root=root).pessimistic


def _show_divergence(error: Divergence, *, json: bool) -> None:
    from runtime.session.replaying import told

    where = told(error)
    if json:
        screen.print_json({"input": error.number, "subject": error.subject, "told": where})
        return
    print(f"Input {error.number:,} was decided otherwise:")
    for line in where:
        print(f"  {line}")
