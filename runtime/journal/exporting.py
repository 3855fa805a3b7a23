"""A journal as one file, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from engine.errors import InputError
from runtime.journal.emergency import sync_folder
from runtime.journal.entries import Entry
from runtime.journal.failures import JournalDamaged
from runtime.journal.frames import FileHead, entry_bytes, head_bytes
from runtime.journal.verifying import require_chain


def write_export(entries: Iterable[Entry], head: FileHead, path: Path) -> None:
    """Write entries, which must be those that `head` says, and wait for the disk.

    Raises
    ------
    JournalDamaged
        If they do not follow from each other.
    InputError
        If the file cannot be written.
    """
    where = f"session {head.session_id}"
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb", buffering=1 << 20) as file:
            file.write(head_bytes(head))
            last = head.first - 1
            for entry in require_chain(entries, head.previous, where=where):
                if entry.sequence > head.last:
                    break  # written meanwhile
                file.write(entry_bytes(entry))
                last = entry.sequence
            if last != head.last:
                raise JournalDamaged(
                    f"record {last + 1} is missing", where=where, sequence=last + 1
                )
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
        sync_folder(path.absolute().parent)
    except OSError as error:
        raise InputError(
            f"the journal cannot be written there: {error.strerror}", where=str(path)
        ) from None
    finally:
        partial.unlink(missing_ok=True)
