"""Ed25519 signatures by role; the library is imported when something is signed or checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# What a signature is for: one made for another purpose, or by another role, is none.
GATE = "gate"
APPROVER = "approver"
AUTHOR = "author"
REQUEST = "request"
REVOCATION = "revocation"
ACCEPTANCE = "acceptance"
KEY_LENGTH = 64  # hexadecimal digits of a public key
SIGNATURE_LENGTH = 128


def message_of(role: str, body: bytes) -> bytes:
    """Return the bytes that are signed.

    Examples
    --------
    >>> message_of("gate", b"{}")
    b'trader/gate/1\\n{}'
    """
    return f"trader/{role}/1\n".encode() + body


def sign(key: Ed25519PrivateKey, role: str, body: bytes) -> str:
    """Return a signature as 128 hexadecimal digits."""
    return key.sign(message_of(role, body)).hex()


def is_signed(public_key: str, role: str, body: bytes, signature: str) -> bool:
    """Say whether a signature is one of this key for this role over these bytes.

    Parameters
    ----------
    public_key
        64 hexadecimal digits, small letters: one key, one spelling.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key, value = bytes.fromhex(public_key), bytes.fromhex(signature)
    except ValueError:
        return False
    if key.hex() != public_key or value.hex() != signature:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(value, message_of(role, body))
    except (InvalidSignature, ValueError):
        return False
    return True
