"""The page on exits, written from the table that the core runs on.

``python -m docs.refresh_tables`` renews it; a test fails when it is stale.
"""

from __future__ import annotations

from typing import Final

from engine.model.exits import EXIT_RULES, STAGES, WALKS, ExitRule
from engine.model.trading import AttemptResult, ExitAlert, ExitPhase, PriceKind, WalkKind

_PERCENT: Final = 10**4
PRICES: Final[dict[PriceKind, str]] = {
    PriceKind.MARKET: "at market",
    PriceKind.AGGRESSIVE: "through the touch by one step, or by 2 % where that is less",
    PriceKind.FAIR: "the mid, on the side of the grid that does not cross",
    PriceKind.CONSERVATIVE: "at the far touch",
}
PHASES: Final[dict[ExitPhase, str]] = {
    ExitPhase.IDLE: "nothing is being closed",
    ExitPhase.CLEARING: "what stands in the way is being canceled",
    ExitPhase.WORKING: "an order to close works",
    ExitPhase.CHANGING: "its price is being changed",
    ExitPhase.ENDING: "it is being canceled, another follows",
    ExitPhase.GIVING_UP: "it is being canceled, none follows",
    ExitPhase.QUEUED: "nothing can be sent now",
}
RESULTS: Final[dict[AttemptResult, str]] = {
    AttemptResult.FILLED: "an attempt: all of it traded",
    AttemptResult.REPLACED: "an attempt: the next price took its place",
    AttemptResult.CANCELED: "an attempt: canceled, by us or by the venue, or a change that never was",
    AttemptResult.EXPIRED: "an attempt: expired; sent again at the same step",
    AttemptResult.REJECTED: "an attempt: refused by the venue; three tries in a row",
    AttemptResult.DENIED: "an attempt: refused by our own checks; never sent",
    AttemptResult.CLOSED: "an exit: what was wanted is closed",
    AttemptResult.CLOSED_ELSEWHERE: "an exit: something else closed the position",
    AttemptResult.TAKEN_OVER: "an exit: a more urgent condition went on with it",
    AttemptResult.FAILED: "an exit: given up; tried again at the next mark",
}
ALERTS: Final[dict[ExitAlert, str]] = {
    ExitAlert.EXIT_FAILED: "an exit was given up",
    ExitAlert.EXIT_STUCK: "a market order did not close the position in its wait",
    ExitAlert.EXIT_QUEUED: "nothing can be sent: halted, or stopped by a latch",
}


def exits_page() -> str:
    """Return docs/reference/exits.md."""
    stages = ", ".join(f"{share // _PERCENT} % at +{at // _PERCENT} %" for at, share in STAGES)
    return "\n".join(
        [
            "# Exits",
            "",
            "<!-- Written by engine/model/exit_reference.py; a test fails when it is stale. -->",
            "",
            "What closes a position, with the defaults. How it is meant, and the cases at the edges,",
            "are in [how a position is closed](../explain/exits.md).",
            "",
            "## Conditions",
            "",
            "A lower priority number wins; within one the order of the rows.",
            "",
            "| no | condition | priority | fires when | closes |",
            "|---|---|---|---|---|",
            *(_condition(rule) for rule in EXIT_RULES),
            "",
            f"Stages: {stages}.",
            "",
            "## Orders",
            "",
            "| condition | first order | wait | walks | walk | then |",
            "|---|---|---|---|---|---|",
            *(_orders(rule) for rule in EXIT_RULES),
            "",
            "| price | of a sale |",
            "|---|---|",
            *(f"| {kind.name.lower()} | {text} |" for kind, text in PRICES.items()),
            "",
            "| walk | first step | growing by | wait between |",
            "|---|---|---|---|",
            *(_walk(kind) for kind in WALKS if kind is not WalkKind.NONE),
            "",
            "## Phases, results, alerts",
            "",
            "| phase | number | meaning |",
            "|---|---|---|",
            *(
                f"| {phase.name.lower()} | {int(phase)} | {text} |"
                for phase, text in PHASES.items()
            ),
            "",
            "| result | number | of |",
            "|---|---|---|",
            *(f"| {each.name.lower()} | {int(each)} | {text} |" for each, text in RESULTS.items()),
            "",
            "| alert | code | when |",
            "|---|---|---|",
            *(f"| {each.name.lower()} | {int(each)} | {text} |" for each, text in ALERTS.items()),
            "",
        ]
    )


def _condition(rule: ExitRule) -> str:
    name = f"`{rule.reason.name.lower()}`"
    return (
        f"| {int(rule.reason)} | {name} | {rule.priority.name.lower()} ({int(rule.priority)}) "
        f"| {rule.fires} | {rule.quantity} |"
    )


def _orders(rule: ExitRule) -> str:
    walk = "" if rule.walk is WalkKind.NONE else rule.walk.name.lower()
    then = "give up, try again" if not rule.then_market else "at market"
    if rule.price is PriceKind.MARKET:
        then = "at market again"
    return (
        f"| `{rule.reason.name.lower()}` | {rule.price.name.lower()} | {rule.wait_seconds} s "
        f"| {rule.walks or ''} | {walk} | {then} |"
    )


def _walk(kind: WalkKind) -> str:
    rule = WALKS[kind]
    return (
        f"| {kind.name.lower()} | {rule.step_milli / 1000:.1f} steps "
        f"| {rule.growth_milli / 1000:.1f} | {rule.wait_seconds} s |"
    )
