"""The manifest of a dataset: everything about it except the rows themselves.

``<root>/<dataset>/manifest.json`` names the folder (a generation) that holds the rows. Replacing
this one file is the only step that changes a dataset, so that a reader sees the old dataset or the
new one and never a mixture.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec

from data.actions import Action, ActionKind
from data.fingerprint import dataset_fingerprint, instrument_line
from engine.errors import DataError
from engine.model.instruments import Instrument, InstrumentKind

MANIFEST_NAME = "manifest.json"
SCHEMA_VERSION = 1
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


class Manifest(msgspec.Struct, frozen=True):
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
    schema_version: int = SCHEMA_VERSION

    def part(self, kind: str, symbol: str) -> PartEntry | None:
        """Return one part, or None when the dataset does not have it."""
        for part in self.parts:
            if part.kind == kind and part.symbol == symbol:
                return part
        return None

    def instrument(self, symbol: str) -> Instrument | None:
        """Return the definition of `symbol`, or None."""
        for entry in self.instruments:
            if entry.symbol == symbol:
                return entry.to_instrument()
        return None


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
    """Read a manifest file.

    Raises
    ------
    DataError
        If it cannot be read, is no manifest, or was written by a newer version.
    """
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
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
    if manifest.schema_version > SCHEMA_VERSION:
        raise DataError(
            f"the dataset has schema version {manifest.schema_version}, "
            f"this program knows up to {SCHEMA_VERSION}",
            where=str(path),
            remedy="use a newer version of trader",
            code="data.newer_schema",
        )
    return manifest
