"""Code compiled without the trading loop does nothing to a core without one, and stops one that has it."""

from __future__ import annotations

import numpy as np
import pytest

from engine.jit import compiled, kernel
from engine.kernels.held import is_held
from engine.model import layout as at
from engine.state import Core, CoreShape, new_core


@kernel
def looks(s: Core, i: int) -> bool:
    """Ask what a door of the trading loop knows."""
    return is_held(s, i)


@pytest.mark.parametrize(
    ("with_loop", "trading", "fault", "held"),
    [
        (True, True, at.FAULT_NONE, True),
        (False, False, at.FAULT_NONE, False),
        (False, True, at.FAULT_WITHOUT_LOOP, False),
    ],
)
def test_a_stand_in_stops_what_it_cannot_do(
    with_loop: bool, trading: bool, fault: int, held: bool
) -> None:
    terms = np.ones((2, at.TERMS_WIDTH), dtype=np.int64)
    _, core = new_core(CoreShape(2, trading=trading), terms)
    core.held[0] = 1
    core.account[at.ACCOUNT_HELD] = int(trading)
    assert compiled(looks, with_loop=with_loop)(core, 1) == held
    assert core.account[at.ACCOUNT_FAULT] == fault


def test_what_leads_to_no_door_is_compiled_once() -> None:
    from engine.kernels.money import add_checked

    assert compiled(add_checked) is compiled(add_checked, with_loop=False)
    assert compiled(looks) is not compiled(looks, with_loop=False)
