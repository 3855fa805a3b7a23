"""What a live session's fills have cost against a shadow: a backtest over what the session has seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from runtime.journal.sessions import SessionStore
from runtime.promotion.evidence.seen import Seen, records_to_the_end
from runtime.promotion.evidence.shadow import WHEN_AND_WHERE, shadow_of, shortfalls_bps
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
        config = reduced(config, percent_in(played.opened))
        shadow = shadow_of(config, market, seen, session_id)
    return () if shadow is None else shortfalls_bps(played.output, shadow, WHEN_AND_WHERE, since_ns)
