"""Naming a session on the command line, and opening the database that has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import warn

if TYPE_CHECKING:
    from runtime.journal.sessions import SessionStore

Session = Annotated[
    str,
    typer.Argument(
        metavar="SESSION", help="Its id, the beginning or the random end of it, or `last`."
    ),
]


@contextmanager
def opened_store() -> Iterator[SessionStore]:
    """Open the configured database and close it at the end.

    Of ``trader.toml`` only its address is read: no mistake elsewhere keeps anybody from stopping a session.
    """
    from runtime.journal.sessions import SessionStore
    from runtime.store.location import database_url

    store = SessionStore.open(database_url(Path.cwd(), is_all_checked=False))
    try:
        yield store
    finally:
        store.close()


def warn_of_rest(store: SessionStore, session_id: str) -> None:
    """Tell of records that the database does not have yet."""
    file = store.files(session_id).emergency
    if file.exists():
        warn(
            f"the journal's end is not in the database but in {file}; the session's next start brings "
            "it in"
        )


def who_asks() -> str:
    """Return the name under which a wish of this person stands in the journal."""
    import getpass
    import socket

    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container without users
        name = "somebody"
    return f"{name}@{socket.gethostname()}"
