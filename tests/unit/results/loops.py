"""Hand-made journals of a trading loop: rows as the core writes them, booked by the real ledger."""

from __future__ import annotations

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.denials import Denial
from engine.model.trading import (
    AttemptResult,
    ExitReason,
    Latch,
    PriceKind,
    Severity,
    SignalSource,
    SizeClip,
    SizeMethod,
    Unit,
    Verdict,
)
from engine.model.units import NS_PER_SECOND, to_minor
from tests.unit.results.journals import EVENT, Run

PERCENT_PPM, PERCENT_PPB = 10_000, 10_000_000


class LoopRun(Run):
    """A run in which the trading loop works; each verb writes one kind of row."""

    def row(self, kind: int, payload: dict[int, int], instrument: int = 0) -> None:
        """Write one row of the trading loop."""
        found = self.fact(kind, 0, instrument)
        for column, value in payload.items():
            found[column] = value

    def later(self, seconds: float) -> LoopRun:
        """Move the clock."""
        self.core.account[at.ACCOUNT_NOW] += round(seconds * NS_PER_SECOND)
        return self

    @property
    def now(self) -> int:
        """The time of the next row."""
        return int(self.core.account[at.ACCOUNT_NOW])

    def signal(self, number: int, side: int, price: int, *, edge: int, confidence: int) -> None:
        """A rule gives a signal; edge and confidence in percent."""
        self.row(
            at.KIND_SIGNAL_RECEIVED,
            {
                loop.RECEIVED_NUMBER: number,
                loop.RECEIVED_SIDE: side,
                loop.RECEIVED_EDGE: edge * PERCENT_PPB,
                loop.RECEIVED_CONFIDENCE: confidence * PERCENT_PPB,
                loop.RECEIVED_GOAL: loop.NOT_GIVEN,
                loop.RECEIVED_PRICE: price,
                loop.RECEIVED_EXPIRES: self.now + 300 * NS_PER_SECOND,
                loop.RECEIVED_SOURCE: SignalSource.RULE,
            },
        )

    def checked(
        self,
        signal: int,
        order: int,
        place: int,
        code: int,
        verdict: Verdict,
        number: int,
        limit: int,
        unit: Unit,
    ) -> None:
        """One risk check."""
        self.row(
            at.KIND_CHECKED,
            {
                loop.CHECKED_SIGNAL: signal,
                loop.CHECKED_ORDER: order,
                loop.CHECKED_CODE: code,
                loop.CHECKED_VERDICT: verdict,
                loop.CHECKED_NUMBER: number,
                loop.CHECKED_LIMIT: limit,
                loop.CHECKED_UNIT: unit,
                loop.CHECKED_PLACE: place,
            },
        )

    def sized(self, signal: int, before: int, lots: int, price: int, money: str) -> None:
        """What the sizing said: 4 % by Kelly's formula, cut by the maximum."""
        self.row(
            at.KIND_SIZED,
            {
                loop.SIZED_SIGNAL: signal,
                loop.SIZED_METHOD: SizeMethod.KELLY_BINARY,
                loop.SIZED_SHARE: 4 * PERCENT_PPB,
                loop.SIZED_MINOR: to_minor(money),
                loop.SIZED_BEFORE: before,
                loop.SIZED_LOTS: lots,
                loop.SIZED_CLIP: SizeClip.MAXIMUM_QUANTITY if before != lots else SizeClip.NONE,
                loop.SIZED_PRICE: price,
            },
        )

    def answered(self, signal: int, order: int, lots: int, code: int = 0) -> None:
        """The signal is approved, or denied with a code."""
        self.row(
            at.KIND_SIGNAL_DENIED if code else at.KIND_SIGNAL_APPROVED,
            {
                loop.ANSWER_NUMBER: signal,
                loop.ANSWER_ORDER: order,
                loop.ANSWER_LOTS: lots,
                loop.ANSWER_CODE: code,
            },
        )

    def linked(
        self, order: int, *, signal: int = 0, position: int = 0, reason: int = 0, attempt: int = 0
    ) -> None:
        """What an order belongs to."""
        self.row(
            at.KIND_LINKED,
            {
                loop.LINKED_ORDER: order,
                loop.LINKED_SIGNAL: signal,
                loop.LINKED_POSITION: position,
                loop.LINKED_REASON: reason,
                loop.LINKED_ATTEMPT: attempt,
            },
        )

    def trip(
        self,
        position: int,
        *,
        signal: int = 0,
        closes: bool = False,
        reason: int = 0,
        realized: str = "0",
        base: int = 0,
    ) -> None:
        """A position is opened or closed."""
        self.row(
            at.KIND_POSITION_CLOSED if closes else at.KIND_POSITION_OPENED,
            {
                loop.TRIP_POSITION: position,
                loop.TRIP_DIRECTION: 1,
                loop.TRIP_SIGNAL: signal,
                loop.TRIP_REASON: reason,
                loop.TRIP_REALIZED: to_minor(realized),
                loop.TRIP_BASE: base,
                loop.TRIP_SINCE: self.now,
            },
        )

    def fired(
        self,
        position: int,
        reason: ExitReason,
        *,
        price: int,
        lots: int,
        number: int = 0,
        limit: int = 0,
        also: tuple[ExitReason, ...] = (),
        pnl_ppm: int = 0,
    ) -> None:
        """A condition won."""
        self.row(
            at.KIND_EXIT_FIRED,
            {
                loop.FIRED_POSITION: position,
                loop.FIRED_REASON: reason,
                loop.FIRED_ALSO: sum(1 << each for each in (reason, *also)),
                loop.FIRED_PRICE: price,
                loop.FIRED_PNL_PPM: pnl_ppm,
                loop.FIRED_LOTS: lots,
                loop.FIRED_NUMBER: number,
                loop.FIRED_LIMIT: limit,
            },
        )

    def attempt(
        self,
        position: int,
        reason: ExitReason,
        number: int,
        order: int,
        *,
        kind: PriceKind,
        price: int,
        lots: int,
        touch: int,
    ) -> None:
        """An order to close was sent, or replaced."""
        self.row(
            at.KIND_EXIT_ATTEMPT,
            {
                loop.ATTEMPT_POSITION: position,
                loop.ATTEMPT_REASON: reason,
                loop.ATTEMPT_NUMBER: number,
                loop.ATTEMPT_KIND: kind,
                loop.ATTEMPT_PRICE: price,
                loop.ATTEMPT_LOTS: lots,
                loop.ATTEMPT_ORDER: order,
                loop.ATTEMPT_TOUCH: touch,
            },
        )

    def attempt_ended(
        self,
        position: int,
        reason: ExitReason,
        number: int,
        order: int,
        result: AttemptResult,
        *,
        lots: int = 0,
        sent: int = 0,
    ) -> None:
        """What came of one attempt."""
        self.row(
            at.KIND_ATTEMPT_ENDED,
            {
                loop.ENDED_POSITION: position,
                loop.ENDED_REASON: reason,
                loop.ENDED_NUMBER: number,
                loop.ENDED_RESULT: result,
                loop.ENDED_LOTS: lots,
                loop.ENDED_ORDER: order,
                loop.ENDED_SENT: sent,
            },
        )

    def exit_ended(
        self,
        position: int,
        reason: ExitReason,
        result: AttemptResult,
        *,
        attempts: int,
        walks: int = 0,
        lots: int = 0,
        left: int = 0,
        fired: int = 0,
    ) -> None:
        """What came of the exit."""
        self.row(
            at.KIND_EXIT_ENDED,
            {
                loop.EXITED_POSITION: position,
                loop.EXITED_REASON: reason,
                loop.EXITED_RESULT: result,
                loop.EXITED_ATTEMPTS: attempts,
                loop.EXITED_WALKS: walks,
                loop.EXITED_LOTS: lots,
                loop.EXITED_FIRED: fired,
                loop.EXITED_LEFT: left,
            },
        )

    def latch(
        self,
        latch: Latch,
        severity: Severity,
        *,
        number: int = 0,
        limit: int = 0,
        clears: bool = False,
        by: int = 0,
        instrument: int = at.UNKNOWN,
    ) -> None:
        """A guard is set or cleared; or it locks one instrument."""
        self.row(
            at.KIND_LATCH_CLEARED if clears else at.KIND_LATCH_SET,
            {
                loop.LATCHED_LATCH: latch,
                loop.LATCHED_SEVERITY: severity,
                loop.LATCHED_NUMBER: number,
                loop.LATCHED_LIMIT: limit,
                loop.LATCHED_MANUAL: 1,
                loop.LATCHED_BY: by,
                loop.LATCHED_EFFECTIVE: 0 if clears else severity,
            },
            instrument,
        )


