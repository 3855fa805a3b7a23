"""The trading loop's vocabulary: conditions, phases, latches, verdicts, and the sentences for them.

Numbers are stable: they stand in journals.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class ExitReason(IntEnum):
    """Why a position is closed: the ten conditions in the table's order, and the strategy's own wish."""

    NONE = 0
    STOP_LOSS = 1
    CIRCUIT_BREAKER = 2
    TRAILING_STOP = 3
    TIME_BASED_URGENT = 4
    LIQUIDITY_DRIED_UP = 5
    PROFIT_TARGET = 6
    PARTIAL_EXIT_TARGET = 7
    EARLY_EXIT = 8
    EDGE_DISAPPEARED = 9
    REBALANCE = 10
    STRATEGY = 11


class ExitPriority(IntEnum):
    """Which condition wins; lower comes first, and takes over what a later one has begun."""

    CRITICAL = 10
    HIGH = 20
    MEDIUM = 30
    STRATEGY = 35
    LOW = 40


class PriceKind(IntEnum):
    """Where an order to close is priced."""

    MARKET = 0
    AGGRESSIVE = 1  # through the touch by a tick or 2 %, whichever is nearer to it
    FAIR = 2  # the mid, on the safe side of the grid
    CONSERVATIVE = 3  # at the far touch


class WalkKind(IntEnum):
    """How an order to close is moved while it waits."""

    NONE = 0
    WALK_PRICE = 1
    WALK_SLOWLY = 2
    BEFORE_MARKET = 3


class ExitPhase(IntEnum):
    """Where the closing of a position is."""

    IDLE = 0
    CLEARING = 1  # what stands in the way is being canceled
    WORKING = 2  # an order to close works
    CHANGING = 3  # it is being replaced
    ENDING = 4  # it is being canceled, another follows
    GIVING_UP = 5  # it is being canceled, none follows
    QUEUED = 6  # nothing can be sent now


class AttemptResult(IntEnum):
    """How one order to close, or the whole exit, ended."""

    WORKING = 0
    FILLED = 1
    REPLACED = 2
    CANCELED = 3
    EXPIRED = 4
    REJECTED = 5
    DENIED = 6
    CLOSED = 7  # of an exit: what was wanted is closed
    CLOSED_ELSEWHERE = 8
    TAKEN_OVER = 9
    FAILED = 10


class ExitAlert(IntEnum):
    """What a person is told of a position that cannot be closed (ALERT_CODE)."""

    EXIT_FAILED = 101  # given up; tried again at the next mark
    EXIT_STUCK = 102  # a market order has not closed it in its wait
    EXIT_QUEUED = 103  # nothing can be sent now: halted, closed, or stopped by a latch


class GuardAlert(IntEnum):
    """What a person is told of the account as a whole (ALERT_CODE)."""

    NOT_FLAT = 301  # everything is being closed, and for ten minutes something could not be
    EXPOSURE = 302  # a limit of exposure was passed by prices alone; ALERT_NUMBER: the check's code


class Severity(IntEnum):
    """What trading may do; the worst latch counts. Cancels always pass."""

    ACTIVE = 0
    REDUCE_ONLY = 1  # no entries
    PAUSED_ALL = 2  # nothing new is sent
    FLATTENING = 3  # everything is being closed
    LOCKED = 4  # halted until a person resets


class Latch(IntEnum):
    """What can stop trading. A reset names one of them."""

    NONE = 0
    KILL = 1
    DAILY_LOSS = 2
    DRAWDOWN = 3
    MINIMUM_EQUITY = 4
    UNTRUSTED = 5
    API = 6
    API_AUTHORIZATION = 7
    DATABASE = 8
    STOP_LOSSES = 9
    TIER = 10
    PAUSE = 11
    RECONCILING = 12
    SUPERVISOR = 13
    CERTIFICATE = 14
    HEALTH = 15
    DATA = 16  # they are of before: nothing is decided on them but what closes everything


class Clearer(IntEnum):
    """Who cleared a latch."""

    ITSELF = 0
    PERSON = 1
    SIMULATION = 2  # `[guards] simulated_operator`: a person that a backtest pretends to have


class Distrust(IntEnum):
    """Why the account's equity is not trusted."""

    NONE = 0
    MARK_LOST = 1  # of something held: missing or one-sided
    NO_PRICE = 2
    NO_RATE = 3  # of a currency that is held
    TOO_LARGE = 4  # the sum does not fit


class Tier(IntEnum):
    """What an account's equity allows."""

    NONE = 0
    SNIPER = 1
    HUNTER = 2
    STRATEGIST = 3


