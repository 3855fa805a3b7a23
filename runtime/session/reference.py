"""docs/reference/sessions.md, written from the tables that sessions and the gateway run on."""

from __future__ import annotations

from typing import Final

from runtime.gateway.checks import CHECKS
from runtime.gateway.refusals import SENTENCES, Refusal
from runtime.session.states import TRANSITIONS, SessionState

_MEANINGS: Final[dict[SessionState, str]] = {
    SessionState.CREATED: "recorded; nothing has begun",
    SessionState.STARTING: "the account is taken, the journal opened, what was before is played",
    SessionState.RECONCILING: "the broker's truth is read, or the feed has a gap: no new risk",
    SessionState.RUNNING: "everything that passes the checks may leave",
    SessionState.PAUSED: "no entries; exits and cancels go on",
    SessionState.HALTED: "a guard or the kill switch has halted it: only what closes, and cancels",
    SessionState.STOPPING: "no entries; what works is treated as configured",
    SessionState.STOPPED: "ended in order; the same command goes on with it",
    SessionState.FAILED: "ended by an error; the same command recovers it",
}


def sessions_page() -> str:
    """Return the page."""
    states = [f"| `{state.value}` | {_MEANINGS[state]} |" for state in SessionState]
    edges = [
        f"  {before.value} --> {after.value}"
        for before, outcomes in TRANSITIONS.items()
        for after in outcomes
    ]
    checks = [
        f"{number}. **{check.__name__.removeprefix('check_')}**: {(check.__doc__ or '').strip()}"
        for number, check in enumerate(CHECKS, start=1)
    ]
    refusals = [f"| `{each.name.lower()}` | {int(each)} | {SENTENCES[each]} |" for each in Refusal]
    return "\n".join(
        [
            "# Sessions",
            "",
            "<!-- Written by runtime/session/reference.py; a test fails when it is stale. -->",
            "",
            "What a session is, and what it survives, is in [Paper sessions](../explain/sessions.md).",
            "",
            "## States",
            "",
            "| state | what it means |",
            "|---|---|",
            *states,
            "",
            "```mermaid",
            "stateDiagram-v2",
            *edges,
            "```",
            "",
            "## The gateway's checks, in their order",
            "",
            "They are made at the last moment before an order leaves, from books of their own, in paper",
            "and live alike. A cancel has to pass *lease* and *identity* only. Each line of",
            "`tests/scenarios/gateway.txt` is a test of them.",
            "",
            *checks,
            "",
            "## Why something did not leave",
            "",
            "A refusal reaches the strategy as a rejected order. Codes are stable.",
            "",
            "| reason | code | what it says |",
            "|---|---|---|",
            *refusals,
            "",
        ]
    )
