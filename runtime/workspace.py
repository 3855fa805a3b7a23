"""The workspace: a folder with ``trader.toml``, found from the current folder upwards.

Everything works without one; then strategies are given by path and the catalog stands in the
user's data folder.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import ConfigError, InputError
from runtime.config.locate import locate_keys
from runtime.config.problems import config_error, did_you_mean
from runtime.config.quick import quick_workspace
from runtime.config.reading import parse_toml, read_text

if TYPE_CHECKING:
    from runtime.workspace_tables import AlpacaTable, LimitsTable, WorkspaceTable

WORKSPACE_FILE = "trader.toml"
DEFAULT_STRATEGY = "sma_cross.toml"
_SQLITE = "sqlite:///"

_WORKSPACE_TEXT = """\
# A trader workspace. Commands find this file from the current folder upwards.
# Lines after "# " are examples: take the sign away from a table and from the keys that you want.

# Imported market data, relative to this file.
catalog = "catalog"

# Where `trader strategies` looks, relative to this file.
strategies = "strategies"

# Where runs, sessions and certificates are recorded. Left out: one file of yours, for all workspaces.
# [database]
# url = "sqlite:///trader.sqlite" # or postgresql+psycopg://...

# Who is told when somebody should look at a session. The address is a secret, and stands elsewhere.
# [alerts]
# channels = { phone = "env:TRADER_PHONE" } # or file:PATH; tgram://..., mailto://...

# What no session may do, whatever its strategy says.
# [limits]
# order_value = 10_000    # of one order, in the account's currency
# position_value = 25_000 # of one instrument, with all orders that work

# What `trader promote` asks for before a strategy may trade.
# [promotion]
# profile = "standard" # which statistical checks are required: seed (none), standard or strict
# four_eyes = true     # who asks for a certificate may not approve it

# The account that `trader live` trades, and whose market `trader paper --feed alpaca` listens to.
# Keys are secrets: they stand in variables of the environment, or in files that only you may read.
# [venues.alpaca]
# environment = "paper"                        # rehearsal (this machine), paper, or live
# key_id = "env:TRADER_ALPACA_KEY_ID"          # or file:PATH
# secret_key = "env:TRADER_ALPACA_SECRET_KEY"  # or file:PATH
# market_data = "iex"                          # bars of one exchange's trades; sip: of all, by subscription
# withdrawals = true                           # you know that this key may withdraw money
"""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace: its folder, and where it keeps data and strategies.

    `database` is the URL of the registry of runs, empty where the file does not name one. `channels`
    are names of alert channels and where their addresses stand; `metrics_port` 0 serves none. `limits`
    are what no session may do, `on_stop` what becomes of orders and positions of one that is stopped,
    and `settle_seconds` how long it waits for that.
    `four_eyes` asks for two persons where one approver's key is trusted too; `profile` and `risk_maxima`
    are what the promotion gate asks for. `alpaca` is the account there.
    """

    root: Path
    catalog: Path
    strategies: Path
    database: str = ""
    alert_severity: str = "warning"
    alerts_per_minute: int = 20
    channels: Mapping[str, str] = field(default_factory=dict)
    metrics_port: int = 0
    limits: LimitsTable | None = None
    on_stop: str = "keep"
    settle_seconds: int = 30
    four_eyes: bool = False
    profile: str = "standard"
    risk_maxima: Mapping[str, str] = field(default_factory=dict)
    alpaca: AlpacaTable | None = None


def find_workspace(start: Path) -> Workspace | None:
    """Return the workspace that holds `start`, or None.

    Raises
    ------
    ConfigError
        If its ``trader.toml`` is wrong.
    """
    path = _workspace_file(start)
    return None if path is None else _read_workspace(path)


def find_database(start: Path) -> str:
    """Return the URL of the database that the workspace names, whatever else is wrong in its file.

    Empty without a workspace, or where it names none. A kill switch may not depend on more.

    Raises
    ------
    ConfigError
        If the file is not TOML, or what stands at ``[database]`` is wrong.
    """
    path = _workspace_file(start)
    if path is None:
        return ""
    text = read_text(path, what="workspace file")
    tables = parse_toml(text, path)
    database = {"database": tables["database"]} if "database" in tables else {}
    return _database_url(path, quick_workspace(database) or _validated(database, text, path))


def find_accounts(start: Path) -> Workspace | None:
    """Return the workspace with its accounts at venues alone, whatever else is wrong in its file.

    Raises
    ------
    ConfigError
        If the file is not TOML, or what stands at ``[venues]`` is wrong.
    """
    path = _workspace_file(start)
    if path is None:
        return None
    text = read_text(path, what="workspace file")
    tables = parse_toml(text, path)
    venues = {"venues": tables["venues"]} if "venues" in tables else {}
    table = quick_workspace(venues) or _validated(venues, text, path)
    root = path.parent
    return Workspace(root, root, root, alpaca=table.venues.alpaca)


def _workspace_file(start: Path) -> Path | None:
    folder = start.absolute()
    paths = (root / WORKSPACE_FILE for root in (folder, *folder.parents))
    return next((path for path in paths if path.is_file()), None)


def _read_workspace(path: Path) -> Workspace:
    text = read_text(path, what="workspace file")
    tables = parse_toml(text, path)
    table = quick_workspace(tables) or _validated(tables, text, path)
    root = path.parent
    return Workspace(
        root,
        _beside(root, table.catalog),
        _beside(root, table.strategies),
        _database_url(path, table),
        table.alerts.severity,
        table.alerts.per_minute,
        table.alerts.channels,
        table.metrics.port,
        table.limits,
        table.sessions.on_stop,
        table.sessions.settle_seconds,
        table.promotion.four_eyes,
        table.promotion.profile,
        table.promotion.limits,
        table.venues.alpaca,
    )


