"""Figures of return series: the worked example of the promotion gate, and the edges."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.store import ReturnFigures
from runtime.store.figures import figures_of, to_bytes

# The gate's specification, example E1: daily returns in basis points.
E1 = (
    np.array([12, -8, 25, -15, 30, 5, -22, 18, 9, -4, 14, -31, 27, 6, -11, 20, 3, -9, 16, -2]) / 1e4
)


def test_the_worked_example_of_the_gate() -> None:
    found = figures_of(E1)
    assert found.observations == 20
    assert found.sharpe_daily == pytest.approx(0.247625067, rel=1e-6)
    assert found.skew == pytest.approx(-0.327198980, rel=1e-6)
    assert found.kurtosis == pytest.approx(2.303719252, rel=1e-6)
    assert found.total_return == pytest.approx(0.008305912, rel=1e-6)
    assert found.max_drawdown == pytest.approx(-0.0031, rel=1e-6)


@pytest.mark.parametrize("returns", [None, np.empty(0)])
def test_no_returns_have_no_figures(returns: np.ndarray | None) -> None:  # type: ignore[type-arg]
    assert figures_of(returns) == ReturnFigures()
    assert to_bytes(returns) == b""


def test_one_return_and_flat_returns_have_no_ratio() -> None:
    assert figures_of(np.array([0.5])) == ReturnFigures(1, 0.5, None, 0.0)
    assert figures_of(np.zeros(30)) == ReturnFigures(30, 0.0, None, 0.0)


def test_what_leaves_the_range_of_floats_is_undefined() -> None:
    found = figures_of(np.array([1e200, 1e200, 0.0]))
    assert found.total_return is None
    assert found.observations == 3


def test_bytes_keep_every_bit() -> None:
    assert np.frombuffer(to_bytes(E1), "<f8").tolist() == E1.tolist()
