"""From the name of some data to a simulated venue over them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from data.bounded import read_at_most
from data.calendars import sessions
from data.history import History
from engine.errors import InputError
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import INT64_MAX, NS_PER_DAY, NS_PER_MINUTE
from engine.ports import Clock
from reports.places import require_file
from runtime.backtest.histories import load_history
from runtime.config import DataSection, StrategyConfig
from runtime.feeds.pace import require_speed
from runtime.feeds.rows import replay_rows
from sims.venues.alpaca import AlpacaVenue, VenueSettings
from sims.venues.alpaca.faults import Fault, parse_faults
from sims.venues.alpaca.words import parse_time

KEY_ID: Final = "TRADER_ALPACA_KEY_ID"
SECRET_KEY: Final = "TRADER_ALPACA_SECRET_KEY"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost"})
_DAYS_AFTER: Final = 370  # sessions after the data, for orders that wait
_FAULTS_MOST, _STATE_MOST = 10**7, 10**9  # bytes
_LISTED: Final = (InstrumentKind.EQUITY, InstrumentKind.CRYPTO_SPOT)


@dataclass(frozen=True, slots=True)
class Keys:
    """What a client shows the venue; `are_made_up` where the environment had none."""

    key_id: str
    secret: str
    are_made_up: bool


@dataclass(frozen=True, slots=True)
class VenuePlan:
    """A venue to be opened.

    Parameters
    ----------
    data, catalog_root
        What trades there.
    start_ns
        The venue's time at first; None: just before the first data.
    speed
        Venue seconds in a second; None: by hand, over the control port.
    night_seconds
        How many seconds of the clock the venue is closed between two sessions, if its time is made faster.
    state
        Where the client ids that were used are kept from one life to the next.
    """

    data: DataSection
    catalog_root: Path
    settings: VenueSettings
    start_ns: int | None = None
    speed: float | None = 1.0
    night_seconds: float = 0.25
    faults: Sequence[Fault] = ()
    port: int = 0
    control_port: int = 0
    state: Path | None = None


def market_after(config: StrategyConfig, start_ns: int | None) -> tuple[DataSection, int | None]:
    """Return a strategy's market, its data's end left off, and when a venue over it begins.

    Parameters
    ----------
    start_ns
        When somebody wants it to begin; None: where the strategy's data end.

    Raises
    ------
    InputError
        If it is to begin where data are held out: trading there would be a look at them.
    """
    data = config.data.unsealed()
    if (
        start_ns is not None
        and data.holdout_ns is not None
        and start_ns < (data.end_ns or INT64_MAX)
    ):
        raise InputError(
            "it would trade in data that only the promotion gate may read",
            where="--start",
            remedy="leave it out: the venue begins where the strategy's data end",
            code="venue.sealed",
        )
    market = replace(data, start_ns=None, end_ns=None, holdout_ns=None)
    return market, data.end_ns if start_ns is None else start_ns


def require_loopback(host: str) -> None:
    """Refuse every host but this machine itself.

    Raises
    ------
    InputError
        If it is another one.
    """
    if host not in _LOOPBACK:
        raise InputError(
            f"a simulated venue listens on this machine only, not at {host!r}",
            where="--host",
            remedy="leave it out, or say 127.0.0.1",
            code="venue.host",
        )


def keys_here() -> Keys:
    """Return the keys of the environment, or new ones."""
    key_id, secret = os.environ.get(KEY_ID, ""), os.environ.get(SECRET_KEY, "")
    if key_id and secret:
        return Keys(key_id, secret, are_made_up=False)
    return Keys("PK" + secrets.token_hex(9).upper(), secrets.token_hex(20), are_made_up=True)


def read_faults(path: Path) -> list[Fault]:
    """Return the faults of a file.

    Raises
    ------
    InputError
        If it cannot be read, or a line is no fault.
    """
    try:
        return parse_faults(read_at_most(path, _FAULTS_MOST), str(path))
    except OSError as error:
        problem = f"the schedule of faults cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = "the schedule of faults is no text"
    remedy = "docs/howto/venue-simulator.md shows one: a line of JSON for each fault"
    raise InputError(problem, where=str(path), remedy=remedy, code="venue.fault")


def open_venue(plan: VenuePlan, clock: Clock) -> AlpacaVenue:
    """Return a venue over some data, not yet started.

    Raises
    ------
    InputError
        If the venue would not list one of the instruments, or nothing happens after its start.
    """
    require_speed(plan.speed)
    history = load_history(plan.data, plan.catalog_root)
    for instrument in history.instruments:
        _require_listed(instrument)
    events = _events(history)
    start_ns = _first_ns(events) - NS_PER_MINUTE if plan.start_ns is None else plan.start_ns
    if start_ns >= int(events[-1, at.EVENT_TS]):
        raise InputError("the data end before the start", where="--start", code="venue.start")
    opens, closes = _sessions(history, min(start_ns, _first_ns(events)))
    used, remember = _memory(plan.state)
    return AlpacaVenue(
        history.instruments,
        clock=clock,
        start_ns=start_ns,
        speed=plan.speed,
        night_seconds=plan.night_seconds,
        opens_ns=opens.tolist(),
        closes_ns=closes.tolist(),
        events=events,
        settings=plan.settings,
        faults=plan.faults,
        waits_for_listener=True,
        port=plan.port,
        control_port=plan.control_port,
        used_client_ids=used,
        remember=remember,
    )


def parse_start(text: str) -> int:
    """Return a moment in ns UTC: a date, or a time with its offset.

    Raises
    ------
    InputError
        If it is neither.

    Examples
    --------
    >>> parse_start("1970-01-02")
    86400000000000
    """
    try:
        return parse_time(text)
    except ValueError:
        raise InputError(
            f"{text!r} is no moment",
            where="--start",
            remedy="write a date, 2024-07-01, or a time, 2024-07-01T13:30Z",
        ) from None


def _memory(path: Path | None) -> tuple[list[str], Callable[[str], None]]:
    """Return the client ids that a file holds, and what adds one to it."""
    if path is None:
        return [], lambda client_id: None
    require_file(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
        lines = read_at_most(path, _STATE_MOST).splitlines()
        used = [msgspec.json.decode(line, type=str) for line in lines if line]
    except OSError as error:
        raise _no_state(path, f"ids cannot be kept there: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _no_state(path, "it holds something else than client ids") from None

    def remember(client_id: str) -> None:
        with path.open("ab") as file:
            file.write(msgspec.json.encode(client_id) + b"\n")

    return used, remember


def _no_state(path: Path, problem: str) -> InputError:
    return InputError(
        problem,
        where=str(path),
        remedy="name a file that a venue has written, or a new one",
        code="venue.state",
    )


def _require_listed(instrument: Instrument) -> None:
    if instrument.kind not in _LISTED or instrument.currency != "USD":
        raise InputError(
            f"{instrument.symbol} is {instrument.kind.value} in {instrument.currency}",
            remedy="this venue lists shares and crypto in USD",
            code="venue.not_listed",
        )


def _events(history: History) -> NDArray[np.int64]:
    blocks = [block.events for block in replay_rows(history, trading=False, marks=False).blocks()]
    return np.concatenate(blocks)


def _first_ns(events: NDArray[np.int64]) -> int:
    kinds = events[:, at.EVENT_KIND]
    first = events[(kinds >= at.KIND_BAR) & (kinds <= at.KIND_TRADE)][0]
    is_bar = first[at.EVENT_KIND] == at.KIND_BAR
    return int(first[at.BAR_OPEN_TS if is_bar else at.EVENT_TS])


def _sessions(history: History, first_ns: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the sessions of the shares; they must keep one calendar, as the venue has one clock."""
    shares = [each for each in history.instruments if each.kind is InstrumentKind.EQUITY]
    calendars = sorted({each.calendar for each in shares}) or ["XNYS"]
    if len(calendars) > 1:
        raise InputError(
            f"the shares keep several calendars: {', '.join(calendars)}",
            remedy="choose instruments of one of them",
            code="venue.calendars",
        )
    span = history.span_ns()
    assert span is not None, "load_history requires data"
    return sessions(calendars[0], first_ns - 10 * NS_PER_DAY, span[1] + _DAYS_AFTER * NS_PER_DAY)
