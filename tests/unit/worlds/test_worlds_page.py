"""The Python blocks of the page on synthetic worlds run."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from sims.worlds import WorldKind

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "synthetic-worlds.md"


def test_the_blocks_of_the_page_run_one_after_another(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    script = tmp_path / "page.py"
    script.write_text("".join(blocks), encoding="utf-8")
    assert "columns" in runpy.run_path(str(script))


def test_every_kind_has_a_row() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"| `{kind.name}` |" in text for kind in WorldKind)
