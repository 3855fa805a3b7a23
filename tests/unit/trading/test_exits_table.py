"""Every line of exits.txt is a test: which conditions hold at the last mark, the winner first."""

from __future__ import annotations

import pytest

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.rules.conditions import next_stage, pass_stage, wanted_lots, winner_of
from engine.rules.exits import look
from engine.rules.opportunities import find_victim
from engine.step import apply_event
from tests.unit.trading.exit_desk import SECOND, ExitDesk, Line, names_of, read_table, seconds

LINES = list(read_table("exits.txt", 4))


def play(line: Line, world: str) -> ExitDesk:
    """Hold the position and show it the marks; return the desk at the last of them."""
    desk = ExitDesk(line.settings, world)
    position, marks, *_ = line.columns
    desk.take_position(position)
    for item in marks.split(";"):
        show(desk, item.strip())
    return desk


def show(desk: ExitDesk, item: str) -> None:
    """Let one item of a line happen, and look."""
    words = item.split()
    if words == ["none"]:
        return
    if words[0].startswith("+"):
        desk.now += seconds(words[0][1:])
        desk.s.account[at.ACCOUNT_NOW] = desk.now
        words = words[1:]
    elif words[0] == "split":
        desk.apply(at.KIND_SPLIT, 0, SPLIT_NUMERATOR=int(words[1]), SPLIT_DENOMINATOR=int(words[2]))
        return
    elif words[0] == "done":
        desk.run(pass_stage, 0)
        words = words[1:]
    elif words[0][0].isdigit() or words[0] in ("quote", "print", "bar"):
        count = 1 if words[0][0].isdigit() else 3 if words[0] == "quote" else 2
        desk.now += SECOND
        desk.run(apply_event, desk.view(desk.market(words[:count])), 0)
        words = words[count:]
    while words:
        if desk.state(words[0]):
            words = words[1:]
        else:
            desk.say(words[0], words[1])
            words = words[2:]
    desk.run(look, 0, desk.run(find_victim))


def answer(desk: ExitDesk, expected: str) -> str:
    """Say what holds, with the details that the line names too."""
    mask = int(desk.run(look, 0, desk.run(find_victim)))
    winner = int(desk.run(winner_of, mask))
    said = [", ".join(names_of(mask, winner)) or "-"]
    for word in (part.split()[0] for part in expected.split(";")[1:]):
        said.append(f"{word} {detail(desk, word, winner)}")
    return "; ".join(said)


def detail(desk: ExitDesk, word: str, winner: int) -> str:
    monitor = desk.s.monitors
    if word == "lots":
        return str(desk.run(wanted_lots, 0, winner))
    if word == "stage":
        return str(desk.run(next_stage, 0) + 1)
    column = {"stop": loop.MONITOR_STOP, "peak": loop.MONITOR_PEAK}[word]
    ticks = monitor[0, column]
    return "none" if ticks == 0 else f"{desk.instrument.ticks_to_price(ticks):f}"


def judge(line: Line, world: str) -> tuple[str, str]:
    expected = line.columns[2]
    return expected, answer(play(line, world), expected)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_the_conditions_are_those_of_the_table(line: Line) -> None:
    expected, said = judge(line, "interpreted")
    assert said == expected


def test_the_compiled_conditions_are_those_of_the_table() -> None:
    wrong = []
    for line in LINES:
        expected, said = judge(line, "compiled")
        if said != expected:
            wrong.append(f"{line.name}\n  {expected}\n  {said}")
    assert not wrong, "\n".join(wrong)


def test_the_table_is_long_enough_to_be_believed() -> None:
    assert len(LINES) >= 180
