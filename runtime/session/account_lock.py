"""One process of this machine at a live account, whatever database it uses.

A lease keeps the sessions of one database apart. Two workspaces with a database each know nothing of each other, and
each would trade the whole account. So a process that begins to trade one live locks a file of the user's until it
ends; the system frees it, however that comes about. Another machine, or another user, is not seen.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from engine.errors import InputError
from runtime.session.live_proof import no
from runtime.workspace import user_data_folder

_HELD: Final[dict[Path, int]] = {}  # for as long as the process lives
_LONGEST: Final = 1_000


def take_account(name: str, session: str, database: str, folder: Path | None = None) -> None:
    """Keep every other process of this user from an account, until this one ends.

    Parameters
    ----------
    name
        Of the account: its venue and its hash.
    session, database
        Of whoever takes it; what another process is told.
    folder
        Of the files; the user's own when left out.

    Raises
    ------
    NegativeAnswer
        If another process trades it.
    InputError
        If that cannot be found out.
    """
    folder = folder or user_data_folder() / "accounts"
    path = folder / f"{name.replace(':', '-')}.lock"
    if path in _HELD:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unseen(path, error) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(file, 0)
        os.pwrite(file, f"session {session} of {database} (process {os.getpid()})".encode(), 0)
    except OSError as error:
        holder = os.pread(file, _LONGEST, 0).decode(errors="replace")
        os.close(file)
        if isinstance(error, BlockingIOError):
            raise no(
                "account_in_use",
                f"the account is traded by {holder}",
                "end that session first: with a database each, both would trade the whole account",
            ) from None
        raise _unseen(path, error) from None
    _HELD[path] = file


def _unseen(path: Path, error: OSError) -> InputError:
    return InputError(
        f"whether another process trades the account cannot be seen: {error.strerror}",
        where=str(path),
        remedy="make the folder and the file writable, with room left",
        code="live.account_lock",
    )
