"""What the manifest says about an imported file: its bytes, how it was read, its licence."""

from __future__ import annotations

import hashlib
from pathlib import Path

from data.importing.options import ImportOptions
from data.importing.table import Table
from data.manifest import SourceEntry


def source_entry(table: Table) -> SourceEntry:
    """Return the entry of a table that was read whole."""
    path = Path(table.findings.file)
    roles = {role: name for role, name in table.layout.roles.items() if name}
    return entry_of(path, table.layout.kind, len(table.rows), roles, table.options)


def entry_of(
    path: Path, kind: str, rows: int, mapping: dict[str, str], options: ImportOptions
) -> SourceEntry:
    """Return the entry of a file; the hash is what ``sha256sum`` prints."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return SourceEntry(
        file=path.name,
        kind=kind,
        rows=rows,
        bytes=path.stat().st_size,
        sha256=digest,
        mapping=mapping,
        settings=_settings(options),
        licence=options.licence,
    )


def _settings(options: ImportOptions) -> dict[str, str]:
    """Return what a person said about the file, as text; what was left out is left out."""
    said = {
        "symbol": options.symbol,
        "timezone": options.timezone,
        "stamp": None if options.stamp is None else options.stamp.value,
        "timeframe": options.timeframe,
        "calendar": options.calendar,
        "date_format": options.date_format,
        "epoch_unit": options.epoch_unit,
        "sort": "yes" if options.sort else None,
        "drop_bad_rows": "yes" if options.drop_bad_rows else None,
        "where": ", ".join(f"{column}={value}" for column, value in options.where.items()) or None,
    }
    return {name: value for name, value in said.items() if value is not None}
