"""A share that trades in few minutes, on paper at a venue over real sockets: its day counts where the venue's
history proves that nobody traded in the others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from brokers.alpaca.client import Keys
from brokers.alpaca.environments import rehearsal
from data.history import History
from engine.gate.evidence import PaperDay
from engine.gate.findings import Case
from engine.gate.paper_days import bars_came, decisions_were_made
from engine.gate.policy import Policy
from engine.model import layout as at
from engine.model.units import NS_PER_MINUTE, NS_PER_SECOND
from engine.ports import FeedItem, HistoryTold, Slice
from runtime.backtest.clockwork import clockwork_of
from runtime.clocks import SystemClock
from runtime.config.loading import parse_strategy
from runtime.feeds.joining import kind_of_data
from runtime.feeds.venue import VenueFeed
from runtime.journal.records import HistoryRead, Noted
from runtime.journal.sessions import SessionStore
from runtime.promotion.evidence.on_paper import collect
from runtime.session.replaying import replay
from runtime.session.shown import session_shown
from runtime.session.starting import PaperPlan, start_paper, unfinished
from runtime.session_core.assembling import market_of
from sims.venues.alpaca import AlpacaVenue
from sims.venues.alpaca.faults import parse_faults
from tests.unit.feeds.venues import FAST, minutes, resampled, run, venue_of, without_minutes
from tests.unit.gate.evidence_worlds import passing
from tests.unit.session.papers import Desk

RULES = """
[strategy]
name = "thin"
[data]
dataset = "sample:goog"
[sizing]
method = "fixed_quantity"
quantity = 10
[rules]
entry = "close > open"
exit = "close < open"
"""
EVERY = 10  # one minute of so many is traded in
TRADED = 390 // EVERY
STOP_AFTER = 10  # slices
BLIND = '{"kind": "null_field", "on": "stock_data", "field": "bars", "count": 1000000}'
SHUT = '{"kind": "error", "on": "stock_data", "status": 500, "count": 1000000}'


def thin(instruments: int = 1) -> History:
    """Return a day of a share of which most minutes are empty; others, if any, trade in each."""
    return without_minutes(minutes(1, instruments), lambda number, n: number == 0 and n % EVERY > 0)


class OneDay(VenueFeed):
    """Our feed, which ends when the history has answered of the day's last minute, or cannot."""

    venue: AlpacaVenue
    at_close: str = ""  # faults from then on; those of before are over
    close_ns: int = 0
    slices: tuple[int | None, Callable[[], None]] = (
        None,
        lambda: None,
    )  # after so many this is done

    async def items(self, after: int = 0) -> AsyncIterator[FeedItem]:
        count = 0
        async for item in super().items(after):
            if isinstance(item, Slice) and item.events[0, at.EVENT_KIND] == at.KIND_SESSION_CLOSE:
                self.close_ns = item.ts_ns
                self.venue.disturbances.clear()
                for fault in parse_faults(self.at_close):
                    self.venue.disturbances.add(fault)
            yield item
            count += isinstance(item, Slice)
            if count == self.slices[0]:
                self.slices[1]()
            if isinstance(item, HistoryTold) and item.until_ns == self.close_ns:
                return


@dataclass
class Told:
    """What a session has left behind."""

    day: PaperDay
    reads: list[HistoryRead]
    notes: dict[str, str]
    shown: str

    @property
    def why_not(self) -> list[str]:
        """What speaks against the day; how old bars were says nothing where a minute is a millisecond."""
        case, day = Case(passing(), Policy()), structs.replace(self.day, age_p99_ns=0)
        found = (decisions_were_made(day, case), bars_came(day, case))
        return [each for each in found if each]


def desk_of(folder: Path, history: History) -> Desk:
    (folder / "thin.toml").write_text(RULES)
    return Desk(parse_strategy(RULES, folder / "thin.toml"), history, folder)


async def _trade(
    store: SessionStore, desk: Desk, venue: AlpacaVenue, at_close: str, slices: int | None
) -> None:
    """Run a session; stop it after some slices, where that is wanted."""
    feed = OneDay(
        rehearsal(venue.url),
        Keys(venue.settings.key_id, venue.settings.secret_key),
        desk.history.instruments,
        SystemClock(),
        data=kind_of_data(desk.history),
        settings=replace(FAST, fill_attempts=1_000_000),
    )
    feed.venue, feed.at_close = venue, at_close
    plan = PaperPlan(
        desk.config,
        feed,
        market_of(desk.history, clockwork_of(desk.history)),
        "paper",
        venue="alpaca",
        environment=feed.environment,
    )
    session = start_paper(store, plan, unfinished(store, plan))
    feed.slices = (slices, lambda: session.stop("for a while"))
    await session.run()


