"""`OperatorSide`: the people beside a session: what they ask of it, and the kill switch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from engine.errors import InputError
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.trading import OperatorAction
from runtime.approvals import QueuedSignal, became_of, queued_signals, why_not
from runtime.journal.records import OperatorInput
from runtime.session.condition import Condition
from runtime.session.intake import Intake, to_bytes
from runtime.session.parts import Asked, Parts
from runtime.session.states import SessionState
from runtime.session.surroundings import Surroundings
from runtime.session.venue import VenueSide
from runtime.session.wishes import latch_of, rows_of

REFUSED: Final = "refused"  # so begins the answer to a wish that is not followed
CASH: Final = "cash"  # what `release` names where it is the account's cash
_DECISIONS: Final = {"approve": OperatorAction.APPROVE, "reject": OperatorAction.REJECT}
_S = SessionState


class OperatorSide:
    """See the module.

    Parameters
    ----------
    venue
        The side of a broker that has a market of its own.
    stop
        Asks the session to stop, for a cause.
    is_stopping
        Whether it was asked to.
    """

    def __init__(
        self,
        parts: Parts,
        condition: Condition,
        intake: Intake,
        lock: asyncio.Lock,
        venue: VenueSide | None,
        stop: Callable[[str], None],
        is_stopping: Callable[[], bool],
        surroundings: Surroundings,
    ) -> None:
        self._parts, self._condition, self._intake = parts, condition, intake
        self._lock, self._venue, self._core = lock, venue, parts.core
        self._stop, self._is_stopping = stop, is_stopping
        self._surroundings = surroundings

    # --- again and again -------------------------------------------------------------------------
    async def obey(self) -> None:
        """Do what people ask for, as soon as they do; the kill switch comes first."""
        keeper = self._parts.keeper
        found = await keeper.controls(self._condition.standing.is_killed)
        async with self._lock:
            await self.follow_switch()
        for asked in found:
            async with self._lock:
                answer = await self.ask(asked)
                if self._is_stopping():  # this ends with the lock: who stops would be asked again
                    await keeper.answer(asked, answer)
                    continue
            await keeper.answer(asked, answer)

    async def follow_switch(self) -> None:
        """Withdraw everything, and close it where that is wanted; or go on, when it was released."""
        halt, standing = self._parts.switch.state(), self._condition.standing
        if halt is None:
            if standing.is_killed:
                by = self._parts.switch.released()
                self._condition.note("halt", "info", "released", f"{by.who}: {by.why}")
                await self.follow(Asked("release", by.who, by.why))
        elif not standing.is_killed or (halt.flatten and not standing.is_closing):
            self._parts.switch.followed()
            self._condition.note("halt", "critical", "kill switch", f"{halt.who}: {halt.why}")
            verb = "kill_flatten" if halt.flatten else "kill"
            await self.follow(Asked(verb, halt.who, halt.why))

    async def close_rest(self) -> None:
        """Close what could not be closed at once: the orders withdrawn were in its way.

        With the trading loop that is the engine's own work. A halt that is on may want more by now.
        """
        async with self._lock:
            await self.follow_switch()
            standing = self._condition.standing
            if not standing.is_closing or self._core.plain.account[at.ACCOUNT_TRADING]:
                return
            if not self._core.positions():
                self._condition.standing = standing.flat()
            elif not self._parts.books.live():
                verb = "kill_flatten" if standing.is_killed else "flatten"
                await self.follow(Asked(verb, "session", "the rest"))

    async def follow(self, asked: Asked) -> None:
        """Have the engine take a wish; what it leaves standing stands before anything is sent."""
        await self._take(self.wish(asked))
        self._condition.follow()

    async def _take(self, wish: OperatorInput) -> None:
        self._condition.standing = self._condition.standing.after(wish.verb)
        with self._surroundings.wished():
            await self._intake.take(wish)

    # --- what people ask -------------------------------------------------------------------------
    async def ask(self, asked: Asked) -> str:
        """Do what a person asks; return what is to be said to them."""
        condition, said = self._condition, f"{asked.who}: {asked.why or asked.verb}"
        if asked.verb == "stop":
            self._stop(said)
            return "stopping"
        if asked.verb == "signals":
            return msgspec.json.encode(self._waiting()).decode()
        if asked.verb == "pulse":
            return self._parts.observers.pulse()
        if asked.verb == "release_symbol":
            return await self._release(asked)
        if asked.verb == "resume" and (problem := await self._parts.renew_certificate()):
            return f"{REFUSED}: {problem}"
        try:
            wish = self.wish(asked)
        except InputError as error:
            return f"{REFUSED}: {error}"
        if asked.verb in _DECISIONS:
            return await self._decide(asked, wish)
        if asked.verb == "reset" and not self._is_set(asked.argument):
            return f"{REFUSED}: the guard {asked.argument} is not set"
        await self._take(wish)
        if condition.standing.is_paused and condition.state in (_S.RUNNING, _S.HALTED):
            condition.go(_S.PAUSED, said)
        elif not condition.standing.is_paused and condition.state is _S.PAUSED:
            condition.go(_S.RUNNING, said)
        condition.follow()
        return f"{asked.verb}: done; the session is {condition.state.value}"

    def wish(self, asked: Asked) -> OperatorInput:
        """Return what the engine is told of a wish.

        Raises
        ------
        InputError
            If a session knows no such wish.
        """
        now_ns = self._core.now_ns
        rows = rows_of(asked.verb, asked.argument, now_ns)
        return OperatorInput(now_ns, to_bytes(rows), asked.verb, asked.who, asked.why)

    async def _release(self, asked: Asked) -> str:
        """Allow entries again in an instrument that was quarantined, or with the cash that the venue states."""
        symbols = [each.symbol for each in self._core.instruments]
        if asked.argument == CASH and self._venue is not None and CASH not in symbols:
            said = f"accepted by {asked.who}: {asked.why}"
            is_accepted = await self._venue.accept_cash(said)
            return (
                "the cash is as the venue states it"
                if is_accepted
                else f"{REFUSED}: it is explained"
            )
        quarantined = frozenset[int]() if self._venue is None else self._venue.quarantined
        number = symbols.index(asked.argument) if asked.argument in symbols else -1
        if self._venue is None or number not in quarantined:
            held = ", ".join(symbols[each] for each in sorted(quarantined)) or "nothing"
            return f"{REFUSED}: {asked.argument!r} is not quarantined; {held} is"
        await self._venue.release(number, f"released by {asked.who}: {asked.why}")
        return f"{asked.argument} may be entered again"

    async def _decide(self, asked: Asked, wish: OperatorInput) -> str:
        """Approve or reject a signal, or say why that cannot be; then nothing is changed."""
        number, core = int(asked.argument), self._core
        problem = why_not(core.plain, _DECISIONS[asked.verb], number, core.now_ns)
        if problem:
            return f"{REFUSED}: {problem}"
        next_order = core.plain.account[at.ACCOUNT_NEXT_ORDER]
        await self._intake.take(wish)
        self._condition.follow()
        is_followed, told = became_of(core.plain, core.instruments, number, next_order)
        return f"{asked.verb}: done; {told}" if is_followed else f"{REFUSED}: {told}"

    def _waiting(self) -> tuple[QueuedSignal, ...]:
        """Return the signals that wait for a person."""
        return queued_signals(
            self._core.plain,
            self._core.instruments,
            fingerprint=self._parts.fingerprint,
            now_ns=self._core.now_ns,
            rules=self._parts.rules,
        )

    def _is_set(self, guard: str) -> bool:
        return bool(self._core.plain.latches[latch_of(guard), loop.LATCH_SEVERITY])
