"""Journals as earlier programs wrote them, as text: an entry in three lines.

    sequence epoch time kind version hash
    payload, hexadecimal
    what it says, as JSON

A file is never changed once a release has written such journals; `lines_of` makes the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from runtime.journal.entries import Entry
from runtime.journal.records import Record

FOLDER = Path(__file__).with_name("old_journals")
SESSION = "20260101-000000-old0j"


def lines_of(entries: Iterable[Entry]) -> Iterator[str]:
    """Return entries as text."""
    for entry in entries:
        head = (entry.sequence, entry.epoch, entry.ts_ns, entry.kind, entry.version)
        yield " ".join((*map(str, head), entry.hash.hex()))
        yield entry.payload.hex()
        yield msgspec.json.encode(entry.record).decode()


def read(path: Path) -> Iterator[tuple[Entry, Record]]:
    """Return entries and what they have always said."""
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    for head, payload, said in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        sequence, epoch, ts_ns, kind, version, value = head.split(" ")
        numbers = (int(sequence), int(epoch), int(ts_ns))
        made = (kind, int(version), bytes.fromhex(payload), bytes.fromhex(value))
        yield Entry(*numbers, *made), msgspec.json.decode(said, type=Record)
