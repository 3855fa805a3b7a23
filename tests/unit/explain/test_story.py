"""A story is made of rows: what it says, in which order, and that it makes nothing up."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import InputError
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.denials import Denial
from engine.model.trading import (
    AttemptResult,
    ExitReason,
    Latch,
    OnTimeout,
    PriceKind,
    Severity,
    Unit,
    Verdict,
)
from runtime.explain import Story, story_of
from runtime.explain.sentences import SENTENCES, sentence_of
from runtime.explain.words import Words
from runtime.results.journal import RunJournal, journal_of
from runtime.results.signals import checks_frame, signal_id
from runtime.results.units import QUANTITY_CHECK
from sims.fillbook.layout import REASON_DAY_ENDED
from tests.unit.explain.invented import invented
from tests.unit.results.journals import STOCK, Run
from tests.unit.results.loops import LoopRun, rain


def journal(run: Run) -> RunJournal:
    return journal_of(run.output(), strategy="rain", fingerprint="5f0c")


def told(story: Story) -> list[str]:
    return [line.text for line in story.lines]


BOUGHT = [
    (
        "Signal 1 to buy RAIN from rule at 0.46: edge 8 %, confidence 71 %, "
        "good until 1970-01-11 00:05:00."
    ),
    "Size by kelly_binary: 4 % of equity, 388.41 USD, 844 at 0.46; maximum_quantity makes it 800.",
    "All 2 checks passed, 1 off; nearest: value_too_large 18.4 % of 20 %.",
    "Order 1 sent: buy 800 RAIN, limit 0.46.",
    "Signal 1 approved: 800 in order 1.",
    "Order 1 accepted by the broker.",
    "Order 1 filled 800 at 0.46 by limit.quote (taker).",
    "Position 1 opened by signal 1: long 800 RAIN.",
]
SOLD = [
    (
        "early_exit fired at 0.52: edge 1.7 %, limit 2 %; the position stands at 13.0435 %; "
        "also fired: rebalance. It is for 800."
    ),
    "Order 2 sent: sell 800 RAIN, limit 0.52, to close position 1 (early_exit, attempt 1).",
    "early_exit, attempt 1: conservative, 800 at 0.52; the other side is at 0.52 (order 2).",
    "Order 2 filled 300 at 0.52 by limit.quote (taker).",
    "Order 2 is now 800 at 0.51.",
    "early_exit, attempt 1 replaced after 1 min: 300 filled.",
    "early_exit, attempt 2: conservative, 500 at 0.51; the other side is at 0.51 (order 2).",
    "Order 2 filled 500 at 0.51 by limit.quote (taker).",
    "early_exit, attempt 2 filled after 10 s: 500 filled.",
    "early_exit ended, closed: 800 closed, 2 attempts, 1 walk, 1 min 10 s after it fired.",
]
CLOSED = "Position 1 closed by early_exit after 0 s: realized 43.00 USD, fees 0.00 USD."


def test_a_position_is_told_from_its_signal_to_flat() -> None:
    story = story_of(journal(rain()), position=1)
    assert (story.subject, story.title) == ("position 1", "long RAIN")
    assert told(story) == [*BOUGHT, *SOLD[:-2], CLOSED, *SOLD[-2:]]


def test_an_order_that_opens_is_told_with_its_signal() -> None:
    assert told(story_of(journal(rain()), order=1)) == BOUGHT


def test_an_order_that_closes_is_told_with_what_fired() -> None:
    assert told(story_of(journal(rain()), order=2)) == SOLD


@pytest.mark.parametrize("name", ["1", "{id}", "{start}"])
def test_a_signal_is_found_by_number_id_and_the_beginning_of_it(name: str) -> None:
    public = signal_id("5f0c", "RAIN", 1, 10 * 86_400 * 10**9)
    wanted = name.format(id=public.upper(), start=public[:5])
    story = story_of(journal(rain()), signal=wanted)
    assert told(story) == [*BOUGHT, CLOSED]
    assert story.title == f"buy RAIN ({public})"


def plain() -> Run:
    """Three orders of a run without a trading loop: one fills, one is denied, one expires."""
    run = Run()
    run.at_day(3)
    order = run.order(1, 1500, kind=at.TYPE_LIMIT, limit=1000)
    run.fact(at.KIND_ACCEPTED, order)
    run.fill(order, 1500, 1001, fee="1.25", reference=1000)
    run.order(-1, 2000, denied=Denial.SHORT_NOT_ALLOWED)
    stop = run.order(-1, 5, kind=at.TYPE_STOP, stop=900)
    run.fact(at.KIND_CANCEL_SENT, stop)
    run.fact(at.KIND_CANCEL_REJECTED, stop)
    run.fact(at.KIND_EXPIRED, stop, reason=REASON_DAY_ENDED)
    return run


def test_orders_without_a_loop_are_told_by_what_became_of_them() -> None:
    run = journal(plain())
    assert told(story_of(run, order=1)) == [
        "Order 1 sent: buy 1,500 ACME, limit 10.00.",
        "Order 1 accepted by the broker.",
        (
            "Order 1 filled 1,500 at 10.01 by market.open (taker); the market was at 10.00; "
            "fee 1.25 USD."
        ),
    ]
    assert told(story_of(run, order=2)) == [
        "Denied: sell 2,000 ACME, market: the account may not sell short (short_not_allowed)."
    ]
    assert told(story_of(run, order=3))[-1] == "Order 3 expired: day_ended."


def test_a_denied_replacement_is_not_a_denied_order() -> None:
    run = Run()
    order = run.order(1, 10, kind=at.TYPE_LIMIT, limit=1000)
    run.order(1, 9000, kind=at.TYPE_LIMIT, limit=1000, denied=Denial.BUYING_POWER, order_id=order)
    assert told(story_of(journal(run), order=order)) == [
        "Order 1 sent: buy 10 ACME, limit 10.00.",
        (
            "Order 1 must not become: buy 9,000 ACME, limit 10.00: the order would exceed the "
            "account's buying power (buying_power)."
        ),
    ]


def denied() -> LoopRun:
    run = LoopRun(STOCK)
    run.signal(1, -1, 1000, edge=9, confidence=50)
    order = run.order(-1, 10, denied=Denial.BUYING_POWER)
    run.checked(1, order, 1, Denial.VALUE_TOO_LARGE, Verdict.UNKNOWN, loop.NOT_GIVEN, 1, Unit.PPM)
    run.checked(1, order, 2, Denial.TOO_MANY_ORDERS, Verdict.PASS, 3, 10, Unit.COUNT)
    run.checked(1, order, 3, Denial.BUYING_POWER, Verdict.OVER, 10**12 + 1, 10**12, Unit.MINOR)
    run.answered(1, 0, 0, code=Denial.BUYING_POWER)
    return run


def test_a_denied_signal_is_told_with_every_check_against_it() -> None:
    lines = told(story_of(journal(denied()), signal="1"))
    assert lines[1:] == [
        (
            "Denied: sell 10 ACME, market: the order would exceed the account's buying power "
            "(buying_power)."
        ),
        (
            "2 checks against it: value_too_large could not be evaluated; buying_power "
            "10,000.00000001 USD of 10,000.00 USD (1 passed)."
        ),
        "Signal 1 denied: the order would exceed the account's buying power (buying_power).",
    ]
    by_order = told(story_of(journal(denied()), order=1))
    assert sorted(by_order) == sorted(
        [told(story_of(journal(denied()), signal="1"))[0], *lines[1:]]
    )


def test_the_check_of_a_quantity_tells_units() -> None:
    run = LoopRun(STOCK)
    run.signal(1, 1, 1000, edge=9, confidence=50)
    run.checked(1, 1, 15, QUANTITY_CHECK, Verdict.OVER, 336 * 10**9, 10**11, Unit.PPB)
    (line,) = told(story_of(journal(run), signal="1"))[1:]
    assert line.endswith("336 of 100 (0 passed).")
    (row,) = checks_frame(run.output()).rows(named=True)
    assert (row["number"], row["limit"], row["unit"]) == (336, 100, "quantity")


def flattened() -> LoopRun:
    """Ten are long, part of them bare for a while; the daily loss closes them at market."""
    run = LoopRun(STOCK)
    run.trade(10, 1000)
    run.trip(1, base=10)
    run.row(at.KIND_PROTECTION, {loop.PROTECTION_POSITION: 1, loop.PROTECTION_LOTS: 4,
                                 loop.PROTECTION_BEGINS: 1})  # fmt: skip
    since = run.now
    run.later(2.5)
    run.row(at.KIND_PROTECTION, {loop.PROTECTION_POSITION: 1, loop.PROTECTION_SINCE: since})
    run.latch(Latch.DAILY_LOSS, Severity.FLATTENING, number=-50_001_000_000, limit=-50_000_000_000)
    reason = ExitReason.CIRCUIT_BREAKER
    run.fired(1, reason, price=500, lots=10, number=3, limit=0, pnl_ppm=-500_000)
    order = run.order(-1, 10)
    run.linked(order, position=1, reason=reason, attempt=1)
    run.attempt(1, reason, 1, order, kind=PriceKind.MARKET, price=0, lots=10, touch=0)
    run.fact(at.KIND_REJECTED, order)
    run.attempt_ended(1, reason, 1, order, AttemptResult.REJECTED, sent=run.now)
    run.exit_ended(1, reason, AttemptResult.FAILED, attempts=1, left=10, fired=run.now)
    run.row(at.KIND_ALERT, {loop.ALERT_CODE: 101, loop.ALERT_SEVERITY: 3, loop.ALERT_POSITION: 1})
    run.settle(400)
    run.trip(1, closes=True, realized="-60")
    return run


def test_a_position_tells_what_guarded_it() -> None:
    lines = told(story_of(journal(flattened()), position=1))
    assert lines[2:7] == [
        "Position 1 opened: long 10 ACME.",
        "4 are without their protective order.",
        "Everything is protected again after 2.5 s.",
        "Guard daily_loss set, flattening: -500.01 USD, limit -500.00 USD.",
        (
            "circuit_breaker fired at 5.00: severity flattening; the position stands at "
            "-50 %. It is for 10."
        ),
    ]
    assert "circuit_breaker, attempt 1: market, 10 (order 2)." in lines
    assert (
        "circuit_breaker ended, failed: 0 closed, 10 left, 1 attempt, 0 s after it fired." in lines
    )
    assert lines[-2:] == [
        "A settlement makes the position 0; realized -60.00 USD.",
        "Position 1 closed after 0 s: realized -60.00 USD, fees 0.00 USD.",
    ]


def fires(run: LoopRun, reason: ExitReason, *also: ExitReason) -> None:
    mask = sum(1 << each for each in (reason, *also))
    run.row(
        at.KIND_EXIT_FIRED,
        {loop.FIRED_POSITION: 1, loop.FIRED_REASON: reason, loop.FIRED_ALSO: mask},
    )


def ends(run: LoopRun, reason: ExitReason, result: AttemptResult) -> None:
    said = {
        loop.EXITED_POSITION: 1,
        loop.EXITED_REASON: reason,
        loop.EXITED_RESULT: result,
        loop.EXITED_FIRED: run.now,
    }
    run.row(at.KIND_EXIT_ENDED, said)


def test_a_reason_is_told_once_while_its_exit_waits() -> None:
    run = LoopRun(STOCK)
    run.trip(1)
    early, stop, gone = ExitReason.EARLY_EXIT, ExitReason.STOP_LOSS, ExitReason.EDGE_DISAPPEARED
    for also in ((), (gone,), (), (gone,)):  # the market is closed; bars come all the same
        fires(run, early, *also)
        run.later(60)
    fires(run, stop, early)  # that matters: it takes over
    ends(run, early, AttemptResult.TAKEN_OVER)
    for _ in range(3):
        fires(run, stop, early)
    ends(run, stop, AttemptResult.FAILED)
    fires(run, stop)  # and so does another try
    lines = [
        line.split(" ")[:2]
        for line in told(story_of(journal(run), position=1))
        if "fired at" in line or " ended, " in line
    ]
    assert lines == [
        ["early_exit", "fired"],
        ["stop_loss", "fired"],
        ["early_exit", "ended,"],
        ["stop_loss", "ended,"],
        ["stop_loss", "fired"],
    ]


def walked() -> LoopRun:
    """An entry is walked, and ends with a part."""
    run = LoopRun(STOCK)
    run.signal(1, 1, 1000, edge=9, confidence=50)
    order = run.order(1, 10, kind=at.TYPE_LIMIT, limit=1000)
    run.linked(order, signal=1)
    run.later(30)
    step = {loop.STEP_SIGNAL: 1, loop.STEP_ORDER: order, loop.STEP_TRY: 2, loop.STEP_PRICE: 1001}
    run.row(at.KIND_ENTRY_STEP, step | {loop.STEP_KIND: OnTimeout.WALK, loop.STEP_LOTS: 10})
    run.later(15)
    ended = {loop.STEP_LOTS: 6, loop.STEP_RESULT: AttemptResult.CANCELED}
    run.row(at.KIND_ENTRY_ENDED, step | ended)
    return run


def test_an_entry_that_waits_is_told_step_by_step() -> None:
    assert told(story_of(journal(walked()), signal="1"))[-2:] == [
        "Entry of signal 1, try 2: walk, 10 at 10.01 (order 1).",
        "Entry of signal 1 ended after try 2: canceled, 6 left.",
    ]


@pytest.mark.parametrize(
    ("reason", "number", "limit", "said"),
    [
        (ExitReason.STOP_LOSS, -151_000, -150_000, "result -15.1 %, limit -15 %"),
        (ExitReason.TRAILING_STOP, 1099, 1100, "price 10.99, stop 11.00"),
        (ExitReason.TIME_BASED_URGENT, 299_999_000_000, 300_000_000_000,
         "time left 4 min 59.999 s, limit 5 min"),
        (ExitReason.LIQUIDITY_DRIED_UP, 4, 3, "spread 0.04, limit 0.03"),
        (ExitReason.LIQUIDITY_DRIED_UP, 49, 50, "volume 49, limit 50"),
        (ExitReason.PROFIT_TARGET, -10_000, 250_000, "result -1 %, target 25 %"),
        (ExitReason.PROFIT_TARGET, 1251, 1250, "price 12.51, target 12.50"),
        (ExitReason.PARTIAL_EXIT_TARGET, 150_000, 150_000, "result 15 %, stage 15 %"),
        (ExitReason.EDGE_DISAPPEARED, -1_000_000, 0, "edge -0.1 %, limit 0 %"),
        (ExitReason.REBALANCE, 90_000_000, 12_000_000, "a better edge 9 %, its own 1.2 %"),
    ],
)  # fmt: skip
def test_each_condition_says_what_it_compared(
    reason: ExitReason, number: int, limit: int, said: str
) -> None:
    run = LoopRun(STOCK)
    run.trade(10, 1000)
    run.trip(1, base=10)
    run.fired(1, reason, price=1099, lots=10, number=number, limit=limit, pnl_ppm=-10_000)
    line = told(story_of(journal(run), position=1))[-1]
    stands = "" if number == -10_000 else "; the position stands at -1 %"  # that was said
    assert line == f"{reason.name.lower()} fired at 10.99: {said}{stands}. It is for 10."


def test_the_strategy_s_own_wish_compares_nothing() -> None:
    run = LoopRun(STOCK)
    run.trade(10, 1000)
    run.trip(1, base=10)
    run.fired(1, ExitReason.STRATEGY, price=1099, lots=10, pnl_ppm=50)
    line = told(story_of(journal(run), position=1))[-1]
    assert line == "strategy fired at 10.99; the position stands at 0.005 %. It is for 10."


def test_two_signals_of_one_decision_are_one_story() -> None:
    run = LoopRun(STOCK)
    run.signal(1, 1, 1000, edge=9, confidence=50)
    run.answered(1, 0, 0, code=Denial.BUYING_POWER)
    run.signal(2, 1, 1000, edge=9, confidence=50)
    run.answered(2, 0, 0, code=Denial.BUYING_POWER)
    public = signal_id("5f0c", "ACME", 1, 86_400 * 10**9)
    assert len(story_of(journal(run), signal=public).lines) == 4
    assert len(story_of(journal(run), signal="2").lines) == 2


@pytest.mark.parametrize(
    ("subject", "says"),
    [
        ({}, "say what to explain"),
        ({"order": 1, "position": 1}, "say what to explain"),
        ({"order": 3}, "no order 3; it has 1 to 2"),
        ({"order": 0}, "no order 0"),
        ({"order": -1}, "no order -1"),
        ({"position": 2}, "no position 2; it has 1 to 1"),
        ({"position": 0}, "no position 0"),
        ({"signal": "7"}, "no signal 7; it has 1 to 1"),
        ({"signal": "zz"}, "no signal zz"),
        ({"signal": "zzzzzzz"}, "no signal zzzzzzz"),
    ],
)
def test_what_is_not_there_is_said(subject: dict[str, int | str], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        story_of(journal(rain()), **subject)  # type: ignore[arg-type]
    assert caught.value.remedy


def test_a_run_without_a_loop_has_no_positions_to_tell() -> None:
    for subject in ({"position": 1}, {"signal": "abcd"}):
        with pytest.raises(InputError, match="no trading loop") as caught:
            story_of(journal(plain()), **subject)  # type: ignore[arg-type]
        assert "--order" in caught.value.remedy


def test_the_rows_of_a_line_are_its_own() -> None:
    run = journal(rain())
    story = story_of(run, position=1)
    first = [line.rows[0] for line in story.lines]
    assert first == sorted(first)
    assert [len(line.rows) for line in story.lines if line.event == "checked"] == [3]
    values = story.to_json()["lines"]
    assert isinstance(values, list)
    assert values[0]["time"] == "1970-01-11T00:00:00Z" and values[0]["event"] == "signal_received"


# --- Nothing is made up ---------------------------------------------------------------------------------
@pytest.mark.parametrize("make", [rain, plain, denied, flattened, walked])
def test_no_number_of_a_story_is_absent_from_the_journal(make: object) -> None:
    assert callable(make)
    run = journal(make())
    kinds = run.rows_by_kind
    orders = (
        run.journal[kinds[at.KIND_SUBMITTED], at.FACT_ORDER] if at.KIND_SUBMITTED in kinds else []
    )
    stories = [story_of(run, order=int(order)) for order in orders]
    if at.KIND_POSITION_OPENED in kinds:
        stories.append(story_of(run, position=1))
    if at.KIND_SIGNAL_RECEIVED in kinds:
        stories.append(story_of(run, signal="1"))
    assert stories
    assert [each for story in stories for each in invented(story, run)] == []


@pytest.mark.parametrize(
    ("kind", "payload", "said"),
    [
        (at.KIND_TRUST_CHANGED, (0, 1, 1, 0), "Equity is untrusted: mark_lost (ACME)."),
        (at.KIND_TRUST_CHANGED, (1, 0, 0, 0), "Equity is trusted."),
        (at.KIND_TIER_CHANGED, (3, 2, 999_999_000_000, 10**12),
         ("The account's tier went from strategist to hunter: equity 9,999.99 USD, "
         "level 10,000.00 USD.")),
        (at.KIND_TILT_CHANGED, (0, 1, 2, 0), "The operator's tilt went from none to warned."),
        (at.KIND_LATCH_CLEARED, (2, 4, 0, 0, 0, 1), "Guard daily_loss cleared by a person."),
        (at.KIND_SIGNAL_QUEUED, (7, 0, 0, 207, 1234, 0, -1, 0),
         "Signal 7 waits for the position to be closed first."),
        (at.KIND_SIGNAL_QUEUED, (7, 0, 10, 221, 1234, 1_700_000_300_000_000_000, -1, 9),
         "Signal 7 waits for approval: sell 10 ACME at 12.34, until 2023-11-14 22:18:20."),
        (at.KIND_APPROVAL_REFUSED, (7, 226, 10),
         ("A person wanted to approve signal 7: the signal expired before a person approved it "
          "(approval_late).")),
        (at.KIND_ALERT, (101, 3, 1, 1), "Alert: exit_failed."),
        (at.KIND_ALERT, (999, 3, 1, 1), "Alert: 999."),
    ],
)  # fmt: skip
def test_what_guards_do_is_said(kind: int, payload: tuple[int, ...], said: str) -> None:
    row = [0] * at.EVENT_WIDTH
    row[at.EVENT_KIND], row[4 : 4 + len(payload)] = kind, payload
    assert sentence_of(row, Words(STOCK, "USD")) == said


def test_the_search_for_invented_numbers_finds_one() -> None:
    run = journal(rain())
    run.journal.flags.writeable = True
    story = story_of(run, position=1)
    run.journal[:, 4:] = np.where(run.journal[:, 4:] == 52, 53, run.journal[:, 4:])
    assert any(each.startswith("0.52") for each in invented(story, run))


def test_every_kind_of_the_loop_has_a_sentence() -> None:
    told_together = {at.KIND_CHECKED}
    kinds = {at.KIND_LINKED, *range(at.KIND_SIGNAL_RECEIVED, at.KIND_APPROVAL_REFUSED + 1)}
    assert kinds - told_together - set(SENTENCES) == set()
