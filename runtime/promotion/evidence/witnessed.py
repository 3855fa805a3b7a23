"""The registry of runs beside its witness: trials that were recorded and are not there any more."""

from __future__ import annotations

from collections.abc import Sequence

from engine.gate.evidence import Recomputed
from runtime.promotion.store import Acceptance
from runtime.store import Store
from runtime.store.witness import ACCEPTED, Witnessed, shortened

REMEDY = (
    "Bring back registry and file; if that cannot be, an approver goes on with what is there: "
    "`trader promote --accept-record --why TEXT`."
)


def problem_of(
    store: Store, acceptances: Sequence[Acceptance], family: str | None = None
) -> str | None:
    """Return why the registry cannot be relied on; empty: it can; None: its witness is missing.

    Parameters
    ----------
    acceptances
        Of the record of promotions, the oldest first: what an approver has accepted begins a new witness.
    family
        Whose trials are looked at; all when left out.
    """
    if not store.witness.exists:
        return None if any(store.count_families()) else ""
    witnessed = store.witness.read()
    if witnessed.broken:
        return f"line {witnessed.broken} of {store.witness.path.name} is not as it was written"
    if not _is_rightful(witnessed, acceptances):
        return f"{store.witness.path.name} was begun anew, and no approver has signed for that"
    gone = _gone(store, witnessed, family)
    if not gone:
        return ""
    what = "1 evaluation is" if gone == 1 else f"{gone} evaluations are"
    return f"{what} gone that {store.witness.path.name} has"


def recomputed(store: Store, acceptances: Sequence[Acceptance], family: str) -> Recomputed:
    """Return the registry as the gate is told of it."""
    name = "the registry of runs"
    problem = problem_of(store, acceptances, family)
    if problem is None:
        return Recomputed(f"{name} ({store.witness.path.name})", None, "", REMEDY)
    told = f"{name} ({problem})" if problem else name
    return Recomputed(told, "whole", "not whole" if problem else "whole", REMEDY)


def _is_rightful(witnessed: Witnessed, acceptances: Sequence[Acceptance]) -> bool:
    """Return whether it goes on from the last witness that was accepted, or is the first one."""
    accepted = [each.event.witness for each in acceptances if each.event.witness]
    if accepted:
        return accepted[-1] in witnessed.hashes
    return witnessed.why != ACCEPTED


def _gone(store: Store, witnessed: Witnessed, family: str | None) -> int:
    """Return how many evaluations the registry does not have any more."""
    there = {(shortened(one), shortened(two)) for one, two in store.tried(family)}
    wanted = None if family is None else shortened(family)
    return sum(
        (one, two) not in there
        for one, each in witnessed.evaluations.items()
        if wanted in (None, one)
        for two in each
    )
