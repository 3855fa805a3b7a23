"""Keys: who may sign, and whose signatures count.

A folder that only its owner may look into. ``NAME.pem`` is a private key (PKCS8, encrypted where there is a
passphrase), ``NAME.pub`` a public one: a line that says role and name, then PEM that any tool reads. Every
public key in the folder is trusted.

A *gate* key signs that the evidence has passed, an *approver's* that a person wants it traded.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import InputError
from runtime.promotion.document import Trusted
from runtime.promotion.signing import sign

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FOLDER_VARIABLE = "TRADER_KEYS"
PASSPHRASE_VARIABLE = "TRADER_KEY_PASSPHRASE"
FOLDER_NAME = "keys"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_NAME_FORM = "1 to 32 small letters, digits and dashes"
# SubjectPublicKeyInfo of Ed25519, RFC 8410: these bytes and the 32 of the key.
_PREFIX = bytes.fromhex("302a300506032b6570032100")
_KEY_BYTES = 32
_LARGEST = 10_000  # bytes of a key file
_OTHERS = 0o077  # what group and everybody else may do


class Role(Enum):
    """What a key is for."""

    GATE = "gate"
    APPROVER = "approver"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that is trusted; `key` is 64 hexadecimal digits."""

    name: str
    role: Role
    key: str

    def to_text(self) -> str:
        """Return the file's content."""
        body = base64.b64encode(_PREFIX + bytes.fromhex(self.key)).decode()
        return (
            f"trader {self.role.value} key {self.name}\n"
            f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"
        )


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key, opened; it is shown nowhere."""

    public: PublicKey
    private: Ed25519PrivateKey = field(repr=False)

    @property
    def key(self) -> str:
        """The public key."""
        return self.public.key

    def sign(self, role: str, body: bytes) -> str:
        """Return a signature; see `runtime.promotion.signing`."""
        return sign(self.private, role, body)


def keys_folder(start: Path, environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder of keys: TRADER_KEYS, the workspace's, or the user's."""
    variables = os.environ if environment is None else environment
    named = variables.get(FOLDER_VARIABLE, "").strip()
    if named:
        return Path(named).expanduser().absolute()
    from runtime.workspace import find_workspace, user_data_folder

    workspace = find_workspace(start)
    return (user_data_folder(variables) if workspace is None else workspace.root) / FOLDER_NAME


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a folder, which need not be there yet."""

    folder: Path

    # --- whose signatures count ---------------------------------------------------------------------
    def known(self) -> list[PublicKey]:
        """Return the trusted keys, by name.

        Raises
        ------
        InputError
            If others may look into the folder, or a file is no public key.
        """
        if not self.folder.exists():
            return []
        _require_private(self.folder)
        return [self._public(path) for path in sorted(self.folder.glob("*.pub"))]

    def trusted(self, *, four_eyes: bool = False) -> Trusted:
        """Return whose signatures count; with two approvers author and approver are two of them.

        Parameters
        ----------
        four_eyes
            Whether the workspace asks for it with one approver too.
        """
        known = self.known()
        gates = frozenset(each.key for each in known if each.role is Role.GATE)
        approvers = frozenset(each.key for each in known if each.role is Role.APPROVER)
        return Trusted(gates, approvers, four_eyes or len(approvers) > 1)

    def public(self, name: str) -> PublicKey:
        """Return one key.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        path = self._path(name, ".pub")
        if not path.exists():
            raise InputError(
                f"there is no key {name!r}",
                where=str(self.folder),
                remedy="`trader keys list` shows which are there",
                code="keys.unknown",
            )
        _require_private(self.folder)
        return self._public(path)

    def trust(self, public: PublicKey) -> None:
        """Count the signatures of a key of another machine or person from now on.

        Raises
        ------
        InputError
            If its name or the key itself is known already.
        """
        self._require_new(public)
        self._write(self._path(public.name, ".pub"), public.to_text().encode())

    def remove(self, name: str, *, private: bool = False) -> PublicKey:
        """Count the signatures of a key no longer, and return it.

        Parameters
        ----------
        private
            Whether the private key may be removed too; nothing can be signed with it afterwards.

        Raises
        ------
        InputError
            If there is none of that name, or its private key is here and was not meant.
        """
        found = self.public(name)
        secret = self._path(name, ".pem")
        if secret.exists() and not private:
            raise InputError(
                f"the private key of {name!r} is here: without it nothing can be signed as {name} again",
                where=str(secret),
                remedy="--private removes it as well",
                code="keys.private",
            )
        self._path(name, ".pub").unlink()
        secret.unlink(missing_ok=True)
        return found

    # --- who signs here -------------------------------------------------------------------------------
    def new(self, role: Role, name: str, *, passphrase: str = "") -> PublicKey:
        """Make a key and return its public half.

        Raises
        ------
        InputError
            If the name is taken, or the folder is not its owner's alone.
        """
        from cryptography.hazmat.primitives import serialization as form
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        private = Ed25519PrivateKey.generate()
        public = PublicKey(name, role, private.public_key().public_bytes_raw().hex())
        self._require_new(public)
        how: form.KeySerializationEncryption = (
            form.BestAvailableEncryption(passphrase.encode()) if passphrase else form.NoEncryption()
        )
        content = private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, how)
        self._write(self._path(name, ".pem"), content)
        try:
            self._write(self._path(name, ".pub"), public.to_text().encode())
        except BaseException:
            self._path(name, ".pem").unlink()  # half a pair keeps its name from being used
            raise
        return public

    def signers(self, role: Role) -> list[PublicKey]:
        """Return the keys of a role whose private halves are here."""
        return [
            each
            for each in self.known()
            if each.role is role and self._path(each.name, ".pem").exists()
        ]

    def only_signer(self, role: Role, name: str = "") -> PublicKey:
        """Return the key of a role to sign with: the one that is named, or the only one that is here.

        Raises
        ------
        InputError
            If there is none, or several and none is named.
        """
        found = [each for each in self.signers(role) if name in ("", each.name)]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(each.name for each in found)
            problem, remedy = (
                f"several {role.value} keys are here",
                f"--key NAME says which: {names}",
            )
        else:
            which = f"{role.value} key {name!r}" if name else f"{role.value} key"
            problem = f"there is no private {which} here"
            remedy = f"`trader keys new {role.value} --name NAME` makes one"
        raise InputError(problem, where=str(self.folder), remedy=remedy, code="keys.no_signer")

    def is_encrypted(self, name: str) -> bool:
        """Say whether a private key needs a passphrase."""
        return b"ENCRYPTED" in self._read_private(name).partition(b"\n")[0]

    def open(self, name: str, *, passphrase: str = "") -> Signer:
        """Return a private key to sign with.

        Raises
        ------
        InputError
            If it is not here, others may read it, the passphrase is wrong, or it is not the private half
            of its public key.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        public, content = self.public(name), self._read_private(name)
        secret = passphrase.encode() if self.is_encrypted(name) else None
        try:
            private = load_pem_private_key(content, secret or None)
        except (ValueError, TypeError):
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            raise InputError(
                "the passphrase is wrong"
                if secret
                else "this key needs a passphrase, or is damaged",
                where=str(self._path(name, ".pem")),
                remedy=f"put the passphrase into {PASSPHRASE_VARIABLE}, or call from a terminal",
                code="keys.passphrase",
            )
        if private.public_key().public_bytes_raw().hex() != public.key:
            raise InputError(
                f"the private and the public key of {name!r} are not of one pair",
                where=str(self.folder),
                remedy="bring back the files that belong together",
                code="keys.pair",
            )
        return Signer(public, private)

    # --- files ------------------------------------------------------------------------------------------
    def _path(self, name: str, ending: str) -> Path:
        if _NAME.fullmatch(name) is None:
            raise InputError(
                f"{name!r} is no name of a key", remedy=f"accepted: {_NAME_FORM}", code="keys.name"
            )
        return self.folder / f"{name}{ending}"

    def _require_new(self, public: PublicKey) -> None:
        known = self.known()
        twins = [each.name for each in known if each.key == public.key]
        if twins:
            raise InputError(
                f"this key is known already, as {twins[0]!r}",
                where=str(self.folder),
                code="keys.taken",
            )
        if any(self._path(public.name, each).exists() for each in (".pub", ".pem")):
            raise _taken(self._path(public.name, ".pub"))

    def _read_private(self, name: str) -> bytes:
        path = self._path(name, ".pem")
        _require_private(self.folder)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise InputError(
                f"the private key cannot be read: {error.strerror}",
                where=str(path),
                remedy="`trader keys list` says which keys are here",
                code="keys.file",
            ) from None
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            _require_private(path, status)
            if not stat.S_ISREG(status.st_mode):
                raise _no_file(path)
            return file.read(_LARGEST)

    def _write(self, path: Path, content: bytes) -> None:
        """Write a new file that nobody else may read, whole or not at all, and wait for the disk."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_private(self.folder)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # of somebody who makes it at the same time
            raise _taken(path) from None
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            path.unlink()
            raise

    def _public(self, path: Path) -> PublicKey:
        if path.exists() and not path.is_file():
            raise _no_file(path)
        found = read_public_key(path)
        if found.name != path.stem:
            raise _no_key(path, f"it says that it is of {found.name!r}")
        return found


