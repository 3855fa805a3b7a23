"""What can go wrong with a journal, as errors that a person can act on, and as news for the shell.

JournalFailure
|-- LeaseLost       another process writes for this account now          exit code 2
|-- NotDurable      the record was not durable in time: do not act on it exit code 2
|-- JournalClosed   nothing can be appended any more                     exit code 2
|-- JournalDamaged  a record is missing, altered or unreadable           exit code 2
`-- NewerJournal    a newer program has written it                       exit code 2
SequenceBroken      a sequence twice or left out: nothing is written     exit code 3
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from engine.errors import InputError, InternalFault


class JournalFailure(InputError):
    """The journal of a session cannot be used as asked."""


class LeaseLost(JournalFailure):
    """Another process writes for this account now; nothing that we append counts."""

    def __init__(self, account: str, epoch: int, *, now: str = "") -> None:
        problem = f"the lease on account {account!r} (epoch {epoch}) is lost"
        super().__init__(
            problem + (f": {now}" if now else ""),
            where=f"account {account}",
            remedy="stop this session; `trader sessions list` shows who has the account",
            code="journal.lease_lost",
        )


class NotDurable(JournalFailure):
    """A record did not become durable in time, or only in the emergency file: do not act on it."""

    def __init__(self, problem: str, *, where: str) -> None:
        super().__init__(
            f"the database did not take a record: {problem}",
            where=where,
            remedy="nothing was sent; what happens goes to a file beside the database until it is back",
            code="journal.not_durable",
        )


class JournalClosed(JournalFailure):
    """Nothing can be appended any more."""

    def __init__(self, problem: str, *, where: str) -> None:
        super().__init__(
            f"the journal takes no more records: {problem}",
            where=where,
            remedy="restore the disk or the database, then continue the session: it recovers from "
            "what is durable and asks the broker for the rest",
            code="journal.closed",
        )


class JournalDamaged(JournalFailure):
    """A record is missing, altered or unreadable; `sequence` is the first such, 0 where unknown."""

    def __init__(
        self, problem: str, *, where: str = "", sequence: int = 0, remedy: str = ""
    ) -> None:
        super().__init__(
            problem,
            where=where,
            remedy=remedy
            or "restore the database from a copy, or begin a new session (--new); what is before it is "
            "sound",
            code="journal.damaged",
        )
        self.sequence = sequence


class NewerJournal(JournalFailure):
    """A newer program has written the record."""

    def __init__(self, kind: str, version: int, known: int) -> None:
        up_to = f"up to version {known}" if known else "no such record"
        super().__init__(
            f"the journal holds a record {kind!r} of version {version}, and this version of trader "
            f"knows {up_to}",
            remedy="update trader",
            code="journal.newer",
        )


class SequenceBroken(InternalFault):
    """The database's journal does not end where ours began: a sequence twice, or left out."""

    def __init__(self, problem: str, *, where: str, remedy: str = "") -> None:
        super().__init__(
            problem,
            where=where,
            remedy=remedy
            or "the session is halted and nothing was overwritten; run `trader verify SESSION` "
            "and keep the files beside the database",
            code="journal.sequence",
        )


class TroubleKind(StrEnum):
    """What has happened to a journal."""

    COMMIT = "commit"  # the database refused a group; the emergency file has it
    DEADLINE = "deadline"  # a commit takes too long; the emergency file has it
    LEASE = "lease"  # somebody else has the account
    SEQUENCE = "sequence"  # a sequence twice or left out
    DISK_FULL = "disk_full"  # the last words were written from the reserve
    LOST = "lost"  # nothing can be written anywhere


class Trouble(msgspec.Struct, frozen=True):
    """News for the shell: the database breaker counts them, some of them halt the session."""

    kind: TroubleKind
    problem: str
    sequence: int  # the first record that is concerned

    @property
    def is_database_error(self) -> bool:
        """Whether the database breaker counts it."""
        return self.kind in (TroubleKind.COMMIT, TroubleKind.DEADLINE)

    @property
    def halts(self) -> bool:
        """Whether the session must stop at once."""
        return not self.is_database_error
