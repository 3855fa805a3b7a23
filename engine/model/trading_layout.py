"""The layout of the trading loop's blocks (see `engine.model.layout` for the others).

They are parts of the core's block, so that a snapshot, a restart and a what-if have them too. Where no
table of the strategy file asks for the trading loop, each has one row that nobody touches.

Units are in the name or in the comment; NOT_GIVEN is a number that nobody gave, NEVER a time that
does not come.
"""

from __future__ import annotations

from typing import Final

from engine.model.units import INT64_MAX

NEVER: Final = INT64_MAX
NOT_GIVEN: Final = -(2**63)
KEEP: Final = NOT_GIVEN + 1  # as an input: what is known stays

# --- Monitors: one row per instrument: its position in hand, the exit and the entry that work ---------
MONITOR_WIDTH: Final = 104
MONITOR_POSITION: Final = 0  # number of the trip, from flat to flat; 0: flat
MONITOR_DIRECTION: Final = 1
MONITOR_OPENED: Final = 2  # ns
MONITOR_BASE: Final = 3  # largest lots of the trip
MONITOR_SIGNAL: Final = 4  # number of the signal that opened it; 0: none
MONITOR_CLASS: Final = 5  # of its confidence: 1 low, 2 medium, 3 high
MONITOR_REALIZED: Final = 6  # minor of its currency, of the trip
MONITOR_FEES: Final = 7
MONITOR_STAGES: Final = 8  # bits of the partial stages done
MONITOR_PEAK: Final = 9  # ticks, best exit price since the trail is active; 0: inactive
MONITOR_STOP: Final = 10  # ticks, the trailing stop; 0: inactive
# What the strategy says of the instrument now (`take_inputs`)
MONITOR_EDGE: Final = 11  # ppb, or the probability where LIMIT_EDGE_IS_PROBABILITY
MONITOR_CONFIDENCE: Final = 12  # ppb
MONITOR_GOAL: Final = 13  # ticks
MONITOR_VOLATILITY: Final = 14  # ppb a year
MONITOR_VOLUME: Final = 15  # lots in the window
MONITOR_MARK_KIND: Final = 16  # KIND_BAR, KIND_QUOTE or KIND_TRADE of the last mark; 0: none
MONITOR_MARK_LENGTH: Final = 17  # ns of the last bar, 0 for others
MONITOR_SUSPECT: Final = 18  # ns since the last mark is suspect; 0: it is not
MONITOR_MARK_BEFORE: Final = 19  # ticks, the mark before the last one
MONITOR_FIRED: Final = 20  # bits of the conditions last journalled
MONITOR_WANTS: Final = 21  # WANTS_* bits
MONITOR_TARGET: Final = 22  # ppb, a weight that waits for its sells
MONITOR_TARGET_GOAL: Final = 23  # ticks: the goal of the trip; NOT_GIVEN: none
MONITOR_REACH_LOW: Final = 24  # ticks: an exit price at or below it may change something
MONITOR_REACH_HIGH: Final = 25  # ticks: one at or above it
MONITOR_QUANTITY: Final = 27  # tradable lots when they were last looked at
EXIT_NEXT_SENT: Final = 28  # ns, when the replacement under way was sent
EXIT_KIND: Final = 29  # PriceKind of the order that works, or of the one to be sent next
MONITOR_MARKS: Final = 26  # valid marks seen while held: what "the next mark" is told by
# The exit that works
EXIT_PHASE: Final = 30
EXIT_REASON: Final = 31
EXIT_ORDER: Final = 32  # id; 0: none
EXIT_ATTEMPT: Final = 33  # orders and replacements sent, 1 the first
EXIT_WALKS: Final = 34  # of this order to close
EXIT_PRICE: Final = 35  # ticks of the last attempt; 0: at market
EXIT_OFFSET_MILLI: Final = 36  # thousandths of a tick walked so far
EXIT_LEFT: Final = 37  # lots that are still to be closed
EXIT_SINCE: Final = 38  # ns, when it fired
EXIT_DEADLINE: Final = 39  # ns; NEVER: no wait runs
EXIT_CARRY: Final = 40  # ns of a wait that were left at the session's close
EXIT_HEARD: Final = 41  # AttemptResult of the order that ended last, 0 when taken notice of
EXIT_FAILS: Final = 42  # rejects in a row
EXIT_ALERTED: Final = 43  # ns of the last alert of this episode; 0: none
EXIT_FIRED_PRICE: Final = 44  # ticks: the exit price when it fired
EXIT_SENT: Final = 45  # ns, when the last attempt was sent
EXIT_FILLED: Final = 46  # lots of the exit so far
EXIT_MARK: Final = 47  # MONITOR_MARKS when it was given up: not tried again before another mark
EXIT_GOAL: Final = 48  # lots that it wanted when it fired
EXIT_NEXT_PRICE: Final = 49  # ticks of the replacement under way
EXIT_POSITION: Final = 50  # number of the trip that it closes
EXIT_STAGE: Final = 76  # the partial stage that its first order has done, plus one; 0: none
EXIT_BEFORE: Final = 51  # lots that its order had filled when the present attempt began
# The entry that works
ENTRY_SIGNAL: Final = 52  # number; 0: none
ENTRY_ORDER: Final = 53  # id of its order; 0: none
ENTRY_TRY: Final = 54
ENTRY_DEADLINE: Final = 55
ENTRY_CARRY: Final = 56
ENTRY_EXPIRES: Final = 57  # ns, of its signal; NEVER
ENTRY_CLASS: Final = 58
ENTRY_GOAL: Final = 59  # ticks or NOT_GIVEN
ENTRY_LEFT: Final = 60  # lots that are still wanted
ENTRY_HEARD: Final = 61  # AttemptResult of the order that ended last
ENTRY_OFFSET_MILLI: Final = 62
ENTRY_WALKS: Final = 63
ENTRY_SIDE: Final = 64
ENTRY_REJECTS: Final = 65  # in a row
ENTRY_ENDING: Final = 66  # its order is being canceled, and why; 0: it is not
ENDS_FOR_GOOD: Final = 1
ENDS_FOR_A_TRY: Final = 2
ENTRY_DAY: Final = (
    67  # number of the session, plus one, whose close has cut the wait in ENTRY_CARRY
)
# Locks and duplicates
MONITOR_LONG_AT: Final = 68  # ns of the last signal to buy
MONITOR_SHORT_AT: Final = 69
MONITOR_LOCKED_UNTIL: Final = 70
MONITOR_COOL_UNTIL: Final = 71
MONITOR_BARE_SINCE: Final = 72  # ns since lots are without their protection; 0: none are
MONITOR_BARE_ALERTED: Final = 73
MONITOR_POLLED_AT: Final = 74
WAITING_SINCE: Final = 75  # ns, when the signal that waits came
MONITOR_DENIED_EDGE: Final = 77  # ppb: best denied entry's edge, for rebalance; NOT_GIVEN: none
MONITOR_DENIED_AT: Final = 78
MONITOR_SAMPLED: Final = 79  # ns of the mark that the last sample of returns took
# What an order would make of the instrument, as `engine.rules.exposure` last worked it out
MONITOR_WORST_HIGH: Final = 84  # lots, all buys filled
MONITOR_WORST_LOW: Final = 85  # lots, all sells filled
MONITOR_WORST_PRICE: Final = 86  # ticks, the highest
MONITOR_WORST_FLOOR: Final = 87  # ticks, the lowest at which it could be sold short
MONITOR_REACH_UNTIL: Final = 89  # ns from which a look may change something
MONITOR_LOST: Final = 88  # ns since its mark is missing or one-sided, while held; 0: it is not
MONITOR_TARGET_AT: Final = 80  # ns, when the weight that waits was last tried
MONITOR_TARGET_FILLS: Final = 81  # ACCOUNT_FILLS when it was last tried
MONITOR_BARE_WAITS: Final = 83  # 1: protection is sent when what works and adds has ended
MONITOR_BARE_DUE: Final = 82  # ns, when that is for too long; NEVER: the market is closed
# The signal that waits, for a person or for an exit, or the last that did
WAITING_SIGNAL: Final = 90  # number; 0: none yet
WAITING_STATE: Final = 91  # QueueState
WAITING_SIDE: Final = 92
WAITING_LOTS: Final = 93  # of the position that it opens
WAITING_PRICE: Final = 94  # ticks that it was to pay when it came
WAITING_EXPIRES: Final = 95  # ns; NEVER: not before the market has opened
WAITING_CODE: Final = 96  # why it was not sent, or not yet
WAITING_TIME: Final = (
    97  # ns that it has from the next open on; 0: it came in time before the close
)
WAITING_SOURCE: Final = 98  # SignalSource; of SOURCE_ORDER the orders stand in `asked`
WAITING_COUNT: Final = 99  # rows of `asked`
WAITING_ORDER: Final = 100  # the number under which its order was checked
WAITING_WEIGHT: Final = 101  # ppb of equity that it leads to; NOT_GIVEN: it is of no target weight
WAITING_MARKET: Final = 102  # ticks: the touch when it came

