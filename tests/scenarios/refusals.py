"""Every refusal on one page, as the program says it: ``python -m tests.scenarios.refusals`` writes it."""

from __future__ import annotations

import re
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.architecture.source import ROOT
from tests.scenarios.refusal_gate_rows import APPROVAL, PROMOTION
from tests.scenarios.refusal_rows import CERTIFICATES, CONFIGURATION, VENUE, Row
from tests.scenarios.refusal_stories import Stories
from tests.scenarios.refusal_workspace import NUMBER, Scene, account_of

PAGE: Final = ROOT / "docs" / "reference" / "refusals.md"
SECTIONS: Final[Mapping[str, Sequence[Row]]] = {
    "The workspace and its account": CONFIGURATION,
    "The certificate": CERTIFICATES,
    "The venue, the account, the session": VENUE,
    "The gate": PROMOTION,
    "Approving and taking back": APPROVAL,
}
ROWS: Final = tuple(row for rows in SECTIONS.values() for row in rows)
_CHANGING: Final = (
    (r"20\d\d-\d\d-\d\dT[\d:.]+Z", "TIME"),
    (r"\b\d{8}-\d{6}-[0-9a-z]{5}\b", "SESSION"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"[\w.-]+@[\w.-]+", "YOU"),
    (r"process \d+ on [\w.-]+", "process N on HOST"),
    (r"[\d.]+ s (ahead of|behind)", r"N s \1"),
    (r"\b[0-9a-f-]{36}\b", "ID"),
    (r"\b[0-9a-f]{16}\b", "KEY"),
    (r"\('127\.0\.0\.1', \d+\)", "PORT"),
    (r"[\w./-]*/trader\.db", "trader.db"),
)


@dataclass(frozen=True)
class Answer:
    """What the program has answered."""

    code: str
    exit_code: int
    says: str
    where: str
    remedy: str

    @property
    def text(self) -> str:
        """The whole of it, as a person reads it."""
        place = f" (in {self.where})" if self.where else ""
        return f"{self.says}{place} → {self.remedy}"


def answered(stories: Stories, row: Row) -> Answer:
    """Do what a row says, type its command, and return the answer."""
    with stories.scene(row.stage) as scene:
        row.do(scene)
        scene.errors.clear()
        with scene.sessions() as store:
            before = [each.id for each in store.list()]
        typed = scene.trader(*shlex.split(row.command)[1:])
        with scene.sessions() as store:
            assert [each.id for each in store.list()] == before, "what is refused leaves no session"
            is_free = store.leases.holder(f"alpaca:{account_of(NUMBER)[:16]}") is None
            assert is_free or row.code == "live.account_in_use"
        assert "Traceback" not in typed.output
        assert {each.method for each in scene.venues.requests()} <= {"GET"}, "nothing was sent"
        if not scene.errors:
            return _of_the_gate(row.code, typed.stdout, typed.exit_code)
        error = scene.errors[-1]
        assert " ".join(error.problem.split()) in " ".join(typed.stderr.split()).replace("- ", "-")
        place = _place(scene, error.where)
        return Answer(
            error.code, typed.exit_code, _lasting(error.problem), place, _lasting(error.remedy)
        )


def _of_the_gate(check: str, printed: str, exit_code: int) -> Answer:
    """Return what a check of the printed report says."""
    found = re.search(
        rf"^  (FAIL|INSUFFICIENT) +{check} .*\n(?:  (?! ).*\n)*((?: {{16}}.*\n)+)",
        printed,
        re.MULTILINE,
    )  # what is missing for several checks stands once, below the last of them
    assert found, f"{check} does not speak against it:\n{printed}"
    sentence, _, change = " ".join(found[2].split()).partition("→ ")
    return Answer(check, exit_code, _lasting(f"{found[1]}: {sentence.strip()}"), "", change)


def _place(scene: Scene, where: str) -> str:
    return _lasting(where.removeprefix(f"{scene.folder}/"))


def _lasting(text: str) -> str:
    """Return a text without what is another each time."""
    for pattern, word in _CHANGING:
        text = re.sub(pattern, word, text)
    return text


# --- the page -------------------------------------------------------------------------------------------
_HEAD: Final = """\
# Every refusal

<!-- Written by tests/scenarios/refusals.py, which runs every line; a test fails when it is stale. -->

A small strategy was promoted in rehearsal: backtest, drill, nine days of paper, the gate, an approval. Then,
each time anew, one thing was done to it, and one command typed. Below stands what the program answered: a code
for programs, the exit code, and what a person reads, with what to do after the arrow. Nothing was sent to the
venue in any of them, and no session was left behind.

Where several things are wrong the first is told, in the order of [`trader live`](cli.md#trader-live): the kill file,
the account as it is configured, what the venue does not do, the certificate, who trades the account, the venue's
answer, the clocks, what it lists, the account's state, orders that are not ours, the drill, the session that goes
on, the confirmation.
TIME, SESSION, PORT, YOU and the like stand for what is another each time.
"""


def page(answers: Mapping[Row, Answer]) -> str:
    """Return the page as Markdown."""
    parts = [_HEAD]
    for title, rows in SECTIONS.items():
        lines = [line(row, answers[row]) for row in rows]
        head = ["| what is so | typed | answer | exit code |", "|---|---|---|---|"]
        parts += [f"## {title}", "\n".join([*head, *lines]) + "\n"]
    return "\n".join(parts)


def line(row: Row, answer: Answer) -> str:
    """Return a row of the page."""
    told = answer.text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
    return f"| {row.situation} | `{row.command}` | `{answer.code}` {told} | {answer.exit_code} |"


def main() -> None:
    """Run every row and write the page."""
    with tempfile.TemporaryDirectory() as folder:
        stories = Stories(Path(folder))
        try:
            answers = {row: answered(stories, row) for row in ROWS}
        finally:
            stories.close()
    PAGE.write_text(page(answers), encoding="utf-8")
    print(PAGE.relative_to(ROOT), file=sys.stderr)


if __name__ == "__main__":
    main()
