"""A witness of the registry beside the database: what was ever tried, one short line each.

Rows of a database are deleted without a trace, and how often something was tried is what a strategy's author
has reason to forget. So each run and each trial leaves a line in a file as well: its family, its evaluation, and
a hash over this line and the hash before. The registry may have more than the file (a line is not waited for, as
the disk is not asked); it may not have less.

It cannot see what whoever owns the machine does to both: an author who deletes file and rows has tried nothing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

from engine.errors import InputError
from runtime.store.ids import now_ns

WITNESS_NAME: Final = "trials.witness"
BEGUN, ACCEPTED = "begun", "accepted"  # why a file begins
_WORD: Final = 16  # characters of each of the three words of a line
_LINE: Final = 3 * _WORD + 3
_NOTHING: Final = "0" * _WORD


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What a witness says.

    Parameters
    ----------
    why
        `BEGUN` with an empty registry, or `ACCEPTED`.
    hashes
        Of its lines, in order.
    evaluations
        By family, both shortened as `shortened` does.
    broken
        The number of the first line that is not as it was written; 0: none.
    """

    why: str
    hashes: tuple[str, ...]
    evaluations: dict[str, set[str]]
    broken: int = 0


class Witness:
    """The file; used by several processes at once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        """Whether it is there."""
        return self.path.exists()

    def begin(self) -> None:
        """Begin it for a registry that is empty; one that is there stays."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._held(os.O_CREAT) as file:
            if not os.fstat(file).st_size:
                os.write(file, "".join(_lines([], BEGUN)).encode())

    def add(self, family: str, fingerprints: Iterable[str]) -> None:
        """Add evaluations of a family. Where the file is missing it stays so, for that has to be seen."""
        if not self.exists:
            return
        with self._held(0) as file:
            size = os.fstat(file).st_size // _LINE * _LINE
            os.ftruncate(file, size)  # a line that a power cut has torn
            last = os.pread(file, _LINE, size - _LINE).decode("ascii", "replace") if size else ""
            pairs = [(family, each) for each in fingerprints]
            os.write(file, "".join(_chained(pairs, last[-_WORD - 1 : -1])).encode())

    def replace(self, lines: Iterable[str]) -> None:
        """Put other lines in its place; what was there is kept under another name."""
        if self.exists:
            self.path.rename(self.path.with_name(f"{self.path.name}.{now_ns()}"))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("".join(lines), "ascii")

    def read(self) -> Witnessed:
        """Return what it says, up to the first line that is not as it was written."""
        try:
            text = self.path.read_bytes().decode("ascii", "replace")
        except FileNotFoundError:
            return Witnessed("", (), {})
        hashes: list[str] = []
        evaluations: dict[str, set[str]] = {}
        why, last = "", _NOTHING
        for place in range(0, len(text) - _LINE + 1, _LINE):
            line = text[place : place + _LINE]
            first, second = line[:_WORD], line[_WORD + 1 : 2 * _WORD + 1]
            if line != _line(first, second, last):
                return Witnessed(why, tuple(hashes), evaluations, place // _LINE + 1)
            last = line[-_WORD - 1 : -1]
            hashes.append(last)
            if place:
                evaluations.setdefault(first, set()).add(second)
            else:
                why = first.rstrip()
        return Witnessed(why, tuple(hashes), evaluations)

    @contextmanager
    def _held(self, flags: int) -> Iterator[int]:
        """Open it for one writer at a time.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        try:
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | flags, 0o600)
        except OSError as error:
            raise InputError(
                f"what was tried cannot be witnessed: {error.strerror}",
                where=str(self.path),
                remedy="make the file writable",
                code="store.witness",
            ) from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)


def accepted_lines(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return the lines of a witness that begins with what a person accepts: families and evaluations."""
    return list(_lines(pairs, ACCEPTED))


def hash_of(lines: list[str]) -> str:
    """Return the hash at the end of some lines."""
    return lines[-1][-_WORD - 1 : -1]


def shortened(name: str) -> str:
    """Return a family or an evaluation as lines have it: a hash of it.

    Examples
    --------
    >>> shortened("3f9a0c2e77b1d2e4aa00")
    '7d77a2246656d568'
    """
    return blake2b(name.encode(), digest_size=_WORD // 2).hexdigest()


def _lines(pairs: Iterable[tuple[str, str]], why: str) -> Iterator[str]:
    first = _line(f"{why:{_WORD}}", f"{now_ns():0{_WORD}x}", _NOTHING)
    yield first
    yield from _chained(pairs, first[-_WORD - 1 : -1])


def _chained(pairs: Iterable[tuple[str, str]], last: str) -> Iterator[str]:
    for family, fingerprint in pairs:
        line = _line(shortened(family), shortened(fingerprint), last)
        last = line[-_WORD - 1 : -1]
        yield line


def _line(first: str, second: str, last: str) -> str:
    digest = blake2b(f"{last} {first} {second}".encode(), digest_size=_WORD // 2).hexdigest()
    return f"{first} {second} {digest}\n"