# An order that its strategy sized itself, with what hangs on it: rows of `asked` for each instrument
ASKED_ROWS: Final = 3

WANTS_EXIT: Final = 1  # the strategy wants to be flat
WANTS_TARGET: Final = 2  # a target weight waits

# --- Limits: what the strategy file says, constant during a run ----------------------------------------
LIMITS_WIDTH: Final = 96
# Signals
LIMIT_MIN_EDGE_PPB: Final = 0
LIMIT_HAS_EDGE: Final = 1  # an edge is configured
LIMIT_EDGE_IS_PROBABILITY: Final = (
    2  # MONITOR_EDGE holds a probability; edge = it against the touch
)
LIMIT_MIN_CONFIDENCE_PPB: Final = 3
LIMIT_HAS_CONFIDENCE: Final = 4
LIMIT_EXPIRY: Final = 5  # ns
LIMIT_HAS_GOAL: Final = 6
# Risk
LIMIT_RISK: Final = 8  # 1: [risk] is there; its checks are on
LIMIT_POSITIONS: Final = 9
LIMIT_POSITION_PPM: Final = 10
LIMIT_GROSS_PPM: Final = 11
LIMIT_NET_PPM: Final = 12
LIMIT_GROUP_PPM: Final = 13
LIMIT_EVENT_PPM: Final = 14
LIMIT_CORRELATION_PPM: Final = 15
LIMIT_CORRELATION_WINDOW: Final = 16
LIMIT_CORRELATION_RETURNS: Final = 17  # fewest common returns
LIMIT_CORRELATION_UNKNOWN: Final = 18  # 1: unknown passes
LIMIT_RATE: Final = 19  # orders in 60 s
LIMIT_COLLAR_PPM: Final = 20
LIMIT_NOTIONAL_MINOR: Final = 21  # 0: none
LIMIT_UNITS_PPB: Final = 22  # of one order; 0: none
LIMIT_QUOTE_AGE: Final = 23  # ns
LIMIT_NO_ENTRY_FIRST: Final = 24  # ns after the open
LIMIT_NO_ENTRY_LAST: Final = 25  # ns before the close
# Sizing
LIMIT_SIZE_METHOD: Final = 28  # SizeMethod
LIMIT_SIZE_FRACTION_PPB: Final = 29
LIMIT_SIZE_SAMPLE: Final = 30  # trades behind the estimate; 0: no shrinking
LIMIT_SIZE_TARGET_PPB: Final = 31  # volatility a year
LIMIT_SIZE_MINIMUM_UNITS_PPB: Final = 32
LIMIT_SIZE_MINIMUM_MINOR: Final = 33
LIMIT_SIZE_MAXIMUM_UNITS_PPB: Final = 34  # 0: none
LIMIT_SIZE_MAXIMUM_MINOR: Final = 35  # 0: none
LIMIT_SIZE_MAXIMUM_PPM: Final = 36  # of equity; 0: none
LIMIT_SIZE_MINIMUM_PPM: Final = 37  # of equity; 0: none
# Entries
LIMIT_ENTRY_TIMEOUT: Final = 40  # ns; 0: entries wait for ever
LIMIT_ENTRY_ON_TIMEOUT: Final = 41
LIMIT_ENTRY_RETRIES: Final = 42
LIMIT_ENTRY_WALKS: Final = 43
LIMIT_PROTECT_WITHIN: Final = 44  # ns
# Exits
LIMIT_EXITS: Final = 46  # 1: [exits] is there
LIMIT_TRAIL_DISTANCE_PPM: Final = 47
LIMIT_TRAIL_TIGHTEN_PPM: Final = 48
LIMIT_TRAIL_EVERY_PPM: Final = 49
LIMIT_TRAIL_LEAST_PPM: Final = 50
LIMIT_AT_SESSION_CLOSE: Final = 51
LIMIT_SPREAD_TICKS: Final = 52  # in parts of 10^-9 of currency; 0: off (see `exits`)
LIMIT_STAGES: Final = 53  # rows of `stages` in use
# Guards
LIMIT_GUARDS: Final = 56  # 1: [guards] is there
LIMIT_DAILY_MINOR: Final = 57  # 0: none
LIMIT_DAILY_PPM: Final = 58  # of day-start equity; 0: none
LIMIT_DRAWDOWN_PPM: Final = 59  # 0: off
LIMIT_MINIMUM_MINOR: Final = 60  # 0: none
LIMIT_RESET_PPM: Final = 61  # re-entry once equity is at least peak less this part
LIMIT_RESET_CHECKS: Final = 62
LIMIT_RESET_EVERY: Final = 63  # ns
LIMIT_MANUAL_RESET: Final = 64
LIMIT_API_ERRORS: Final = 65  # more than these trip
LIMIT_API_WINDOW: Final = 66  # ns
LIMIT_DATABASE_ERRORS: Final = 67
LIMIT_DATABASE_WINDOW: Final = 68
LIMIT_STOP_COUNT: Final = 69  # 0: off
LIMIT_STOP_WINDOW: Final = 70
LIMIT_STOP_LOCK: Final = 71
LIMIT_STOP_SCOPE: Final = 72  # 0: all, 1: the instrument
LIMIT_COOL_DOWN: Final = 73  # ns
LIMIT_TIER: Final = 74  # the strategy's own
LIMIT_TIER_LEVELS: Final = 75  # three: minor of the account's currency
LIMIT_TIER_HOLD: Final = 78  # ns
LIMIT_TILT_WINDOW: Final = 79  # ns; 0: off
LIMIT_TILT_COOLING: Final = 80
LIMIT_SIMULATED_OPERATOR: Final = 81  # 1: manual latches are reset at the next session's open
LIMIT_FLAT_READS: Final = 82  # good reads of a flat account before FLATTENING becomes LOCKED
# Monitoring
LIMIT_POLL_EVERY: Final = 84
LIMIT_POLL_URGENT: Final = 85
LIMIT_POLL_CACHE: Final = 86
LIMIT_POLL_CALLS: Final = 87  # a minute
LIMIT_POLL_RESERVE: Final = 88  # kept for orders and cancels

