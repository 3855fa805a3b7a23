"""Walking a chain: is every record there, unaltered, at its place, and does it pass its anchors?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from runtime.journal.anchors import Anchor
from runtime.journal.entries import Entry, Head, follows, genesis
from runtime.journal.failures import JournalDamaged, JournalFailure
from runtime.journal.frames import JournalFile


class Verdict(msgspec.Struct, frozen=True):
    """What checking a journal has come to.

    Parameters
    ----------
    records
        How many are sound from the beginning on.
    head
        Where the sound part ends, as hexadecimal text in `hash_hex`.
    first_bad
        Sequence of the first record that is missing, altered or unreadable; 0 where all are sound.
    anchors
        How many anchors it passes through.
    """

    subject: str
    records: int
    head: Head
    first_bad: int = 0
    problem: str = ""
    anchors: int = 0

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found."""
        return not self.first_bad

    @property
    def hash_hex(self) -> str:
        """The head's hash as people compare it."""
        return self.head.hash.hex()


def require_chain(
    entries: Iterable[Entry], previous: bytes, *, where: str, first: int = 0
) -> Iterator[Entry]:
    """Yield entries, each of which follows from the one before; the first has that sequence, if given.

    Raises
    ------
    JournalDamaged
        At the first that does not.
    """
    expected, epoch = first, 0
    for entry in entries:
        if expected and entry.sequence != expected:
            raise JournalDamaged(
                f"record {expected} is missing: {entry.sequence} follows",
                where=where,
                sequence=expected,
            )
        if not follows(previous, entry):
            raise JournalDamaged(
                f"record {entry.sequence} is not what was written: its hash does not fit",
                where=where,
                sequence=entry.sequence,
            )
        if entry.epoch < epoch:
            raise JournalDamaged(
                f"record {entry.sequence} was written under epoch {entry.epoch}, after {epoch}",
                where=where,
                sequence=entry.sequence,
            )
        previous, expected, epoch = entry.hash, entry.sequence + 1, entry.epoch
        yield entry


def verify_entries(
    entries: Iterable[Entry],
    start: Head,
    *,
    subject: str,
    anchors: Sequence[Anchor] = (),
    decode: bool = True,
) -> Verdict:
    """Check entries that follow `start`, and that they pass through the anchors after it.

    `decode` also reads every record, so that one which this program cannot read is found.
    """
    wanted = {anchor.sequence: anchor for anchor in anchors if anchor.sequence >= start.sequence}
    head, passed = start, 0
    if start.sequence in wanted:
        if wanted.pop(start.sequence).hash != start.hash:
            return _replaced(subject, start.sequence, head)
        passed += 1
    try:
        for entry in require_chain(_from(entries, start), start.hash, where=subject):
            if decode:
                _ = entry.record
            anchor = wanted.pop(entry.sequence, None)
            if anchor is not None:
                if anchor.hash != entry.hash:
                    return _replaced(subject, entry.sequence, head, passed)
                passed += 1
            head = Head(entry.sequence, entry.hash)
    except JournalFailure as error:
        bad = getattr(error, "sequence", 0) or head.sequence + 1
        return Verdict(subject, head.sequence, head, bad, error.problem, passed)
    if wanted:
        last = max(wanted)
        problem = (
            f"the journal ends at {head.sequence}, but it had {last} records "
            f"({wanted[last].why}): {last - head.sequence} are missing"
        )
        return Verdict(subject, head.sequence, head, head.sequence + 1, problem, passed)
    return Verdict(subject, head.sequence, head, anchors=passed)


def verify_file(path: Path) -> Verdict:
    """Check a file of a journal; a torn end counts as bad, for an export is whole.

    Raises
    ------
    JournalDamaged
        If it is no such file, or its head is damaged.
    """
    file = JournalFile(path)
    start = Head(file.head.first - 1, file.head.previous)
    subject = f"session {file.head.session_id}"
    if start.sequence == 0 and start.hash != genesis(file.head.session_id):
        return Verdict(subject, 0, start, 1, "the file does not begin as its session does")
    verdict = verify_entries(file.entries(), start, subject=subject)
    is_short = file.is_torn or verdict.head.sequence < file.head.last
    if verdict.is_sound and is_short:
        problem = f"the file is cut off: record {verdict.head.sequence + 1} is not whole"
        return msgspec.structs.replace(
            verdict, first_bad=verdict.head.sequence + 1, problem=problem
        )
    return verdict


def _from(entries: Iterable[Entry], start: Head) -> Iterator[Entry]:
    """Yield the entries; the first one has to follow `start`."""
    is_first = True
    for entry in entries:
        if is_first and entry.sequence != start.sequence + 1:
            raise JournalDamaged(
                f"record {start.sequence + 1} is missing: {entry.sequence} follows",
                sequence=start.sequence + 1,
            )
        is_first = False
        yield entry


def _replaced(subject: str, sequence: int, head: Head, passed: int = 0) -> Verdict:
    problem = f"record {sequence} has another hash than when it was anchored: history was replaced"
    return Verdict(subject, head.sequence, head, sequence, problem, passed)
