"""What a session runs, as its journal keeps it, and the way back: from a journal to the strategy.

A journal is enough to play itself again: it has the text of every file that decides, the values of the
parameters, and what the session knew of its market. So it is replayed on another machine, and years
later, without the files it came from.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import numpy as np

from data.numbers import Ints
from engine.errors import InputError
from engine.model.instruments import Instrument
from runtime.backtest.clockwork import Clockwork
from runtime.compile_cache import sources_digest
from runtime.config import StrategyConfig, load_strategy
from runtime.config.parameters import parse_value
from runtime.journal.records import Continued, Opened
from runtime.promotion.fingerprint import (
    Fingerprint,
    fingerprint_from,
    fingerprint_of,
    parts_text,
)
from runtime.session_core.assembling import Market
from runtime.store.python_modules import load

# Keys of `Opened.data`: what a certificate has to cover, and its parts.
FINGERPRINT_CORE = "fingerprint.core"
FINGERPRINT_PARTS = "fingerprint.parts"


class _Market(msgspec.Struct):
    instruments: list[Instrument]
    calendars: list[str]
    opens: list[bytes]
    closes: list[bytes]
    account: int
    quoted: list[bool]
    volumes: list[int]
    timeframe: str = ""  # not in journals of before


class Ground(msgspec.Struct, frozen=True):
    """What a session stands on: names for the journal and for people.

    `venue` and `environment` (live, paper or rehearsal) are of the market that is traded, or whose feed
    a paper session is on.
    """

    account: str
    broker: str
    feed: str
    evidence: str
    mode: str
    data: dict[str, str] = {}
    venue: str = ""
    environment: str = "paper"


def opened_of(config: StrategyConfig, market: Market, ground: Ground) -> Opened:
    """Return the first record of a session's journal."""
    place, texts = _files(config)
    symbols = tuple(item.symbol for item in market.instruments)
    fingerprint = _runs(config, market, ground)
    return Opened(
        strategy=config.name,
        fingerprint=config.fingerprint,
        configuration=texts.pop(place),
        code=texts,
        parameters={name: str(spec.default) for name, spec in config.parameters.items()},
        engine=sources_digest(),
        account=ground.account,
        broker=ground.broker,
        feed=ground.feed,
        evidence=ground.evidence,
        mode=ground.mode,
        instruments=symbols,
        data=ground.data
        | _data(config)
        | {"file": place, "market": _market_text(market)}
        | {FINGERPRINT_CORE: fingerprint.core, FINGERPRINT_PARTS: parts_text(fingerprint)},
    )


def continued_of(config: StrategyConfig, market: Market, ground: Ground) -> Continued:
    """Return the record of a session that goes on."""
    fingerprint = _runs(config, market, ground)
    return Continued(fingerprint.core, parts_text(fingerprint))


def _runs(config: StrategyConfig, market: Market, ground: Ground) -> Fingerprint:
    return fingerprint_of(
        config,
        venue=ground.venue,
        environment=ground.environment,
        account=ground.account,
        instruments=market.instruments,
        timeframe=market.timeframe,
    )


def fingerprint_in(opened: Opened) -> Fingerprint | None:
    """Return what a session ran when it was opened; None of one from before that was written."""
    text = opened.data.get(FINGERPRINT_PARTS)
    return None if text is None else fingerprint_from(text)


def strategy_of(opened: Opened, folder: Path) -> tuple[StrategyConfig, Market]:
    """Write a journal's files into an empty folder and load the strategy from there.

    Raises
    ------
    InputError
        If this version reads the files in another way than the session did.
    """
    place = opened.data["file"]
    for name, text in {place: opened.configuration, **opened.code}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    config = load_strategy(folder / place)
    written = {name: parse_value(text, name=name) for name, text in opened.parameters.items()}
    config = config.with_parameters(
        {name: value for name, value in written.items() if config.parameters[name].default != value}
    )
    config = config.with_data(
        dataset=opened.data.get("dataset"),
        start_ns=_whole(opened.data.get("start_ns")),
        end_ns=_whole(opened.data.get("end_ns")),
    )
    if config.fingerprint != opened.fingerprint:
        raise InputError(
            f"this version of trader makes another strategy of {opened.strategy!r} than the session ran",
            remedy="use the version that the session ran with",
            code="session.other_strategy",
        )
    return config, _market_of(opened.data["market"])


def instruments_of(opened: Opened) -> tuple[Instrument, ...]:
    """Return a session's instruments, by their numbers."""
    return tuple(msgspec.json.decode(opened.data["market"], type=_Market).instruments)


def _files(config: StrategyConfig) -> tuple[str, dict[str, str]]:
    """Return where the strategy file stands among its code, and all their texts by place."""
    path, code = config.path.resolve(), config.strategy.code_path
    paths = [path]
    if code is not None:
        paths += [module.path.resolve() for module in load(code).own_modules()]
    root = Path(os.path.commonpath([each.parent for each in paths]))
    texts = {each.relative_to(root).as_posix(): each.read_text("utf-8") for each in paths}
    return path.relative_to(root).as_posix(), texts


def _data(config: StrategyConfig) -> dict[str, str]:
    """Return what was said of the data beside the file."""
    before, now = (config.written or config).data, config.data
    said = {
        name: getattr(now, name)
        for name in ("dataset", "start_ns", "end_ns")
        if getattr(now, name) != getattr(before, name)
    }
    return {name: str(value) for name, value in said.items()}


def _whole(text: str | None) -> int | None:
    return None if text is None else int(text)


def _market_text(market: Market) -> str:
    work = market.clockwork
    body = _Market(
        list(market.instruments),
        list(work.names),
        [_bytes(each) for each in work.opens],
        [_bytes(each) for each in work.closes],
        work.account,
        list(market.quoted),
        list(market.volumes),
        market.timeframe,
    )
    return msgspec.json.encode(body).decode()


def _market_of(text: str) -> Market:
    found = msgspec.json.decode(text, type=_Market)
    work = Clockwork(
        tuple(found.calendars),
        tuple(_times(each) for each in found.opens),
        tuple(_times(each) for each in found.closes),
        found.account,
    )
    return Market(
        tuple(found.instruments),
        work,
        tuple(found.quoted),
        tuple(found.volumes),
        found.timeframe,
    )


def _bytes(times: Ints) -> bytes:
    return np.ascontiguousarray(times, dtype="<i8").tobytes()


def _times(content: bytes) -> Ints:
    return np.frombuffer(content, dtype="<i8")
