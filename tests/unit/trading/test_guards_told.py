"""What the guards tell the journal, and what must not change by looking twice."""

from __future__ import annotations

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.trading import Clearer, Distrust, Latch, Severity, Tier
from engine.model.units import to_minor
from engine.rules.guards import watch_equity
from engine.rules.latches import clear_latch, effective_severity, set_latch
from engine.state import state_hash
from tests.unit.trading.guarded import START, Guarded, split_words


def account_of(text: str, **settings: str) -> Guarded:
    """Return an account to which something has happened."""
    account = Guarded(settings)
    cash, *rest = split_words(text)
    account.happen(cash)
    account.happen("& day")
    for word in rest:
        account.happen(word)
    account.finish()
    return account


def test_a_daily_loss_tells_result_and_level() -> None:
    account = account_of("cash 10000; hold ABC 1 @ 5000; bar ABC 4400", drawdown="0")
    (row,) = account.journal(at.KIND_LATCH_SET)
    assert row[loop.LATCHED_LATCH] == Latch.DAILY_LOSS
    assert row[loop.LATCHED_SEVERITY] == Severity.FLATTENING
    assert row[loop.LATCHED_NUMBER] == to_minor("-600")
    assert row[loop.LATCHED_LIMIT] == to_minor("-500")
    assert row[loop.LATCHED_MANUAL] == 1
    assert row[loop.LATCHED_UNTIL] == loop.NEVER
    assert row[loop.LATCHED_EFFECTIVE] == Severity.FLATTENING


def test_a_drawdown_tells_its_share_rounded_down_and_the_new_peak_when_cleared() -> None:
    account = account_of("cash 90; correction -29.99; reset drawdown", daily="0")
    flattening, locked = account.journal(at.KIND_LATCH_SET)
    assert flattening[loop.LATCHED_NUMBER] == 333_222  # 29.99 / 90 = 33.3222..%
    assert flattening[loop.LATCHED_LIMIT] == 200_000
    assert locked[loop.LATCHED_SEVERITY] == Severity.LOCKED
    assert locked[loop.LATCHED_NUMBER] == 333_222
    (cleared,) = account.journal(at.KIND_LATCH_CLEARED)
    assert cleared[loop.LATCHED_SEVERITY] == Severity.LOCKED
    assert cleared[loop.LATCHED_NUMBER] == to_minor("60.01")
    assert cleared[loop.LATCHED_BY] == Clearer.PERSON
    assert cleared[loop.LATCHED_EFFECTIVE] == Severity.ACTIVE


def test_who_clears_is_told() -> None:
    itself = account_of("cash 100; correction -20; deposit 10; +20s", daily="0")
    assert [row[loop.LATCHED_BY] for row in itself.journal(at.KIND_LATCH_CLEARED)] == [0]
    pretended = account_of("cash 9999; correction -600; day", operator="next_day")
    rows = pretended.journal(at.KIND_LATCH_CLEARED)
    assert [row[loop.LATCHED_BY] for row in rows] == [Clearer.SIMULATION]


def test_a_loss_of_trust_tells_the_instrument_and_why() -> None:
    account = account_of("cash 10000; hold DEF 1 @ 10; lost DEF; bar DEF 10", drawdown="0")
    lost, found = account.journal(at.KIND_TRUST_CHANGED)
    assert lost[at.EVENT_INSTRUMENT] == account.number("DEF")
    assert (lost[loop.CHANGED_FROM], lost[loop.CHANGED_TO]) == (0, 1)
    assert lost[loop.CHANGED_NUMBER] == Distrust.MARK_LOST
    assert (found[loop.CHANGED_FROM], found[loop.CHANGED_TO]) == (1, 0)


def test_a_missing_rate_is_told_and_does_not_stop_the_core() -> None:
    account = account_of("cash 10000; buy SAP 1 @ 100")
    (row,) = account.journal(at.KIND_TRUST_CHANGED)
    assert row[loop.CHANGED_NUMBER] == Distrust.NO_RATE
    assert account.s.account[at.ACCOUNT_FAULT] == at.FAULT_NONE


