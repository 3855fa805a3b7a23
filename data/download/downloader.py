"""The download of some instruments: page by page, within a rate, and on from where it stopped.

The pages wait in ``<catalog>/.get-NAME`` until all of them are there; then they become one table
that goes through the import like any file, with all its checks, and the folder is removed.
"""

from __future__ import annotations

import asyncio
import csv
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from data.download.parts import REQUEST_NAME, PartFiles, replace_file
from data.download.port import HistoryPage, HistoryRequest, HistorySource
from data.importing.options import ImportOptions, ImportReport
from engine.errors import DataError

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

Progress = Callable[[float, str], None]

ATTEMPTS = 8  # of one page; with the waits below about two minutes
WAIT_FIRST_S, WAIT_MAX_S = 0.1, 30.0
_PREFIX = ".get-"
_AT_ONCE = 4  # instruments whose pages are asked for at the same time
_SYMBOL = "symbol"


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What a download did: the import's report, and how many pages came now and were there."""

    report: ImportReport
    pages_new: int
    pages_kept: int


class _Identity(msgspec.Struct, frozen=True):
    """What makes two downloads the same one."""

    source: str
    requests: tuple[HistoryRequest, ...]


def download(
    source: HistorySource,
    requests: Sequence[HistoryRequest],
    root: Path,
    options: ImportOptions,
    *,
    restart: bool = False,
    progress: Progress | None = None,
) -> Downloaded:
    """Download what is asked for into a dataset of the catalog at `root`.

    Interrupted at any point, the same call goes on where it stopped.

    Parameters
    ----------
    source
        Where from; see `HistorySource`.
    requests
        One for each instrument.
    options
        How to import the rows; its dataset names the download.
    restart
        Throw away what an interrupted download left.

    Raises
    ------
    DataError
        If the source refuses, keeps failing, sends something unusable, or another download of
        that name is unfinished or running. What was downloaded is kept.
    """
    tell = progress or (lambda _fraction, _step: None)
    _require_free(root, options)
    with _locked(root / f"{_PREFIX}{options.dataset}") as folder:
        _require_same(folder, _Identity(source.name, tuple(requests)), restart=restart)
        files = [PartFiles.open(folder / "pages", request) for request in requests]
        kept = sum(part.state.pages for part in files)
        asyncio.run(_fetch_all(source, requests, files, tell))
        total = sum(part.state.pages for part in files)
        report = _import(folder, requests, files, root, options, tell)
        shutil.rmtree(folder)
    return Downloaded(report, total - kept, kept)


def _require_free(root: Path, options: ImportOptions) -> None:
    """Refuse a dataset that is there before anything is downloaded."""
    from data.catalog import Catalog
    from data.importing.options import WriteMode

    if options.mode is WriteMode.NEW and options.dataset in Catalog(root):
        raise DataError(
            f"there is already a dataset {options.dataset!r}",
            where=str(root),
            remedy="say --replace or --append, or choose another name",
            code="data.dataset_exists",
        )


