"""The manifest of a dataset: everything about it except the rows themselves.

``<root>/<dataset>/manifest.json`` names the folder (a generation) that holds the rows. Replacing
this one file is the only step that changes a dataset, so that a reader sees the old dataset or the
new one and never a mixture.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import msgspec

from data.actions import Action, ActionKind
from data.fingerprint import dataset_fingerprint, instrument_line
from engine.errors import DataError
from engine.model.instruments import Instrument, InstrumentKind

MANIFEST_NAME = "manifest.json"
ACTIONS_NAME = "actions.json"
SCHEMA_VERSION = 2
KINDS = ("bars", "quotes", "trades", "actions")


class InstrumentEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """An instrument as the manifest writes it."""

    symbol: str
    kind: InstrumentKind
    currency: str
    price_precision: int
    quantity_precision: int
    calendar: str
    price_step_ticks: int = 1
    quantity_step_lots: int = 1
    multiplier: Decimal = Decimal(1)
    expires_ns: int | None = None
    event: str = ""

    def to_instrument(self) -> Instrument:
        """Return the instrument; `Instrument` checks the values."""
        return Instrument(**msgspec.structs.asdict(self))

    @staticmethod
    def of(instrument: Instrument) -> InstrumentEntry:
        """Return the entry that describes `instrument`."""
        names = InstrumentEntry.__struct_fields__
        return InstrumentEntry(**{name: getattr(instrument, name) for name in names})


class ActionEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A corporate action as the manifest's neighbour ``actions.json`` writes it."""

    symbol: str
    ts_ex_ns: int
    kind: ActionKind
    ratio_numerator: int = 1
    ratio_denominator: int = 1
    amount: Decimal | None = None
    new_symbol: str = ""

    def to_action(self) -> Action:
        """Return the action; `Action` checks the values."""
        return Action(**msgspec.structs.asdict(self))

    @staticmethod
    def of(action: Action) -> ActionEntry:
        """Return the entry that describes `action`."""
        names = ActionEntry.__struct_fields__
        return ActionEntry(**{name: getattr(action, name) for name in names})


class FileEntry(msgspec.Struct, frozen=True):
    """One Parquet file of a part: its path in the generation, its rows, its first and last time."""

    path: str
    rows: int
    first_ns: int
    last_ns: int


class PartEntry(msgspec.Struct, frozen=True):
    """One kind of data of one instrument."""

    kind: str
    symbol: str
    rows: int
    first_ns: int
    last_ns: int
    digest: str
    files: tuple[FileEntry, ...]
    has_volume: bool = True
    timeframe: str = ""
    source: str = ""
    rounding_error_max: float = 0.0
    low_ticks: int | None = None  # the lowest and highest price; bids and asks for quotes
    high_ticks: int | None = None


class SourceEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file that was imported: which bytes, how they were read, and what may be done with them.

    `mapping` is role to column, `settings` what a person said (zone, stamp, filters).
    """

    file: str
    kind: str = ""
    rows: int = 0
    bytes: int = 0
    sha256: str = ""
    mapping: dict[str, str] = {}
    settings: dict[str, str] = {}
    licence: str = ""


class GapEntry(msgspec.Struct, frozen=True):
    """Sessions of the calendar without a bar, between two bars of one instrument."""

    symbol: str
    after_ns: int
    before_ns: int
    missing_count: int


class ChangeEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change that was made to what the source said: which rule, where, what, and to what.

    `row` is the row of the part or file it was found in; `was` and `now` are text, `now` is empty
    where the row was left out.
    """

    code: str
    symbol: str
    kind: str
    row: int
    ts_ns: int | None
    change: str
    was: str = ""
    now: str = ""


class DerivedEntry(msgspec.Struct, frozen=True):
    """The dataset that this one was made from, and how."""

    dataset: str
    fingerprint: str
    how: str


class Manifest(msgspec.Struct, frozen=True, dict=True):
    """A dataset: its instruments, its parts, and its fingerprint over the content."""

    name: str
    generation: str
    fingerprint: str
    instruments: tuple[InstrumentEntry, ...]
    parts: tuple[PartEntry, ...]
    actions_count: int = 0
    actions_digest: str = ""
    calendar_version: str = ""
    notes: tuple[str, ...] = ()
    sources: tuple[SourceEntry, ...] = ()
    gaps: tuple[GapEntry, ...] | None = None  # None: not looked for (written by version 1)
    changes: tuple[ChangeEntry, ...] = ()
    derived: DerivedEntry | None = None
    schema_version: int = SCHEMA_VERSION

    def part(self, kind: str, symbol: str) -> PartEntry | None:
        """Return one part, or None when the dataset does not have it."""
        return self._parts_by_name.get((kind, symbol))

    def instrument(self, symbol: str) -> Instrument | None:
        """Return the definition of `symbol`, or None."""
        entry = self._entries_by_symbol.get(symbol)
        return None if entry is None else entry.to_instrument()

    @cached_property
    def _parts_by_name(self) -> dict[tuple[str, str], PartEntry]:
        return {(part.kind, part.symbol): part for part in self.parts}

    @cached_property
    def _entries_by_symbol(self) -> dict[str, InstrumentEntry]:
        return {entry.symbol: entry for entry in self.instruments}


def fingerprint_of(
    instruments: tuple[InstrumentEntry, ...], parts: tuple[PartEntry, ...], actions_digest: str
) -> str:
    """Return the fingerprint of a dataset: definitions, columns, actions; no names, no paths."""
    lines = ["instrument\t" + instrument_line(entry.to_instrument()) for entry in instruments]
    lines += [f"part\t{part.kind}\t{part.symbol}\t{part.digest}" for part in parts]
    return dataset_fingerprint([*lines, f"actions\t{actions_digest}"])


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the manifest as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def read_manifest(path: Path) -> Manifest:
    """Read a manifest file of this or any older version.

    Raises
    ------
    DataError
        If it cannot be read, is no manifest, or was written by a newer version.
    """
    try:
        content = msgspec.json.decode(path.read_bytes(), type=dict[str, object])
        version = _version_of(content, path)
        for older in range(version, SCHEMA_VERSION):
            content = _UPCASTS[older](content)
        return msgspec.convert(content, Manifest, strict=True)
    except OSError as error:
        raise DataError(
            f"the manifest cannot be read: {error.strerror}",
            where=str(path),
            code="data.unreadable",
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(
            f"the manifest is damaged: {error}",
            where=str(path),
            remedy="import the dataset again with replace",
            code="data.bad_manifest",
        ) from None


def _version_of(content: dict[str, object], path: Path) -> int:
    version = content.get("schema_version", 1)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise msgspec.ValidationError(f"schema_version {version!r} is no version")
    if version > SCHEMA_VERSION:
        raise DataError(
            f"the dataset has schema version {version}, this program knows up to {SCHEMA_VERSION}",
            where=str(path),
            remedy="use a newer version of trader",
            code="data.newer_schema",
        )
    return version


def _from_1(content: dict[str, object]) -> dict[str, object]:
    """Version 2 knows its source files; version 1 had their names, one or several to a part."""
    parts = content.get("parts")
    texts = [
        str(part.get("source", ""))
        for part in (parts if isinstance(parts, list) else [])
        if isinstance(part, dict)
    ]
    names = dict.fromkeys(name for text in texts for name in text.split(", ") if name)
    return {**content, "sources": [{"file": name} for name in names], "schema_version": 2}


# What turns the content of one version into that of the next; none is ever removed.
_UPCASTS: dict[int, Callable[[dict[str, object]], dict[str, object]]] = {1: _from_1}
