"""Keys: whose signatures count, and that a private byte is shown to nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import InputError
from runtime.promotion.keys import Keys, Role, keys_folder, parse_public_key, read_public_key
from runtime.promotion.signing import is_signed
from tests.architecture.source import ROOT


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys")


def test_a_new_key_signs_and_is_trusted(keys: Keys) -> None:
    public = keys.new(Role.APPROVER, "anna")
    signature = keys.open("anna").sign("approver", b"{}")
    assert is_signed(public.key, "approver", b"{}", signature)
    assert keys.trusted().approvers == {public.key}
    assert keys.trusted().gates == frozenset()


def test_a_signature_is_for_one_role_and_one_text(keys: Keys) -> None:
    public = keys.new(Role.GATE, "gate")
    signature = keys.open("gate").sign("gate", b"{}")
    assert not is_signed(public.key, "approver", b"{}", signature)
    assert not is_signed(public.key, "gate", b"{ }", signature)
    assert not is_signed(public.key, "gate", b"{}", signature.upper())
    assert not is_signed(public.key.upper(), "gate", b"{}", signature)
    assert not is_signed(public.key, "gate", b"{}", "")
    assert not is_signed("zz", "gate", b"{}", signature)


def test_private_files_are_their_owners_alone(keys: Keys) -> None:
    old = os.umask(0)
    try:
        keys.new(Role.GATE, "gate")
    finally:
        os.umask(old)
    assert keys.folder.stat().st_mode & 0o777 == 0o700
    assert (keys.folder / "gate.pem").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "mode"), [(".", 0o750), (".", 0o707), ("gate.pem", 0o640), ("gate.pem", 0o604)]
)
def test_what_others_may_look_at_is_not_used(keys: Keys, name: str, mode: int) -> None:
    keys.new(Role.GATE, "gate")
    (keys.folder / name).chmod(mode)
    with pytest.raises(InputError, match="others may use this") as caught:
        keys.open("gate")
    assert caught.value.code == "keys.permissions"
    assert "chmod" in caught.value.remedy


def test_a_private_key_that_is_a_link_is_not_followed(keys: Keys, tmp_path: Path) -> None:
    keys.new(Role.GATE, "gate")
    elsewhere = tmp_path / "gate.pem"
    (keys.folder / "gate.pem").rename(elsewhere)
    (keys.folder / "gate.pem").symlink_to(elsewhere)
    with pytest.raises(InputError, match="cannot be read"):
        keys.open("gate")


def test_a_passphrase_is_asked_for_what_was_made_with_one(keys: Keys) -> None:
    keys.new(Role.APPROVER, "anna", passphrase="correct horse")
    keys.new(Role.GATE, "gate")
    assert keys.is_encrypted("anna")
    assert not keys.is_encrypted("gate")
    assert keys.open("anna", passphrase="correct horse").public.name == "anna"
    assert keys.open("gate", passphrase="not needed").public.name == "gate"
    for wrong in ("", "battery staple"):
        with pytest.raises(InputError) as caught:
            keys.open("anna", passphrase=wrong)
        assert caught.value.code == "keys.passphrase"
        assert "battery" not in str(caught.value)


def test_nothing_that_is_printed_of_a_key_has_its_private_bytes(keys: Keys) -> None:
    public = keys.new(Role.GATE, "gate")
    opened = keys.open("gate")
    secret = opened.private.private_bytes_raw()
    shown = " ".join([repr(opened), str(opened), repr(public), public.to_text()])
    assert secret.hex() not in shown
    assert "PRIVATE" not in shown


def test_a_public_key_travels_to_another_folder(keys: Keys, tmp_path: Path) -> None:
    public = keys.new(Role.APPROVER, "anna")
    other = Keys(tmp_path / "other")
    other.trust(read_public_key(keys.folder / "anna.pub"))
    assert other.known() == [public]
    with pytest.raises(InputError, match="cannot be read"):
        other.open("anna")


def test_two_approvers_mean_four_eyes(keys: Keys) -> None:
    keys.new(Role.GATE, "gate")
    keys.new(Role.APPROVER, "anna")
    assert not keys.trusted().four_eyes
    assert keys.trusted(four_eyes=True).four_eyes
    keys.new(Role.APPROVER, "bert")
    assert keys.trusted().four_eyes


def test_a_name_or_a_key_that_is_there_is_not_taken_again(keys: Keys, tmp_path: Path) -> None:
    public = keys.new(Role.APPROVER, "anna")
    before = (keys.folder / "anna.pem").read_bytes()
    with pytest.raises(InputError, match="there is a key 'anna' already"):
        keys.new(Role.GATE, "anna")
    other = Keys(tmp_path / "other")
    twin = parse_public_key(public.to_text().replace("anna", "ann"))
    with pytest.raises(InputError, match="known already, as 'anna'"):
        keys.trust(twin)
    other.trust(twin)
    assert (keys.folder / "anna.pem").read_bytes() == before


@pytest.mark.parametrize(
    "room", [0, 125]
)  # for nothing; for the private half and not the public one
def test_nothing_is_left_of_a_key_that_the_disk_does_not_take(room: int, keys: Keys) -> None:
    code = f"""
