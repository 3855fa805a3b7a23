"""Records as bytes, and bytes of any version as records.

A record is a MessagePack map of its fields, the same bytes for the same record. Its kind and the version
of its kind stand beside it. When fields of a kind change in a way that `msgspec` cannot bridge by
itself (it fills a new field with its default, and passes over one that is gone), the version goes up
and an up-caster is added: a function from the old map to the next one. Journals are never rewritten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec

from runtime.journal.failures import JournalDamaged, NewerJournal
from runtime.journal.records import (
    Checkpointed,
    ClockRead,
    Closed,
    Continued,
    HistoryRead,
    Intents,
    Noted,
    Opened,
    Outcome,
    Reconciled,
    Record,
    StateChanged,
    Taken,
    Warmed,
)

Fields: TypeAlias = dict[str, Any]
UpCaster: TypeAlias = Callable[[Fields], Fields]

TYPES: Final[Mapping[str, type[Record]]] = MappingProxyType(
    {
        "opened": Opened,
        "continued": Continued,
        "state": StateChanged,
        "intents": Intents,
        "taken": Taken,
        "warmed": Warmed,
        "history": HistoryRead,
        "outcome": Outcome,
        "checkpointed": Checkpointed,
        "noted": Noted,
        "clock": ClockRead,
        "reconciled": Reconciled,
        "closed": Closed,
    }
)
KINDS: Final[dict[type, str]] = {item: kind for kind, item in TYPES.items()}

# The version that is written now, of kinds that have ever changed; the others are at 1.
VERSIONS: Final[dict[str, int]] = {}
# From (kind, version) to the fields of the next version.
UP_CASTERS: Final[dict[tuple[str, int], UpCaster]] = {}

_SORTED = msgspec.msgpack.Encoder(order="deterministic")
_AS_FILLED = msgspec.msgpack.Encoder()  # maps by number, which are filled in ascending order
_WITH_NUMBERS: Final = (Intents, Taken, HistoryRead)
_ENCODERS: Final = {
    kind: _AS_FILLED if item in _WITH_NUMBERS else _SORTED for kind, item in TYPES.items()
}
_DECODERS: Final[dict[str, msgspec.msgpack.Decoder[Any]]] = {
    kind: msgspec.msgpack.Decoder(item) for kind, item in TYPES.items()
}


def encode(record: msgspec.Struct) -> tuple[str, int, bytes]:
    """Return kind, version and payload of a record.

    Raises
    ------
    TypeError
        If it is none of `runtime.journal.records.Record`.
    """
    kind = KINDS.get(type(record))
    if kind is None:
        raise TypeError(f"{type(record).__name__} is not a record of a journal")
    return kind, VERSIONS.get(kind, 1), _ENCODERS[kind].encode(record)


def decode(kind: str, version: int, payload: bytes) -> Record:
    """Return the record of any version up to the one that is written now.

    Raises
    ------
    NewerJournal
        If this program does not know the kind or the version: a newer one has written it.
    JournalDamaged
        If the payload is not what kind and version say.
    """
    newest = VERSIONS.get(kind, 1)
    decoder = _DECODERS.get(kind)
    if decoder is None or version > newest:
        raise NewerJournal(kind, version, newest if decoder is not None else 0)
    try:
        record: Record
        if version == newest:
            record = decoder.decode(payload)
        else:
            record = msgspec.convert(_raised(kind, version, payload), TYPES[kind])
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise JournalDamaged(
            f"a record {kind!r} of version {version} cannot be read: {error}"
        ) from None
    return record


def _raised(kind: str, version: int, payload: bytes) -> Fields:
    fields: Fields = msgspec.msgpack.decode(payload)
    for step in range(version, VERSIONS.get(kind, 1)):
        fields = UP_CASTERS[kind, step](fields)
    return fields
