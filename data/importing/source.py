"""Reading a file as a table, with an error that names what is wrong with it.

Text files are read as text, column by column, so that a bad number can be shown as it stands
there and its line is known. Parquet keeps its types.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import DataError

if TYPE_CHECKING:
    import polars as pl

ROW = "\0row"  # our own column: the line or row number as a person counts
_SUFFIXES = {".csv": "csv", ".txt": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet"}
_PARQUET_MAGIC = b"PAR1"
_SNIFF_BYTES = 65_536
_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Source:
    """A table in memory and where it came from; column `ROW` numbers its lines."""

    path: Path
    table: pl.DataFrame
    is_text: bool

    @property
    def names(self) -> list[str]:
        """The columns of the file."""
        return [name for name in self.table.columns if name != ROW]

    @property
    def word(self) -> str:
        """What a row is called in this file."""
        return "line" if self.is_text else "row"


def read_source(path: Path) -> Source:
    """Read a CSV or Parquet file.

    Raises
    ------
    DataError
        If it is missing, a folder, unreadable, empty, damaged, or no table at all.
    """
    head = _read_head(path)
    kind = _SUFFIXES.get(path.suffix.lower())
    if head.startswith(_PARQUET_MAGIC) or kind == "parquet":
        return _read_parquet(path, head)
    return _read_text(path, head)


def keep_rows(source: Source, column: str, value: str) -> Source:
    """Return only the rows whose `column` reads `value`.

    Raises
    ------
    DataError
        If there is no such column, or no such row.
    """
    import polars as pl

    if column not in source.names:
        raise unknown_column(source, column)
    table = source.table.filter(pl.col(column).cast(pl.String) == value)
    if table.is_empty():
        raise DataError(
            f"no row has {column} = {value!r}", where=str(source.path), code="data.empty"
        )
    return Source(source.path, table, source.is_text)


def drop_rows(source: Source, rows: NDArray[np.int64]) -> Source:
    """Return the source without the rows of these numbers.

    Raises
    ------
    DataError
        If nothing is left.
    """
    import polars as pl

    table = source.table.filter(~pl.col(ROW).is_in(pl.Series(rows).implode()))
    if table.is_empty():
        raise DataError("every row is bad", where=str(source.path), code="data.empty")
    return Source(source.path, table, source.is_text)


def unknown_column(source: Source, column: str) -> DataError:
    """Return the error for a column that the file does not have, with the nearest name."""
    near = get_close_matches(column, source.names, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]!r}? " if near else ""
    return DataError(
        f"there is no column {column!r}",
        where=str(source.path),
        remedy=remedy + f"the file has: {', '.join(source.names)}",
        code="data.unknown_column",
    )


def _read_head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            head = stream.read(_SNIFF_BYTES)
    except FileNotFoundError:
        raise _error(path, "the file does not exist", "data.not_found") from None
    except IsADirectoryError:
        raise _error(
            path, "this is a folder, not a file", "data.is_a_folder", "name one file in it"
        ) from None
    except PermissionError:
        raise _error(
            path, "no permission to read the file", "data.no_permission", "check its access rights"
        ) from None
    except OSError as error:
        problem = f"the file cannot be read: {error.strerror}"
        raise _error(path, problem, "data.unreadable") from None
    if not head.strip():
        raise _error(path, "the file is empty", "data.empty")
    return head


def _read_parquet(path: Path, head: bytes) -> Source:
    import polars as pl

    _require_parquet(path, head)
    try:
        table = pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _damaged_parquet(path, error) from None
    return _numbered(path, table, first=1, is_text=False)


def _require_parquet(path: Path, head: bytes) -> None:
    if not head.startswith(_PARQUET_MAGIC):
        problem = "the name says Parquet, the content does not"
        raise _error(path, problem, "data.not_parquet", "name a text table .csv")


def _damaged_parquet(path: Path, error: Exception) -> DataError:
    problem = f"the Parquet file is truncated or damaged: {str(error).splitlines()[0]}"
    return _error(path, problem, "data.damaged", "copy or export it again")


def _read_text(path: Path, head: bytes) -> Source:
    _require_text(path, head)
    first_line = head.decode("utf-8-sig", errors="replace").splitlines()[0]
    delimiter = _delimiter(first_line)
    _require_header(path, next(csv.reader([first_line], delimiter=delimiter)))
    return _numbered(path, _read_csv(path, delimiter), first=2, is_text=True)


def _read_csv(path: Path, delimiter: str) -> pl.DataFrame:
    import polars as pl

    try:
        table = pl.read_csv(path, separator=delimiter, infer_schema=False, glob=False)
    except pl.exceptions.PolarsError as error:
        raise _why_no_table(path, delimiter, error, path.read_bytes(), 0) from None
    except OSError as error:
        problem = f"the file cannot be read: {error.strerror or error}"
        raise _error(path, problem, "data.unreadable") from None
    return table.rename({name: name.strip() for name in table.columns})


def iter_sources(
    path: Path, *, block_bytes: int, block_rows: int
) -> Iterator[tuple[Source, float]]:
    """Yield a file in batches of whole rows, each with the fraction of the file read so far.

    Raises
    ------
    DataError
        As `read_source`; a damaged place is found when its batch is read.
    """
    head = _read_head(path)
    if head.startswith(_PARQUET_MAGIC) or _SUFFIXES.get(path.suffix.lower()) == "parquet":
        yield from _parquet_batches(path, head, block_rows)
    else:
        yield from _text_batches(path, head, block_bytes)


def _parquet_batches(path: Path, head: bytes, block_rows: int) -> Iterator[tuple[Source, float]]:
    import polars as pl

    _require_parquet(path, head)
    try:
        count = int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())
        for start in range(0, count, block_rows):
            table = pl.scan_parquet(path, glob=False).slice(start, block_rows).collect()
            end = min(start + block_rows, count)
            yield _numbered(path, table, first=1 + start, is_text=False), end / count
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _damaged_parquet(path, error) from None


def _text_batches(path: Path, head: bytes, block_bytes: int) -> Iterator[tuple[Source, float]]:
    _require_text(path, head)
    size = path.stat().st_size
    with path.open("rb") as stream:
        header = stream.readline()
        names = header.decode("utf-8-sig", errors="replace").splitlines()[0]
        delimiter = _delimiter(names)
        _require_header(path, next(csv.reader([names], delimiter=delimiter)))
        rows, rest = 0, b""
        while block := stream.read(block_bytes):
            lines, rest = _whole_lines(rest + block, is_last=stream.tell() >= size)
            if not lines:
                continue
            table = _read_block(path, header, lines, delimiter, rows)
            if len(table):
                yield _numbered(path, table, first=2 + rows, is_text=True), stream.tell() / size
            rows += len(table)


def _whole_lines(block: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
    """Cut a block after its last whole line; a line end between quotation marks is none."""
    if is_last:
        return block, b""
    end = block.rfind(b"\n")
    while end >= 0 and block.count(b'"', 0, end) % 2:
        end = block.rfind(b"\n", 0, end)
    return block[: end + 1], block[end + 1 :]


def _read_block(path: Path, header: bytes, lines: bytes, delimiter: str, rows: int) -> pl.DataFrame:
    import polars as pl

    content = header + lines
    try:
        table = pl.read_csv(content, separator=delimiter, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise _why_no_table(path, delimiter, error, content, rows) from None
    return table.rename({name: name.strip() for name in table.columns})


def _numbered(path: Path, table: pl.DataFrame, *, first: int, is_text: bool) -> Source:
    """Number the rows, then drop blank lines: their numbers stay counted."""
    import polars as pl

    names = table.columns
    numbered = table.with_row_index(ROW, offset=first).with_columns(pl.col(ROW).cast(pl.Int64))
    if names:
        numbered = numbered.filter(~pl.all_horizontal(pl.col(name).is_null() for name in names))
    if numbered.is_empty():
        raise _error(path, "the file has column names but no rows", "data.empty")
    return Source(path, numbered, is_text)


def _require_text(path: Path, head: bytes) -> None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        problem = "the file is encoded as UTF-16, not UTF-8"
        raise _error(path, problem, "data.wrong_encoding", "save it again as UTF-8")
    if b"\0" in head:
        problem = "this is a binary file, not a table"
        raise _error(path, problem, "data.binary", "import CSV or Parquet")


def _delimiter(line: str) -> str:
    counts = Counter(char for char in line if char in _DELIMITERS)
    return counts.most_common(1)[0][0] if counts else ","


def _require_header(path: Path, names: list[str]) -> None:
    stripped = [name.strip() for name in names]
    if any(_is_number(name) for name in stripped):
        problem = f"the first line holds data, not column names: {', '.join(stripped[:4])}"
        raise _error(path, problem, "data.no_header", "put a line of column names first")
    twice = [name for name, count in Counter(stripped).items() if count > 1]
    if twice:
        problem = f"two columns are called {twice[0]!r}"
        raise _error(path, problem, "data.duplicate_column", "rename one of them")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.lower() not in ("nan", "inf", "infinity")


def _why_no_table(
    path: Path, delimiter: str, error: Exception, content: bytes, skipped: int
) -> DataError:
    """Find the line that the reader stumbled over; it names none itself.

    `content` begins with the header; `skipped` lines of the file after it are not in it.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        line = content.count(b"\n", 0, bad.start) + 1 + skipped
        problem = f"byte {content[bad.start]:#04x} is not UTF-8"
        return _error(
            f"{path}, line {line}", problem, "data.wrong_encoding", "save the file again as UTF-8"
        )
    lines = csv.reader(io.StringIO(text), delimiter=delimiter)
    wanted = len(next(lines))
    for values in lines:
        if len(values) > wanted:
            problem = f"{len(values)} values in a line, {wanted} columns in the header"
            return _error(f"{path}, line {lines.line_num + skipped}", problem, "data.ragged")
    problem = f"the file is not a table: {str(error).splitlines()[0]}"
    return _error(path, problem, "data.damaged", "look for an unclosed quotation mark")


def _error(where: Path | str, problem: str, code: str, remedy: str = "") -> DataError:
    return DataError(problem, where=str(where), remedy=remedy, code=code)
