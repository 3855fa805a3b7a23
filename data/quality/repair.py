"""Repair of a dataset: only what was asked for, into a new dataset, each change listed.

The findings of one code name rows; the code's fix says what happens to them: the row is left out,
a run keeps its first bar, a cut keeps its longer side, a split becomes a corporate action. Prices
are never changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.actions import Action, ActionKind
from data.calendars import day_starts
from data.catalog import Dataset
from data.frames import AnyColumns, array_names, with_arrays
from data.history import BarColumns
from data.manifest import ChangeEntry, DerivedEntry, PartEntry
from data.numbers import to_floats
from data.parts import Part
from data.quality.check import check_columns
from data.quality.codes import FIXABLE, RULES
from data.quality.moves import split_ratio
from data.quality.report import Finding
from data.writer import Draft, write_dataset
from engine.errors import DataError, NegativeAnswer
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_DAY

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did: how many changes of each code, and what each code's fix is."""

    fingerprint: str
    counts: dict[str, int]
    what: dict[str, str]


@dataclass(slots=True)
class _Work:
    """One instrument's columns on their way: which rows stay, which actions join them."""

    instrument: Instrument
    kind: str
    columns: AnyColumns
    actions: tuple[Action, ...]
    keep: NDArray[np.bool_]
    changes: list[ChangeEntry] = field(default_factory=list)
    added: list[Action] = field(default_factory=list)


def repair_dataset(
    dataset: Dataset,
    root: Path,
    into: str,
    codes: Sequence[str],
    progress: Progress | None = None,
) -> Repaired:
    """Write a repaired copy of `dataset` as a new dataset of the catalog at `root`.

    Parameters
    ----------
    into
        The new dataset's name; there must be none of that name.
    codes
        What to repair, as a check names it. Nothing else is touched.

    Raises
    ------
    DataError
        If a code is unknown or has no fix, or the new name is taken.
    NegativeAnswer
        If nothing of that kind is found: there is nothing to repair.
    """
    _require_codes(codes)
    _require_new(root, into)
    tell = progress or (lambda _fraction, _step: None)
    all_actions = dataset.actions()
    parts: list[Part] = []
    changes: list[ChangeEntry] = []
    added: list[Action] = []
    entries = dataset.manifest.parts
    for place, entry in enumerate(entries):
        tell(place / len(entries), entry.symbol)
        work = _repaired(dataset, entry, all_actions, codes)
        changes += work.changes
        added += work.added
        kept = _kept(work.columns, work.keep)
        parts.append(
            Part(
                entry.kind,
                entry.symbol,
                kept,
                entry.timeframe,
                entry.source,
                entry.rounding_error_max,
            )
        )
    if not changes:
        raise NegativeAnswer(
            f"nothing to repair: no finding of {', '.join(codes)}",
            where=f"dataset {dataset.name}",
            remedy=f"see what there is: trader data check {dataset.name}",
            code="data.nothing_to_repair",
        )
    draft = _draft(dataset, parts, (*all_actions, *added), changes, codes)
    manifest = write_dataset(root / into, draft, replaces=None)
    tell(1.0, "done")
    counts = Counter(change.code for change in changes)
    return Repaired(manifest.fingerprint, dict(counts), {code: RULES[code].fix for code in codes})


def _require_codes(codes: Sequence[str]) -> None:
    if not codes:
        raise DataError("no code to repair", where="--fix", remedy=f"one of: {', '.join(FIXABLE)}")
    for code in codes:
        if code in FIXABLE:
            continue
        near = get_close_matches(code, FIXABLE, n=1)
        if code in RULES:
            problem, remedy = f"{code} has no repair", RULES[code].remedy
        else:
            problem = f"unknown code {code!r}"
            remedy = f"did you mean {near[0]}?" if near else f"one of: {', '.join(FIXABLE)}"
        raise DataError(problem, where="--fix", remedy=remedy, code="data.unknown_fix")


def _require_new(root: Path, into: str) -> None:
    from data.catalog import Catalog
    from data.importing.options import ImportOptions

    ImportOptions(into)  # checks the name
    if into in Catalog(root):
        raise DataError(
            f"there is already a dataset {into!r}",
            where=str(root),
            remedy="choose another name: --into NEW",
            code="data.dataset_exists",
        )