import resource, signal
from pathlib import Path
from runtime.promotion.keys import Keys, Role
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))
Keys(Path({str(keys.folder)!r})).new(Role.GATE, "gate")"""
    line = [sys.executable, "-B", "-c", code]
    result = subprocess.run(line, cwd=ROOT, capture_output=True, check=False)
    assert b"File too large" in result.stderr
    assert list(keys.folder.iterdir()) == []
    keys.new(Role.GATE, "gate")


def test_a_removed_key_counts_no_longer(keys: Keys) -> None:
    keys.new(Role.APPROVER, "anna")
    with pytest.raises(InputError, match="the private key of 'anna' is here"):
        keys.remove("anna")
    keys.remove("anna", private=True)
    assert keys.known() == []
    assert list(keys.folder.iterdir()) == []


@pytest.mark.parametrize("name", ["", "..", "a/b", "Anna", "a" * 33, "-a", "a b", "a\n"])
def test_a_name_is_a_plain_word(keys: Keys, name: str) -> None:
    with pytest.raises(InputError, match="is no name of a key"):
        keys.new(Role.GATE, name)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: text.replace("gate key", "owner key"),
        lambda text: text.replace("BEGIN PUBLIC", "BEGIN PRIVATE"),
        lambda text: text.replace("MCowBQYDK2Vw", "MCowBQYDK2Vu"),  # X25519: not for signatures
        lambda text: text.replace("=\n", "\n"),
        lambda text: text.replace("key gate", "key ../gate"),
        lambda text: text + "more\n",
    ],
)  # fmt: skip
def test_what_is_no_public_key_is_not_trusted(keys: Keys, tmp_path: Path, spoil: object) -> None:
    public = keys.new(Role.GATE, "gate")
    file = tmp_path / "gate.pub"
    assert callable(spoil)
    file.write_text(spoil(public.to_text()))
    with pytest.raises(InputError, match="this is no public key"):
        read_public_key(file)


def test_a_pair_that_does_not_belong_together_does_not_sign(keys: Keys) -> None:
    keys.new(Role.GATE, "one")
    keys.new(Role.GATE, "two")
    (keys.folder / "one.pem").rename(keys.folder / "two.pem")
    with pytest.raises(InputError, match="not of one pair"):
        keys.open("two")


def test_the_only_key_of_a_role_needs_no_name(keys: Keys) -> None:
    with pytest.raises(InputError, match="no private approver key here") as caught:
        keys.only_signer(Role.APPROVER)
    assert "trader keys new approver" in caught.value.remedy
    keys.new(Role.APPROVER, "anna")
    assert keys.only_signer(Role.APPROVER).name == "anna"
    keys.new(Role.APPROVER, "bert")
    with pytest.raises(InputError, match="several approver keys"):
        keys.only_signer(Role.APPROVER)
    assert keys.only_signer(Role.APPROVER, "bert").name == "bert"


def test_the_folder_is_the_named_one_the_workspaces_or_the_users(tmp_path: Path) -> None:
    assert keys_folder(tmp_path, {"TRADER_KEYS": "/k"}) == Path("/k")
    assert keys_folder(tmp_path, {"XDG_DATA_HOME": "/d"}) == Path("/d/trader/keys")
    (tmp_path / "trader.toml").write_text("# ours\n")
    assert keys_folder(tmp_path, {}) == tmp_path / "keys"


@pytest.mark.parametrize("ending", [".pub", ".pem"])
def test_what_is_no_file_is_refused_and_not_waited_for(keys: Keys, ending: str) -> None:
    """A pipe in the folder would be read for ever."""
    keys.new(Role.GATE, "gate")
    path = keys.folder / f"gate{ending}"
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(InputError, match="this is no file") as caught:
        keys.known() if ending == ".pub" else keys.open("gate")
    assert caught.value.where == str(path) and caught.value.code == "keys.file"
