"""What runs, as a fingerprint: a hash over everything that decides, part by part.

Backtest, paper and live of one strategy have the same core. Each part is a short text or a hash, so that a
difference can be said in words: which key of the file, whose code, which package.

What names or describes is left out (comments, descriptions, bounds of parameters), and so is the span of
history that a backtest reads: it does not change what is decided on a market that is there.
"""

from __future__ import annotations

import dataclasses
import hashlib
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING

import msgspec

from engine.gate.verdicts import GATE_VERSION
from runtime.config.fingerprint import canonical
from runtime.config.strategy import VOLATILITY
from runtime.promotion.canonical import canonical_bytes, sha256_of
from runtime.source_files import source_files
from runtime.store.formulas import canonical_formula
from runtime.store.python_outside import OWN_PACKAGES, Outside, outside_of

if TYPE_CHECKING:
    from engine.model.instruments import Instrument
    from runtime.config import StrategyConfig

# Parts that one strategy has in several forms: paper and live are not at the same place.
OUTSIDE_CORE = ("environment", "account")
# What of the program decides; the fill book does not trade live.
_PROGRAM = {
    "code.engine": ("engine",),
    "code.brokers": ("brokers",),
    "code.sessions": (
        "data", "runtime/backtest", "runtime/config", "runtime/feeds", "runtime/gateway",
        "runtime/journal", "runtime/promotion", "runtime/session", "runtime/session_core",
        "runtime/venues",
    ),
}  # fmt: skip
_PACKAGES = (
    "aiohttp", "cryptography", "llvmlite", "msgspec", "numba", "numpy", "polars", "pydantic",
    "sqlalchemy", "tzdata",
)  # fmt: skip
# The file's tables; of [data] only what changes what formulas see.
_TABLES = (
    "rules", "sizing", "execution", "account", "signals", "risk", "entries", "exits", "guards",
    "monitoring",
)  # fmt: skip
_LONG = 100  # characters of a part; what is longer is hashed


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """The parts by name, each a short text or a SHA-256; see `fingerprint_of`."""

    parts: Mapping[str, str]

    @cached_property
    def core(self) -> str:
        """SHA-256 of all parts but the environment and the account: 64 hexadecimal digits."""
        kept = {name: text for name, text in self.parts.items() if name not in OUTSIDE_CORE}
        return sha256_of(kept)

    @cached_property
    def whole(self) -> str:
        """SHA-256 of all parts."""
        return sha256_of(dict(self.parts))

    @property
    def strategy(self) -> str:
        """The strategy's name."""
        return self.parts.get("strategy", "")

    @property
    def venue(self) -> str:
        """The venue's name."""
        return self.parts.get("venue", "")

    @property
    def environment(self) -> str:
        """The venue's environment: live, paper or rehearsal."""
        return self.parts.get("environment", "")

    @property
    def account(self) -> str:
        """The account's hash; see `account_hash`."""
        return self.parts.get("account", "")


def fingerprint_of(
    config: StrategyConfig,
    *,
    venue: str = "",
    environment: str = "",
    account: str = "",
    instruments: Sequence[Instrument] | None = None,
    timeframe: str = "",
    gate: str = GATE_VERSION,
) -> Fingerprint:
    """Return what runs when a strategy runs at a place.

    Parameters
    ----------
    config
        The strategy with the parameters of this run.
    venue, environment
        Where it trades; the environment is ``live``, ``paper`` or ``rehearsal``. Of a session both are
        what was proven, not what was configured.
    account
        The venue's number of the account; only its hash is kept.
    instruments
        What is traded, as the data define it; by their symbols alone when left out: those that the file
        names, or all of its dataset.
    timeframe
        Of the bars that are decided on.
    gate
        The gate's version; its thresholds stand in the certificate.
    """
    parts = {
        "strategy": config.name,
        "venue": venue,
        "environment": environment,
        "account": account_hash(venue, account),
        "symbols": _short(_symbols(config, instruments)),
        "instruments": _definitions(instruments),
        "timeframe": timeframe,
        "gate": gate,
        **_code(),
        "code.strategy": _strategy_code(config),
        **_around(config),
        **dict(_file(config)),
    }
    return Fingerprint(dict(sorted(parts.items())))


def program_hash(fingerprint: Fingerprint) -> str:
    """Return the hash of the program's own code, whatever strategy runs on it: what a drill rehearses."""
    return sha256_of({name: fingerprint.parts.get(name, "") for name in _PROGRAM})


def account_hash(venue: str, account: str) -> str:
    """Return the hash by which an account is known in certificates; of no account: empty."""
    return sha256_of(["account", venue, account]) if account else ""


def parts_text(fingerprint: Fingerprint) -> str:
    """Return the parts as canonical JSON, as a journal keeps them."""
    return canonical_bytes(dict(fingerprint.parts)).decode()


def fingerprint_from(text: str) -> Fingerprint:
    """Return the fingerprint that `parts_text` has written."""
    return Fingerprint(msgspec.json.decode(text, type=dict[str, str]))


def differences(before: Fingerprint, now: Fingerprint) -> list[str]:
    """Say what is not as it was, one sentence each; nothing where both are the same.

    Examples
    --------
    >>> differences(Fingerprint({"exits.stop_loss_percent": "15"}),
    ...             Fingerprint({"exits.stop_loss_percent": "20"}))
    ['[exits] stop_loss_percent was changed: 20, it was 15']
    """
    names = sorted(set(before.parts) | set(now.parts))
    changed = [name for name in names if before.parts.get(name) != now.parts.get(name)]
    return [_sentence(name, before.parts.get(name), now.parts.get(name)) for name in changed]


