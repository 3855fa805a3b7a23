"""The compiled steps, for whoever looks at many worlds: they decide as the interpreted ones do, and sooner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime import compile_cache
from runtime.session_core.core import SessionCore
from sims.paper import PaperBroker

if TYPE_CHECKING:
    from sims.stepping.entry import StepDoors

_in_use: StepDoors | None = None


def use_compiled_steps() -> None:
    """Have all worlds from now on step in compiled code, in this process and in those that it begins.

    Where they were never made this takes a minute or two.
    """
    global _in_use
    compile_cache.use_cache()
    from sims.stepping.entry import step_doors

    _in_use = step_doors(with_loop=True)
    compile_cache.mark_steps_warm(with_loop=True)


def faster_core(core: SessionCore) -> SessionCore:
    """Return a fresh core, in compiled code where that is in use."""
    if _in_use is not None:
        core.compile(_in_use.core)
    return core


def faster_market(market: PaperBroker) -> PaperBroker:
    """Return a fresh venue's book, in compiled code where that is in use."""
    if _in_use is not None:
        market.compile(_in_use.book)
    return market
