"""Driving a core at once, against a simulated broker: for tests, replay and recovery."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from engine.approved import Approved, CancelApproved, ReplaceApproved, RiskApproved
from engine.ports import Rows, SimulatedBroker
from runtime.session_core.steps import NO_ROWS, Follow, Meet, Send, Step

_Result = TypeVar("_Result")


def play(step: Step, broker: SimulatedBroker, events: Rows = NO_ROWS) -> None:
    """Drive one step to its end; `events` are the slice's, where it is one."""
    answer: Rows | None = None
    try:
        while True:
            request = next(step) if answer is None else step.send(answer)
            if type(request) is Meet:
                answer = broker.meet(events, request.row)
            else:
                answer = _answer(request, broker)
    except StopIteration:
        return


def _answer(request: Send | Follow | Meet, broker: SimulatedBroker) -> Rows:
    match request:
        case Follow(instrument, lots):
            broker.follow(instrument, lots)
            return NO_ROWS
        case Send(commands, _):
            for command in commands:
                send_now(broker, command, str(command.order_id))
            return broker.answers()
        case _:
            raise AssertionError(f"{request} is answered by the caller")


def send_now(broker: SimulatedBroker, command: Approved, client_id: str) -> None:
    """Send a command to a broker that answers without waiting."""
    match command:
        case RiskApproved():
            at_once(broker.submit(command, client_id))
        case CancelApproved():
            at_once(broker.cancel(command, client_id))
        case ReplaceApproved():
            at_once(broker.replace(command, client_id))


def at_once(asked: Coroutine[Any, Any, _Result]) -> _Result:
    """Return the result of a coroutine that never waits."""
    try:
        asked.send(None)
    except StopIteration as stop:
        result: _Result = stop.value
        return result
    asked.close()
    raise AssertionError("a simulated broker answers without waiting")