# --- Exits: one row per reason (`ExitReason`) -----------------------------------------------------------
EXITS_WIDTH: Final = 16
EXITS_ENABLED: Final = 0
EXITS_PRIORITY: Final = 1
EXITS_PRICE: Final = 2  # PriceKind of the first order
EXITS_WAIT: Final = 3  # ns after the first order
EXITS_WALKS: Final = 4
EXITS_WALK_KIND: Final = 5
EXITS_STEP_WAIT: Final = 6  # ns between walks
EXITS_STEP_MILLI: Final = 7  # thousandths of a tick: the first walk
EXITS_GROWTH_MILLI: Final = 8  # added to each further walk
EXITS_THEN_MARKET: Final = 9  # 1: after the walks at market; 0: give up
EXITS_THRESHOLD: Final = 10  # ppm, ns or lots, as the condition says
EXITS_THRESHOLD_MEDIUM: Final = 11  # profit_target: THRESHOLD is for high confidence
EXITS_THRESHOLD_LOW: Final = 12
EXITS_SPREAD_PPB: Final = 13  # liquidity_dried_up: widest spread in 10^-9 of currency; 0: off
EXITS_SPREAD_PPM: Final = 14  # of the mid; 0: off

STAGES_ROWS: Final = 8
STAGES_WIDTH: Final = 2
STAGE_AT_PPM: Final = 0
STAGE_SHARE_PPM: Final = 1

