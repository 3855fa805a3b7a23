"""`trader verify`: is a journal whole and unaltered? Nothing is executed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import screen
from cli.errors import EXIT_NEGATIVE, guarded
from cli.options import Debug, Json
from cli.session_names import opened_store, warn_of_rest


@guarded
def verify(
    session: Annotated[
        str,
        typer.Argument(
            metavar="SESSION|FILE", help="A session, `last`, or a journal's exported file."
        ),
    ],
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Check a journal's chain of hashes, its records and its anchors.

    Exit code 1: it is not as it was written, and the first bad record is named.

    \b
    Examples:
      trader verify last
      trader verify session.journal
    """
    from runtime.journal.verifying import verify_file

    if Path(session).is_file():
        verdict = verify_file(Path(session))
    else:
        with opened_store() as store:
            session_id = store.get(session).id
            verdict = store.verify(session_id)
            warn_of_rest(store, session_id)
    if json:
        screen.print_json(
            {
                "subject": verdict.subject,
                "sound": verdict.is_sound,
                "records": verdict.records,
                "head": verdict.hash_hex,
                "first_bad": verdict.first_bad or None,
                "problem": verdict.problem or None,
                "anchors": verdict.anchors,
            }
        )
    elif verdict.is_sound:
        print(f"{verdict.subject}: {verdict.records:,} records, sound; {verdict.anchors} anchors")
        print(f"Head  {verdict.hash_hex}")
    else:
        print(f"{verdict.subject}: record {verdict.first_bad} is bad: {verdict.problem}")
        print(f"The {verdict.records:,} records before it are sound.")
    if not verdict.is_sound:
        raise typer.Exit(EXIT_NEGATIVE)
