"""What a user may give as a strategy, as the one checked configuration that everything runs on."""

from __future__ import annotations

import inspect
import json
import linecache
import re
import tempfile
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InputError, StrategyError
from engine.strategy import Strategy

if TYPE_CHECKING:
    from runtime.config import StrategyConfig

Given = "str | Path | StrategyConfig | type[Strategy]"
IN_MEMORY = "memory"


def config_of(
    strategy: object,
    *,
    dataset: str | None,
    params: Mapping[str, object],
    settings: Mapping[str, Any],
) -> StrategyConfig:
    """Return the configuration of a strategy.

    Parameters
    ----------
    strategy
        A file's path or the name of a strategy in the workspace; the text of a strategy file; a
        configuration; or a subclass of `Strategy`.
    dataset
        The data to run on; None leaves it to the file.
    params
        Values of parameters by name.
    settings
        Tables of a strategy file over its defaults, for a class; see `trader.backtest`.
    """
    if isinstance(strategy, type) and issubclass(strategy, Strategy):
        if dataset is None and "dataset" not in settings.get("data", {}):
            raise InputError(
                f"nothing says what {strategy.__name__} is to run on",
                remedy='give data: a dataset\'s name ("sample:goog"), or bars in memory',
                code="data.missing",
            )
        return _class_config(strategy, dataset or IN_MEMORY, params, settings)
    if settings:
        raise InputError(
            "settings are for a class; a strategy file has its own",
            remedy="change them in the file or in its text",
        )
    config = _file_config(strategy)
    if params:
        from runtime.config.parameters import parse_value

        values = {name: parse_value(str(value), name=name) for name, value in params.items()}
        config = config.with_parameters(values)
    return config if dataset in (None, IN_MEMORY) else config.with_data(dataset=dataset)


def _file_config(strategy: object) -> StrategyConfig:
    from runtime.config import StrategyConfig, load_strategy, parse_strategy
    from runtime.workspace import find_strategy

    if isinstance(strategy, StrategyConfig):
        return strategy
    if isinstance(strategy, Path):
        return load_strategy(strategy)
    if not isinstance(strategy, str):
        raise InputError(
            f"a strategy cannot be a {type(strategy).__name__}",
            remedy="give a file's path, the text of a strategy file, or a subclass of Strategy",
        )
    if "\n" in strategy:
        from textwrap import dedent

        return parse_strategy(dedent(strategy), path=Path("strategy.toml"))
    return load_strategy(find_strategy(strategy, Path.cwd()))


def _class_config(
    kind: type[Strategy], dataset: str, params: Mapping[str, object], settings: Mapping[str, Any]
) -> StrategyConfig:
    from runtime.backtest.user_code import use_class
    from runtime.config import parse_strategy

    path = source_file(kind)
    use_class(path, kind.__name__, kind)
    tables: dict[str, Any] = {name: dict(table) for name, table in settings.items()}
    tables["strategy"] = {
        "name": kind.__name__,
        "description": next(iter((kind.__doc__ or "").strip().splitlines()), ""),
        "class": f"{path}:{kind.__name__}",
    } | tables.get("strategy", {})
    tables["parameters"] = dict(params)
    tables["data"] = {"dataset": dataset} | tables.get("data", {})
    return parse_strategy(to_toml(tables), path=Path(f"{kind.__name__}.toml"))


def source_file(kind: type) -> Path:
    """Return a file with the source of a class: its own, or a copy of what a notebook's cell says.

    Raises
    ------
    StrategyError
        If nobody knows its source: then nobody could say later what was run.
    """
    own, text = _own_file(kind), _source_of(kind)
    if own is not None and "." not in kind.__qualname__:
        return own
    copied = inspect.cleandoc(text)
    path = _folder() / f"{kind.__name__}_{blake2b(copied.encode(), digest_size=6).hexdigest()}.py"
    path.write_text(copied + "\n", encoding="utf-8")
    return path


def _own_file(kind: type) -> Path | None:
    try:
        name = inspect.getsourcefile(kind)
    except (OSError, TypeError):
        return None
    path = None if name is None else Path(name)
    return path.resolve() if path is not None and path.suffix == ".py" and path.is_file() else None


def _source_of(kind: type) -> str:
    """Return the text of a class; before Python 3.13 only its methods know a notebook's cell."""
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):
        pass
    for method in vars(kind).values():
        code = getattr(method, "__code__", None)
        if code is None:
            continue
        lines = linecache.getlines(code.co_filename)[: code.co_firstlineno]
        starts = [k for k, line in enumerate(lines) if _begins(line, kind.__name__)]
        if starts:
            return "".join(inspect.getblock(linecache.getlines(code.co_filename)[starts[-1] :]))
    raise StrategyError(
        f"the source of {kind.__name__} is not known, so its runs could not be told apart",
        remedy="define it in a file or in a notebook's cell",
        code="strategy.no_source",
    )


def _begins(line: str, name: str) -> bool:
    return re.match(rf"\s*class\s+{re.escape(name)}\b", line) is not None


@cache
def _folder() -> Path:
    kept = tempfile.TemporaryDirectory(prefix="trader-classes-")
    _KEPT.append(kept)
    return Path(kept.name).resolve()


_KEPT: list[tempfile.TemporaryDirectory[str]] = []  # they are removed when the process ends


def to_toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Write tables as TOML.

    Examples
    --------
    >>> print(to_toml({"fills": {"fees": {"model": "bps", "taker_bps": 2}}}))
    [fills]
    fees = {model = "bps", taker_bps = 2}
    """
    lines = []
    for name, table in tables.items():
        lines += [f"[{name}]", *(f"{key} = {_value(value)}" for key, value in table.items())]
    return "\n".join(lines)


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value)
    return str(value)
