"""What runs as a fingerprint: the same for the same, another for whatever decides."""

from __future__ import annotations

from runtime.promotion.fingerprint import (
    differences,
    fingerprint_from,
    fingerprint_of,
    parts_text,
)
from tests.unit.config.strategy_texts import MINIMAL, parse

LAID_OUT = """\
# the same strategy
rules = { entry = "close>sma( close, n = 20 )" }   # one formula
data = { dataset = 'sample:goog' }
[strategy]
description = "as above"
name = 'minimal'
"""


def test_a_fingerprint_does_not_depend_on_how_the_file_is_laid_out() -> None:
    assert fingerprint_of(parse(LAID_OUT)) == fingerprint_of(parse(MINIMAL))


def test_the_core_is_the_same_in_every_environment_and_for_every_account() -> None:
    paper = fingerprint_of(parse(MINIMAL), venue="alpaca", environment="paper", account="A1")
    live = fingerprint_of(parse(MINIMAL), venue="alpaca", environment="live", account="B2")
    assert paper.core == live.core
    assert paper.whole != live.whole
    assert differences(paper, live) == [
        "the account is another",
        "the environment is live, it was paper",
    ]


def test_the_number_of_an_account_is_not_in_its_fingerprint() -> None:
    found = fingerprint_of(parse(MINIMAL), venue="alpaca", account="PA3XYZ")
    assert "PA3XYZ" not in parts_text(found)


def test_a_fingerprint_is_read_back_as_it_was_written() -> None:
    found = fingerprint_of(parse(MINIMAL), venue="alpaca")
    assert fingerprint_from(parts_text(found)).whole == found.whole
