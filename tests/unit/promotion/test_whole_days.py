"""What makes a day whole: compared once it was over, and data of all of it, also where nobody makes bars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.gate.evidence import PaperDay
from engine.model import layout as at
from engine.ports import EvidenceClass
from runtime.promotion.evidence.days import DayFacts, days_of, is_reconciled
from runtime.promotion.evidence.seen import Seen
from runtime.results.output import RunOutput
from tests.unit.promotion.test_altered_evidence import of_days

MINUTE = 60 * 10**9
CLOSE = 1_000 * MINUTE
MORNING = CLOSE + 17 * 60 * MINUTE
BEFORE, LATER = CLOSE - 1, MORNING + MINUTE


@pytest.mark.parametrize(
    ("compared", "traded", "expected"),
    [
        ([(CLOSE, True)], [], True),
        ([(CLOSE, True)], [CLOSE], True),  # at the close itself is of the day
        ([(BEFORE, True)], [], False),  # not over yet
        ([], [], False),
        ([(CLOSE, False)], [], False),
        ([(BEFORE, False), (CLOSE, True)], [], True),
        ([(MORNING, True)], [], True),  # when the session went on
        ([(MORNING, True)], [MORNING], False),  # something was traded before, or with it
        ([(MORNING, True)], [CLOSE + 1], False),
        ([(MORNING, True)], [LATER], True),
        ([(LATER, True)], [MORNING], False),  # the next day's evening says nothing of this day
        ([(CLOSE, False), (MORNING, True)], [], False),  # what differed at the close, differed
        ([(MORNING, False), (LATER, True)], [], False),
    ],
)
def test_a_day_is_reconciled_by_the_first_look_after_it_before_anything_is_traded(
    compared: list[tuple[int, bool]], traded: list[int], expected: bool
) -> None:
    assert is_reconciled(compared, np.array(traded, dtype=np.int64), CLOSE) is expected


# --- days of quotes ---------------------------------------------------------------------------------------
DAY = np.datetime64("2006-01-03", "D")  # a Tuesday in New York: 14:30 to 21:00 UTC
OPEN = int(DAY.astype("datetime64[ns]").astype(np.int64)) + (14 * 60 + 30) * MINUTE
SESSION = 390  # minutes, which are 26 quarters of an hour
WHOLE = range(1, SESSION + 1)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> RunOutput:
    """Any run of one share in New York."""
    folder: Path = tmp_path_factory.mktemp("days")
    return of_days(folder, "2006-01-01", "2006-02-01").backtest()


def day_of(output: RunOutput, minutes: range, paused: range = range(0)) -> PaperDay:
    """Return the facts of a day with a quote at each of these minutes after the open."""
    seen = Seen(cores=["a"])
    for minute in minutes:
        row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
        row[0, at.EVENT_TS], row[0, at.EVENT_KIND] = OPEN + minute * MINUTE, at.KIND_QUOTE
        seen.events.append(row)
        seen.slices.append((OPEN + minute * MINUTE, 0, minute not in paused))
        seen.ran.append("a")
    facts = DayFacts(seen, output, output, EvidenceClass.REHEARSAL, 0)
    (day,) = days_of(facts)
    assert day.day_number == DAY.astype(int)
    return day


@pytest.mark.parametrize(
    ("minutes", "paused", "made", "received"),
    [
        (WHOLE, range(0), 26, 26),
        (range(1, SESSION + 1, 10), range(0), 26, 26),  # now and then is enough
        (range(1, 6), range(0), 1, 1),  # five minutes are no day
        (range(1, SESSION // 2), range(0), 13, 13),
        (WHOLE, range(100, 116), 24, 26),  # asked at none, or not at all, of two quarters
        (range(-60, 0), range(0), 0, 0),  # before it has opened
    ],
)
def test_a_day_of_quotes_is_as_long_as_its_session(
    output: RunOutput, minutes: range, paused: range, made: int, received: int
) -> None:
    day = day_of(output, minutes, paused)
    assert (day.decisions_expected, day.decisions_made) == (26, made)
    assert (day.bars_expected, day.bars_received) == (26, received)
