"""What is done to the workspace before `trader promote` is typed, and what the gate or the approver's desk says."""

from __future__ import annotations

from typing import Final

from tests.scenarios.refusal_rows import (
    DAY_SECONDS,
    Row,
    edit_code,
    edit_file,
    elsewhere,
    lose_record,
    nothing,
    order_named,
    smaller_limits,
)
from tests.scenarios.refusal_workspace import (
    CALM,
    CERTIFICATE,
    REQUEST,
    WEEKS_END_NS,
    Scene,
    strategy_text,
)

GATE: Final = "trader promote dips"
ASK: Final = f"{GATE} --request"
APPROVE: Final = f"trader promote --approve {REQUEST}"


# --- deeds --------------------------------------------------------------------------------------------
def dearer(scene: Scene) -> None:
    """Fees that leave a Sharpe ratio of 0.99999874, found by halving; the market is a function of its seed."""
    scene.edit("strategies/dips.toml", "taker_bps = 1", "taker_bps = 34.20206")
    scene.done("backtest", "dips")


def four_days(scene: Scene) -> None:
    scene.paper(strategy_text("2024-05-01", "2024-05-09"))


def empty_days(scene: Scene) -> None:
    """A market that only rises: nothing to do on ten days."""
    scene.paper(strategy_text("2024-05-01", "2024-05-15", CALM))


def edit_figures(scene: Scene) -> None:
    scene.sql("UPDATE runs SET final_equity = '1000000', sharpe_daily = 0.3")


def edit_journal(scene: Scene) -> None:
    scene.sql(
        "UPDATE journal SET payload = CAST(replace(CAST(payload AS TEXT), 'slice', 'Slice') AS BLOB) "
        "WHERE sequence = 20"
    )


def delete_session(scene: Scene) -> None:
    scene.sql("DELETE FROM journal")
    scene.sql("DELETE FROM sessions")


def without_guards(scene: Scene) -> None:
    text = (scene.folder / "strategies" / "dips.toml").read_text()
    start, end = text.index("[guards]"), text.index("[fills.fees]")
    (scene.folder / "strategies" / "dips.toml").write_text(text[:start] + text[end:])
    scene.done("backtest", "dips")


def withdrawals(scene: Scene) -> None:
    scene.venue()
    scene.edit("trader.toml", "withdrawals = true\n", "")


def two_months_later(scene: Scene) -> None:
    scene.venue(start_ns=WEEKS_END_NS + 60 * DAY_SECONDS * 10**9)


def without_gate_key(scene: Scene) -> None:
    scene.done("keys", "remove", "gate", "--private")


def edit_request(scene: Scene) -> None:
    scene.edit(REQUEST, '"stage":"PROBATION"', '"stage":"FULL"')


def tear_request(scene: Scene) -> None:
    path = scene.folder / REQUEST
    path.write_bytes(path.read_bytes()[:-20])


PROMOTION: tuple[Row, ...] = (
    Row("no backtest", nothing, GATE, "R01", "Not there: a backtest", stage="begun"),
    Row("a Sharpe ratio of 0.999999", dearer, GATE, "R01", "is 0.999999; at least 1 is asked for",
        stage="tried"),
    Row("no paper", nothing, GATE, "R02", "0 of 5 paper days count", stage="tried"),
    Row("four days of paper", four_days, GATE, "R02", "4 of 5 paper days count", stage="tried"),
    Row("ten days of paper on which nothing happened", empty_days, GATE, "R02",
        "2 of 5 paper days count", stage="tried"),
    Row("no drill of the kill switch", nothing, GATE, "R11", "There was no drill", stage="begun"),
    Row("no limits", without_guards, GATE, "R03", "The drawdown cap is not set", stage="tried"),
    Row("a limit over the workspace's policy", smaller_limits, GATE, "R03", "the policy allows 2"),
    Row("the venue does not run", nothing, GATE, "R04", "Not there: an answer of the venue"),
    Row("nobody has acknowledged that the key may withdraw", withdrawals, GATE, "R04",
        "Whether the key may withdraw money is not known"),
    Row("an order that a person has sent", order_named("by-hand"), GATE, "R05",
        "1 working orders are not ours"),
    Row("the backtest's figures were edited in the database", edit_figures, GATE, "R06",
        "final equity is not what was recorded"),
    Row("a record of a paper session was edited", edit_journal, GATE, "R06",
        "The chain of journal"),
    Row("the paper sessions were deleted", delete_session, GATE, "R06", "is broken"),
    Row("two months later", two_months_later, GATE, "R07", "days old; at most 45"),
    Row("the TOML file was edited since the backtest", edit_file, GATE, "R01", "Not there"),
    Row("the code was edited since the backtest", edit_code, GATE, "R01", "Not there"),
    Row("the code was edited since the paper days", edit_code, GATE, "R10",
        "no paper session of this version"),
    Row("the gate's key is not here", without_gate_key, ASK, "keys.no_signer", "no private gate key", 2),
)  # fmt: skip

APPROVAL: tuple[Row, ...] = (
    Row("the request was edited", edit_request, APPROVE, "certificate.signature", "was edited"),
    Row("the request is torn", tear_request, APPROVE, "certificate.damaged", "torn"),
    Row("eight days later", lambda s: s.move_clock(8 * DAY_SECONDS), APPROVE,
        "certificate.expired", "the request is older than 7 days"),
    Row("the clock was moved back an hour", lambda s: s.move_clock(-3600), APPROVE,
        "certificate.not_yet", "of a time that has not come"),
    Row("the request of another workspace", elsewhere, APPROVE, "certificate.unknown_key",
        "the key of the gate is not known here"),
    Row("a check is waived that was passed", nothing, f"{APPROVE} --waive R01=luck",
        "certificate.waiver", "may not be: R01"),
    Row("approved already", nothing, APPROVE, "certificate.serial", "1 was issued already"),
    Row("a certificate in the request's place", nothing,
        f"trader promote --approve {CERTIFICATE}", "certificate.unsigned",
        "a certificate already"),
    Row("two approvers, and the author has not signed",
        lambda s: s.done("keys", "new", "approver", "--name", "bert"), f"{APPROVE} --key bert",
        "certificate.four_eyes", "who has asked for it"),
    Row("the approver's key is not here", lambda s: s.done("keys", "remove", "anna", "--private"),
        APPROVE, "keys.no_signer", "no private approver key", 2),
    Row("a revocation without a reason", nothing, f"trader promote --revoke {CERTIFICATE}",
        "promotion.why", "a revocation needs a reason", 2),
    Row("a revocation of what is not known", nothing,
        "trader promote --revoke 000000 --why wrong", "promotion.unknown", "no certificate has", 2),
    Row("the database was put back to an old copy", lose_record, "trader promote --show",
        "promotion.record", "put back to an old copy", 2),
)  # fmt: skip
