"""Finding strategies: in the workspace, at given paths, and in installed packages.

A broken strategy is listed with its error and hides no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from engine.errors import InputError, StrategyError, TraderError
from runtime.config import StrategyConfig, load_strategy
from runtime.workspace import Workspace

ENTRY_POINT_GROUP = "trader.strategies"


@dataclass(frozen=True, slots=True)
class FoundStrategy:
    """One strategy: either its configuration or its error.

    `source` is ``workspace``, ``path`` or the name of the package that brings it.
    """

    name: str
    path: Path | None
    source: str
    config: StrategyConfig | None = None
    error: TraderError | None = None

    @property
    def is_broken(self) -> bool:
        """Whether the strategy cannot be used."""
        return self.error is not None


def find_strategies(
    workspace: Workspace | None,
    paths: Sequence[Path] = (),
    installed: Iterable[EntryPoint] | None = None,
) -> tuple[FoundStrategy, ...]:
    """Return every strategy that can be found, each with its configuration or its error.

    Parameters
    ----------
    workspace
        Its folder of strategies is read; none without a workspace.
    paths
        Files, or folders whose ``*.toml`` are read. With them, only they are looked at.
    installed
        Entry points of installed packages; those of the environment when left out.

    Raises
    ------
    InputError
        If a path does not exist: that is a typing error, not a broken strategy.
    """
    if paths:
        return tuple(_found(file, "path") for path in paths for file in _files(path))
    own = [] if workspace is None else sorted(workspace.strategies.glob("*.toml"))
    found = [_found(file, "workspace") for file in own]
    points = entry_points(group=ENTRY_POINT_GROUP) if installed is None else installed
    return (*found, *(_installed(point) for point in points))


def with_code(found: FoundStrategy) -> FoundStrategy:
    """Return a strategy with the error of its Python, if it names a file that cannot be used."""
    from runtime.backtest.user_strategies import load_function, load_strategy_class

    config = found.config
    if config is None or config.strategy.code_path is None:
        return found
    try:
        if config.strategy.logic == "compiled":
            load_function(config, None)
        else:
            load_strategy_class(config, None)
    except TraderError as error:
        return replace(found, error=error)
    return found


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(path.glob("*.toml"))
    elif path.exists():
        yield path
    else:
        raise InputError("there is no such file or folder", where=str(path))


def _found(path: Path, source: str, name: str = "") -> FoundStrategy:
    try:
        config = load_strategy(path)
    except TraderError as error:
        return FoundStrategy(name or path.stem, path, source, error=error)
    return FoundStrategy(name or config.name, path, source, config=config)


def _installed(point: EntryPoint) -> FoundStrategy:
    """Load a package's strategy: the entry point is a path, or a function that returns one."""
    package = point.dist.name if point.dist is not None else point.module
    try:
        target = point.load()
        path = Path(target() if callable(target) else target)
    except Exception as error:  # noqa: BLE001  whatever a package raises, show the others
        problem = StrategyError(
            f"{type(error).__name__}: {error}",
            where=f"package {package}, entry point {point.name} = {point.value}",
            remedy="update or remove the package",
        )
        return FoundStrategy(point.name, None, package, error=problem)
    return _found(path, package, point.name)
