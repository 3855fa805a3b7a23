"""Executing a journal again, with the strategy that it holds: proof, and results.

What is needed stands in the journal; nothing else is read. Each input is given to a new engine, and what
it decides is compared with what was decided then, row by row, as are the states that the session
noted on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

from engine.errors import DataError, InputError
from engine.model import layout as at
from engine.model.trading import ExecutionMode
from engine.model.units import to_minor
from engine.ports import Rows
from runtime.approvals import use_mode
from runtime.compile_cache import sources_digest
from runtime.config import StrategyConfig
from runtime.gateway.inbox import Inbox
from runtime.gateway.ledger import OrderLedger
from runtime.journal.entries import Entry
from runtime.journal.records import (
    Checkpointed,
    Closed,
    Opened,
    Record,
)
from runtime.results import RunOutput
from runtime.session.opening import strategy_of
from runtime.session.playback import Divergence, Playback
from runtime.session.stage import percent_in, reduced
from runtime.session_core.assembling import (
    Market,
    new_paper_broker,
    new_session_core,
    setup_of_session,
)
from runtime.session_core.core import SessionCore

_STEP = 1_000


class Replayed(msgspec.Struct, frozen=True):
    """What a journal has led to.

    Parameters
    ----------
    states
        How many noted states were met again.
    is_same_engine
        Whether it was this very version of the engine that made the journal.
    """

    opened: Opened
    config: StrategyConfig
    market: Market
    output: RunOutput
    inputs: int
    states: int
    state: str
    cause: str
    is_same_engine: bool


def replay(
    entries: Iterable[Entry], progress: Callable[[int], None] = lambda inputs: None
) -> Replayed:
    """Play a journal from its first record to its last.

    Raises
    ------
    Divergence
        If anything was decided otherwise then.
    DataError
        If the journal does not begin as one.
    """
    records = (entry.record for entry in entries)
    opened = next(records, None)
    if not isinstance(opened, Opened):
        raise DataError(
            "the journal has no beginning", remedy="`trader verify` says what is wrong with it"
        )
    with TemporaryDirectory(prefix="trader-replay-") as folder:
        config, market = strategy_of(opened, Path(folder))
        config = reduced(config, percent_in(opened))
        setup = setup_of_session(config, market)
        core = new_session_core(config, market, setup)
        use_mode(core.plain, ExecutionMode[opened.mode.upper()])
        books = OrderLedger()
        # A venue's own market is not played: its facts stand in the journal.
        broker = (
            new_paper_broker(config, setup, core, account=opened.account)
            if opened.broker in ("paper", "")
            else None
        )
        playback = Playback(core, broker, books, None if broker is not None else Inbox(books))
        watched = _Watched(core, records)
        rows: list[Rows] = []
        for played in playback.play(watched):
            if len(played.rows):
                rows.append(played.rows)
            if played.number % _STEP == 0:
                progress(played.number)
    none = np.empty((0, at.EVENT_WIDTH), dtype=np.int64)
    blocks = core.plain
    output = RunOutput(
        journal=np.concatenate([none, *rows]),
        instruments=setup.instruments,
        currencies=setup.currencies,
        starting_cash_minor=to_minor(config.account.cash, name="account.cash"),
        ledger=np.array(blocks.ledger),
        positions=np.array(blocks.positions),
        orders=np.array(blocks.orders)[: blocks.account[at.ACCOUNT_ORDERS]],
        final_equity_minor=core.equity_minor,
        ambiguities=0 if broker is None else broker.ambiguities,
        events=blocks.account[at.ACCOUNT_EVENTS],
        periods_per_year=market.clockwork.periods_per_year,
        calendar=market.clockwork.account_calendar,
    )
    return Replayed(
        opened,
        config,
        market,
        output,
        playback.number,
        watched.states,
        core.state_hash,
        watched.cause,
        opened.engine == sources_digest(),
    )


class _Watched:
    """Records on their way to a playback; the states among them are compared as they pass."""

    def __init__(self, core: SessionCore, records: Iterator[Record]) -> None:
        self._core, self._records = core, records
        self.states, self.cause = 0, ""

    def __iter__(self) -> Iterator[Record]:
        for record in self._records:
            match record:
                case Checkpointed() | Closed():
                    self._require(record.state)
                    self.cause = getattr(record, "cause", "")
                case _:
                    pass
            yield record

    def _require(self, state: str) -> None:
        self.states += 1
        if self._core.state_hash != state:
            raise InputError(
                f"the engine's state is {self._core.state_hash}, and the session noted {state}",
                remedy="all decisions so far are the same; please report this journal",
                code="session.other_state",
            )


__all__ = ["Divergence", "Replayed", "replay", "told"]


def told(error: Divergence) -> list[str]:
    """Return in words what was recorded and what was played, at the first place where they part."""
    recorded, played = error.recorded, error.played
    common = min(len(recorded), len(played))
    unequal = np.flatnonzero((recorded[:common] != played[:common]).any(axis=1))
    place = int(unequal[0]) if len(unequal) else common
    lines = [f"{error.subject}, row {place + 1} of this input"]
    for name, rows in (("recorded", recorded), ("played", played)):
        row = _row(rows[place]) if place < len(rows) else "nothing"
        lines.append(f"{name}: {row}")
    return lines


def _row(row: Rows) -> str:
    kind = at.EventKind(int(row[at.EVENT_KIND])).name.lower().replace("_", " ")
    cells = " ".join(str(int(value)) for value in row[at.EVENT_INSTRUMENT + 1 :])
    return f"{kind} of instrument {int(row[at.EVENT_INSTRUMENT])}: {cells}"
