"""Pages that are written from the core's tables are as the tables are."""

from __future__ import annotations

import pytest

from docs.refresh_tables import FOLDER, PAGES
from engine.model.denials import SENTENCES, Denial
from engine.model.orders import TRANSITIONS, OrderEvent, OrderStatus
from engine.model.reference import EVENTS, STATUSES


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_its_table_is(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == PAGES[name](), "run `python -m docs.refresh_tables`"


def test_every_status_and_event_is_explained() -> None:
    assert set(STATUSES) == set(OrderStatus) - {OrderStatus.NONE}
    assert set(EVENTS) == set(OrderEvent)


def test_the_diagram_has_every_edge_that_moves_an_order() -> None:
    diagram = PAGES["orders.md"]().split("```")[1]
    for (status, event), outcome in TRANSITIONS.items():
        if status is not outcome:
            lines = [line for line in diagram.splitlines() if f"{status.name} --> " in line]
            assert any(f"--> {outcome.name}: " in line and event.name in line for line in lines)


@pytest.mark.parametrize("denial", [denial for denial in Denial if denial is not Denial.NONE])
def test_every_denial_is_on_its_page(denial: Denial) -> None:
    row = f"| `{denial.name.lower()}` | {int(denial)} | {SENTENCES[denial]} |"
    assert row in PAGES["denials.md"]()
