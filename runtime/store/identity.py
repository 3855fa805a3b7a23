"""Who a strategy is, and when two evaluations are one.

A *family* is the strategy's code, without layout and names, on a market. A *fingerprint* is one
evaluation: the family with its parameters, everything configured that changes results, the data and
the engine's code. The promotion gate counts a family's distinct fingerprints: how often its author has
tried. So nothing that leaves the results alone may begin a new family, and everything that changes
them must change the fingerprint.

A market is known by its instruments, not by its dataset's name or length: data that is imported again,
renamed, resampled or grown by a day is the same market.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.config.fingerprint import canonical
from runtime.source_files import source_files
from runtime.store.formulas import canonical_formula

if TYPE_CHECKING:
    from data.history import History
    from runtime.config import ParameterValue, StrategyConfig
    from runtime.store.python_code import PythonCode

_VERSION = 1  # of what is hashed here; another one begins all counts anew
_DECIDING_CODE = ("engine", "sims", "data", "runtime/backtest", "runtime/results")


@dataclass(frozen=True, slots=True)
class DataIdentity:
    """The data of a run: its name, its market, its content, and its first and last time."""

    dataset: str
    market: str
    fingerprint: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Code:
    """A strategy's code: its hash, and names and defaults of its parameters; see `PythonCode`."""

    digest: str
    names: Mapping[str, str]
    defaults: Mapping[str, ParameterValue]


@dataclass(frozen=True, slots=True)
class Identity:
    """One evaluation, identified."""

    family: str
    fingerprint: str
    configuration: str
    engine: str
    data: DataIdentity


def identity_of(config: StrategyConfig, data: DataIdentity) -> Identity:
    """Return the identity of an evaluation."""
    code = code_of(config)
    family = family_of(code, data.market)
    configuration = canonical_json(_deciding(config, code))
    return Identity(
        family, _fingerprint(family, configuration, data), configuration, engine_digest(), data
    )


class Identities:
    """The identities of a strategy with many parameters; what they have in common is read once."""

    def __init__(self, config: StrategyConfig, market: str) -> None:
        self._code = code_of(config)
        self._common = canonical(_deciding(config, self._code))
        self.family = family_of(self._code, market)

    def identity(self, config: StrategyConfig, data: DataIdentity) -> Identity:
        """Return `identity_of` the strategy with other parameters, on data of the same market."""
        assert isinstance(self._common, dict)
        parameters = canonical(parameters_of(config, self._code))
        configuration = _dumped({**self._common, "parameters": parameters})
        fingerprint = _fingerprint(self.family, configuration, data)
        return Identity(self.family, fingerprint, configuration, engine_digest(), data)


def family_of(code: Code, market: str) -> str:
    """Return the family of a code on a market."""
    return _sha256({"version": _VERSION, "code": code.digest, "market": market})


def _fingerprint(family: str, configuration: str, data: DataIdentity) -> str:
    return _sha256(
        {
            "version": _VERSION,
            "family": family,
            "configuration": configuration,
            "data": data.fingerprint,
            "range": (data.start_ns, data.end_ns),
            "engine": engine_digest(),
        }
    )


def _deciding(config: StrategyConfig, code: Code) -> dict[str, object]:
    """Return what is configured and changes results; whatever only names or describes is left out."""
    data, sizing = config.data, config.sizing
    return {
        "parameters": parameters_of(config, code),
        "adjustment": data.adjustment,
        "rebalance": None if config.rules is None else config.rules.rebalance,
        "sizing": replace(sizing, volatility=None),  # that is code
        "execution": config.execution,
        "account": config.account,
        "fills": config.fills.book,
        **_outside(config),
        **_trading(config),
    }


def _outside(config: StrategyConfig) -> dict[str, object]:
    """Return what the strategy's Python takes from elsewhere: with another of it, it is another try."""
    path = config.strategy.code_path
    if path is None:
        return {}
    from runtime.store.python_outside import outside_of

    try:
        parts = outside_of(path).parts
    except (OSError, SyntaxError, ValueError):
        return {}  # the file is known by its bytes, and the run will say what is wrong
    return {"outside": parts} if parts else {}


