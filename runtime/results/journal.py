"""The journal of a run as a value and as a file: all that an explanation reads.

The file is Parquet: a row per event with the columns of `engine.model.layout`, whole numbers as the
core wrote them; instruments and currencies, without which they mean nothing, are in its metadata.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from engine.model import layout as at
from engine.model.instruments import Instrument
from runtime.results.output import RunOutput, rows_by_kind

JOURNAL_FILE = "journal.parquet"
_KEY = "trader.journal"
_HEAD = {
    at.EVENT_TS: "ts_ns",
    at.EVENT_KIND: "kind",
    at.EVENT_INSTRUMENT: "instrument",
    at.EVENT_SEQUENCE: "sequence",
}
COLUMNS = tuple(_HEAD.get(column, f"column_{column}") for column in range(at.EVENT_WIDTH))


@dataclass(frozen=True, eq=False)
class RunJournal:
    """What was decided and happened in a run, in order.

    Parameters
    ----------
    journal
        All rows, shape ``(rows, EVENT_WIDTH)``.
    instruments, currencies
        By their index in the run.
    strategy, fingerprint
        The strategy's name, and the hash of what decides, of which the ids of signals are made.
    """

    journal: NDArray[np.int64]
    instruments: tuple[Instrument, ...]
    currencies: tuple[str, ...]
    strategy: str = ""
    fingerprint: str = ""

    @cached_property
    def rows_by_kind(self) -> dict[int, NDArray[np.int64]]:
        """The indices of the rows of each kind that occurs, ascending."""
        return rows_by_kind(self.journal)


class _Meaning(msgspec.Struct, frozen=True):
    """What the file's numbers mean."""

    instruments: list[Instrument]
    currencies: list[str]
    strategy: str
    fingerprint: str
    version: int = 1


def journal_of(output: RunOutput, *, strategy: str = "", fingerprint: str = "") -> RunJournal:
    """Return the journal of a run."""
    return RunJournal(output.journal, output.instruments, output.currencies, strategy, fingerprint)


def write_journal(journal: RunJournal, path: Path) -> None:
    """Write a journal into a file."""
    import polars as pl

    meaning = _Meaning(
        list(journal.instruments), list(journal.currencies), journal.strategy, journal.fingerprint
    )
    table = journal.journal
    frame = pl.DataFrame({name: table[:, column] for column, name in enumerate(COLUMNS)})
    text = msgspec.json.encode(meaning).decode()
    frame.write_parquet(path, compression="zstd", metadata={_KEY: text})


def read_journal(path: Path) -> RunJournal:
    """Read a journal that `write_journal` wrote.

    Raises
    ------
    InputError
        If there is none, or it is not one.
    """
    import polars as pl

    if not path.is_file():
        raise InputError(
            "there is no journal here",
            where=str(path),
            remedy="write the run's folder with `trader backtest STRATEGY --out DIR`",
            code="results.no_journal",
        )
    try:
        text = pl.read_parquet_metadata(path).get(_KEY, "")
        meaning = msgspec.json.decode(text, type=_Meaning)
        rows = pl.read_parquet(path).select(COLUMNS).to_numpy()
    except (OSError, msgspec.DecodeError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"the journal cannot be read: {str(error).splitlines()[0]}",
            where=str(path),
            remedy="write it again with `trader backtest STRATEGY --out DIR`",
            code="results.unreadable",
        ) from None
    return RunJournal(
        np.ascontiguousarray(rows, dtype=np.int64),
        tuple(meaning.instruments),
        tuple(meaning.currencies),
        meaning.strategy,
        meaning.fingerprint,
    )
