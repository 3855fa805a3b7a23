"""What a strategy runs with: every key, its value, and where that comes from; secrets are not shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import BaseModel

from engine.errors import InputError
from runtime.config.loading import parse_strategy
from runtime.config.locate import Key, Place, find_place, locate_keys
from runtime.config.moments import format_moment
from runtime.config.parameters import ParameterValue
from runtime.config.problems import did_you_mean
from runtime.config.reading import parse_toml, read_text
from runtime.config.schema import StrategyFile
from runtime.config.strategy import StrategyConfig
from runtime.config.values import OFF, format_duration
from runtime.config.wording import fields_of, is_duration, model_in
from runtime.workspace_tables import WorkspaceTable

Plain: TypeAlias = "str | int | bool | list[Plain] | dict[str, Plain] | None"  # of JSON

HIDDEN = "***"
DEFAULT = "default"
OVERRIDDEN = "--param"
ABSENT = "not in the file"
_SECRET = re.compile(r"(?:^|_)(?:url|token|password|passphrase|secret|key)$")
_USER_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")
_SWITCHES = frozenset({("signals",), ("risk",), ("exits",), ("guards",)})
_MOMENTS = frozenset({("data", "start"), ("data", "end"), ("data", "holdout")})
_TIMEOUT = ("execution", "timeout")

# What a run uses where the file says nothing and the default is not one value.
_FOLLOWING: dict[Key, Callable[[StrategyConfig], Any]] = {
    ("sizing", "method"): lambda config: config.sizing.method,
    ("sizing", "fraction"): lambda config: config.sizing.fraction,
    ("execution", "order_type"): lambda config: config.execution.order_type,
    ("execution", "offset_bps"): lambda config: config.execution.offset_bps,
    _TIMEOUT: lambda config: config.entries and (config.entries.timeout_ns or OFF),
    ("execution", "on_timeout"): lambda config: config.entries and config.entries.on_timeout,
    ("execution", "retries"): lambda config: config.entries and config.entries.retries,
    ("execution", "walks"): lambda config: config.entries and config.entries.walks,
    ("execution", "protect_within"): lambda config: (
        config.entries and config.entries.protect_within_ns
    ),
    ("account", "allow_short"): lambda config: config.account.allow_short,
    ("fills", "volume_cap"): lambda config: config.fills.book.volume_cap or OFF,
    ("risk", "max_gross_percent"): lambda config: config.risk and config.risk.max_gross_percent,
    ("risk", "max_net_percent"): lambda config: config.risk and config.risk.max_net_percent,
    ("guards", "drawdown", "reset_percent"): lambda config: (
        config.guards and config.guards.reset_percent
    ),
}


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key, its value, and its origin. A table that the file does not have stands for its keys."""

    key: Key
    value: Any
    origin: str
    is_absent_table: bool = False

    @property
    def name(self) -> str:
        """The key with its tables."""
        return ".".join(self.key)

    def text(self) -> str:
        """Return the value as the file would write it; nothing where it is not set."""
        return "" if self.value is None else _text(self.value)

    def plain(self) -> Plain:
        """Return the value for JSON; numbers with a point as text, exactly."""
        return _plain(self.value)


def shown_strategy(
    path: Path, overrides: Mapping[str, ParameterValue] | None = None
) -> list[ShownKey]:
    """Return every key of a strategy file with the value that a run would use.

    Raises
    ------
    ConfigError
        If the file or a parameter is wrong.
    """
    text = read_text(path)
    config = parse_strategy(text, path).with_parameters(overrides or {})
    written = parse_toml(text, path)
    shown = _Shown(written, locate_keys(text), "file", config, frozenset(overrides or ()))
    return list(shown.table((), StrategyFile.model_validate(written)))


def shown_workspace(path: Path) -> list[ShownKey]:
    """Return the keys of a workspace file."""
    text = read_text(path, what="workspace file")
    written = parse_toml(text, path)
    shown = _Shown(written, locate_keys(text), path.name, None, frozenset())
    return list(shown.table((), WorkspaceTable.model_validate(written)))