_SENTENCES = {
    "code.engine": "the engine's code is another",
    "code.brokers": "the brokers' code is another",
    "code.sessions": "the code of sessions is another",
    "code.strategy": "the strategy's code was changed",
    "account": "the account is another",
    "instruments": "an instrument's tick, lot, multiplier, currency or calendar is another",
}

_OUTSIDE = {"module": "the module", "file": "the file", "variable": "the environment's variable"}


def _sentence(name: str, before: str | None, now: str | None) -> str:
    if name in _SENTENCES:
        return _SENTENCES[name]
    if name == "symbols":
        return f"the instruments are {_told(now)}, they were {_told(before)}"
    table, dot, key = name.partition(".")
    if not dot:
        return f"the {name} is {_told(now)}, it was {_told(before)}"
    if table in _OUTSIDE:
        return f"{_OUTSIDE[table]} {key}, which the strategy's code names, was changed"
    if table in ("package", "runtime"):
        return f"{key} is {_told(now)}, it was {_told(before)}"
    place = f"[{table}] {key}"
    if before is None:
        return f"{place} was added: {_told(now)}"
    if now is None:
        return f"{place} was removed, it was {_told(before)}"
    if _is_hash(before) or _is_hash(now):
        return f"{place} was changed"
    return f"{place} was changed: {now}, it was {before}"


def _told(text: str | None) -> str:
    return "others" if text and _is_hash(text) else text or "none"


def _is_hash(text: str) -> bool:
    return len(text) == 64 and all(each in "0123456789abcdef" for each in text)


# --- the parts ----------------------------------------------------------------------------------------
@cache
def _code() -> Mapping[str, str]:
    """Hash what of the program decides, once: what runs is what was loaded."""
    return {name: _hash_of_sources(places) for name, places in _PROGRAM.items()}


def _hash_of_sources(places: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for place in places:
        for path, content in source_files(place):
            digest.update(f"{place}/{path} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()


def _strategy_code(config: StrategyConfig) -> str:
    """Hash the strategy's own files, byte for byte; nothing where formulas decide."""
    path = config.strategy.code_path
    if path is None:
        return ""
    from runtime.store.python_modules import load

    files = [each.path.read_bytes() for each in load(path).own_modules()]
    return sha256_of([config.strategy.code_name, *(hashlib.sha256(f).hexdigest() for f in files)])


def _around(config: StrategyConfig) -> dict[str, str]:
    """Return what a strategy's own files depend on, and the versions of packages."""
    path = config.strategy.code_path
    outside = Outside({}, frozenset()) if path is None else outside_of(path)
    foreign = outside.imported - set(sys.stdlib_module_names) - OWN_PACKAGES - set(_PACKAGES)
    found = {f"package.{name}": _version(name) for name in (*_PACKAGES, *_packages_of(foreign))}
    python = f"{platform.python_implementation()} {platform.python_version()}"
    machine = platform.machine()
    return {**outside.parts, **found, "runtime.python": python, "runtime.machine": machine}


@cache
def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return ""


@cache
def _packages_of(modules: frozenset[str]) -> list[str]:
    if not modules:
        return []
    from importlib.metadata import packages_distributions  # looks at every installed package

    known = packages_distributions()
    return sorted({name for each in modules for name in known.get(each, ())})


def _file(config: StrategyConfig) -> Iterator[tuple[str, str]]:
    yield "strategy.logic", config.strategy.logic
    yield "strategy.tier", config.strategy.tier or ""
    yield "data.adjustment", config.data.adjustment
    for name, spec in config.parameters.items():
        yield f"parameters.{name}", _short(canonical(spec.default))
    yield from _leaves("fills", config.fills.book)
    for name in _TABLES:
        table = getattr(config, name)
        if table is not None:
            yield from _leaves(name, table)
    for key, text in config.formulas().items():  # in the place of their text: spaces decide nothing
        written = canonical_formula(text, lambda name: name)
        table_name = "sizing" if key == VOLATILITY else "rules"
        yield f"{table_name}.{key}", hashlib.sha256(written.encode()).hexdigest()


def _leaves(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield what a table says, by dotted keys; what it leaves open is nothing."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _leaves(f"{name}.{field.name}", getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _leaves(f"{name}.{key}", each)
    elif value is not None:
        yield name, _short(canonical(value))


def _symbols(config: StrategyConfig, instruments: Sequence[Instrument] | None) -> object:
    if instruments is not None:
        return sorted(each.symbol for each in instruments)
    named = config.data.instruments
    return f"all of {config.data.dataset}" if named is None else sorted(named)


def _definitions(instruments: Sequence[Instrument] | None) -> str:
    """Hash what a price, a quantity and a trading day of each instrument are."""
    if instruments is None:
        return ""
    ordered = sorted(instruments, key=lambda each: each.symbol)
    return hashlib.sha256(msgspec.json.encode(ordered)).hexdigest()


def _short(value: object) -> str:
    """Return a value as text, or its hash where that is long."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if len(text) <= _LONG and not _is_hash(text):
        return text
    return hashlib.sha256(text.encode()).hexdigest()
