"""The reference page of the strategy file says what the models say."""

from __future__ import annotations

import re
from pathlib import Path

from engine.lang.compiler import TIMEFRAME
from engine.lang.parser import KEYWORDS
from engine.lang.program import FIELDS
from runtime.config.reference import strategy_file_page
from tests.unit.config.strategy_texts import parse

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "strategy-file.md"


def test_the_page_is_not_stale() -> None:
    renew = "python -m runtime.config.reference > docs/reference/strategy-file.md"
    assert PAGE.read_text("utf-8") == strategy_file_page(), f"renew it: {renew}"


def test_the_example_on_the_page_loads() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert [parse(block).name for block in blocks] == ["breakout"]


def test_the_page_says_which_names_no_parameter_has() -> None:
    (paragraph,) = re.findall(
        r"## `\[parameters\.NAME\]`\n\n(.*?)\n\n", strategy_file_page(), re.DOTALL
    )
    refused = set(re.findall(r"`(\w+)`", paragraph.partition("Refused")[2]))
    assert refused == {*FIELDS, *KEYWORDS, TIMEFRAME}


def test_every_key_of_a_synthetic_market_has_a_meaning_of_its_own() -> None:
    (table,) = re.findall(r"## `\[data\.world\]`\n(.*?)\n## ", strategy_file_page(), re.DOTALL)
    meanings = [row.split("|")[-2].strip() for row in table.splitlines() if row.startswith("| `")]
    assert len(meanings) == len(set(meanings)) == 27
    assert all(meanings)