@contextmanager
def _locked(folder: Path) -> Iterator[Path]:
    """Hold the download's folder; the system lets go when the process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    except BlockingIOError:
        raise DataError(
            "another process is downloading this dataset",
            where=str(folder),
            remedy="wait for it, or choose another name",
            code="data.locked",
        ) from None
    finally:
        os.close(handle)


def _require_same(folder: Path, wanted: _Identity, *, restart: bool) -> None:
    """Go on only with the download that was begun."""
    path = folder / REQUEST_NAME
    if restart:
        shutil.rmtree(folder / "pages", ignore_errors=True)
        path.unlink(missing_ok=True)
    if not path.exists():
        replace_file(path, msgspec.json.encode(wanted))
        return
    try:
        begun = msgspec.json.decode(path.read_bytes(), type=_Identity)
    except msgspec.DecodeError:
        begun = None
    if begun != wanted:
        raise DataError(
            "an unfinished download of this name asked for something else",
            where=str(path),
            remedy="finish it with its own words, begin again with --restart, or choose another "
            "name",
            code="data.download_changed",
        )


async def _fetch_all(
    source: HistorySource,
    requests: Sequence[HistoryRequest],
    files: Sequence[PartFiles],
    tell: Progress,
) -> None:
    from aiolimiter import AsyncLimiter

    limiter = AsyncLimiter(source.budget.requests, source.budget.seconds)
    places = asyncio.Semaphore(_AT_ONCE)

    def report(symbol: str) -> None:
        done = sum(part.state.done for part in files)
        rows = sum(part.state.rows for part in files)
        tell(0.9 * done / len(files), f"{symbol} ({rows:,} rows)")

    async def one(request: HistoryRequest, part: PartFiles) -> None:
        async with places:
            while not part.state.done:
                page = await _fetch(source, request, part.state.token, limiter)
                part.add(page)
                report(request.symbol)

    try:
        async with asyncio.TaskGroup() as tasks:
            for request, part in zip(requests, files, strict=True):
                tasks.create_task(one(request, part))
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


async def _fetch(
    source: HistorySource, request: HistoryRequest, token: str, limiter: AsyncLimiter
) -> HistoryPage:
    """Ask for one page until it comes; a page is only read, so asking again is safe."""
    import stamina

    try:
        async for attempt in stamina.retry_context(
            on=_wait_for,
            attempts=ATTEMPTS,
            timeout=None,
            wait_initial=WAIT_FIRST_S,
            wait_max=WAIT_MAX_S,
        ):
            with attempt:
                async with limiter:
                    return await source.fetch(request, token)
    except ConnectionError as error:
        raise DataError(
            f"{source.name} does not answer: {error}",
            where=request.symbol,
            remedy="what was downloaded is kept: run the same command again later",
            code="data.source_down",
        ) from None
    raise AssertionError("unreachable: the last attempt raises")


def _wait_for(error: Exception) -> bool | float:
    """Say whether to try again, and where the source said it, after how many seconds."""
    if not isinstance(error, ConnectionError):
        return False
    wait = getattr(error, "retry_after_s", None)
    return True if wait is None else min(float(wait), WAIT_MAX_S)


def _import(
    folder: Path,
    requests: Sequence[HistoryRequest],
    files: Sequence[PartFiles],
    root: Path,
    options: ImportOptions,
    tell: Progress,
) -> ImportReport:
    from data.importing import import_file

    table = folder / f"{options.dataset}.csv"
    _assemble(table, requests, files)
    kind = requests[0].kind
    timeframe = requests[0].timeframe or None
    is_intraday = kind == "bars" and timeframe not in (None, "1d")
    said = replace(options, kind=kind, timeframe=timeframe if is_intraday else options.timeframe)
    return import_file(table, root, said, lambda f, step: tell(0.9 + 0.1 * f, step))


def _assemble(table: Path, requests: Sequence[HistoryRequest], files: Sequence[PartFiles]) -> None:
    """Write all pages as one table, with the symbol where the pages do not name it."""
    filled = [part for part in files if part.state.rows]
    if not filled:
        raise DataError(
            "the source has no rows for this",
            where=", ".join(request.symbol for request in requests[:5]),
            remedy="check the symbols and the dates",
            code="data.empty",
        )
    header = filled[0].state.header
    with table.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        names_symbol = _SYMBOL in header
        writer.writerow(header if names_symbol else (_SYMBOL, *header))
        for request, part in zip(requests, files, strict=True):
            if part.state.rows and part.state.header != header:
                raise DataError(
                    f"{request.symbol} has other columns than {requests[0].symbol}",
                    where=", ".join(part.state.header),
                    remedy="download them into two datasets",
                    code="data.download_changed",
                )
            for path in part.pages():
                with path.open(encoding="utf-8", newline="") as page:
                    for row in csv.reader(page):
                        writer.writerow(row if names_symbol else (request.symbol, *row))