def test_a_value_that_does_not_fit_is_told_and_does_not_stop_the_core() -> None:
    account = account_of("cash 10000; hold ABC 90000000 @ 1; bar ABC 90000000000")
    (row,) = account.journal(at.KIND_TRUST_CHANGED)
    assert row[loop.CHANGED_NUMBER] == Distrust.TOO_LARGE
    assert account.latches() == {"untrusted": "reduce_only"}
    assert account.s.account[at.ACCOUNT_FAULT] == at.FAULT_NONE


def test_a_change_of_tier_tells_equity_and_level() -> None:
    account = account_of("cash 2000; withdraw 1")
    (row,) = account.journal(at.KIND_TIER_CHANGED)
    assert (row[loop.CHANGED_FROM], row[loop.CHANGED_TO]) == (Tier.HUNTER, Tier.SNIPER)
    assert row[loop.CHANGED_NUMBER] == to_minor("1999")
    assert row[loop.CHANGED_LIMIT] == to_minor("2000")


def test_a_lock_of_one_instrument_is_told() -> None:
    account = account_of("cash 9999; stopped DEF", stops="1", scope="instrument", stop_lock="30m")
    (row,) = account.journal(at.KIND_LATCH_SET)
    assert row[at.EVENT_INSTRUMENT] == account.number("DEF")
    assert row[loop.LATCHED_LATCH] == Latch.STOP_LOSSES
    assert row[loop.LATCHED_UNTIL] - account.now == 1800 * 10**9
    assert row[loop.LATCHED_EFFECTIVE] == Severity.ACTIVE


def test_setting_a_set_latch_again_changes_and_tells_nothing() -> None:
    account = account_of("cash 10000; pause; pause; pause")
    assert len(account.journal(at.KIND_LATCH_SET)) == 1
    assert account.latch("pause")["count"] == 1


def test_a_latch_is_raised_and_never_lowered() -> None:
    account = account_of("cash 10000")
    s, g = account.s, Latch.HEALTH
    set_latch(s, g, Severity.PAUSED_ALL, 7, 8, 0, loop.NEVER)
    set_latch(s, g, Severity.REDUCE_ONLY, 9, 9, 1, loop.NEVER)
    assert account.latch("health") | {"count": 0, "until": 0} == {
        "severity": Severity.PAUSED_ALL,
        "number": 7,
        "limit": 8,
        "manual": 1,
        "until": 0,
        "count": 0,
    }
    assert effective_severity(s) == s.account[at.ACCOUNT_SEVERITY] == Severity.PAUSED_ALL


def test_a_latch_that_is_not_set_cannot_be_cleared() -> None:
    account = account_of("cash 10000")
    for latch in Latch:
        for by in Clearer:
            assert not clear_latch(account.s, latch, by)
    assert account.journal(at.KIND_LATCH_CLEARED) == []


def test_clearing_by_itself_leaves_every_manual_latch() -> None:
    account = account_of("cash 10000")
    for latch in list(Latch)[1:]:
        set_latch(account.s, latch, Severity.REDUCE_ONLY, 0, 0, 1, loop.NEVER)
        assert not clear_latch(account.s, latch, Clearer.ITSELF)
        assert clear_latch(account.s, latch, Clearer.PERSON)
    assert account.severity is Severity.ACTIVE


def test_looking_twice_changes_nothing() -> None:
    account = account_of(
        "cash 10000; hold ABC 1 @ 5000; quote ABC 4499.98 4500; lost ABC; deposit 5; quote ABC 1 0"
    )
    before = state_hash(account.block)
    for _ in range(3):
        watch_equity(account.s)
    assert state_hash(account.block) == before


def test_a_second_open_of_the_same_day_begins_no_day() -> None:
    account = account_of("cash 10000; hold ABC 1 @ 5000; bar ABC 4600", drawdown="0")
    assert account.claim("day") == -400
    account.s.calendars[0, loop.CALENDAR_DAY] -= 1  # as the calendar that counts days, not sessions
    account.happen("day")
    assert account.claim("day") == -400


def test_nothing_waits_for_ever_in_the_queue() -> None:
    account = account_of("cash 100; hold ABC 1 @ 100; print ABC 81; print ABC 100", daily="10")
    assert account.s.account[at.ACCOUNT_NEXT_WAKE] == loop.NEVER
    assert account.now > START


def test_an_account_without_money_has_no_guards_to_trip() -> None:
    account = Guarded({})
    for word in ("day", "lost ABC", "print ABC 5", "+1d", "day"):
        account.happen(word)
    account.finish()
    assert account.latches() == {}
