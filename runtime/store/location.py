"""Where the registry is: named in the environment, by the workspace, or one for each user.

One for each user is the default on purpose: the trials of a strategy are counted over everything that
its author has tried, in whatever workspace.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from engine.errors import InputError

VARIABLE = "TRADER_DATABASE_URL"
FILE_NAME = "trader.sqlite"
SQLITE = "sqlite:///"
POSTGRES = "postgresql+psycopg://"
_PORT = 5432
_LOCAL = "localhost"
_LOCAL_NAMES = ("", _LOCAL, "127.0.0.1", "::1")
_SERVER_NAMES = ("postgresql://", "postgres://")
_PASSWORD = re.compile(r"(?<=://)([^/@:]*):([^@]*)@|(?<=[?&]password=)[^&]*")


def database_url(
    start: Path, environment: Mapping[str, str] | None = None, *, is_all_checked: bool = True
) -> str:
    """Return the URL of the registry.

    Parameters
    ----------
    start
        The current folder, from which the workspace is looked for.
    environment
        The process's own when left out.
    is_all_checked
        Refuse a ``trader.toml`` that is wrong anywhere; else only one that is wrong at its database.

    Raises
    ------
    ConfigError
        If the workspace's ``trader.toml`` is wrong.
    """
    variables = os.environ if environment is None else environment
    named = variables.get(VARIABLE, "").strip()
    if named:
        return named
    from runtime.workspace import find_database, find_workspace, user_data_folder

    if is_all_checked:
        workspace = find_workspace(start)
        found = "" if workspace is None else workspace.database
    else:
        found = find_database(start)
    return found or f"{SQLITE}{user_data_folder(variables) / FILE_NAME}"


def sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite URL, or None for a server's.

    Raises
    ------
    InputError
        If `url` is neither, or a SQLite URL that names no file.
    """
    if url.startswith("sqlite:"):
        name = url.removeprefix(SQLITE)
        if name == url or name in ("", ":memory:") or "?" in name:
            raise _unknown(url, "a SQLite URL names a file")
        # Not a link to it: what is beside it, such as the kill switch, has to be the same for everybody.
        return Path(os.path.realpath(Path(name).expanduser()))
    if server_url(url).startswith(POSTGRES):
        return None
    raise _unknown(url, "this is not a database that can hold the registry of runs")


def server_url(url: str) -> str:
    """Return a PostgreSQL URL with its driver's name."""
    for name in _SERVER_NAMES:
        if url.startswith(name):
            return POSTGRES + url.removeprefix(name)
    return url


def beside(url: str) -> Path:
    """Return the folder for what must not depend on the database."""
    path = sqlite_path(url)
    if path is not None:
        return path.with_name(f"{path.stem}.sessions")
    from runtime.workspace import user_data_folder

    folders = user_data_folder() / "sessions"
    of_url = folders / _named(masked(url))
    # A folder that was named by the whole URL, as they once were, is gone on with: it may have a halt in it.
    return of_url if of_url.is_dir() else folders / _named(_database_of(url))


def _named(text: str) -> str:
    return blake2b(text.encode(), digest_size=6).hexdigest()


def _database_of(url: str) -> str:
    """Return which database of which server a URL means, in whatever way it is written and whoever asks.

    Else a halt that is set by one who writes the URL otherwise would halt nobody.

    Examples
    --------
    >>> _database_of("postgres://me:secret@LOCALHOST/trader?sslmode=require")
    'localhost:5432/trader'
    >>> _database_of("postgresql+psycopg:///trader?host=127.0.0.1&user=me")
    'localhost:5432/trader'
    """
    try:
        parts = urlsplit(server_url(url))
        written_port = parts.port or _PORT
    except ValueError:  # whoever opens it is told
        return masked(url)
    said = dict(parse_qsl(parts.query))
    host = said.get("host", parts.hostname or "")  # of the URL in small letters
    port = said.get("port", written_port)
    database = said.get("dbname", unquote(parts.path.strip("/")))
    database = database or said.get("user", unquote(parts.username or ""))
    return f"{_LOCAL if host in _LOCAL_NAMES else host}:{port}/{database}"


def masked(url: str) -> str:
    """Return a URL without its password.

    Examples
    --------
    >>> masked("postgresql+psycopg://me:secret@db/trader")
    'postgresql+psycopg://me:***@db/trader'
    """
    return _PASSWORD.sub(lambda found: f"{found[1]}:***@" if found[2] is not None else "***", url)


def _unknown(url: str, problem: str) -> InputError:
    return InputError(
        problem,
        where=masked(url),
        remedy="accepted: sqlite:///FILE and postgresql+psycopg://USER:PASSWORD@HOST/NAME",
        code="store.url",
    )