def _trading(config: StrategyConfig) -> dict[str, object]:
    """Return the trading loop's tables; nothing of those that are not there."""
    tables: dict[str, object] = {
        "tier": config.strategy.tier,
        "signals": config.signals,
        "risk": config.risk,
        "entries": config.entries,
        "exits": config.exits,
        "guards": config.guards,
    }
    return {name: table for name, table in tables.items() if table is not None}


def parameters_of(config: StrategyConfig, code: Code) -> dict[str, ParameterValue]:
    """Return the values of the parameters that the code uses, by what they are called in its hash."""
    values: dict[str, ParameterValue] = dict(code.defaults)
    values |= {name: spec.default for name, spec in config.parameters.items()}
    is_rules = config.strategy.logic == "rules"
    used = (name for name in values if name in code.names or not is_rules)
    return {code.names.get(name, name): values[name] for name in used}


def code_of(config: StrategyConfig) -> Code:
    """Return what a strategy does, whatever it is called and however it is laid out."""
    if config.rules is not None:
        return _rules_of(tuple(config.formulas().items()))
    section = config.strategy
    assert section.code_path is not None, "a strategy without rules has a file"
    names = tuple(config.parameters) if section.logic == "compiled" else ()
    found = _python(section.code_path, section.code_name, section.code_digest, names)
    defaults = {
        name: value if isinstance(value, bool) else Decimal(str(value))
        for name, value in found.defaults.items()
    }
    return Code(_sha256({section.logic: found.digest}), found.names, defaults)


@cache
def _python(path: Path, name: str, _content: str, parameters: tuple[str, ...]) -> PythonCode:
    """Read a file once for each of its contents: a sweep asks for every trial."""
    from runtime.store.python_code import python_code

    return python_code(path, name, parameters)


@lru_cache(maxsize=16)
def _rules_of(formulas: tuple[tuple[str, str], ...]) -> Code:
    """Read formulas once: a sweep asks for every trial."""
    names: dict[str, str] = {}

    def name_of(name: str) -> str:
        return names.setdefault(name, f"p{len(names)}")

    written = {key: canonical_formula(text, name_of) for key, text in formulas}
    return Code(_sha256({"rules": written}), names, {})


def data_identity(
    config: StrategyConfig, history: History, catalog_root: Path | None = None
) -> DataIdentity:
    """Return the identity of the data that a run sees.

    Parameters
    ----------
    catalog_root
        Where the dataset is: its market is all its instruments, also those that the run leaves out.
        When left out the market is the history's instruments.
    """
    start_ns, end_ns = history.span_ns() or (0, 0)
    data = config.data
    if data.world is not None and catalog_root is not None:
        market = _sha256({"world": data.world})
    else:
        market = market_of(_symbols(data.dataset, history, catalog_root))
    return DataIdentity(data.dataset, market, history.fingerprint, start_ns, end_ns)


def market_of(symbols: Sequence[str]) -> str:
    """Return the identity of a market by its instruments."""
    return _sha256({"instruments": sorted(symbols)})


def _symbols(dataset: str, history: History, catalog_root: Path | None) -> Sequence[str]:
    if catalog_root is None or ":" in dataset:
        return history.symbols
    from data.catalog import Catalog

    return Catalog(catalog_root).dataset(dataset).symbols


@cache
def engine_digest() -> str:
    """Return a hash of the code that turns data and configuration into results."""
    digest = hashlib.sha256()
    for name in _DECIDING_CODE:
        for place, content in source_files(name):
            digest.update(f"{name} {place} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()


def canonical_json(value: object) -> str:
    """Return a value as JSON that is equal exactly for equal values: keys sorted, numbers normal.

    Examples
    --------
    >>> canonical_json({"b": Decimal("1.50"), "a": (1, None)})
    '{"a":[1,null],"b":"1.5"}'
    """
    return _dumped(canonical(value))


def _dumped(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _sha256(value: object) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
