"""The identity of market data: a hash over its canonical content, not over any file's bytes.

Each column is hashed by itself over its little-endian int64 values, so that a history can be
hashed in one piece or in chunks, from memory or from Parquet, and always gives the same answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from data.actions import Action
from engine.model.instruments import Instrument

if TYPE_CHECKING:
    from data.history import History

_DIGEST_BYTES = 16
_VERSION = b"trader-data-1"


class _Columns(Protocol):
    def __len__(self) -> int: ...


def history_fingerprint(history: History) -> str:
    """Return the fingerprint of a history: instruments in order, columns and actions."""
    digest = hashlib.blake2b(_VERSION, digest_size=_DIGEST_BYTES)
    for part in history.parts:
        digest.update(_text(instrument_line(part.instrument)))
        for columns in (part.bars, part.quotes, part.trades):
            if columns is not None:
                digest.update(columns_digest([columns]))
    for action in history.actions:
        digest.update(_text(action_line(action)))
    return digest.hexdigest()


class ColumnsDigest:
    """The digest of one block of columns that comes in one or more chunks, in order."""

    def __init__(self) -> None:
        self._hashers: dict[str, hashlib.blake2b] = {}
        self._kind, self._rows = "", 0

    def update(self, chunk: _Columns) -> None:
        """Add the next chunk."""
        self._kind, self._rows = type(chunk).__name__, self._rows + len(chunk)
        for item in fields(chunk):  # type: ignore[arg-type]
            value = getattr(chunk, item.name)
            if isinstance(value, bool):
                self._hashers.setdefault(item.name, _hasher(item.name + str(value)))
                continue
            self._hashers.setdefault(item.name, _hasher(item.name)).update(_bytes(value))

    def digest(self) -> bytes:
        """Return the digest of all chunks so far, however they were cut."""
        whole = _hasher(f"{self._kind} {self._rows}")
        for name in sorted(self._hashers):
            whole.update(self._hashers[name].digest())
        return whole.digest()


def columns_digest(chunks: Iterable[_Columns]) -> bytes:
    """Return the digest of one block of columns that comes in one or more chunks, in order."""
    whole = ColumnsDigest()
    for chunk in chunks:
        whole.update(chunk)
    return whole.digest()


def dataset_fingerprint(lines: Iterable[str]) -> str:
    """Return the fingerprint of a dataset from one line per part, whatever their order."""
    whole = hashlib.blake2b(_VERSION, digest_size=_DIGEST_BYTES)
    for line in sorted(lines):
        whole.update(_text(line))
    return whole.hexdigest()


def instrument_line(instrument: Instrument) -> str:
    """Return an instrument as one canonical line; what it has no event for is not told."""
    values = [getattr(instrument, item.name) for item in fields(instrument)]
    values[1] = instrument.kind.value
    if not instrument.event:
        values.pop()  # the last field, younger than the datasets that were stored without it
    return "\t".join(str(value) for value in values)


def action_line(action: Action) -> str:
    """Return an action as one canonical line; 1.5 and 1.50 are the same amount."""
    amount = "" if action.amount is None else format(action.amount.normalize(), "f")
    ratio = f"{action.ratio.numerator}:{action.ratio.denominator}"
    values = (action.symbol, action.ts_ex_ns, action.kind.value, ratio, amount, action.new_symbol)
    return "\t".join(str(value) for value in values)


def _hasher(label: str) -> hashlib.blake2b:
    return hashlib.blake2b(label.encode(), digest_size=_DIGEST_BYTES)


def _bytes(column: NDArray[np.int64]) -> memoryview:
    return np.ascontiguousarray(column, dtype="<i8").data


def _text(line: str) -> bytes:
    encoded = line.encode()
    return len(encoded).to_bytes(8, "little") + encoded