# --- Guard: the account's folds --------------------------------------------------------------------------
GUARD_WIDTH: Final = 64
GUARD_DAY: Final = 0  # number of the trading day; 0: none yet
GUARD_DAY_EQUITY: Final = 1  # minor
GUARD_DAY_FLOW: Final = 2
GUARD_DAY_BOOKED: Final = 3  # what the ledger's incomes were when the day began
GUARD_PEAK: Final = 4  # minor, flow-adjusted
GUARD_PEAK_CANDIDATE: Final = 5  # equity above the peak, not confirmed; 0: none
GUARD_MARKED_AT: Final = 6  # ns of the last watch that counted
GUARD_LOSS_SINCE: Final = 7  # ns of a daily loss that is not confirmed; 0: none
GUARD_TRUSTED: Final = 8  # 1: no, so that a zeroed state is trusted (GUARD_UNTRUSTED)
GUARD_EQUITY: Final = 9  # minor, of the last trusted watch
GUARD_GOOD_CHECKS: Final = 10
GUARD_CHECKED_AT: Final = 11
GUARD_TIER: Final = 12
GUARD_WAITING: Final = 13  # signals that wait
GUARD_TILT: Final = 14
GUARD_TILT_UNTIL: Final = 15
GUARD_FLAT_READS: Final = 16
GUARD_KILLED: Final = 17  # 1: working orders have been canceled for the kill
GUARD_QUIET_LOW: Final = 18  # minor: between these two equities, and
GUARD_QUIET_HIGH: Final = 19
GUARD_RESET_LEVEL: Final = 20  # minor
GUARD_MANUAL_MEAN: Final = 21
GUARD_LAST_LOSS_AT: Final = 22  # ns of the last closing with a loss
GUARD_LAST_LOSS_INSTRUMENT: Final = 23
GUARD_MANUAL_COUNT: Final = 24  # manual orders so far
GUARD_MANUAL_SIZE: Final = 25  # minor, their sum
GUARD_FLATTEN_ALERTED: Final = (
    26  # ns since all is being closed, or of the last alert of it; 0: it is not
)
GUARD_API_GOOD_AT: Final = 27  # ns of the last good reconciliation
GUARD_API_ERROR_AT: Final = 28
GUARD_BEGUN: Final = 29  # 1: there is money, so that day and peak mean something
GUARD_LOSS_MARKS: Final = 30  # new marks that have shown the loss that is not confirmed
GUARD_DAY_EXCUSED: Final = (
    31  # minor, 0 or less: the day's result when a person last reset its latch
)
GUARD_HOURS: Final = 32  # 20 places: manual actions of the last active hours
GUARD_HOURS_KNOWN: Final = 52  # of these places
GUARD_HOUR: Final = 53  # number of the clock hour that is being counted
GUARD_HOUR_COUNT: Final = 54
GUARD_ALERTS: Final = 55  # raised so far
GUARD_BARE_NS: Final = 56  # nanoseconds that lots were without protection
GUARD_BARE_TIMES: Final = 57
GUARD_TIER_SINCES: Final = 58  # three: ns since equity is at the level of SNIPER, ...; 0: it is not
GUARD_QUIET_UNTIL: Final = 62  # ns: before this, a watch changes nothing (`engine.rules.quiet`)
GUARD_DRIFTED: Final = 63  # 1: that a limit was passed by prices alone has been told
GUARD_HOUR_TOLD: Final = 61  # 1: the hour that is being counted has been found unusual

