"""The kill switch: a file, so that it works when the database, the network and the program do not.

While the file is there nothing leaves but cancels (and, where it says so, orders that close). It is looked
at before each sending and twice a second: a session that sees it withdraws all its orders. Only a
person's release removes it, and no session starts while it is there. A file that cannot be read counts.
Who releases it is written beside it first; the sessions put that into their journals.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec

from engine.errors import ConfigError, InputError
from runtime.store.location import VARIABLE, beside, database_url

NAME = "HALT"
# A person may write it, with any editor: what is no UTF-8 is no error of JSON.
_UNREADABLE_BY = (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Halt(msgspec.Struct, frozen=True):
    """Who has halted everything, and why; `flatten`: positions are to be closed."""

    who: str
    why: str
    at_ns: int
    flatten: bool = False


class Release(msgspec.Struct, frozen=True):
    """Who has released it, when (ns UTC) and why."""

    who: str
    why: str
    at_ns: int


BY_HAND = Release("nobody knows", "the file of the halt was removed by hand", 0)
_UNREADABLE = Halt("nobody knows", "the file cannot be read, which halts too", 0)


def switch_path() -> Path:
    """Return where the configured workspace's kill file is; its database is not opened.

    Of ``trader.toml`` only the database's address is read: no mistake elsewhere keeps anybody from halting.

    Raises
    ------
    ConfigError
        If even that cannot be read: with what halts all the same.
    """
    try:
        return beside(database_url(Path.cwd(), is_all_checked=False)) / NAME
    except ConfigError as error:
        raise ConfigError(
            f"which sessions are meant cannot be read: {error.problem}",
            where=error.where,
            remedy=f"correct it, or name their database in {VARIABLE}; Ctrl-C stops a session too",
            code="halt.workspace",
        ) from None


class KillSwitch:
    """One kill file; a look at it costs a question to the file system.

    Parameters
    ----------
    path
        See `switch_path`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int] | None = None
        self._halt: Halt | None = None

    def state(self) -> Halt | None:
        """Return who has halted; None while everything may run."""
        try:
            found = os.lstat(self.path)  # a link to nowhere halts too
        except FileNotFoundError:
            self._seen, self._halt = None, None
            return None
        except OSError:
            return _UNREADABLE
        seen = (found.st_mtime_ns, found.st_size)
        if seen != self._seen:
            self._seen, self._halt = seen, self._read()
        return self._halt

    def flags(self) -> tuple[bool, bool]:
        """Return whether it is on, and whether what closes may leave."""
        halt = self.state()
        return halt is not None, halt is not None and halt.flatten

    def set(self, halt: Halt) -> None:
        """Halt everything; a halt that is on is replaced.

        Where who and why cannot be written, on a full disk, an empty file halts all the same.

        Raises
        ------
        InputError
            If everything is halted, but that positions are to be closed could not be written.
        OSError
            If there is no halt; `touch` of its path halts as well.
        """
        if self.path.is_dir():  # it halts as it is
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(self.path, halt)
        except OSError as error:
            self.path.touch()
            if halt.flatten:
                raise InputError(
                    "everything is halted, but nothing is closed: that could not be written down "
                    f"({error.strerror})",
                    where=str(self.path),
                    remedy="make room, and repeat the command",
                    code="halt.not_written",
                ) from None

    @property
    def _released(self) -> Path:
        return self.path.with_suffix(".released")

    def release(self, by: Release) -> Halt:
        """Let everything run again; return what was released.

        Raises
        ------
        InputError
            If nothing is halted.
        OSError
            If it cannot be kept who releases it: then everything stays halted.
        """
        halt = self.state()
        if halt is None:
            raise InputError("nothing is halted", where=str(self.path), code="halt.not_set")
        if self.path.is_dir():
            raise InputError(
                "the kill switch is a folder, which only a person can remove",
                where=str(self.path),
                remedy="look what is in it, and remove it by hand",
                code="halt.folder",
            )
        _write(self._released, by)
        self._remove(halt)
        return halt

    def _remove(self, halt: Halt) -> None:
        """Remove the file if it still says that halt: what was set meanwhile, for another reason, stays.

        Raises
        ------
        InputError
            If somebody else has halted meanwhile.
        """
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{NAME}-")
        os.close(handle)
        aside = Path(name)
        try:
            os.rename(self.path, aside)
            if KillSwitch(aside).state() != halt:
                with suppress(FileExistsError):  # one more has halted
                    os.link(aside, self.path, follow_symlinks=False)
                raise InputError(
                    "somebody else has halted everything meanwhile: that halt stays",
                    where=str(self.path),
                    remedy="look at why, and resume once more if it is still wanted",
                    code="halt.another",
                )
        except FileNotFoundError:
            pass  # somebody else has released it
        finally:
            aside.unlink(missing_ok=True)

    def released(self) -> Release:
        """Return who has released it at last; `BY_HAND` where that is not known."""
        try:
            return msgspec.json.decode(self._released.read_bytes(), type=Release)
        except _UNREADABLE_BY:
            return BY_HAND

    def followed(self) -> None:
        """Forget a release of before: a halt that was followed is over by one that comes after it."""
        with suppress(OSError):
            if self.released().at_ns < self.path.stat().st_mtime_ns:
                self._released.unlink()

    def require_off(self) -> None:
        """Refuse to start anything while it is on.

        Raises
        ------
        InputError
            With who has halted, and why.
        """
        halt = self.state()
        if halt is not None:
            raise InputError(
                f"everything is halted by {halt.who}: {halt.why or 'no reason was given'}",
                where=str(self.path),
                remedy="`trader resume --why TEXT` releases it",
                code="halt.set",
            )

    def _read(self) -> Halt:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Halt)
        except _UNREADABLE_BY:
            return _UNREADABLE


def _write(path: Path, what: Halt | Release) -> None:
    content = msgspec.json.encode(what)
    handle, name = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name}-"
    )  # of two at once, each
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
