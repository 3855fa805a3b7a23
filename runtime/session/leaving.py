"""`Leaving`: a process of sessions that was asked to end says what it waits for, and need not be waited for.

What is stopped in order waits for its database, which may hang for ever: a frozen server answers nothing and
refuses nothing. Nothing is lost by not waiting: the records that it did not take are in the emergency file, and
leaving at any moment is what being killed is, which the next start goes on from.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Final

from runtime.journal.journal import JournalState
from runtime.session.host import Host
from runtime.session.session import Session
from runtime.session.states import SessionState

PATIENCE_SECONDS: Final = 10.0
GRACE_SECONDS: Final = 1.0
INTERRUPTED: Final = 130


def told_on_stderr(text: str) -> None:
    """Say it to whoever has asked."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


class Leaving:
    """See the module; its waits are in threads of their own, as the loop may be what waits.

    Parameters
    ----------
    told
        What is said after `patience` seconds.
    leave
        Ends the process with an exit code, `grace` seconds after it was asked twice.
    """

    def __init__(
        self,
        host: Host,
        told: Callable[[str], None] = told_on_stderr,
        leave: Callable[[int], None] = os._exit,
        *,
        patience: float = PATIENCE_SECONDS,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._host, self._told, self._leave = host, told, leave
        self._patience, self._grace = patience, grace

    def asked(self) -> None:
        """The process was asked to end."""
        _later(self._patience, self._tell)

    def asked_again(self) -> None:
        """It was asked once more, and leaves whatever it waits for."""
        _later(self._grace, lambda: self._leave(INTERRUPTED))

    def _tell(self) -> None:
        waits = "; ".join(waits_for(seat.session) for seat in self._host.seats)
        self._told(
            f"still stopping after {self._patience:g} s: {waits}. Ctrl-C or SIGTERM once more leaves at "
            "once; the next start goes on from the journal"
        )


def waits_for(session: Session) -> str:
    """Return what a session that was asked to stop waits for."""
    journal = session.parts.journal
    if session.state.is_final and journal.state is JournalState.CLOSED:
        what = "has ended, and the rest of the process waits for the database"
    elif journal.state is JournalState.EMERGENCY:
        what = (
            "waits for its database, which does not answer (its records are in the emergency file)"
        )
    elif session.is_settling:
        what = f"waits for the venue ({session.left})"
    elif session.state in (SessionState.STOPPING, SessionState.STOPPED, SessionState.FAILED):
        what = "waits for its database"
    else:
        what = "waits for an input to end, perhaps for a venue's answer to an order"
    return f"session {journal.session_id} {what}"


def _later(seconds: float, work: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()
