"""Upkeep of all sessions of a process: one transaction renews their leases, one look reads all wishes.

A session keeps its account every ten seconds and looks for wishes twice a second. With a hundred of them
in a process, each for itself, that is two hundred questions to the database in a second, nearly all
answered by nothing. So renewals that fall together are one transaction, in which each lease is judged by
itself; and one look at the database and at the kill file serves all sessions that wait. A session is
woken where there is something for it, as soon as it would have found it by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.errors import InputError
from engine.ports import Clock
from runtime.journal.controls import Control, Controls
from runtime.journal.failures import LeaseLost
from runtime.journal.leases import Lease, Leases


class Switch(Protocol):
    """A kill switch, as far as it is looked at here."""

    @property
    def path(self) -> Path:
        """The file, which names it."""

    def flags(self) -> tuple[bool, bool]:
        """Return whether it is on, and more."""


@dataclass(eq=False, slots=True)
class _Waiting:
    """One session that waits for something to do."""

    session: str
    place: str  # of the switch
    switch: Switch
    was_on: bool
    seconds: float
    found: asyncio.Future[list[Control]]


class Upkeep:
    """What the sessions of one process need of their database again and again.

    Parameters
    ----------
    run
        Does something with the database, after the commits before it.
    """

    def __init__(
        self,
        leases: Leases,
        controls: Controls,
        clock: Clock,
        run: Callable[..., Awaitable[Sequence[Lease | LeaseLost]]],
    ) -> None:
        self._leases, self._controls, self._clock, self._run = leases, controls, clock, run
        self._renewals: list[tuple[Lease, asyncio.Future[Lease]]] = []
        self._waiting: dict[_Waiting, None] = {}
        self._looking: asyncio.Task[None] | None = None
        self._renewing: set[asyncio.Task[None]] = set()

    async def renew(self, lease: Lease) -> Lease:
        """Return a lease with a later end; those that are asked for in one turn are renewed together.

        Raises
        ------
        LeaseLost
            If somebody has taken the account over.
        """
        loop = asyncio.get_running_loop()
        renewed: asyncio.Future[Lease] = loop.create_future()
        if not self._renewals:
            loop.call_soon(self._begin_renewing)
        self._renewals.append((lease, renewed))
        return await renewed

    async def asked(
        self, session: str, switch: Switch, *, was_on: bool, seconds: float
    ) -> list[Control]:
        """Wait until a session has something to do; return what was asked of it, oldest first.

        It returns with nothing where the kill switch is not as it was.

        Parameters
        ----------
        seconds
            So often somebody looks, or more often for another session.

        Raises
        ------
        InputError
            If the database does not answer.
        """
        loop = asyncio.get_running_loop()
        one = _Waiting(session, str(switch.path), switch, was_on, seconds, loop.create_future())
        self._waiting[one] = None
        looking = self._looking
        if looking is None or looking.done() or looking.get_loop() is not loop:
            self._looking = loop.create_task(self._look())
        try:
            return await one.found
        finally:
            self._waiting.pop(one, None)

    # --- leases --------------------------------------------------------------------------------------
    def _begin_renewing(self) -> None:
        task = asyncio.get_running_loop().create_task(self._renew())
        self._renewing.add(task)
        task.add_done_callback(self._renewing.discard)

    async def _renew(self) -> None:
        due, self._renewals = self._renewals, []
        try:
            outcomes = await self._run(self._leases.renew_all, [lease for lease, _ in due])
        except Exception as error:  # noqa: BLE001  (whoever waits gets it)
            outcomes = [error] * len(due)  # type: ignore[list-item]
        for (_, renewed), outcome in zip(due, outcomes, strict=True):
            if renewed.done():
                continue
            if isinstance(outcome, Lease):
                renewed.set_result(outcome)
            else:
                renewed.set_exception(outcome)

    # --- wishes --------------------------------------------------------------------------------------
    async def _look(self) -> None:
        """Look for all that wait, until nobody does."""
        while self._waiting:
            await self._clock.sleep(min(each.seconds for each in self._waiting))
            if not self._waiting:
                return
            self._tell_halted()
            try:
                found = await asyncio.to_thread(self._controls.all_waiting)
            except InputError as error:
                for each in [*self._waiting]:
                    if not each.found.done():
                        each.found.set_exception(error)
            else:
                self._tell(found)

    def _tell_halted(self) -> None:
        """Wake those whose kill switch has changed, before anything is asked of the database."""
        switches = {each.place: each.switch for each in self._waiting}
        is_on = {place: switch.flags()[0] for place, switch in switches.items()}
        for each in self._waiting:
            if is_on[each.place] != each.was_on and not each.found.done():
                each.found.set_result([])

    def _tell(self, found: list[Control]) -> None:
        asked: dict[str, list[Control]] = {}
        for control in found:
            asked.setdefault(control.session_id, []).append(control)
        for each in self._waiting:
            if each.session in asked and not each.found.done():
                each.found.set_result(asked[each.session])
