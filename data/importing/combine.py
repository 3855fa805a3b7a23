"""What was there plus what was imported: the whole content of the new dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from data.actions import Action
from data.catalog import MARKET_KINDS, Dataset
from data.fingerprint import action_line
from data.frames import AnyColumns, array_names, has_volume, with_arrays
from data.writer import Draft, Part
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
    return Draft(instruments, tuple(parts.values()), actions, notes)


def _draft_of(dataset: Dataset) -> Draft:
    manifest = dataset.manifest
    instruments = {entry.symbol: entry.to_instrument() for entry in manifest.instruments}
    parts = []
    for entry in manifest.parts:
        history = dataset.load([entry.symbol], kinds=(entry.kind,)).parts[0]
        columns = next(c for c in (history.bars, history.quotes, history.trades) if c is not None)
        assert entry.kind in MARKET_KINDS
        parts.append(
            Part(
                entry.kind,
                entry.symbol,
                columns,
                entry.timeframe,
                entry.source,
                entry.rounding_error_max,
            )
        )
    return Draft(instruments, tuple(parts), dataset.actions(), manifest.notes)


def _joined(old: Part, new: Part, file: str) -> Part:
    _require_fit(old, new, file)
    columns = _concatenated(old.columns, new.columns)
    order = np.argsort(columns.ts_ns, kind="stable")
    sorted_columns = with_arrays(
        columns, [getattr(columns, name)[order] for name in array_names(columns)]
    )
    if new.kind == "bars":
        _require_no_repeat(sorted_columns, new, file)
    source = ", ".join(dict.fromkeys((*old.source.split(", "), new.source)))
    error_max = max(old.rounding_error_max, new.rounding_error_max)
    return replace(new, columns=sorted_columns, source=source, rounding_error_max=error_max)


def _require_fit(old: Part, new: Part, file: str) -> None:
    if old.timeframe != new.timeframe:
        problem = f"bars of {new.timeframe} cannot join bars of {old.timeframe}"
    elif has_volume(old.columns) != has_volume(new.columns):
        problem = "one has volumes or sizes and the other has none"
    else:
        return
    raise DataError(
        f"{new.symbol}: {problem}",
        where=file,
        remedy="import it under another dataset name",
        code="data.conflicting_definition",
    )


def _concatenated(old: AnyColumns, new: AnyColumns) -> AnyColumns:
    values = [np.concatenate([getattr(old, name), getattr(new, name)]) for name in array_names(old)]
    return with_arrays(old, values)


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
