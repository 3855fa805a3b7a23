"""Writing a dataset, all or nothing.

Steps, each of which may fail or be interrupted without harm:

0. the dataset's folder is locked: a second writer is refused;
1. the rows go to a new folder inside the dataset, a generation that no manifest names yet;
2. every file and folder is flushed to the disk;
3. one rename puts the new manifest in the place of the old one: from here on it is the dataset;
4. the generation of the old manifest is deleted.

Before step 3 a failure deletes the new folder and the old dataset is untouched. After step 3 a
failure leaves an unnamed folder, which the next write sweeps away.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from data.actions import Action
from data.calendars import CALENDAR_VERSION
from data.copies import COPY_ROWS_MAX
from data.fingerprint import action_line, dataset_fingerprint
from data.manifest import (
    ACTIONS_NAME,
    MANIFEST_NAME,
    ActionEntry,
    ChangeEntry,
    DerivedEntry,
    InstrumentEntry,
    Manifest,
    SourceEntry,
    encode_manifest,
    fingerprint_of,
    read_manifest,
)
from data.parts import Part, symbol_folder, write_part
from engine.errors import DataError
from engine.model.instruments import Instrument

__all__ = ["ANYTHING", "Draft", "Part", "symbol_folder", "write_dataset"]

GENERATION_PREFIX = "rows-"
ANYTHING = "anything"  # what a draft may replace when nobody asked what is there


@dataclass(frozen=True, slots=True)
class Draft:
    """The whole content of a dataset before it is written."""

    instruments: Mapping[str, Instrument]
    parts: Sequence[Part]
    actions: Sequence[Action] = ()
    notes: Sequence[str] = field(default_factory=tuple)
    sources: Sequence[SourceEntry] = ()
    changes: Sequence[ChangeEntry] = ()
    derived: DerivedEntry | None = None


def write_dataset(folder: Path, draft: Draft, *, replaces: str | None = ANYTHING) -> Manifest:
    """Write `draft` as the dataset in `folder`, in the place of what is there.

    Parameters
    ----------
    folder
        The dataset's folder; made when it is missing.
    draft
        The whole content.
    replaces
        The fingerprint of the dataset that `draft` was made from, None where there was none.

    Raises
    ------
    DataError
        If the disk is full, the folder cannot be written, another process writes this dataset, or
        it is no longer the one that `replaces` says; nothing is changed then.
    """
    with ExitStack() as alone:
        manifest = _write(folder, draft, replaces, alone)
        _sweep(folder, keep=manifest.generation)
    return manifest


def _write(folder: Path, draft: Draft, replaces: str | None, alone: ExitStack) -> Manifest:
    """Put the draft in place; `alone` then holds the lock, until the old rows are gone."""
    with _explained(folder), _new_generation(folder, alone) as generation:
        _require_same(folder, replaces)
        is_short = sum(len(part.columns) for part in draft.parts) <= COPY_ROWS_MAX
        written = [
            write_part(generation, part, draft.instruments[part.symbol], copies=is_short)
            for part in draft.parts
        ]
        parts = tuple(entry for entry, _ in written)
        actions_digest = _write_actions(generation, draft.actions)
        instruments = tuple(
            InstrumentEntry.of(draft.instruments[symbol]) for symbol in sorted(draft.instruments)
        )
        manifest = Manifest(
            name=folder.name,
            generation=generation.name,
            fingerprint=fingerprint_of(instruments, parts, actions_digest),
            instruments=instruments,
            parts=parts,
            actions_count=len(draft.actions),
            actions_digest=actions_digest,
            calendar_version=CALENDAR_VERSION,
            notes=tuple(draft.notes),
            sources=tuple(draft.sources),
            gaps=tuple(gap for _, gaps in written for gap in gaps),
            changes=tuple(draft.changes),
            derived=draft.derived,
        )
        _sync_tree(generation)
        _replace_file(folder / MANIFEST_NAME, encode_manifest(manifest))
    return manifest


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold the dataset's folder against other writers; the system lets go when the process ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise DataError(
            "another import is writing this dataset; nothing was changed",
            where=str(folder),
            remedy="run this again when it is done",
            code="data.locked",
        ) from None
    finally:
        os.close(handle)


def _require_same(folder: Path, replaces: str | None) -> None:
    """Refuse to overwrite what came after the draft was begun."""
    path = folder / MANIFEST_NAME
    if replaces == ANYTHING:
        return
    found = read_manifest(path).fingerprint if path.exists() else None
    if found != replaces:
        raise DataError(
            "another import has changed this dataset meanwhile; nothing was changed",
            where=str(folder),
            remedy="run this again",
            code="data.changed_meanwhile",
        )


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn an error of the operating system into one that says what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(
            f"the dataset cannot be written: {reason}; nothing was changed",
            where=str(folder),
            remedy="free some space, or check that you may write to this folder",
            code="data.cannot_write",
        ) from error


@contextmanager
def _new_generation(folder: Path, alone: ExitStack) -> Iterator[Path]:
    """Lock the dataset and give a new folder for rows; on any failure, also Ctrl-C, remove it."""
    created = _missing_ancestors(folder)
    generation: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        alone.enter_context(_lock(folder))  # a folder of rows that no manifest names may be swept
        generation = Path(tempfile.mkdtemp(prefix=GENERATION_PREFIX, dir=folder))
        generation.chmod(0o755)  # mkdtemp makes it private; the catalog is as open as its root
        yield generation
    except BaseException:
        if generation is not None:
            shutil.rmtree(generation, ignore_errors=True)
        _remove_empty(created)
        raise


def _missing_ancestors(folder: Path) -> list[Path]:
    return [path for path in (folder, *folder.parents) if not path.exists()]


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return  # not empty, or never made: so are those above it


def _write_actions(generation: Path, actions: Sequence[Action]) -> str:
    if not actions:
        return ""
    ordered = sorted(actions, key=action_line)
    entries = [ActionEntry.of(action) for action in sorted(actions, key=lambda a: a.ts_ex_ns)]
    content = msgspec.json.format(msgspec.json.encode(entries), indent=1)
    (generation / ACTIONS_NAME).write_bytes(content + b"\n")
    return dataset_fingerprint(action_line(action) for action in ordered)


def _sync_tree(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace_file(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        _sync(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sweep(folder: Path, *, keep: str) -> None:
    for path in folder.glob(GENERATION_PREFIX + "*"):
        if path.name != keep:
            shutil.rmtree(path, ignore_errors=True)
