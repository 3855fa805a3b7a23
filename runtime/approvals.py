"""The signals of a core that wait for a person, as people and commands read them.

The queue itself is part of the core (`engine.rules.approval_queue`): a session passes its mode in at the
start, and what a person says as KIND_OPERATOR events with ACTION_APPROVE or ACTION_REJECT.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.instruments import Instrument
from engine.model.trading import ExecutionMode, QueueState
from engine.model.units import from_quanta
from engine.state import Core
from runtime.results.signals import signal_id


@dataclass(frozen=True, slots=True)
class QueuedSignal:
    """One signal that waits for a person."""

    number: int  # what an approval names it by
    signal_id: str
    symbol: str
    side: int  # 1 to buy, -1 to sell
    quantity: Decimal  # of the position to be opened; an opposite one is closed with it
    price: Decimal  # what it was to pay when it came
    since_ns: int
    expires_ns: int


def use_mode(core: Core, mode: ExecutionMode) -> None:
    """Say what becomes of a core's signals from now on; what waits already waits on.

    Raises
    ------
    ValueError
        If the core has no trading loop: then nothing would ask before it sends.
    """
    if mode is not ExecutionMode.AUTO and core.account[at.ACCOUNT_TRADING] == 0:
        raise ValueError(f"the mode {mode.name.lower()} needs a core with the trading loop")
    core.account[at.ACCOUNT_MODE] = mode.value


def queued_signals(
    core: Core, instruments: Sequence[Instrument], *, fingerprint: str, now_ns: int
) -> tuple[QueuedSignal, ...]:
    """Return the signals that a person can still decide on, in the order in which they came.

    Parameters
    ----------
    fingerprint
        Of the strategy's configuration; public ids are made with it.
    now_ns
        What has expired by then is left out, also where no event has told the core of it yet.
    """
    found = [
        _queued(core, i, instruments[i], fingerprint)
        for i in range(len(instruments))
        if core.monitors.shape[0] > i
        and core.monitors[i, loop.WAITING_STATE] == QueueState.WAITING
        and core.monitors[i, loop.WAITING_EXPIRES] >= now_ns
    ]
    return tuple(sorted(found, key=lambda each: each.number))


def _queued(core: Core, i: int, instrument: Instrument, fingerprint: str) -> QueuedSignal:
    row = core.monitors
    side, since = int(row[i, loop.WAITING_SIDE]), int(row[i, loop.WAITING_SINCE])
    price = int(row[i, loop.WAITING_PRICE])
    return QueuedSignal(
        number=int(row[i, loop.WAITING_SIGNAL]),
        signal_id=signal_id(fingerprint, instrument.symbol, side, since),
        symbol=instrument.symbol,
        side=side,
        quantity=instrument.lots_to_quantity(int(row[i, loop.WAITING_LOTS])),
        price=from_quanta(price, instrument.price_precision),
        since_ns=since,
        expires_ns=int(row[i, loop.WAITING_EXPIRES]),
    )
