"""What a download keeps on the disk, so that it can be killed at any moment.

One folder per instrument: numbered pages, and a state that says how many of them count and with
which token to go on. A page is written whole and renamed into place; then the state is. A kill
between the two leaves a page that the state does not count, and the next run writes it again. So
there is never a gap, and never a row twice.
"""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from data.download.port import FIRST_PAGE, HistoryPage, HistoryRequest
from data.parts import symbol_folder
from engine.errors import DataError

STATE_NAME = "state.json"
REQUEST_NAME = "request.json"


class PartState(msgspec.Struct, frozen=True):
    """How far the download of one instrument is."""

    pages: int = 0
    rows: int = 0
    token: str = FIRST_PAGE
    header: tuple[str, ...] = ()
    done: bool = False


@dataclass(slots=True)
class PartFiles:
    """The pages of one instrument."""

    folder: Path
    state: PartState

    @staticmethod
    def open(root: Path, request: HistoryRequest) -> PartFiles:
        """Return the files of an instrument, as far as they are.

        Raises
        ------
        DataError
            If the state cannot be read.
        """
        folder = root / symbol_folder(request.symbol)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / STATE_NAME
        try:
            content = path.read_bytes() if path.exists() else b"{}"
            return PartFiles(folder, msgspec.json.decode(content, type=PartState))
        except (OSError, msgspec.DecodeError) as error:
            raise DataError(
                f"the state of the download cannot be read: {error}",
                where=str(path),
                remedy="begin again: --restart",
                code="data.download_damaged",
            ) from None

    def add(self, page: HistoryPage) -> None:
        """Keep a page, then say that it counts.

        Raises
        ------
        DataError
            If the page does not go on from the one before.
        """
        self._require_fit(page)
        state = self.state
        replace_file(self.folder / _page_name(state.pages), _csv(page.rows))
        self.state = PartState(
            state.pages + 1,
            state.rows + len(page.rows),
            page.next_token,
            state.header or page.header,
            not page.next_token,
        )
        replace_file(self.folder / STATE_NAME, msgspec.json.encode(self.state))

    def pages(self) -> list[Path]:
        """Return the pages that count, in order."""
        return [self.folder / _page_name(number) for number in range(self.state.pages)]

    def _require_fit(self, page: HistoryPage) -> None:
        if self.state.header and page.header != self.state.header:
            raise DataError(
                f"page {self.state.pages + 1} has other columns than the pages before: "
                f"{', '.join(page.header)}",
                where=str(self.folder),
                remedy="begin again: --restart",
                code="data.download_changed",
            )
        if page.next_token and page.next_token == self.state.token:
            raise DataError(
                f"page {self.state.pages + 1} names itself as the next one",
                where=str(self.folder),
                remedy="tell the source's operator: its paging does not end",
                code="data.download_loops",
            )
        if any(len(row) != len(page.header) for row in page.rows):
            raise DataError(
                f"page {self.state.pages + 1} has rows that do not fit its columns",
                where=str(self.folder),
                code="data.ragged",
            )


def _page_name(number: int) -> str:
    return f"{number + 1:06}.csv"


def _csv(rows: tuple[tuple[str, ...], ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def replace_file(path: Path, content: bytes) -> None:
    """Write a whole file or nothing, and let it reach the disk."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
