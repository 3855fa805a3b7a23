"""The rehearsal of the kill switch: what it proves, and that a slow one is not passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import NegativeAnswer
from runtime.clocks import SystemClock
from runtime.session.drill import Drilled, require_quick
from tests.simulation.drills import rehearse


def test_everything_is_withdrawn_and_closed(tmp_path: Path) -> None:
    done = rehearse(tmp_path, SystemClock().now_ns())
    assert 0 <= done.heard <= done.withdrawn <= done.flat
    assert done.refused > 2


@pytest.mark.parametrize(
    ("heard", "withdrawn", "problem"),
    [
        (1.0, 2.0, ""),
        (1.1, 1.2, "the session followed 1.1 s after the halt"),
        (0.9, 2.1, "no order worked any more 2.1 s after the halt"),
    ],
)
def test_a_slow_one_is_a_failure(heard: float, withdrawn: float, problem: str) -> None:
    done = Drilled("20261122-drilled", heard, withdrawn, withdrawn, 5)
    if not problem:
        require_quick(done)
        return
    with pytest.raises(NegativeAnswer) as told:
        require_quick(done)
    assert problem in str(told.value) and told.value.code == "drill.slow"