class Tilt(IntEnum):
    """How far an operator's own behaviour restricts manual actions."""

    NONE = 0
    WARNED = 1
    HALVED = 2
    LOCKED = 3


class Verdict(IntEnum):
    """What one check said."""

    OFF = 0
    PASS = 1
    OVER = 2
    UNKNOWN = 3  # it could not be evaluated, which denies


class Unit(IntEnum):
    """What a check's number counts."""

    NONE = 0
    COUNT = 1
    MINOR = 2  # of the account's currency
    PPM = 3
    PPB = 4
    TICKS = 5
    LOTS = 6
    NANOSECONDS = 7
    SEVERITY = 8


class SizeMethod(IntEnum):
    """How much an entry trades. The first three are those of `engine.rules.sizing`."""

    QUANTITY = 0
    NOTIONAL = 1
    EQUITY = 2
    KELLY_BINARY = 3
    KELLY_ODDS = 4
    KELLY_CONTINUOUS = 5
    FIXED_FRACTION = 6
    VOLATILITY_TARGET = 7


class SizeClip(IntEnum):
    """What made a size smaller than its method said."""

    NONE = 0
    MAXIMUM_QUANTITY = 1
    MAXIMUM_NOTIONAL = 2
    MAXIMUM_SHARE = 3
    BUYING_POWER = 4
    TILT = 5
    APPROVED = 6  # no more than the person was shown


class SignalSource(IntEnum):
    """Who gave a signal."""

    RULE = 1
    STRATEGY = 2  # `signal()` of a class, `enter()` of a compiled function
    ORDER = 3  # an order that a strategy sized itself
    AGAIN = 4  # nobody: one that waited is checked again


class OnTimeout(IntEnum):
    """What becomes of an entry order that was not filled in time."""

    CANCEL = 0
    RETRY = 1
    WALK = 2


class OperatorAction(IntEnum):
    """What a person asks for. `ORDER` and `CANCEL` are manual ones, counted for tilt."""

    KILL = 1
    KILL_AND_FLATTEN = 2
    RESET = 3
    PAUSE = 4
    RESUME = 5
    ORDER = 6
    CANCEL = 7
    EDIT = 8
    FLATTEN = 9
    APPROVE = 10  # a signal that waits
    REJECT = 11


class ExecutionMode(IntEnum):
    """What becomes of a signal that passed the checks."""

    AUTO = 0  # it is sent
    APPROVE = 1  # it waits for a person
    ALERT = 2  # it is only told


class QueueState(IntEnum):
    """Where a signal is that waits: for a person, or for the exit of an opposite position."""

    NONE = 0
    WAITING = 1
    APPROVED = 2  # by the person; it is checked again when it can be sent, mostly in this turn
    SENT = 3
    DENIED = 4  # approved, but a check spoke against it then
    REJECTED = 5
    EXPIRED = 6
    WITHDRAWN = 7  # the strategy gave it up
    AFTER_EXIT = 8  # no person is asked yet: it waits for the opposite position to be closed


class ApiErrorClass(IntEnum):
    """What kind of failure a call to a venue had."""

    TRANSIENT = 1  # timeouts, 5xx, connection resets: counted
    BUSINESS = 2  # a reject of the venue: not counted
    AUTHORIZATION = 3  # 401, 403, TLS


REASON_NONE: Final = 0
REASON_STOP_LOSS: Final = ExitReason.STOP_LOSS.value
REASON_CIRCUIT_BREAKER: Final = ExitReason.CIRCUIT_BREAKER.value
REASON_TRAILING_STOP: Final = ExitReason.TRAILING_STOP.value
REASON_TIME_BASED_URGENT: Final = ExitReason.TIME_BASED_URGENT.value
REASON_LIQUIDITY_DRIED_UP: Final = ExitReason.LIQUIDITY_DRIED_UP.value
REASON_PROFIT_TARGET: Final = ExitReason.PROFIT_TARGET.value
REASON_PARTIAL_EXIT_TARGET: Final = ExitReason.PARTIAL_EXIT_TARGET.value
REASON_EARLY_EXIT: Final = ExitReason.EARLY_EXIT.value
REASON_EDGE_DISAPPEARED: Final = ExitReason.EDGE_DISAPPEARED.value
REASON_REBALANCE: Final = ExitReason.REBALANCE.value
REASON_STRATEGY: Final = ExitReason.STRATEGY.value
REASONS: Final = 12  # rows of the exits block

PRICE_MARKET: Final = PriceKind.MARKET.value
PRICE_AGGRESSIVE: Final = PriceKind.AGGRESSIVE.value
PRICE_FAIR: Final = PriceKind.FAIR.value
PRICE_CONSERVATIVE: Final = PriceKind.CONSERVATIVE.value

