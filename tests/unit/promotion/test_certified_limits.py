"""The limits of a workspace that a certificate was approved with: smaller ones may be set since, larger ones not."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from runtime.gateway.limits import limits_of
from runtime.promotion.limits import AllowedLimits, allowed_by, larger
from runtime.workspace_tables import LimitsTable
from tests.venues.walks import SHARE

APPROVED = AllowedLimits(10**12, 2 * 10**12, 200_000, 100, ["GME"])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, []),
        ({"order_value_minor": 10**12 - 1, "restricted": ["AMC", "GME"]}, []),
        ({"order_value_minor": 10**12 + 10**8}, ["order_value is 10001, and 10000 was approved"]),
        ({"position_value_minor": 0}, ["position_value is none, and 20000 was approved"]),
        ({"collar_ppm": 205_000}, ["collar_percent is 20.5, and 20 was approved"]),
        ({"orders_per_minute": 101}, ["orders_per_minute is 101, and 100 was approved"]),
        ({"restricted": []}, ["restricted has no GME any more"]),
    ],
)
def test_only_what_allows_more_is_told(changed: dict[str, object], told: list[str]) -> None:
    assert larger(replace(APPROVED, **changed), APPROVED) == told


def test_where_nothing_was_limited_any_limit_is_smaller() -> None:
    assert larger(APPROVED, AllowedLimits(0, 0, 0, 0, [])) == []


def test_what_the_file_says_is_what_is_approved() -> None:
    said = LimitsTable(order_value=Decimal(10_000), restricted=["AAPL", "ELSEWHERE"])
    found = allowed_by(limits_of(said, [SHARE]), [SHARE])
    assert found == AllowedLimits(10**12, 0, 200_000, 10_000, ["AAPL"])