def only_table(shown: Sequence[ShownKey], name: str) -> list[ShownKey]:
    """Return the keys of one table and of the tables in it.

    Raises
    ------
    InputError
        If there is no such table.
    """
    prefix = tuple(name.strip("[]").split("."))
    found = [each for each in shown if each.key[: len(prefix)] == prefix]
    if not found:
        tables = dict.fromkeys(".".join(each.key[:-1]) or each.name for each in shown)
        remedy = did_you_mean(name, tables) or f"known: {', '.join(tables)}"
        raise InputError(f"there is no table {name!r}", where="--only", remedy=remedy)
    return found


@dataclass(frozen=True, slots=True)
class _Shown:
    """A file being shown: what is written where, and what a run makes of the rest."""

    written: Mapping[str, Any]
    places: Mapping[Key, Place]
    file: str
    config: StrategyConfig | None
    overridden: frozenset[str]

    def table(self, prefix: Key, table: BaseModel) -> Iterator[ShownKey]:
        """Yield the keys of a table, then those of the tables in it."""
        attributes = type(table).model_fields
        pairs = zip(fields_of(type(table)), attributes, strict=True)
        inner = []
        for (name, field), attribute in pairs:
            key, value = (*prefix, name), getattr(table, attribute)
            if model_in(field.annotation) is None:
                yield self._key(key, value, is_time=is_duration(field))
            else:
                inner.append((key, value))
        for key, value in inner:
            if value is None:
                origin = f"{ABSENT}: off" if key in _SWITCHES else ABSENT
                yield ShownKey(key, None, origin, is_absent_table=True)
            else:
                yield from self._inner(key, value)

    def _inner(self, key: Key, value: BaseModel | Mapping[str, object]) -> Iterator[ShownKey]:
        return (
            self._parameters(key, value) if isinstance(value, Mapping) else self.table(key, value)
        )

    def _parameters(self, key: Key, parameters: Mapping[str, object]) -> Iterator[ShownKey]:
        assert self.config is not None, "workspace files have no parameters"
        for name in parameters:
            origin = OVERRIDDEN if name in self.overridden else self._origin((*key, name))
            yield ShownKey((*key, name), self.config.parameters[name].default, origin)

    def _key(self, key: Key, value: Any, *, is_time: bool) -> ShownKey:
        if value is None and self.config is not None and key in _FOLLOWING:
            value = _FOLLOWING[key](self.config)
        if isinstance(value, int) and (is_time or key == _TIMEOUT):
            value = format_duration(value)
        if isinstance(value, int) and key in _MOMENTS:
            value = format_moment(value)
        return ShownKey(key, _hidden(key[-1], value), self._origin(key))

    def _origin(self, key: Key) -> str:
        table: Any = self.written
        for part in key:
            if not isinstance(table, Mapping) or part not in table:
                return DEFAULT
            table = table[part]
        place = find_place(self.places, key)[1]
        return self.file if place is None else f"{self.file} line {place.line}"


def _hidden(name: str, value: Any) -> Any:
    """Return a value without what must not be shown; an empty one hides nothing."""
    if not isinstance(value, str) or not value:
        return value
    return HIDDEN if _SECRET.search(name) else _USER_IN_URL.sub(f"{HIDDEN}@", value)


def _text(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case list() | tuple():
            return f"[{', '.join(_text(each) for each in value)}]"
        case dict():
            return (
                f"{{ {', '.join(f'{k} = {_text(v)}' for k, v in value.items())} }}"
                if value
                else "{}"
            )
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'
    return str(value)


def _plain(value: Any) -> Plain:
    match value:
        case Decimal():
            return format(value, "f")
        case list() | tuple():
            return [_plain(each) for each in value]
        case dict():
            return {str(key): _plain(each) for key, each in value.items()}
    assert value is None or isinstance(value, str | int), value
    return value
