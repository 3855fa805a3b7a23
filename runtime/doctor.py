"""`trader doctor`: what is checked, what was found, and what to do about it."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from engine.errors import TraderError
from runtime.compile_cache import cache_folder, is_warm
from runtime.workspace import WORKSPACE_FILE, Workspace, catalog_root, find_workspace

PYTHON_MIN = (3, 11)
FREE_BYTES_MIN = 200_000_000
_CLOCK_MIN = datetime(2025, 1, 1, tzinfo=UTC)
_CLOCK_MAX = datetime(2100, 1, 1, tzinfo=UTC)


class Health(Enum):
    """How a check ended; a note needs no action, a problem does."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the answer."""

    name: str
    health: Health
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the checks look."""

    folder: Path
    catalog: Path | None


def run_checks(folder: Path, catalog: Path | None = None) -> tuple[Check, ...]:
    """Run every check; a check that fails itself is a problem, not an exception."""
    place = _Place(folder, catalog)
    return tuple(_guarded(name, check, place) for name, check in _CHECKS)


def _guarded(name: str, check: Callable[[str, _Place], Check], place: _Place) -> Check:
    try:
        return check(name, place)
    except TraderError as error:
        detail = f"{error.where}: {error.problem}" if error.where else error.problem
        return Check(name, Health.PROBLEM, detail, error.remedy)
    except OSError as error:
        return Check(name, Health.PROBLEM, str(error), "check the access rights")


def _python(name: str, _place: _Place) -> Check:
    found = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < PYTHON_MIN:
        return Check(name, Health.PROBLEM, found, "install Python 3.11 or newer")
    return Check(name, Health.OK, found)


def _assertions(name: str, _place: _Place) -> Check:
    if sys.flags.optimize:
        return Check(
            name,
            Health.PROBLEM,
            "off: Python runs with -O, which removes the checks of invariants",
            "run without -O and unset PYTHONOPTIMIZE",
        )
    return Check(name, Health.OK, "on")


def _packages(name: str, _place: _Place) -> Check:
    try:
        needed = [line for line in requires("trader") or [] if "extra ==" not in line]
    except PackageNotFoundError:
        return Check(name, Health.PROBLEM, "trader is not installed", "pip install .")
    missing = [each for each in map(_distribution, needed) if not _is_installed(each)]
    if missing:
        detail = f"missing: {', '.join(missing)}"
        return Check(name, Health.PROBLEM, detail, f"pip install {' '.join(missing)}")
    return Check(name, Health.OK, f"trader {version('trader')}, {len(needed)} dependencies")


def _distribution(requirement: str) -> str:
    end = next((i for i, c in enumerate(requirement) if not (c.isalnum() or c in "-_.")), None)
    return requirement[:end]


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _workspace(name: str, place: _Place) -> Check:
    workspace = find_workspace(place.folder)
    if workspace is None:
        return Check(
            name, Health.NOTE, f"no {WORKSPACE_FILE} here or above", "trader init DIR makes one"
        )
    return Check(name, Health.OK, str(workspace.root))


def _strategies(name: str, place: _Place) -> Check:
    from runtime.registry import find_strategies

    workspace: Workspace | None = find_workspace(place.folder)
    found = find_strategies(workspace)
    broken = [each.name for each in found if each.is_broken]
    if broken:
        detail = f"{len(broken)} of {len(found)} broken: {', '.join(broken[:5])}"
        return Check(name, Health.PROBLEM, detail, "trader strategies check says why")
    return Check(name, Health.OK, f"{len(found)} found")


def _catalog(name: str, place: _Place) -> Check:
    from data.catalog import list_datasets

    root = catalog_root(place.catalog, place.folder)
    folder = _existing(root)
    if not folder.is_dir():
        return Check(name, Health.PROBLEM, f"{folder} is not a folder", "name another --catalog")
    with tempfile.TemporaryFile(dir=folder):
        pass  # it may be written; the file is gone again
    if not root.is_dir():
        return Check(name, Health.OK, f"{root}, made by the first import")
    datasets = list_datasets(root)
    damaged = [each for each in datasets if each.problem]
    if damaged:
        detail = f"{root}: damaged: {', '.join(each.name for each in damaged[:5])}"
        return Check(name, Health.PROBLEM, detail, "import it again with --replace")
    return Check(name, Health.OK, f"{root}, {len(datasets)} datasets")


def _existing(path: Path) -> Path:
    """Return the path, or its nearest parent that exists."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())


def _sample(name: str, _place: _Place) -> Check:
    from data.samples import load_sample

    history = load_sample("goog")
    bars = history["GOOG"].bars
    assert bars is not None, "the sample holds bars"
    return Check(name, Health.OK, f"sample:goog, {len(bars):,} daily bars")


def _compile_cache(name: str, _place: _Place) -> Check:
    if is_warm():
        return Check(name, Health.OK, str(cache_folder()))
    return Check(
        name,
        Health.NOTE,
        "empty: the first large run compiles for a while",
        "trader doctor --compile does it now",
    )


def _clock(name: str, _place: _Place) -> Check:
    # Labels on reports come from this clock; decisions never do.
    now = datetime.fromtimestamp(time.clock_gettime(time.CLOCK_REALTIME), UTC)
    if not _CLOCK_MIN < now < _CLOCK_MAX:
        return Check(name, Health.PROBLEM, f"{now:%Y-%m-%d} cannot be", "set the system's clock")
    return Check(name, Health.OK, f"{now:%Y-%m-%d %H:%M} UTC")


def _disk(name: str, place: _Place) -> Check:
    folder = _existing(catalog_root(place.catalog, place.folder))
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:,.1f} GB free"
    if free < FREE_BYTES_MIN:
        return Check(name, Health.PROBLEM, f"{detail} at {folder}", "make room")
    return Check(name, Health.OK, detail)


def _keys(name: str, place: _Place) -> Check:
    from runtime.promotion.keys import Keys, keys_folder

    known = Keys(keys_folder(place.folder)).known()
    if not known:
        return Check(
            name, Health.NOTE, "none yet: `trader keys new` makes one to sign certificates"
        )
    names = ", ".join(f"{each.name} ({each.role.value})" for each in known)
    return Check(name, Health.OK, f"trusted: {names}")


def _kill_switch(name: str, _place: _Place) -> Check:
    from runtime.session.kill_switch import KillSwitch, switch_path

    halt = KillSwitch(switch_path()).state()
    if halt is None:
        return Check(name, Health.OK, "off")
    detail = f"everything is halted by {halt.who}: {halt.why or 'no reason was given'}"
    return Check(name, Health.PROBLEM, detail, "trader resume --why TEXT releases it")


_CHECKS: tuple[tuple[str, Callable[[str, _Place], Check]], ...] = (
    ("python", _python),
    ("assertions", _assertions),
    ("packages", _packages),
    ("workspace", _workspace),
    ("strategies", _strategies),
    ("catalog", _catalog),
    ("sample data", _sample),
    ("compile cache", _compile_cache),
    ("keys", _keys),
    ("kill switch", _kill_switch),
    ("clock", _clock),
    ("disk", _disk),
)