# --- Latches: one row per `Latch` ---------------------------------------------------------------------------
LATCHES_ROWS: Final = 24
LATCHES_WIDTH: Final = 16
LATCH_SEVERITY: Final = 0  # 0: not set
LATCH_SINCE: Final = 1
LATCH_NUMBER: Final = 2
LATCH_LIMIT: Final = 3
LATCH_MANUAL: Final = 4
LATCH_UNTIL: Final = 5  # ns; NEVER or 0: no end of its own
LATCH_COUNT: Final = 6  # times it was set
LATCH_RESUMES: Final = 7  # automatic ones, since a person last cleared it
LATCH_FLATTENED: Final = 8  # 1: it has closed everything, and closes what a late fill opens
LATCH_RESUME_TIMES: Final = 9  # three: ns of the last automatic resumes, the newest last

# --- Rings of times ----------------------------------------------------------------------------------------
ENDED_ROWS: Final = 256  # places of `ended`

RINGS_ROWS: Final = 9
RINGS_WIDTH: Final = 512
RING_HEAD: Final = 0
RING_COUNT: Final = 1
RING_FIRST: Final = 2
RING_CAPACITY: Final = RINGS_WIDTH - RING_FIRST
RING_ORDERS: Final = 0
RING_API: Final = 1
RING_API_TRIPS: Final = 2
RING_DATABASE: Final = 3
RING_STOPS: Final = 4
RING_POLLS: Final = 5
RING_TILT: Final = 6
RING_EDITS: Final = 7
RING_STOPPED: Final = 8  # the instruments of RING_STOPS

