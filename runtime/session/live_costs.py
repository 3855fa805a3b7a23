"""What a live session's fills have cost against a shadow: a backtest over what the session has seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from runtime.backtest import run_backtest
from runtime.journal.sessions import SessionStore
from runtime.promotion.evidence.seen import Seen, records_to_the_end
from runtime.promotion.evidence.shadow import WHEN_AND_WHERE, shortfalls_bps
from runtime.promotion.evidence.tape import history_of
from runtime.session.opening import strategy_of
from runtime.session.replaying import replay
from runtime.session.stage import percent_in, reduced


def costs_since(store: SessionStore, session_id: str, since_ns: int) -> Sequence[float]:
    """Return what each fill after a time was worse by than the shadow's of the same decision, in bps.

    The shadow's equity is not quite the session's, so their quantities may differ: decisions are the same
    where time, instrument and side are.

    Raises
    ------
    TraderError
        If the journal cannot be played again.
    """
    played = replay(store.entries(session_id))
    records = (entry.record for entry in store.entries(session_id))
    seen = Seen().take(records_to_the_end(records))
    with TemporaryDirectory(prefix="trader-shadow-") as folder:
        config, market = strategy_of(played.opened, Path(folder))
        history = history_of(seen.tape, market, session_id)
        if history.span_ns() is None:
            return ()
        shadow = run_backtest(reduced(config, percent_in(played.opened)), history=history)
    return shortfalls_bps(played.output, shadow.pessimistic, WHEN_AND_WHERE, since_ns)
