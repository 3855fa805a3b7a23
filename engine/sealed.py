"""Snapshots as bytes that say what they are and prove that they are whole."""

from __future__ import annotations

import hashlib

import msgspec

from engine.errors import InputError


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    name: str
    version: int
    digest: bytes
    body: bytes


def seal(name: str, version: int, body: bytes) -> bytes:
    """Return `body` with the name and version of its form, and a hash over all three."""
    return msgspec.msgpack.encode(_Sealed(name, version, _digest(name, version, body), body))


def unseal(name: str, version: int, sealed: bytes) -> bytes:
    """Return the body of what `seal` has made.

    Raises
    ------
    InputError
        If it is damaged, or of another name or version.

    Examples
    --------
    >>> unseal("core", 1, seal("core", 1, b"state"))
    b'state'
    """
    try:
        found = msgspec.msgpack.decode(sealed, type=_Sealed)
    except msgspec.DecodeError:
        found = None
    if found is None or found.digest != _digest(found.name, found.version, found.body):
        raise InputError(
            "the snapshot is damaged", remedy="use an earlier one", code="snapshot.damaged"
        )
    if (found.name, found.version) != (name, version):
        raise InputError(
            f"the snapshot is of {found.name}, version {found.version}; expected {name}, "
            f"version {version}",
            remedy="play the journal instead",
            code="snapshot.other",
        )
    return found.body


def _digest(name: str, version: int, body: bytes) -> bytes:
    return hashlib.blake2b(b"%b %d " % (name.encode(), version) + body, digest_size=16).digest()
