"""Random stories of an account: what must hold after each word, whatever happens."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.trading import Latch, Severity
from tests.unit.trading.guarded import Guarded
from tests.unit.trading.test_guards_table import QUIET

PRICES = st.sampled_from(("60", "79.99", "80", "90", "95", "99.99", "100", "105", "125", "130"))
MONEY = st.sampled_from(("0.01", "5", "20", "100", "600", "2000"))
WORDS = st.one_of(
    st.builds("bar ABC {}".format, PRICES),
    st.builds("& bar DEF {}".format, PRICES),
    st.builds("print ABC {}".format, PRICES),
    st.builds("quote ABC {} 140".format, PRICES),
    st.builds("buy ABC 1 @ {}".format, PRICES),
    st.builds("sell ABC 1 @ {} fee 0.01".format, PRICES),
    st.builds("buy DEF 2 @ {}".format, PRICES),
    st.builds("deposit {}".format, MONEY),
    st.builds("withdraw {}".format, MONEY),
    st.builds("correction -{}".format, MONEY),
    st.builds("reset {}".format, st.sampled_from([g.name.lower() for g in list(Latch)[1:]])),
    st.sampled_from(
        ("lost ABC", "quote ABC 0 5", "day", "+1s", "+2s", "+10s", "+1h", "+24h", "+0s", "db", "api",
         "reconciled flat", "unreconciled", "pause", "resume", "kill", "bad health", "good health",
         "stopped DEF", "edit", "manual ABC 5", "kill flatten", "suspect ABC 1", "suspect ABC 0")
    ),
)  # fmt: skip
SETTINGS = st.sampled_from(
    (
        {"minimum": "60", "tier": "hunter", "hold": "2s"},
        {"daily": "20", "daily_percent": "5", "stops": "2", "scope": "instrument"},
        {"daily": "300", "operator": "next_day", "manual": "1", "stops": "2"},
        {"drawdown": "5", "reset": "2", "every": "1s", "tilt_window": "1h", "cooling": "1m"},
    )
)


@settings(max_examples=60)
@given(settings=SETTINGS, words=st.lists(WORDS, min_size=5, max_size=40))
def test_what_always_holds(settings: dict[str, str], words: list[str]) -> None:
    quick, close = Guarded(settings), Guarded(settings, closely=True)
    for account in (quick, close):
        account.happen("cash 1500")
        account.happen("& day")
    for word in words:
        before = {name: quick.latch(name) for name in quick.latches()}
        quick.happen(word)
        close.happen(word)
        check_latches(quick, word, before, settings)
        assert quick.s.account[at.ACCOUNT_FAULT] == at.FAULT_NONE
    for account in (quick, close):
        account.finish()
        for column in QUIET:
            account.s.guard[column] = 0
    assert (quick.block == close.block).all()
    assert (quick.core.journal == close.core.journal).all()


def check_latches(
    account: Guarded, word: str, before: dict[str, dict[str, int]], settings: dict[str, str]
) -> None:
    """Manual latches go by their own reset alone, untrusted equity trips none, the worst latch counts."""
    after = account.latches()
    names = [Severity[severity.upper()] for severity in after.values()]
    assert account.severity == max([Severity.ACTIVE, *names])
    pretended = word == "day" and settings.get("operator") == "next_day"
    for name, latch in before.items():
        if latch["manual"] and name not in after:
            resumed = name == "pause" and word == "resume"
            assert word == f"reset {name}" or resumed or pretended, (word, name)
        if name in after and latch["severity"] > account.latch(name)["severity"]:
            assert latch["count"] < account.latch(name)["count"], (word, name)
    if account.s.guard[loop.GUARD_TRUSTED] == 1 and not word.startswith("+"):
        for name in ("daily_loss", "drawdown", "minimum_equity"):
            assert name not in after or name in before, (word, name)
