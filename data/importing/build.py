"""From a file to a dataset: read, understand, check, convert, write; all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from data.catalog import Catalog, Dataset
from data.importing.actions import build_actions
from data.importing.answer import actions_report, market_report
from data.importing.bartimes import parse_timeframe
from data.importing.combine import combine
from data.importing.define import Known
from data.importing.findings import NEVER_DROPPED, BadRowsError
from data.importing.options import ImportOptions, ImportReport, WriteMode
from data.importing.origin import source_entry
from data.importing.questions import ask_at_once
from data.importing.rows import build_parts
from data.importing.source import Source, drop_rows, keep_rows, read_source
from data.importing.streaming import is_large, scratch_folder, stream_file
from data.importing.table import Table, make_table
from data.manifest import ChangeEntry
from data.writer import ANYTHING, Draft, write_dataset
from engine.errors import DataError
from engine.model.instruments import Instrument

Progress = Callable[[float, str], None]


def import_file(
    source: Path,
    catalog_root: Path,
    options: ImportOptions,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a CSV or Parquet file into a dataset of the catalog.

    Parameters
    ----------
    source
        A file of bars, quotes, trades or corporate actions.
    catalog_root
        The folder of the catalog; made when it is missing.
    options
        How to read the file, see `ImportOptions`.
    progress
        Called with a fraction from 0 to 1 and the name of the step.

    Raises
    ------
    DataError
        If the file cannot be read, cannot be understood without guessing, or holds rows that
        cannot be true. Nothing is changed then.
    """
    tell = progress or (lambda _fraction, _step: None)
    if options.timeframe is not None:
        parse_timeframe(options.timeframe)  # a mistake in it is told whatever the file holds
    existing = _existing(Catalog(catalog_root), options)
    tell(0.0, "reading")
    if is_large(source) and not options.sort and options.kind != "actions":
        return _import_large(source, catalog_root, options, existing, tell)
    rows = _read_rows(source, options)
    tell(0.3, "checking")
    draft, report = ask_at_once(
        lambda said: _build_dropping(rows, said, existing), options, symbol=source.stem.upper()
    )
    tell(0.6, "writing")
    manifest = write_dataset(
        catalog_root / options.dataset, draft, replaces=_replaced(options, existing)
    )
    tell(1.0, "done")
    return replace(report, fingerprint=manifest.fingerprint)


def _import_large(
    source: Path,
    catalog_root: Path,
    options: ImportOptions,
    existing: Dataset | None,
    tell: Progress,
) -> ImportReport:
    """Import a file in batches; the rows wait in a folder beside the dataset until all are good."""
    known = Known(options, _instruments_of(existing))
    with scratch_folder(catalog_root) as scratch:
        draft, report = stream_file(source, known, scratch, tell)
        draft = combine(existing, draft, str(source))
        tell(0.8, "writing")
        manifest = write_dataset(
            catalog_root / options.dataset, draft, replaces=_replaced(options, existing)
        )
    tell(1.0, "done")
    return replace(report, fingerprint=manifest.fingerprint)


def _existing(catalog: Catalog, options: ImportOptions) -> Dataset | None:
    """Return the dataset to append to; refuse one that nothing was said about."""
    if options.dataset not in catalog or options.mode is WriteMode.REPLACE:
        return None
    if options.mode is WriteMode.NEW:
        raise DataError(
            f"there is already a dataset {options.dataset!r}",
            where=str(catalog.root),
            remedy="say --replace or --append, or choose another name",
            code="data.dataset_exists",
        )
    return catalog.dataset(options.dataset)


def _replaced(options: ImportOptions, existing: Dataset | None) -> str | None:
    """Return the fingerprint of what the new dataset may replace; None: nothing was there."""
    if options.mode is WriteMode.REPLACE:
        return ANYTHING
    return None if existing is None else existing.fingerprint


def _instruments_of(existing: Dataset | None) -> dict[str, Instrument]:
    if existing is None:
        return {}
    return {entry.symbol: entry.to_instrument() for entry in existing.manifest.instruments}


def _read_rows(path: Path, options: ImportOptions) -> Source:
    source = read_source(path)
    for column, value in options.where.items():
        source = keep_rows(source, column, value)
    return source


def _build_dropping(
    source: Source, options: ImportOptions, existing: Dataset | None
) -> tuple[Draft, ImportReport]:
    """Build the dataset; where that was asked for, leave bad rows out until none is found."""
    known = Known(options, _instruments_of(existing))
    left_out: list[ChangeEntry] = []
    dropped = 0
    while True:
        notes = [f"{dropped} bad rows were left out"] if dropped else []
        try:
            return _build(make_table(source, options, notes), known, existing, left_out)
        except BadRowsError as error:
            if not options.drop_bad_rows or error.code in NEVER_DROPPED:
                raise
            source = drop_rows(source, error.rows)
            dropped += len(error.rows)
            left_out += error.changes()


def _build(
    table: Table, known: Known, existing: Dataset | None, left_out: Sequence[ChangeEntry]
) -> tuple[Draft, ImportReport]:
    if table.layout.kind == "actions":
        return _build_actions(table, known, existing, left_out)
    instruments, parts = build_parts(table, known)
    draft = combine(
        existing,
        Draft(
            instruments,
            parts,
            (),
            tuple(table.notes),
            sources=[source_entry(table)],
            changes=left_out,
        ),
        table.findings.file,
    )
    return draft, market_report(table, parts)


def _build_actions(
    table: Table, known: Known, existing: Dataset | None, left_out: Sequence[ChangeEntry]
) -> tuple[Draft, ImportReport]:
    roles = {role: table.source.table[name] for role, name in table.layout.roles.items() if name}
    actions = build_actions(
        roles, table.rows, table.symbols, table.groups, known, table.findings, table.notes
    )
    table.findings.raise_if_any()
    draft = combine(
        existing,
        Draft({}, (), actions, tuple(table.notes), sources=[source_entry(table)], changes=left_out),
        table.findings.file,
    )
    return draft, actions_report(table, actions)
