"""docs/reference/gate.md, written from the tables that the gate runs on."""

from __future__ import annotations

from collections.abc import Iterable

from engine.gate.drift import __doc__ as drift_text
from engine.gate.paper_days import CONDITIONS
from engine.gate.policy import Profile, Thresholds, may_only_rise
from engine.gate.registry import CHECKS, Definition
from engine.gate.verdicts import GATE_VERSION

_GROUPS = (
    ("R", "Required by every profile"),
    ("S", "The backtest: is there an edge?"),
    ("P", "Paper: does it do what the backtest does?"),
)


def gate_page() -> str:
    """Return the page."""
    lines = [
        "# The promotion gate",
        "",
        "<!-- Written by engine/gate/reference.py; a test fails when it is stale. -->",
        "",
        f"Gate version {GATE_VERSION}. What it asks and why is in [The promotion gate](../explain/gate.md).",
        "Every check answers PASS, FAIL (the evidence contradicts it) or INSUFFICIENT (more time or data could",
        "change it). Missing evidence is INSUFFICIENT; what is no finite number, or breaks a check, is FAIL.",
    ]
    for letter, title in _GROUPS:
        rows = [each for each in CHECKS if each.id.startswith(letter)]
        lines += ["", f"## {title}", "", *_check_table(rows, with_profiles=letter != "R")]
    lines += ["", "## Paper days", "", *_day_text(), "", "## Thresholds", "", *_threshold_text()]
    lines += ["", "## After promotion", "", *_drift_text(), ""]
    return "\n".join(lines)


def _check_table(rows: Iterable[Definition], *, with_profiles: bool) -> Iterable[str]:
    if not with_profiles:
        yield "| id | check | asks | value | reads |"
        yield "|---|---|---|---|---|"
    else:
        yield "| id | check | asks | value | reads | required by | waivable |"
        yield "|---|---|---|---|---|---|---|"
    for each in rows:
        reads = ", ".join(each.reads) if each.id != "R12" else "everything"
        row = f"| {each.id} | `{each.name}` | {_rule(each)} | {each.unit or '-'} | {reads} |"
        if with_profiles:
            profiles = ", ".join(profile.value for profile in each.profiles) or "none"
            row += f" {profiles} | {'yes' if each.is_waivable else 'no'} |"
        yield row


def _rule(definition: Definition) -> str:
    defaults = {name: _shown(name) for name in Thresholds.__struct_fields__}
    return definition.rule.format_map(defaults)


def _shown(name: str) -> str:
    return f"{getattr(Thresholds(), name):g}" if name != "consistency_z_min" else "-2.326348"


def _day_text() -> Iterable[str]:
    asked = Thresholds()
    yield "A venue date counts once, whatever was restarted, if each of these holds. Of the idle days (nothing"
    yield f"to do, and the shadow agrees) at most {asked.idle_share_max:.0%} of the minimum count."
    yield ""
    yield "| | what has to hold |"
    yield "|---|---|"
    for letter, condition in CONDITIONS.items():
        yield f"| {letter} | {(condition.__doc__ or '').strip().rstrip('.')} |"


def _threshold_text() -> Iterable[str]:
    yield "They may be made stricter and never laxer; each is part of the policy's hash."
    yield ""
    yield "| threshold | default | may only be |"
    yield "|---|---|---|"
    for name in Thresholds.__struct_fields__:
        yield f"| `{name}` | {_shown(name)} | {'raised' if may_only_rise(name) else 'lowered'} |"
    yield ""
    optional = ", ".join(f"`{profile.value}`" for profile in Profile)
    yield f"Profiles: {optional}. What a profile does not require is told all the same."


def _drift_text() -> Iterable[str]:
    yield from (drift_text or "").strip().splitlines()[2:]
