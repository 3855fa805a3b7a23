"""Results as files: `summary.json`, one Parquet file per table and the journal, and back.

The folder appears whole or not at all: it is written beside its place and renamed. A folder is only
replaced when nothing but an older result is in it.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import InputError
from reports.places import require_folder as require_parent
from reports.record import RunDocument, read_document, to_json_text
from runtime.results.journal import JOURNAL_FILE, RunJournal, read_journal, write_journal
from runtime.results.links import LOOP_TABLES
from runtime.results.shown import Shown

if TYPE_CHECKING:
    import polars as pl

    from runtime.results.result import BacktestResult

SUMMARY_FILE = "summary.json"
SAVED_TABLES = ("fills", "orders", "trades", "equity", "cash")
FILES = frozenset(
    {SUMMARY_FILE, JOURNAL_FILE, *(f"{name}.parquet" for name in SAVED_TABLES + LOOP_TABLES)}
)


@dataclass(frozen=True, eq=False, repr=False)
class SavedResult(Shown):
    """A result that was read back from its folder; the tables are read when first asked for."""

    folder: Path
    saved: RunDocument

    def document(self) -> RunDocument:
        """Return the whole result as one JSON document."""
        return self.saved

    @cached_property
    def fills(self) -> pl.DataFrame:
        """One row per fill."""
        return self._table("fills")

    @cached_property
    def orders(self) -> pl.DataFrame:
        """One row per order, the denied ones among them."""
        return self._table("orders")

    @cached_property
    def trades(self) -> pl.DataFrame:
        """One row per round trip."""
        return self._table("trades")

    @cached_property
    def equity(self) -> pl.DataFrame:
        """The account at each daily close."""
        return self._table("equity")

    @cached_property
    def cash(self) -> pl.DataFrame:
        """Every movement of cash."""
        return self._table("cash")

    @cached_property
    def signals(self) -> pl.DataFrame:
        """One row per signal."""
        return self._table("signals")

    @cached_property
    def checks(self) -> pl.DataFrame:
        """One row per risk check of each signal."""
        return self._table("checks")

    @cached_property
    def exits(self) -> pl.DataFrame:
        """One row per exit."""
        return self._table("exits")

    @cached_property
    def exit_attempts(self) -> pl.DataFrame:
        """One row per order to close."""
        return self._table("exit_attempts")

    @cached_property
    def guards(self) -> pl.DataFrame:
        """One row per event of the guards."""
        return self._table("guards")

    @cached_property
    def journal(self) -> RunJournal:
        """What was decided and happened, in order; see `runtime.explain`."""
        return read_journal(self.folder / JOURNAL_FILE)

    def _table(self, name: str) -> pl.DataFrame:
        import polars as pl

        path = self.folder / f"{name}.parquet"
        if name in LOOP_TABLES and not path.exists():
            raise InputError(
                f"there is no table of {name.replace('_', ' ')}: the run had no trading loop",
                where=str(self.folder),
                remedy="it takes [signals], [risk], [exits] or [guards] in the strategy file",
                code="results.no_trading_loop",
            )
        try:
            return pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise InputError(
                f"the table cannot be read: {str(error).splitlines()[0]}",
                where=str(path),
                remedy="save the result again",
                code="results.unreadable",
            ) from None


def require_folder(folder: Path) -> None:
    """Refuse a place where no result can be saved; for a check before a long run.

    Raises
    ------
    InputError
        If it is a file, cannot be made, or other files are in it.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError("this is a file, not a folder", where=str(folder))
    require_parent(folder)
    others = (
        sorted(p.name for p in folder.iterdir() if p.name not in FILES) if folder.is_dir() else []
    )
    if others:
        raise InputError(
            f"the folder holds other files, {others[0]} among them",
            where=str(folder),
            remedy="name a new folder, or one that holds only an older result",
            code="results.folder_in_use",
        )


def save_result(result: BacktestResult, folder: Path) -> Path:
    """Write a result's document and tables into a folder, whole or not at all.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If it holds other files or cannot be written; it is then as it was.
    """
    require_folder(folder)
    try:
        _write(result, folder.absolute())
    except OSError as error:
        raise InputError(
            f"the result cannot be written: {error.strerror}",
            where=str(folder),
            remedy="choose a folder with space in which you may write",
        ) from None
    return folder


def _write(result: BacktestResult, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        text = to_json_text(result.document().to_json())
        (temporary / SUMMARY_FILE).write_text(text + "\n", encoding="utf-8")
        write_journal(result.journal, temporary / JOURNAL_FILE)
        for name in result.tables:
            frame: pl.DataFrame = getattr(result, name)
            frame.write_parquet(temporary / f"{name}.parquet", compression="zstd")
        temporary.chmod(0o755)  # mkdtemp makes private folders
        if folder.is_dir():
            shutil.rmtree(folder)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def load_result(folder: Path) -> SavedResult:
    """Read a result that `save_result` wrote.

    Raises
    ------
    InputError
        If the folder holds none.
    """
    path = folder / SUMMARY_FILE
    if not path.is_file():
        raise InputError(
            "there is no saved result here",
            where=str(folder),
            remedy="save one with `result.save(DIR)` or `trader backtest STRATEGY --out DIR`",
            code="results.not_found",
        )
    return SavedResult(folder, read_document(path))