def _validated(tables: dict[str, Any], text: str, path: Path) -> WorkspaceTable:
    from pydantic import ValidationError

    from runtime.config.wording import problems_of
    from runtime.workspace_tables import WorkspaceTable

    try:
        return WorkspaceTable.model_validate(tables)
    except ValidationError as error:
        problems = problems_of(error, WorkspaceTable)
        raise config_error(path, locate_keys(text), problems) from None


def _database_url(path: Path, table: WorkspaceTable) -> str:
    url = table.database.url
    if url.startswith(_SQLITE):
        return f"{_SQLITE}{_beside(path.parent, url.removeprefix(_SQLITE))}"
    return url


def _beside(root: Path, name: str) -> Path:
    return root / Path(name).expanduser()


def catalog_root(
    given: Path | None, start: Path, environment: Mapping[str, str] | None = None
) -> Path:
    """Return the folder of the catalog: given, the workspace's, or the user's.

    Parameters
    ----------
    given
        What the user said, if anything.
    start
        The current folder.
    environment
        Where XDG_DATA_HOME is looked up; the process's own when left out.
    """
    if given is not None:
        return given
    workspace = find_workspace(start)
    if workspace is not None:
        return workspace.catalog
    return user_data_folder(environment) / "catalog"


def user_data_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Return the user's folder for what this program keeps (XDG_DATA_HOME, else ~/.local/share)."""
    home = (os.environ if environment is None else environment).get("XDG_DATA_HOME", "")
    base = Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "share"
    return base / "trader"


def find_strategy(name: str, start: Path) -> Path:
    """Return the strategy file that a person means by `name`.

    A path that exists; else a file in the workspace's folder of strategies, with or without
    ``.toml``, or the one there whose strategy has that name; else one of the examples that are
    installed. A path that does not exist comes back as it is: loading says what is wrong with it.

    Raises
    ------
    ConfigError
        If nothing has the name, and a strategy has nearly this one.
    """
    path = Path(name)
    if path.exists():
        return path
    workspace = find_workspace(start)
    folders = [workspace.strategies] if workspace else []
    if path.parts[:1] == ("examples",) or len(path.parts) == 1:
        folders.append(examples_folder())
    for folder in folders:
        for candidate in (folder / path.name, folder / f"{path.name}.toml"):
            if candidate.is_file():
                return candidate
        named = [each for each in sorted(folder.glob("*.toml")) if _name_in(each) == name]
        if len(named) == 1:
            return named[0]
    if len(path.parts) == 1:
        _require_strange(name, [*folders, path.parent])
    return path


def _require_strange(name: str, folders: Sequence[Path]) -> None:
    """Raise where a name that nothing has is nearly that of a strategy; else loading says what is wrong."""
    files = [each for folder in folders for each in sorted(folder.glob("*.toml"))]
    known = [each.name if name.endswith(".toml") else each.stem for each in files]
    known += [given for each in files if isinstance(given := _name_in(each), str)]
    near = "" if name in known else did_you_mean(name, known)  # two may have it: neither is meant
    if near:
        raise ConfigError("there is no such strategy file", where=name, remedy=near)


def _name_in(path: Path) -> str | None:
    """Return the name that a strategy file gives itself, if it can be read."""
    try:
        section = tomllib.loads(path.read_text("utf-8")).get("strategy")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    return section.get("name") if isinstance(section, dict) else None


def examples_folder() -> Path:
    """Return where the examples are: beside the packages, or inside the installed one."""
    spec = find_spec("trader")
    assert spec is not None and spec.origin is not None, "trader is installed"
    package = Path(spec.origin).parent
    inside = package / "examples"
    return inside if inside.is_dir() else package.parent / "examples"


def workspace_files() -> dict[str, str]:
    """Return the files of a new workspace by their path in it; the examples are the one source."""
    examples = examples_folder()
    sources = [examples / DEFAULT_STRATEGY, *sorted((examples / "python_class").glob("*.*"))]
    files = {f"strategies/{path.name}": path.read_text("utf-8") for path in sources}
    return {WORKSPACE_FILE: _WORKSPACE_TEXT, **files, ".gitignore": "catalog/\nkeys/\n"}


def create_workspace(target: Path, *, force: bool = False) -> tuple[str, ...]:
    """Make a workspace and return the paths of its files in it.

    A new folder appears complete or not at all. In an existing folder, each file appears complete
    or not at all, ``trader.toml`` last: without it there is no workspace.

    Raises
    ------
    InputError
        If `target` is a file, holds something and `force` is not given, or cannot be written.
    """
    target = target.absolute()
    if target.exists() and not target.is_dir():
        raise InputError("this is a file, not a folder", where=str(target))
    is_new = not target.exists() or not any(target.iterdir())
    if not is_new and not force:
        raise InputError(
            "the folder is not empty",
            where=str(target),
            remedy="choose another folder, or say --force to write into this one",
        )
    files = workspace_files()
    try:
        _write_workspace(target, files)
    except OSError as error:
        raise InputError(
            f"the workspace cannot be written: {error.strerror}",
            where=str(target),
            remedy="choose a folder in which you may write, with space left",
        ) from None
    return tuple(files)


def _write_workspace(target: Path, files: Mapping[str, str]) -> None:
    import shutil
    import tempfile

    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        for name, text in files.items():
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).write_text(text, "utf-8")
        staging.chmod(0o755)  # mkdtemp makes private folders
        if not target.exists():
            staging.replace(target)  # in one step
            return
        # Never replaced: somebody's shell may stand in it.
        for name in sorted(files, key=lambda name: name == WORKSPACE_FILE):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).replace(target / name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
