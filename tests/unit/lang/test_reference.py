"""The reference pages say what the code does. To write indicators.md anew, run this file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.lang.compiler import compile_program
from engine.lang.functions import FUNCTIONS
from engine.lang.reference import render_indicators

PAGES = Path(__file__).parents[3] / "docs" / "reference"
INDICATORS = PAGES / "indicators.md"
RULES = (PAGES / "rules.md").read_text(encoding="utf-8")

PARAMETERS = {"fast": 10, "slow": 30, "threshold": 0.5, "long_only": True}


def test_the_page_of_indicators_is_what_the_table_says() -> None:
    assert INDICATORS.read_text(encoding="utf-8") == render_indicators(), (
        "docs/reference/indicators.md is stale: run python -m tests.unit.lang.test_reference"
    )


@pytest.mark.parametrize(
    ("key", "text"), re.findall(r"""^(\w+) = ["'](.+)["']$""", RULES, re.MULTILINE)
)
def test_every_formula_of_the_page_of_rules_compiles(key: str, text: str) -> None:
    kind = "condition" if key.endswith(("entry", "exit")) else "number"
    compile_program({key: text}, PARAMETERS, kinds={key: kind})


def test_every_function_that_the_page_of_rules_names_exists() -> None:
    named = set(re.findall(r"`([a-z_]+)\(", RULES)) - {"timeframe"}
    assert named
    assert named <= set(FUNCTIONS)


if __name__ == "__main__":
    INDICATORS.write_text(render_indicators(), encoding="utf-8")
