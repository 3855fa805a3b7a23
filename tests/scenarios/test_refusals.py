"""What speaks against trading live, or against a promotion: the message and the exit code of each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from runtime.promotion.problems import Code
from tests.architecture.source import ROOT
from tests.scenarios.refusal_gate_rows import dearer
from tests.scenarios.refusal_rows import Row
from tests.scenarios.refusal_stories import Stories
from tests.scenarios.refusals import PAGE, ROWS, answered, line


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stories]:
    found = Stories(tmp_path_factory.mktemp("refusals"))
    yield found
    found.close()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.situation)
def test_a_refusal_says_what_is_wrong_and_what_to_do(row: Row, stories: Stories) -> None:
    answer = answered(stories, row)
    assert (answer.code, answer.exit_code) == (row.code, row.exit_code), answer
    assert row.says in answer.says
    assert answer.remedy
    assert line(row, answer) in PAGE.read_text("utf-8"), (
        "run `python -m tests.scenarios.refusals` and read the page"
    )


def test_the_page_has_these_and_no_others() -> None:
    lines = [
        each for each in PAGE.read_text("utf-8").splitlines() if re.match(r"\| .* \| \d \|$", each)
    ]
    assert len(lines) == len(ROWS)


def test_every_refusal_is_in_the_table() -> None:
    sessions = (ROOT / "runtime" / "session").glob("*.py")
    text = "\n".join(path.read_text("utf-8") for path in sessions)
    live = {f"live.{code}" for code in re.findall(r"\bno\(\s*\"(\w+)\"", text)}
    assert len(live) > 10, "they are found by how they are written"
    certificate = {each.value for each in Code} - {
        Code.FAULT.value
    }  # ours; nothing brings it about
    assert (live | certificate) - {row.code for row in ROWS} == set()


def test_a_promoted_workspace_trades_until_something_is_done_to_it(stories: Stories) -> None:
    with stories.scene("promoted") as scene:
        scene.venue()
        scene.done("live", "dips", "--for", "0.2")


def test_a_request_that_does_not_pass_writes_none_and_counts(stories: Stories) -> None:
    with stories.scene("tried") as scene:
        dearer(scene)
        counted = []
        for _ in range(2):
            answer = scene.trader("promote", "dips", "--request", "--json")
            assert answer.exit_code == 1
            checks = {each["id"]: each for each in json.loads(answer.stdout)["checks"]}
            counted.append(checks["S05"]["value"])
        assert counted[1] > counted[0], "an attempt is a trial"
        assert not list(scene.folder.glob("*.request"))
