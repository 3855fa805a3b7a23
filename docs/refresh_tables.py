"""Write the reference pages that are made from tables of the core (`make docs`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.gate.reference import gate_page
from engine.model.exit_reference import exits_page
from engine.model.reference import denials_page, orders_page
from engine.rules.metric_definitions import definitions_to_markdown
from runtime.observing.reference import monitoring_page
from runtime.session.reference import sessions_page

FOLDER = Path(__file__).parent / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "orders.md": orders_page,
    "denials.md": denials_page,
    "exits.md": exits_page,
    "metrics.md": definitions_to_markdown,
    "sessions.md": sessions_page,
    "monitoring.md": monitoring_page,
    "gate.md": gate_page,
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
        print(f"docs/reference/{name}")


if __name__ == "__main__":
    main()
