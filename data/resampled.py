"""A dataset of longer bars, made of another dataset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.catalog import MARKET_KINDS, Catalog, Dataset
from data.chunks import ColumnReader
from data.importing.options import ImportOptions
from data.manifest import DerivedEntry
from data.parts import Part
from data.resampling import (
    Anchor,
    QuotePrice,
    concatenated,
    parse_period,
    resample,
    resampled_instrument,
)
from data.writer import Draft, write_dataset
from engine.errors import DataError
from engine.model.instruments import Instrument

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class ResampleOptions:
    """How longer bars are made.

    Parameters
    ----------
    into
        The new dataset's name; there must be none of that name.
    period
        ``5m``, ``1h``, ``1d``, ``1w``, ``1mo``.
    kind
        What to make them of, ``bars``, ``trades`` or ``quotes``; the first of these that an
        instrument has when left out.
    anchor, price, regular_hours
        See `data.resampling.resample`.
    """

    into: str
    period: str
    kind: str | None = None
    anchor: Anchor = Anchor.SESSION
    price: QuotePrice = QuotePrice.MID
    regular_hours: bool = False
    instruments: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Resampled:
    """What was made: bars by instrument, and the new dataset's fingerprint."""

    dataset: str
    rows: dict[str, int]
    fingerprint: str


def resample_dataset(
    dataset: Dataset, root: Path, options: ResampleOptions, progress: Progress | None = None
) -> Resampled:
    """Write the longer bars of `dataset` as a new dataset of the catalog at `root`.

    The rows are read block by block; only the new bars are in memory.

    Raises
    ------
    DataError
        If the period is none, the bars do not divide it, the name is taken, or nothing is left.
    """
    period = parse_period(options.period)
    _require_new(root, options.into)
    tell = progress or (lambda _fraction, _step: None)
    symbols = dataset.symbols if options.instruments is None else tuple(options.instruments)
    instruments: dict[str, Instrument] = {}
    parts: list[Part] = []
    for place, symbol in enumerate(symbols):
        tell(place / len(symbols), symbol)
        reader = _reader(dataset, symbol, options.kind)
        instrument = resampled_instrument(reader.instrument, reader.kind, options.price)
        instruments[symbol] = instrument
        made = list(
            resample(
                reader,
                instrument,
                period,
                anchor=options.anchor,
                price=options.price,
                regular_hours=options.regular_hours,
            )
        )
        if made:
            bars = concatenated(made)
            parts.append(Part("bars", symbol, bars, period.label, f"{dataset.name} {reader.kind}"))
    if not parts:
        raise DataError(
            f"no bar of {period.label} is complete",
            where=f"dataset {dataset.name}",
            remedy="choose a shorter one",
            code="data.empty",
        )
    manifest = write_dataset(
        root / options.into, _draft(dataset, instruments, parts, options), replaces=None
    )
    tell(1.0, "done")
    rows = {part.symbol: len(part.columns) for part in parts}
    return Resampled(options.into, rows, manifest.fingerprint)


def _require_new(root: Path, into: str) -> None:
    ImportOptions(into)  # checks the name
    if into in Catalog(root):
        raise DataError(
            f"there is already a dataset {into!r}",
            where=str(root),
            remedy="choose another name: --into NEW",
            code="data.dataset_exists",
        )


def _reader(dataset: Dataset, symbol: str, kind: str | None) -> ColumnReader:
    dataset.instrument(symbol)
    kinds = ("bars", "trades", "quotes") if kind is None else (kind,)
    assert set(kinds) <= set(MARKET_KINDS)
    readers = {reader.kind: reader for reader in dataset.open_chunks([symbol])}
    for wanted in kinds:
        if wanted in readers:
            return readers[wanted]
    raise DataError(
        f"{symbol} has no {' or '.join(kinds)}",
        where=f"dataset {dataset.name}",
        remedy=f"it has {', '.join(readers)}",
        code="data.no_bars",
    )


def _draft(
    dataset: Dataset,
    instruments: dict[str, Instrument],
    parts: Sequence[Part],
    options: ResampleOptions,
) -> Draft:
    manifest = dataset.manifest
    how = f"resample {options.period}, {options.anchor.value} anchor"
    if any(part.source.endswith(" quotes") for part in parts):
        how += f", {options.price.value} of quotes"
    if options.regular_hours:
        how += ", regular hours"
    actions = tuple(action for action in dataset.actions() if action.symbol in instruments)
    return Draft(
        instruments,
        parts,
        actions,
        manifest.notes,
        manifest.sources,
        manifest.changes,
        DerivedEntry(dataset.name, dataset.fingerprint, how),
    )