# --- Calendars, one row each --------------------------------------------------------------------------------
CALENDARS_WIDTH: Final = 8
CALENDAR_OPEN: Final = 0  # 1 open, 0 not known yet (as open), -1 closed
CALENDAR_OPENED: Final = 1  # ns
CALENDAR_CLOSES: Final = 2  # ns; 0: unknown
CALENDAR_SESSIONS: Final = 3  # how often it has opened so far
CALENDAR_DAY: Final = 4  # number of its trading day; where none is told, of its opening
CALENDAR_CLOSED: Final = 5  # ns, when it closed last
CALENDAR_LENGTH: Final = 6  # ns that it was open then; 0: not known

# --- Returns of each instrument, for correlation ---------------------------------------------------------
RETURNS_WIDTH: Final = 256
RETURNS_HEAD: Final = 0
RETURNS_COUNT: Final = 1
RETURNS_LAST: Final = 2  # ticks at the last sample
RETURNS_SAMPLE: Final = 3  # number of the last sample, so that two instruments' can be matched
RETURNS_FIRST: Final = 4
RETURNS_CAPACITY: Final = RETURNS_WIDTH - RETURNS_FIRST

# --- Wakes: a slot per instrument, then per latch, then the account's -----------------------------------
WAKES_WIDTH: Final = 2
WAKE_AT: Final = 0
WAKE_PLACE: Final = 1  # in the queue, plus one; 0: not in it
WAKE_SLOTS_ACCOUNT: Final = 8
WAKE_SUSPECT: Final = 0  # after instruments and latches
WAKE_LOSS: Final = 1
WAKE_TIER: Final = 2
WAKE_RESET: Final = 3
WAKE_TILT: Final = 4
WAKE_QUEUE: Final = 5  # a signal that waits expires
WAKE_FLATTEN: Final = 6  # what cannot be closed is told