def read_public_key(path: Path) -> PublicKey:
    """Return the key of a public file, as `trader keys export` writes it.

    Raises
    ------
    InputError
        If it is none.
    """
    try:
        with path.open("rb") as file:
            return parse_public_key(file.read(_LARGEST).decode("ascii"))
    except OSError as error:
        raise InputError(
            f"the key cannot be read: {error.strerror}",
            where=str(path),
            remedy="name a file that `trader keys export` has written",
            code="keys.file",
        ) from None
    except ValueError as error:
        raise _no_key(path, str(error)) from None


def parse_public_key(text: str) -> PublicKey:
    """Return the key that a text has.

    Raises
    ------
    ValueError
        If it has none.
    """
    try:
        head, _, body, _ = text.strip().split("\n")
        _, role, _, name = head.split(" ")
        content = base64.b64decode(body, validate=True)
        found = PublicKey(name, Role(role), content.removeprefix(_PREFIX).hex())
    except (ValueError, binascii.Error):
        raise ValueError("it does not have the form of one") from None
    if len(content) != len(_PREFIX) + _KEY_BYTES or found.to_text() != text.strip() + "\n":
        raise ValueError("it is no Ed25519 key")
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"its name is not {_NAME_FORM}")
    return found


def _require_private(path: Path, found: os.stat_result | None = None) -> None:
    """Refuse what others may read or change."""
    found = os.stat(path) if found is None else found
    mode = stat.S_IMODE(found.st_mode)
    if mode & _OTHERS or found.st_uid != os.geteuid():
        wanted = "0700" if stat.S_ISDIR(found.st_mode) else "0600"
        raise InputError(
            f"others may use this: its mode is {mode:04o}, and it has to be yours alone",
            where=str(path),
            remedy=f"chmod {wanted[1:]} {path}; make new keys if somebody else may have looked",
            code="keys.permissions",
        )


def _taken(path: Path) -> InputError:
    return InputError(
        f"there is a key {path.stem!r} already",
        where=str(path.parent),
        remedy="choose another --name",
        code="keys.taken",
    )


def _no_file(path: Path) -> InputError:
    return InputError(
        "this is no file, and no key is read of it",
        where=str(path),
        remedy="look what has made it, and remove it",
        code="keys.file",
    )


def _no_key(path: Path, why: str) -> InputError:
    return InputError(
        f"this is no public key: {why}",
        where=str(path),
        remedy="`trader keys export NAME` writes one",
        code="keys.no_key",
    )