WALK_NONE: Final = WalkKind.NONE.value
WALK_PRICE: Final = WalkKind.WALK_PRICE.value
WALK_SLOWLY: Final = WalkKind.WALK_SLOWLY.value
WALK_BEFORE_MARKET: Final = WalkKind.BEFORE_MARKET.value

PHASE_IDLE: Final = ExitPhase.IDLE.value
PHASE_CLEARING: Final = ExitPhase.CLEARING.value
PHASE_WORKING: Final = ExitPhase.WORKING.value
PHASE_CHANGING: Final = ExitPhase.CHANGING.value
PHASE_ENDING: Final = ExitPhase.ENDING.value
PHASE_GIVING_UP: Final = ExitPhase.GIVING_UP.value
PHASE_QUEUED: Final = ExitPhase.QUEUED.value

RESULT_WORKING: Final = AttemptResult.WORKING.value
RESULT_FILLED: Final = AttemptResult.FILLED.value
RESULT_REPLACED: Final = AttemptResult.REPLACED.value
RESULT_CANCELED: Final = AttemptResult.CANCELED.value
RESULT_EXPIRED: Final = AttemptResult.EXPIRED.value
RESULT_REJECTED: Final = AttemptResult.REJECTED.value
RESULT_DENIED: Final = AttemptResult.DENIED.value
RESULT_CLOSED: Final = AttemptResult.CLOSED.value
RESULT_CLOSED_ELSEWHERE: Final = AttemptResult.CLOSED_ELSEWHERE.value
RESULT_TAKEN_OVER: Final = AttemptResult.TAKEN_OVER.value
RESULT_FAILED: Final = AttemptResult.FAILED.value

ALERT_EXIT_FAILED: Final = ExitAlert.EXIT_FAILED.value
ALERT_EXIT_STUCK: Final = ExitAlert.EXIT_STUCK.value
ALERT_EXIT_QUEUED: Final = ExitAlert.EXIT_QUEUED.value
ALERT_NOT_FLAT: Final = GuardAlert.NOT_FLAT.value
ALERT_EXPOSURE: Final = GuardAlert.EXPOSURE.value
ALERT_WARNING: Final = 2
ALERT_CRITICAL: Final = 3  # ALERT_SEVERITY of these

ACTIVE: Final = Severity.ACTIVE.value
REDUCE_ONLY: Final = Severity.REDUCE_ONLY.value
PAUSED_ALL: Final = Severity.PAUSED_ALL.value
FLATTENING: Final = Severity.FLATTENING.value
LOCKED: Final = Severity.LOCKED.value

LATCH_KILL: Final = Latch.KILL.value
LATCH_DAILY_LOSS: Final = Latch.DAILY_LOSS.value
LATCH_DRAWDOWN: Final = Latch.DRAWDOWN.value
LATCH_MINIMUM_EQUITY: Final = Latch.MINIMUM_EQUITY.value
LATCH_UNTRUSTED: Final = Latch.UNTRUSTED.value
LATCH_API: Final = Latch.API.value
LATCH_API_AUTHORIZATION: Final = Latch.API_AUTHORIZATION.value
LATCH_DATABASE: Final = Latch.DATABASE.value
LATCH_STOP_LOSSES: Final = Latch.STOP_LOSSES.value
LATCH_TIER: Final = Latch.TIER.value
LATCH_PAUSE: Final = Latch.PAUSE.value
LATCH_RECONCILING: Final = Latch.RECONCILING.value
LATCH_SUPERVISOR: Final = Latch.SUPERVISOR.value
LATCH_CERTIFICATE: Final = Latch.CERTIFICATE.value
LATCH_HEALTH: Final = Latch.HEALTH.value
LATCH_DATA: Final = Latch.DATA.value

BY_ITSELF: Final = Clearer.ITSELF.value
BY_PERSON: Final = Clearer.PERSON.value
BY_SIMULATION: Final = Clearer.SIMULATION.value

DISTRUST_NONE: Final = Distrust.NONE.value
DISTRUST_MARK_LOST: Final = Distrust.MARK_LOST.value
DISTRUST_NO_PRICE: Final = Distrust.NO_PRICE.value
DISTRUST_NO_RATE: Final = Distrust.NO_RATE.value
DISTRUST_TOO_LARGE: Final = Distrust.TOO_LARGE.value

TIER_NONE: Final = Tier.NONE.value
TIER_SNIPER: Final = Tier.SNIPER.value
TIER_HUNTER: Final = Tier.HUNTER.value
TIER_STRATEGIST: Final = Tier.STRATEGIST.value

