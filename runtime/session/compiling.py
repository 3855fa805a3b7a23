"""A session begins interpreted, and goes on compiled: from one input to the next, with the same bits.

The problem: compiled kernels decide several times faster than interpreted ones, but loading them takes two
seconds and making them half a minute, of which a session that has just begun can spare nothing.

The choice: nothing happens in a session's first seconds, so a short one never pays. Then kernels that were
made before are loaded in a thread; others are first made by a process of its own, in idle time, for all
sessions that will ever run. Whoever cannot have them goes on interpreted.
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import multiprocessing
import os
import signal
import threading
from asyncio import Lock
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.errors import InputError
from engine.model import layout as at
from engine.ports import Clock, SimulatedBroker
from runtime import compile_cache
from runtime.session_core.core import SessionCore

if TYPE_CHECKING:
    from sims.stepping.entry import StepDoors

AFTER_SECONDS: Final = 3.0  # a session that is shorter is not worth loading for
_POLL_SECONDS: Final = 1.0
_KEEP_WAITING: Final = 19  # the lowest priority
_MAKING: dict[
    bool, BaseProcess
] = {}  # by whether they have the trading loop: for all sessions in here


async def change_over(
    core: SessionCore,
    market: SimulatedBroker | None,
    lock: Lock,
    clock: Clock,
    told: Callable[[str, str], None],
) -> None:
    """Have a core, and its paper market, go on compiled as soon as they can; never returns.

    Parameters
    ----------
    lock
        Held while an input is taken.
    told
        Takes how bad it is and what is so, when it is so.
    """
    await clock.sleep(AFTER_SECONDS)
    try:
        doors = await _doors(clock, with_loop=bool(core.plain.account[at.ACCOUNT_TRADING]))
    except Exception as error:  # noqa: BLE001  (whatever it is, it decides nothing)
        told("warning", f"the session goes on interpreted, which is slower: {error}")
    else:
        gc.freeze()  # what was loaded stays: looking through it takes 20 ms
        async with lock:
            core.compile(doors.core)
            if market is not None:
                market.compile(doors.book)
            told("info", "the session goes on compiled")
    await asyncio.Event().wait()  # a task that ends, ends its session


async def _doors(clock: Clock, *, with_loop: bool) -> StepDoors:
    """Return the compiled kernels; where there are none another process makes them first."""
    if not compile_cache.is_warm(with_loop=with_loop, steps=True):
        making = _MAKING.get(with_loop) or _started(with_loop)
        while making.is_alive():
            await clock.sleep(_POLL_SECONDS)
        if not compile_cache.is_warm(with_loop=with_loop, steps=True):
            raise InputError(f"nothing could be compiled: {_log()} has why")
    return await asyncio.to_thread(_load, with_loop)


def _started(with_loop: bool) -> BaseProcess:
    context = multiprocessing.get_context("spawn")
    making = context.Process(target=make, args=(with_loop,), daemon=True)  # it ends with this one
    making.start()
    _MAKING[with_loop] = making
    return making


def make(with_loop: bool) -> None:
    """Make the kernels for all processes to come, in idle time; one process at a time does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the session's to follow
    os.nice(_KEEP_WAITING)
    folder = compile_cache.cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    _leave_the_session_alone()
    with (folder / "making").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not compile_cache.is_warm(with_loop=with_loop, steps=True):
            _load(with_loop)
            compile_cache.mark_steps_warm(with_loop=with_loop)


def _leave_the_session_alone() -> None:
    """Hold nothing of the session open, of which somebody may wait for the end, and end with it if it is killed."""
    with open(os.devnull, "r+b", 0) as nothing, _log().open("wb", 0) as log:
        for ours, theirs in ((nothing, 0), (nothing, 1), (log, 2)):
            os.dup2(ours.fileno(), theirs)
    session = multiprocessing.parent_process()
    assert session is not None

    def end_with_it() -> None:
        session.join()
        os._exit(1)

    threading.Thread(target=end_with_it, daemon=True).start()


def _log() -> Path:
    return compile_cache.cache_folder() / "making.log"


def _load(with_loop: bool) -> StepDoors:
    compile_cache.use_cache()
    from sims.stepping.entry import step_doors

    return step_doors(with_loop=with_loop)
