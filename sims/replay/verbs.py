"""The verbs of a strategy that decides outside the loop (`engine.rules.verbs`), in a replay."""

from __future__ import annotations

from typing import Any

from engine.jit import kernel
from engine.rules.verbs import fulfil
from engine.state import Core, Table
from sims.fillbook.layout import Book
from sims.replay.lanes import make_ready, wake_traded
from sims.replay.loop import begin_decision, pass_commands, take_turn


@kernel
def act(
    s: Core,
    b: Book,
    lanes: Table,
    columns: Any,
    heap: Table,
    turn: Table,
    intents: Table,
    verb: int,
    first: int,
    second: int,
    third: int,
    fourth: int,
) -> int:
    """Do what a verb asks for after the slice that a replay has run to, and send it."""
    make_ready(s, b, lanes, columns, heap, turn)
    begin_decision(s, b)
    answer = fulfil(s, intents, verb, first, second, third, fourth)
    pass_commands(s, b)
    take_turn(s, b, intents)
    wake_traded(s, b, lanes, columns, heap, turn)
    return answer