def _repaired(
    dataset: Dataset, entry: PartEntry, actions: Sequence[Action], codes: Sequence[str]
) -> _Work:
    history = dataset.load([entry.symbol], kinds=(entry.kind,)).parts[0]
    columns = history.bars or history.quotes or history.trades
    assert columns is not None
    mine = tuple(action for action in actions if action.symbol == entry.symbol)
    work = _Work(
        history.instrument, entry.kind, columns, mine, np.ones(len(columns), dtype=np.bool_)
    )
    findings, counts = check_columns(history.instrument, columns, mine)
    for code in codes:
        found = [finding for finding in findings if finding.code == code]
        if len(found) < counts[code]:
            raise DataError(
                f"{counts[code]:,} findings of {code} in {entry.symbol}: too many to repair",
                remedy="import the data again from a better source",
                code="data.too_many_findings",
            )
        for finding in found:
            _fix(work, finding)
    return work


def _fix(work: _Work, finding: Finding) -> None:
    place = finding.row - 1
    match finding.code:
        case "data.unadjusted_split":
            _add_split(work, finding, place)
        case "data.splice":
            _cut(work, finding, place)
        case "data.stale":
            _leave_out(work, finding, range(place + 1, place + finding.count))
        case "data.outside_session":
            _leave_out(work, finding, _outside(work))
        case "data.zero_volume":
            _leave_out(work, finding, range(place, place + finding.count))
        case _:
            _leave_out(work, finding, [place])


def _leave_out(work: _Work, finding: Finding, places: Sequence[int]) -> None:
    for place in places:
        if work.keep[place]:
            work.keep[place] = False
            work.changes.append(_change(work, finding, place, "row left out"))


def _cut(work: _Work, finding: Finding, place: int) -> None:
    """Keep the longer side of a splice: what is long is what the symbol was asked for."""
    before, after = int(work.keep[:place].sum()), int(work.keep[place:].sum())
    places = range(place) if before < after else range(place, len(work.keep))
    _leave_out(work, finding, places)


def _outside(work: _Work) -> Sequence[int]:
    from data.quality.times import rows_outside

    assert isinstance(work.columns, BarColumns) or work.kind in ("quotes", "trades")
    opens = work.columns.ts_open_ns if isinstance(work.columns, BarColumns) else work.columns.ts_ns
    return [int(i) for i in rows_outside(work.instrument.calendar, opens, work.columns.ts_ns)]


def _add_split(work: _Work, finding: Finding, place: int) -> None:
    """Add the split as an action of that bar's trading day; prices stay as they are."""
    assert isinstance(work.columns, BarColumns)
    precision = work.instrument.price_precision
    overnight = float(
        to_floats(work.columns.open_ticks[place : place + 1], precision)[0]
        / to_floats(work.columns.close_ticks[place - 1 : place], precision)[0]
    )
    ratio = split_ratio(overnight)
    assert ratio is not None, "the check found a split's size here"
    day = (int(work.columns.ts_close_ns[place]) - 1) // NS_PER_DAY
    ex_ns = int(day_starts(work.instrument.calendar, np.array([day], dtype=np.int64))[0])
    action = Action(
        work.instrument.symbol, ex_ns, ActionKind.SPLIT, ratio.numerator, ratio.denominator
    )
    work.added.append(action)
    now = f"split {ratio.numerator}:{ratio.denominator}"
    work.changes.append(_change(work, finding, place, "corporate action added", now))


def _change(work: _Work, finding: Finding, place: int, what: str, now: str = "") -> ChangeEntry:
    return ChangeEntry(
        finding.code,
        work.instrument.symbol,
        work.kind,
        place + 1,
        int(work.columns.ts_ns[place]),
        what,
        _row_text(work, place),
        now,
    )


def _row_text(work: _Work, place: int) -> str:
    """Return the prices of a row as text, exactly."""
    words = []
    for name in array_names(work.columns):
        if name.endswith("_ticks"):
            price = work.instrument.ticks_to_price(int(getattr(work.columns, name)[place]))
            words.append(f"{name.removesuffix('_ticks')} {price}")
    return ", ".join(words)


def _kept(columns: AnyColumns, keep: NDArray[np.bool_]) -> AnyColumns:
    return with_arrays(columns, [getattr(columns, name)[keep] for name in array_names(columns)])


def _draft(
    dataset: Dataset,
    parts: Sequence[Part],
    actions: Sequence[Action],
    changes: Sequence[ChangeEntry],
    codes: Sequence[str],
) -> Draft:
    manifest = dataset.manifest
    full = [part for part in parts if len(part.columns)]
    if not full:
        raise DataError("the repair would leave no row", where=f"dataset {dataset.name}")
    return Draft(
        {entry.symbol: entry.to_instrument() for entry in manifest.instruments},
        full,
        actions,
        (*manifest.notes, f"repaired: {len(changes):,} changes, see the manifest"),
        manifest.sources,
        (*manifest.changes, *changes),
        DerivedEntry(dataset.name, dataset.fingerprint, f"repair {','.join(codes)}"),
    )
