"""`trader keys`: the keys that sign for the gate and for persons, and those whose signatures count."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli import screen
from cli.errors import guarded, warn
from cli.options import Debug, Json
from cli.session_names import who_asks

if TYPE_CHECKING:
    from runtime.promotion.keys import Keys, PublicKey, Role, Signer

KeyName = Annotated[str, typer.Argument(metavar="NAME", help="The key's name.")]


@guarded
def new_key(
    role: Annotated[
        Literal["gate", "approver"],
        typer.Argument(metavar="gate|approver", help="What it signs: evidence, or approvals."),
    ],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What it is called.")],
    passphrase: Annotated[
        bool,
        typer.Option(
            "--passphrase", help="Protect it: asked for, or taken from TRADER_KEY_PASSPHRASE."
        ),
    ] = False,
    debug: Debug = False,
) -> None:
    """Make a key. Its private half stays in the workspace's folder of keys, for your eyes only.

    \b
    Examples:
      trader keys new gate --name gate
      trader keys new approver --name anna --passphrase
    """
    from runtime.promotion.keys import Role

    keys = keys_here()
    public = keys.new(Role(role), name, passphrase=_new_passphrase() if passphrase else "")
    _record("made", public)
    print(f"Made {role} key {name}: {public.key}")
    print(f"Public half: {keys.folder / f'{name}.pub'}")
    _tell_of_two(keys, public)


@guarded
def list_keys(json: Json = False, debug: Debug = False) -> None:
    """List the keys whose signatures count here.

    \b
    Example:
      trader keys list
    """
    keys = keys_here()
    known = keys.known()
    private = {each.name for role in _roles() for each in keys.signers(role)}
    if json:
        rows = [
            {
                "name": each.name,
                "role": each.role.value,
                "key": each.key,
                "private": each.name in private,
            }
            for each in known
        ]
        screen.print_json({"folder": str(keys.folder), "keys": rows})
        return
    if not known:
        print("No key yet: trader keys new gate --name gate")
    for each in known:
        signs = "signs here" if each.name in private else ""
        print(f"{each.name:16}  {each.role.value:8}  {each.key[:32]}  {signs}".rstrip())
    if keys.trusted(four_eyes=four_eyes_here()).four_eyes:
        print("Four eyes: whoever asks for a certificate does not approve it.")


@guarded
def export_key(
    name: KeyName,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Where to write it; printed if left out."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Write the public half of a key, to be trusted on another machine.

    \b
    Examples:
      trader keys export anna
      trader keys export anna anna.pub
    """
    text = keys_here().public(name).to_text()
    if file is None:
        print(text, end="")
    else:
        screen.write_file(file, text.rstrip("\n"))
        print(f"Wrote {file}")


@guarded
def trust_key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A public key that was exported.")],
    debug: Debug = False,
) -> None:
    """Trust a key of another machine or person: its signatures count from now on.

    Compare its digits with those that its owner sees before you do. With two approvers' keys, whoever
    asks for a certificate does not approve it.

    \b
    Example:
      trader keys trust anna.pub
    """
    from runtime.promotion.keys import read_public_key

    public, keys = read_public_key(file), keys_here()
    keys.trust(public)
    _record("trusted", public)
    print(f"Trusted: {public.role.value} key {public.name}, {public.key}")
    _tell_of_two(keys, public)


@guarded
def remove_key(
    name: KeyName,
    private: Annotated[
        bool, typer.Option("--private", help="Remove the private half as well, for ever.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Trust a key no longer: certificates that it has signed open nothing more.

    \b
    Example:
      trader keys remove anna
    """
    removed = keys_here().remove(name, private=private)
    _record("removed", removed)
    print(f"Removed: {removed.role.value} key {name}, {removed.key}")


# --- for other commands ----------------------------------------------------------------------------------
def keys_here() -> Keys:
    """Return the keys of the current folder's workspace, or of the user."""
    from runtime.promotion.keys import Keys, keys_folder

    return Keys(keys_folder(Path.cwd()))


def four_eyes_here() -> bool:
    """Return whether the workspace asks for two persons."""
    from runtime.workspace import find_workspace

    workspace = find_workspace(Path.cwd())
    return workspace is not None and workspace.four_eyes


def open_key(public: PublicKey) -> Signer:
    """Open a private key, with a passphrase from the environment or the terminal if it needs one.

    Raises
    ------
    InputError
        If it cannot be opened.
    """
    keys = keys_here()
    secret = _passphrase(f"Passphrase of {public.name}: ") if keys.is_encrypted(public.name) else ""
    return keys.open(public.name, passphrase=secret)


def _passphrase(prompt: str) -> str:
    import getpass
    import os
    import sys

    from engine.errors import InputError
    from runtime.promotion.keys import PASSPHRASE_VARIABLE

    secret = os.environ.get(PASSPHRASE_VARIABLE, "")
    if not secret and sys.stdin.isatty():
        secret = getpass.getpass(prompt)
    if not secret:
        raise InputError(
            "a passphrase is needed",
            remedy=f"put it into {PASSPHRASE_VARIABLE}, or call from a terminal",
            code="keys.passphrase",
        )
    return secret


def _new_passphrase() -> str:
    import os

    from engine.errors import InputError
    from runtime.promotion.keys import PASSPHRASE_VARIABLE

    secret = _passphrase("New passphrase: ")
    if PASSPHRASE_VARIABLE not in os.environ and _passphrase("Once more: ") != secret:
        raise InputError("the two passphrases differ", code="keys.passphrase")
    return secret


def _tell_of_two(keys: Keys, added: PublicKey) -> None:
    """Say what the second approver's key changes."""
    from runtime.promotion.keys import Role

    approvers = [each for each in keys.known() if each.role is Role.APPROVER]
    if added.role is Role.APPROVER and len(approvers) == 2:
        warn(
            "two approvers are known now: whoever asks for a certificate does not approve it, and "
            "certificates that one person has approved alone open nothing more"
        )


def _roles() -> tuple[Role, ...]:
    from runtime.promotion.keys import Role

    return tuple(Role)


def _record(verb: str, public: PublicKey) -> None:
    """Tell the audit trail; a machine that only signs may have none that can be written."""
    from engine.errors import InputError
    from runtime.promotion.store import PromotionStore

    try:
        with PromotionStore.open() as store:
            store.key_changed(verb, public, who_asks())
    except InputError as error:
        warn(f"the audit trail does not have this: {error.problem}")
