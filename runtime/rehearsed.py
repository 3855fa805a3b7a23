"""What a rehearsal has left in its databases, as a picture of backtest, paper and live trading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from engine.gate.drift import Baseline, DriftState, Reading, readings
from engine.model import layout as at
from engine.ports import Rows
from reports.rehearsal_chart import Alarmed, Part, RehearsalPlot, Watched, write_rehearsal
from runtime.journal.entries import Entry
from runtime.journal.records import Noted
from runtime.journal.sessions import SessionStore
from runtime.promotion.document import Document, read_document
from runtime.promotion.store import PromotionStore
from runtime.results.daily import trading_days
from runtime.session.drifting import Followed
from runtime.session.results import journal_rows
from runtime.store import Store

Floats = NDArray[np.float64]
CALENDAR = "XNYS"
DAYS_SHOWN = 12  # of the backtest: its end
_MEASURED = {
    "fast": "CUSUM of standardized live returns",
    "sprt": "ratio of a test for a mean that has fallen",
    "slow": "upper end of the band of the mean return",
    "cost": "CUSUM of what fills cost more than a shadow's",
    "drawdown": "drawdown, a fraction",
}


def draw(target: str) -> None:
    """Draw the newest backtest, paper session and rehearsed live session of the workspace here.

    Raises
    ------
    InputError
        If one of them is not there.
    """
    store = Store.open()
    newest = store.run(store.runs(limit=1)[0].id)
    returns = newest.return_series()[-DAYS_SHOWN:]
    store.close()
    sessions = SessionStore.open()
    paper = _session(sessions, "paper:")
    live = _session(sessions, "")
    alarm = next((each for each in _notes(live) if each.subject != "state"), None)
    states = [
        msgspec.json.decode(each.text, type=Followed).state
        for each in _notes(live)
        if each.subject == "state"
    ]
    plot = RehearsalPlot(
        title="From a search to a suspended certificate",
        backtest=Part("backtest", (), np.cumprod(1.0 + returns).astype(np.float64)),
        paper=_part("paper", paper),
        live=_part("live, 25 %", live),
        drift=watched(_baseline(), states),
        alarm=None
        if alarm is None or not states
        else Alarmed(_day_of(states[-1]), "certificate suspended"),
    )
    sessions.close()
    write_rehearsal(Path(target), plot)


def _session(store: SessionStore, account: str) -> list[Entry]:
    for each in store.list(limit=20):
        is_paper = each.account.startswith("paper:")
        if is_paper == bool(account) and each.broker != "drill" and "rehearsal" in each.strategy:
            return list(store.entries(each.id))
    raise InputError("there is no such session here", remedy="`trader demo --rehearsal` makes it")


def _notes(entries: Iterable[Entry]) -> list[Noted]:
    found = [each.record for each in entries if each.kind == "noted"]
    return [each for each in found if isinstance(each, Noted) and each.kind == "drift"]


def _baseline() -> Baseline:
    """Return what the newest certificate's days are compared with."""
    with PromotionStore.open() as store:
        issued = store.issued()
        document = read_document(issued[-1].content.encode()) if issued else None
        found = store.baseline(document.body) if isinstance(document, Document) else None
    if found is None:
        raise InputError(
            "there is no certificate here", remedy="`trader demo --rehearsal` makes it"
        )
    return found


def watched(baseline: Baseline, states: Sequence[DriftState]) -> Watched:
    """Return the monitor that alarmed on the last day, the first of those that did; else the returns."""
    days = [(_day_of(each), readings(baseline, each)) for each in states]
    last = days[-1][1] if days else ()
    name = next((each.monitor for each in last if each.is_alarm), "fast")
    values = [(day, _reading(found, name)) for day, found in days]
    limit = values[-1][1].limit if values else 0.0
    return Watched(_MEASURED[name], tuple((day, each.value) for day, each in values), limit)


def _reading(found: Sequence[Reading], name: str) -> Reading:
    return next(each for each in found if each.monitor == name)


def _day_of(state: DriftState) -> date:
    assert state.last_day is not None, "a state in a journal is one after a day"
    return _date(state.last_day)


def _part(name: str, entries: Sequence[Entry]) -> Part:
    rows: Rows = journal_rows(entries)
    marks = rows[rows[:, at.EVENT_KIND] == at.KIND_EQUITY_MARKED]
    days = trading_days(CALENDAR, marks[:, at.EVENT_TS])
    equity = marks[:, at.MARK_EQUITY].astype(np.float64)
    return Part(name, tuple(_date(int(each)) for each in days), equity / _paid_in(rows, equity[0]))


def _paid_in(rows: Rows, otherwise: float) -> float:
    """Return the cash that a session began with."""
    cash = rows[rows[:, at.EVENT_KIND] == at.KIND_CASH_CHANGED]
    paid = cash[cash[:, at.CASH_CAUSE] == at.KIND_TRANSFER]
    return float(paid[0, at.CASH_MINOR]) if len(paid) else otherwise


def _date(day: int) -> date:
    return date(1970, 1, 1) + timedelta(day)