# --- Journal rows of the trading loop (payload from column 4) ------------------------------------------
# SIGNAL_RECEIVED
RECEIVED_NUMBER: Final = 4
RECEIVED_SIDE: Final = 5
RECEIVED_EDGE: Final = 6
RECEIVED_CONFIDENCE: Final = 7
RECEIVED_GOAL: Final = 8
RECEIVED_PRICE: Final = 9
RECEIVED_EXPIRES: Final = 10
RECEIVED_SOURCE: Final = 11
# SIGNAL_APPROVED, SIGNAL_DENIED
ANSWER_NUMBER: Final = 4
ANSWER_ORDER: Final = 5
ANSWER_LOTS: Final = 6
ANSWER_CODE: Final = 7
# SIGNAL_QUEUED
QUEUED_NUMBER: Final = 4
QUEUED_CODE: Final = 7  # what it waits for: DENY_APPROVAL_AWAITED or DENY_INSTRUMENT_BUSY
QUEUED_LOTS: Final = 6
QUEUED_PRICE: Final = 8
QUEUED_EXPIRES: Final = 9
QUEUED_SIDE: Final = 10
QUEUED_CHECKED: Final = 11  # the number under which its order was checked; none was sent
# APPROVAL_REFUSED
REFUSED_NUMBER: Final = 4
REFUSED_CODE: Final = 5
REFUSED_ACTION: Final = 6  # OperatorAction
# CHECKED
CHECKED_SIGNAL: Final = 4
CHECKED_ORDER: Final = 5
CHECKED_CODE: Final = 6
CHECKED_VERDICT: Final = 7
CHECKED_NUMBER: Final = 8
CHECKED_LIMIT: Final = 9
CHECKED_UNIT: Final = 10
CHECKED_PLACE: Final = 11  # in the written order, from 1
# SIZED
SIZED_SIGNAL: Final = 4
SIZED_METHOD: Final = 5
SIZED_SHARE: Final = 6  # ppb of equity
SIZED_MINOR: Final = 7
SIZED_BEFORE: Final = 8  # lots before minimum, maximum and buying power
SIZED_LOTS: Final = 9
SIZED_CLIP: Final = 10
SIZED_PRICE: Final = 11
# EXIT_FIRED
FIRED_POSITION: Final = 4
FIRED_REASON: Final = 5
FIRED_ALSO: Final = 6  # bits of all that fired
FIRED_PRICE: Final = 7
FIRED_PNL_PPM: Final = 8
FIRED_LOTS: Final = 9
FIRED_NUMBER: Final = 10
FIRED_LIMIT: Final = 11
# EXIT_ATTEMPT
ATTEMPT_POSITION: Final = 4
ATTEMPT_REASON: Final = 5
ATTEMPT_NUMBER: Final = 6
ATTEMPT_KIND: Final = 7  # PriceKind
ATTEMPT_PRICE: Final = 8
ATTEMPT_LOTS: Final = 9
ATTEMPT_ORDER: Final = 10
ATTEMPT_TOUCH: Final = 11  # the opposite side's price
# ATTEMPT_ENDED
ENDED_POSITION: Final = 4
ENDED_REASON: Final = 5
ENDED_NUMBER: Final = 6
ENDED_RESULT: Final = 7
ENDED_LOTS: Final = 8
ENDED_ORDER: Final = 9
ENDED_SENT: Final = 10
ENDED_CODE: Final = 11
# EXIT_ENDED
EXITED_POSITION: Final = 4
EXITED_REASON: Final = 5
EXITED_RESULT: Final = 6
EXITED_ATTEMPTS: Final = 7
EXITED_WALKS: Final = 8
EXITED_LOTS: Final = 9
EXITED_FIRED: Final = 10  # ns
EXITED_LEFT: Final = 11
# POSITION_OPENED, POSITION_CLOSED
TRIP_POSITION: Final = 4
TRIP_DIRECTION: Final = 5
TRIP_SIGNAL: Final = 6
TRIP_REASON: Final = 7  # of a closing
TRIP_REALIZED: Final = 8
TRIP_FEES: Final = 9
TRIP_BASE: Final = 10
TRIP_SINCE: Final = 11
# LATCH_SET, LATCH_CLEARED
LATCHED_LATCH: Final = 4
LATCHED_SEVERITY: Final = 5
LATCHED_NUMBER: Final = 6
LATCHED_LIMIT: Final = 7
LATCHED_MANUAL: Final = 8
LATCHED_BY: Final = 9  # of a clearing: Clearer
LATCHED_UNTIL: Final = 10
LATCHED_EFFECTIVE: Final = 11
# TRUST_CHANGED, TIER_CHANGED, TILT_CHANGED
CHANGED_FROM: Final = 4
CHANGED_TO: Final = 5
CHANGED_NUMBER: Final = 6
CHANGED_LIMIT: Final = 7
# PROTECTION
PROTECTION_POSITION: Final = 4
PROTECTION_LOTS: Final = 5  # without their protection
PROTECTION_BEGINS: Final = 6  # 1 begins, 0 ends
PROTECTION_SINCE: Final = 7
PROTECTION_COUNT: Final = 8
# ALERT
ALERT_CODE: Final = 4
ALERT_SEVERITY: Final = 5
ALERT_POSITION: Final = 6
ALERT_NUMBER: Final = 7
# ENTRY_STEP, ENTRY_ENDED
STEP_SIGNAL: Final = 4
STEP_ORDER: Final = 5
STEP_TRY: Final = 6
STEP_KIND: Final = 7  # OnTimeout: what is done
STEP_PRICE: Final = 8
STEP_LOTS: Final = 9
STEP_RESULT: Final = 10
# LINKED, after each SUBMITTED
LINKED_ORDER: Final = 4
LINKED_SIGNAL: Final = 5
LINKED_POSITION: Final = 6
LINKED_REASON: Final = 7
LINKED_ATTEMPT: Final = 8
LINKED_PARENT: Final = 9
LINKED_GROUP: Final = 10
LINKED_FLAGS: Final = 11
# Inputs
WAKE_SLOT: Final = 4  # WAKE
ERROR_CLASS: Final = 4  # API_ERROR
RECONCILED_OK: Final = 4  # RECONCILED
RECONCILED_FLAT: Final = 5
OPERATOR_ACTION: Final = 4  # OPERATOR
OPERATOR_LATCH: Final = 5
OPERATOR_MINOR: Final = 6  # size of a manual order
OPERATOR_SIGNAL: Final = 7  # number of the signal that a person approves or rejects
COMPONENT_NUMBER: Final = 4  # COMPONENT: a Latch
COMPONENT_GOOD: Final = 5
SESSION_CLOSES: Final = 5  # SESSION_OPEN: ns when it closes; 0: unknown
SESSION_DAY: Final = 6  # SESSION_OPEN: days since 1970 of the trading day; 0: each opening is one
