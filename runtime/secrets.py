"""Secrets: out of the environment, or out of a file that only its owner may read; never out of a setting."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from engine.errors import ConfigError


def secret_of(
    reference: str, root: Path, environment: Mapping[str, str] | None = None, *, what: str
) -> str:
    """Return what ``env:NAME`` or ``file:PATH`` refers to.

    Parameters
    ----------
    root
        What a path is relative to.
    what
        The secret in words: "a channel's address".

    Raises
    ------
    ConfigError
        If it is the secret itself, is not there, or others may read the file.
    """
    kind, _, name = reference.partition(":")
    if kind == "env" and name:
        value = (os.environ if environment is None else environment).get(name, "").strip()
        if not value:
            raise ConfigError(f"the environment has no {name}", remedy=f"set {name} to {what}")
        return value
    if kind == "file" and name:
        return _of_file(root / Path(name).expanduser())
    raise ConfigError(
        f"{what} is a secret, so it does not stand in the file",
        remedy="write env:NAME or file:PATH, and put it there",
        code="secret.in_file",
    )


def _of_file(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        if stat.S_IMODE(mode) & 0o077:
            raise ConfigError(
                "others may read this file of secrets",
                where=str(path),
                remedy=f"chmod 600 {path}",
                code="secret.open_file",
            )
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(f"the secret cannot be read: {problem}", where=str(path)) from None
    if not value:
        raise ConfigError("the file of the secret is empty", where=str(path))
    return value
