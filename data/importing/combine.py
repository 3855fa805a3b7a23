"""What was there plus what was imported: the whole content of the new dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from data.actions import Action
from data.catalog import Dataset
from data.chunks import ColumnReader
from data.fingerprint import action_line
from data.frames import AnyColumns, array_names, with_arrays
from data.parts import Part
from data.writer import Draft
from engine.errors import DataError
from engine.model.instruments import Instrument


def combine(existing: Dataset | None, new: Draft, file: str) -> Draft:
    """Return the draft of a dataset that holds the old content and the new.

    Raises
    ------
    DataError
        If a bar or an action is there already, or the two do not fit together.
    """
    if existing is None:
        return new
    old = _draft_of(existing)
    instruments: Mapping[str, Instrument] = {**old.instruments, **new.instruments}
    parts = {(part.kind, part.symbol): part for part in old.parts}
    for part in new.parts:
        before = parts.get((part.kind, part.symbol))
        parts[part.kind, part.symbol] = part if before is None else _joined(before, part, file)
    actions = _joined_actions(old.actions, new.actions, file)
    notes = tuple(dict.fromkeys((*old.notes, *new.notes)))
    return Draft(
        instruments,
        tuple(parts.values()),
        actions,
        notes,
        (*old.sources, *new.sources),
        (*old.changes, *new.changes),
        old.derived,
    )


def _draft_of(dataset: Dataset) -> Draft:
    """Return what a dataset holds; its rows stay on the disk until they are written again."""
    manifest = dataset.manifest
    instruments = {entry.symbol: entry.to_instrument() for entry in manifest.instruments}
    readers = dataset.open_chunks() if manifest.parts else ()
    by_part = {(reader.kind, reader.instrument.symbol): reader for reader in readers}
    parts = tuple(
        Part(
            entry.kind,
            entry.symbol,
            by_part[entry.kind, entry.symbol],
            entry.timeframe,
            entry.source,
            entry.rounding_error_max,
        )
        for entry in manifest.parts
    )
    return Draft(
        instruments,
        parts,
        dataset.actions(),
        manifest.notes,
        manifest.sources,
        manifest.changes,
        manifest.derived,
    )


def _joined(old: Part, new: Part, file: str) -> Part:
    _require_fit(old, new, file)
    columns = _chained(old, new) or _merged(old, new, file)
    source = ", ".join(dict.fromkeys((*old.source.split(", "), new.source)))
    error_max = max(old.rounding_error_max, new.rounding_error_max)
    return replace(new, columns=columns, source=source, rounding_error_max=error_max)


def _chained(old: Part, new: Part) -> ColumnReader | None:
    """Return one reader after the other where that is the order of time; None where it is not."""
    if not isinstance(old.columns, ColumnReader) or not isinstance(new.columns, ColumnReader):
        return None
    if new.span_ns()[0] <= old.span_ns()[1]:
        return None
    return replace(old.columns, pieces=old.columns.pieces + new.columns.pieces)


def _merged(old: Part, new: Part, file: str) -> AnyColumns:
    """Return both in memory, by time; ticks of one time stay in the order old, new."""
    blocks = [*old.blocks(), *new.blocks()]
    names = array_names(blocks[0])
    columns = with_arrays(
        blocks[0], [np.concatenate([getattr(block, name) for block in blocks]) for name in names]
    )
    order = np.argsort(columns.ts_ns, kind="stable")
    merged = with_arrays(columns, [getattr(columns, name)[order] for name in names])
    if new.kind == "bars":
        _require_no_repeat(merged, new, file)
    return merged


def _require_fit(old: Part, new: Part, file: str) -> None:
    if old.timeframe != new.timeframe:
        problem = f"bars of {new.timeframe} cannot join bars of {old.timeframe}"
    elif old.has_volume != new.has_volume:
        problem = "one has volumes or sizes and the other has none"
    else:
        return
    raise DataError(
        f"{new.symbol}: {problem}",
        where=file,
        remedy="import it under another dataset name",
        code="data.conflicting_definition",
    )


def _require_no_repeat(columns: AnyColumns, new: Part, file: str) -> None:
    repeated = np.flatnonzero(np.diff(columns.ts_ns) == 0)
    if len(repeated):
        stamp = np.datetime64(int(columns.ts_ns[repeated[0]]), "ns")
        raise DataError(
            f"{new.symbol}: {len(repeated)} bars are in the dataset already, the first closes at "
            f"{np.datetime_as_string(stamp, unit='s')}Z",
            where=file,
            remedy="import only the new rows, or replace the dataset",
            code="data.duplicate",
        )


def _joined_actions(old: Sequence[Action], new: Sequence[Action], file: str) -> tuple[Action, ...]:
    lines = {action_line(action) for action in old}
    repeated = [action for action in new if action_line(action) in lines]
    if repeated:
        raise DataError(
            f"{len(repeated)} actions are in the dataset already, the first is a "
            f"{repeated[0].kind.value} of {repeated[0].symbol}",
            where=file,
            remedy="import only the new ones, or replace the dataset",
            code="data.duplicate",
        )
    return tuple(sorted((*old, *new), key=lambda action: action.ts_ex_ns))
