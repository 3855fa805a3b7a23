"""A damaged record is gone on with where an approver has signed for it, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from runtime.promotion.desk import Desk
from runtime.promotion.events import Reanchored
from runtime.promotion.keys import Keys, Signer
from runtime.promotion.signing import ACCEPTANCE
from runtime.promotion.store import PromotionStore
from tests.unit.promotion.certificates import ANNA, BERT, NOW, MovableClock
from tests.unit.promotion.test_promotion_store import alter, filled, opened_file


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


def desk_of(store: PromotionStore, clock: MovableClock, folder: Path) -> Desk:
    """Return a desk that trusts Anna, and nobody else."""
    keys = Keys(folder / "keys")
    keys.trust(ANNA.public)
    return Desk(keys, store, clock)


@pytest.mark.parametrize(("who", "is_accepted"), [(ANNA, True), (BERT, False)])
def test_a_record_is_accepted_by_somebody_who_is_trusted(
    tmp_path: Path, clock: MovableClock, who: Signer, is_accepted: bool
) -> None:
    filled(tmp_path, clock)
    alter(tmp_path, "DELETE FROM promotion_events")
    with opened_file(tmp_path, clock) as store:
        store.accept("anna@desk", "the disk had died", who)
        desk = desk_of(store, clock, tmp_path)
        ((shown, counts),) = desk.accepted()
        assert (shown.event.why, counts) == ("the disk had died", is_accepted)
        problem = "" if is_accepted else "nobody who is trusted here has signed"
        assert problem in desk.known().problem and bool(problem) is bool(desk.known().problem)


@pytest.mark.parametrize(
    "change",
    [
        {"signature": ""},
        {"why": "another reason"},
        {"problem": "nothing much"},
        {"sequence": 7},
        {"key": BERT.key},
    ],
)
def test_an_acceptance_that_was_not_signed_so_counts_for_nothing(
    tmp_path: Path, clock: MovableClock, change: dict[str, object]
) -> None:
    """Whoever writes the trail with a tool of his own has no key: what he accepts opens nothing."""
    filled(tmp_path, clock)
    with opened_file(tmp_path, clock) as store:
        plain = Reanchored(
            "it was put back",
            "anna@desk",
            "the disk had died",
            store.audit.head.sequence,
            store.audit.head.hash.hex(),
            accepted_ns=NOW,
            key=ANNA.key,
        )
        signed = replace(plain, signature=ANNA.sign(ACCEPTANCE, plain.to_sign()))
        store.audit.append(replace(signed, **change))
        desk = desk_of(store, clock, tmp_path)
        assert "has signed that it is accepted" in desk.known().problem
        store.accept("anna@desk", "I have looked", ANNA, desk.known().problem)
        assert desk.known().problem == ""


def test_an_acceptance_holds_for_the_place_where_it_was_given(
    tmp_path: Path, clock: MovableClock
) -> None:
    """Taken out of the trail and added once more, it is none."""
    filled(tmp_path, clock)
    alter(tmp_path, "DELETE FROM promotion_events")
    with opened_file(tmp_path, clock) as store:
        store.accept("anna@desk", "the disk had died", ANNA)
        store.audit.append(store.acceptances()[0].event)
        assert "has signed" in desk_of(store, clock, tmp_path).known().problem