TILT_NONE: Final = Tilt.NONE.value
TILT_WARNED: Final = Tilt.WARNED.value
TILT_HALVED: Final = Tilt.HALVED.value
TILT_LOCKED: Final = Tilt.LOCKED.value

VERDICT_OFF: Final = Verdict.OFF.value
VERDICT_PASS: Final = Verdict.PASS.value
VERDICT_OVER: Final = Verdict.OVER.value
VERDICT_UNKNOWN: Final = Verdict.UNKNOWN.value

UNIT_NONE: Final = Unit.NONE.value
UNIT_COUNT: Final = Unit.COUNT.value
UNIT_MINOR: Final = Unit.MINOR.value
UNIT_PPM: Final = Unit.PPM.value
UNIT_PPB: Final = Unit.PPB.value
UNIT_TICKS: Final = Unit.TICKS.value
UNIT_LOTS: Final = Unit.LOTS.value
UNIT_NANOSECONDS: Final = Unit.NANOSECONDS.value
UNIT_SEVERITY: Final = Unit.SEVERITY.value

SIZE_KELLY_BINARY: Final = SizeMethod.KELLY_BINARY.value
SIZE_KELLY_ODDS: Final = SizeMethod.KELLY_ODDS.value
SIZE_KELLY_CONTINUOUS: Final = SizeMethod.KELLY_CONTINUOUS.value
SIZE_FIXED_FRACTION: Final = SizeMethod.FIXED_FRACTION.value
SIZE_VOLATILITY_TARGET: Final = SizeMethod.VOLATILITY_TARGET.value

CLIP_NONE: Final = SizeClip.NONE.value
CLIP_MAXIMUM_QUANTITY: Final = SizeClip.MAXIMUM_QUANTITY.value
CLIP_MAXIMUM_NOTIONAL: Final = SizeClip.MAXIMUM_NOTIONAL.value
CLIP_MAXIMUM_SHARE: Final = SizeClip.MAXIMUM_SHARE.value
CLIP_BUYING_POWER: Final = SizeClip.BUYING_POWER.value
CLIP_TILT: Final = SizeClip.TILT.value
CLIP_APPROVED: Final = SizeClip.APPROVED.value

SOURCE_RULE: Final = SignalSource.RULE.value
SOURCE_STRATEGY: Final = SignalSource.STRATEGY.value
SOURCE_ORDER: Final = SignalSource.ORDER.value
SOURCE_AGAIN: Final = SignalSource.AGAIN.value

ON_TIMEOUT_CANCEL: Final = OnTimeout.CANCEL.value
ON_TIMEOUT_RETRY: Final = OnTimeout.RETRY.value
ON_TIMEOUT_WALK: Final = OnTimeout.WALK.value

ACTION_KILL: Final = OperatorAction.KILL.value
ACTION_KILL_AND_FLATTEN: Final = OperatorAction.KILL_AND_FLATTEN.value
ACTION_RESET: Final = OperatorAction.RESET.value
ACTION_PAUSE: Final = OperatorAction.PAUSE.value
ACTION_RESUME: Final = OperatorAction.RESUME.value
ACTION_ORDER: Final = OperatorAction.ORDER.value
ACTION_CANCEL: Final = OperatorAction.CANCEL.value
ACTION_EDIT: Final = OperatorAction.EDIT.value
ACTION_FLATTEN: Final = OperatorAction.FLATTEN.value
ACTION_APPROVE: Final = OperatorAction.APPROVE.value
ACTION_REJECT: Final = OperatorAction.REJECT.value

MODE_AUTO: Final = ExecutionMode.AUTO.value
MODE_APPROVE: Final = ExecutionMode.APPROVE.value
MODE_ALERT: Final = ExecutionMode.ALERT.value

QUEUE_NONE: Final = QueueState.NONE.value
QUEUE_WAITING: Final = QueueState.WAITING.value
QUEUE_APPROVED: Final = QueueState.APPROVED.value
QUEUE_SENT: Final = QueueState.SENT.value
QUEUE_DENIED: Final = QueueState.DENIED.value
QUEUE_REJECTED: Final = QueueState.REJECTED.value
QUEUE_EXPIRED: Final = QueueState.EXPIRED.value
QUEUE_WITHDRAWN: Final = QueueState.WITHDRAWN.value
QUEUE_AFTER_EXIT: Final = QueueState.AFTER_EXIT.value

API_TRANSIENT: Final = ApiErrorClass.TRANSIENT.value
API_AUTHORIZATION: Final = ApiErrorClass.AUTHORIZATION.value
