"""The reference page of the strategy file says what the models say."""

from __future__ import annotations

import re
from pathlib import Path

from runtime.config.reference import strategy_file_page
from tests.unit.config.strategy_texts import parse

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "strategy-file.md"


def test_the_page_is_not_stale() -> None:
    renew = "python -m runtime.config.reference > docs/reference/strategy-file.md"
    assert PAGE.read_text("utf-8") == strategy_file_page(), f"renew it: {renew}"


def test_the_example_on_the_page_loads() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert [parse(block).name for block in blocks] == ["breakout"]