async def traded(
    desk: Desk,
    *faults: str,
    at_close: str = "",
    market: History | None = None,
    stops: bool = False,
) -> Told:
    """Trade a day on paper at a venue, whose market is another history where that is given; stop once and go on."""
    store = SessionStore.open(desk.url)
    try:
        async with venue_of(market or desk.history, *faults) as venue:
            for is_last in (False, True) if stops else (True,):
                await _trade(store, desk, venue, at_close, None if is_last else STOP_AFTER)
        (record,) = store.list()
        records = [entry.record for entry in store.entries(record.id)]
        replay(store.entries(record.id))
        found = collect(store, desk.config, "paper", "family", desk.core)
        (day,) = found.paper.days
        return Told(
            day,
            [each for each in records if isinstance(each, HistoryRead)],
            {each.subject: each.text for each in records if isinstance(each, Noted)},
            session_shown(store, record.id).no_trades,
        )
    finally:
        store.close()


def test_a_day_of_a_share_that_trades_little_counts(tmp_path: Path) -> None:
    found = run(traded(desk_of(tmp_path, thin())))
    assert found.day.bars_empty == 390 - TRADED
    assert found.day.bars_received == found.day.bars_expected == 390
    assert found.day.decisions_made == found.day.decisions_expected == 390
    assert found.why_not == []
    assert found.day.age_p99_ns is not None and found.day.age_p99_ns < 5 * NS_PER_SECOND
    assert "thin" not in found.notes
    assert found.shown.startswith(
        f"{390 - TRADED} minutes without trades, proven empty at the venue"
    )


def test_a_bar_that_the_stream_loses_is_read_and_the_day_counts(tmp_path: Path) -> None:
    """Two seconds after its minute the history has it: nobody sees a difference afterwards."""
    lost = '{"kind": "lose", "on": "data_stream", "at": 5, "count": 3}'
    found = run(traded(desk_of(tmp_path, thin()), lost))
    assert (found.day.bars_received, found.day.bars_empty) == (390, 390 - TRADED)
    assert found.why_not == []
    assert "missed" not in found.notes


def test_bars_that_the_history_has_only_later_were_no_empty_minutes(tmp_path: Path) -> None:
    """The stream loses them, and two seconds later the history knows of none: they are missed for good."""
    lost = '{"kind": "lose", "on": "data_stream", "at": 9, "count": 24}'
    found = run(traded(desk_of(tmp_path, thin()), lost, BLIND))
    assert found.day.bars_empty == 390 - TRADED
    assert found.day.bars_received == 390 - 24
    assert found.why_not == [
        "93.8462 % of the expected bars were received, with 351 that were empty at the venue"
    ]
    assert found.notes["missed"].startswith("24 bars that the venue's history has had not come")
    assert "under 95% of all bars a day does not count" in found.notes["thin"]


def test_a_history_that_does_not_answer_proves_nothing_and_the_day_says_why(tmp_path: Path) -> None:
    found = run(traded(desk_of(tmp_path, thin()), at_close=SHUT))
    assert found.day.bars_empty < 351
    decisions, bars = found.why_not
    assert "the venue's history does not tell of the others: the venue answered" in bars
    assert "with 500" in decisions
    assert "whether minutes without a bar were traded in is asked again" in found.notes["history"]
    assert "its history cannot be asked of the others (the venue answered" in found.notes["thin"]


def test_longer_bars_are_empty_where_all_their_minutes_are(tmp_path: Path) -> None:
    sparse = without_minutes(minutes(), lambda number, n: n % 10 > 0)
    found = run(traded(desk_of(tmp_path, resampled(sparse, "5m")), market=sparse))
    assert (found.day.bars_received, found.day.bars_expected) == (78, 78)
    assert found.day.bars_empty == 39
    assert found.why_not == []


def test_one_share_of_two_that_trades_little(tmp_path: Path) -> None:
    found = run(traded(desk_of(tmp_path, thin(2))))
    assert (found.day.bars_received, found.day.bars_expected) == (780, 780)
    assert (found.day.decisions_made, found.day.bars_empty) == (390, 390 - TRADED)
    assert found.why_not == []


def test_a_session_that_goes_on_asks_of_the_whole_day_again(tmp_path: Path) -> None:
    """What had come before it was stopped its feed does not know, and what it had asked neither."""
    found = run(traded(desk_of(tmp_path, thin()), stops=True))
    assert found.day.bars_empty == 390 - TRADED
    assert found.day.bars_received == 390
    opened_ns = found.day.closed_ns - 390 * NS_PER_MINUTE if found.day.closed_ns else 0
    assert opened_ns in {each.since_ns for each in found.reads}