def rain(*, cash: str = "10000") -> LoopRun:
    """A contract is bought by a signal, and sold because its edge went.

    800 bought at 0.46 = 368.00; 300 sold at 0.52 and 500 at 0.51 = 156.00 + 255.00 = 411.00; so 43.00
    are realized. It fired at a bid of 0.52: the fills are 0 x 300 + 0.01 x 500 = 5.00 worse, of
    0.52 x 800 = 416.00, which is 120.19 basis points.
    """
    run = LoopRun(EVENT, cash=cash)
    run.at_day(10)
    run.signal(1, 1, 46, edge=8, confidence=71)
    run.sized(1, 844, 800, 46, "388.41")
    run.checked(1, 1, 1, Denial.BUYING_POWER, Verdict.PASS, 0, 0, Unit.SEVERITY)
    run.checked(1, 1, 2, Denial.VALUE_TOO_LARGE, Verdict.PASS, 184_000, 200_000, Unit.PPM)
    run.checked(1, 1, 3, Denial.TOO_MANY_ORDERS, Verdict.OFF, 0, 0, Unit.COUNT)
    bought = run.order(1, 800, kind=at.TYPE_LIMIT, limit=46)
    run.linked(bought, signal=1)
    run.answered(1, bought, 800)
    run.later(3)
    run.fact(at.KIND_ACCEPTED, bought)
    run.fill(bought, 800, 46, rule=at.TYPE_LIMIT * 10 + 4)
    run.trip(1, signal=1, base=800)
    run.later(1600)
    fired = run.now
    early = ExitReason.EARLY_EXIT
    run.fired(
        1,
        early,
        price=52,
        lots=800,
        number=17 * PERCENT_PPB // 10,
        limit=2 * PERCENT_PPB,
        also=(ExitReason.REBALANCE,),
        pnl_ppm=130_435,
    )
    sold = run.order(-1, 800, kind=at.TYPE_LIMIT, limit=52)
    run.linked(sold, position=1, reason=early, attempt=1)
    run.attempt(1, early, 1, sold, kind=PriceKind.CONSERVATIVE, price=52, lots=800, touch=52)
    run.later(20)
    run.fill(sold, 300, 52, rule=at.TYPE_LIMIT * 10 + 4, last=False)
    run.later(40)
    replaced = run.fact(at.KIND_REPLACED, sold)
    replaced[at.FACT_LOTS], replaced[at.FACT_PRICE] = 800, 51
    run.attempt_ended(1, early, 1, sold, AttemptResult.REPLACED, lots=300, sent=fired)
    run.attempt(1, early, 2, sold, kind=PriceKind.CONSERVATIVE, price=51, lots=500, touch=51)
    sent = run.now
    run.later(10)
    run.fill(sold, 500, 51, rule=at.TYPE_LIMIT * 10 + 4)
    run.trip(1, closes=True, signal=1, reason=early, realized="43", base=800)
    run.attempt_ended(1, early, 2, sold, AttemptResult.FILLED, lots=500, sent=sent)
    run.exit_ended(1, early, AttemptResult.CLOSED, attempts=2, walks=1, lots=800, fired=fired)
    return run
