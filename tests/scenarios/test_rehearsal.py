"""The whole way from a search to a suspended certificate: by the demonstration, and by copying the tutorial.

Each takes about two minutes of the clock, since a venue's time passes in them, and a machine that is busy with
other tests spoils its days: so they run where they are asked for, ``TRADER_REHEARSAL=1``, with nothing beside.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from cli import rehearsal
from tests.docs.test_blocks import ROOT, shell

PAGE = ROOT / "docs" / "tutorial" / "rehearsal.md"
PNG = b"\x89PNG"
DEMONSTRATION = "trader demo --rehearsal"


def asked_for(test: Callable[[Path], None]) -> Callable[[Path], None]:
    """Run a test only where it is wanted; on a machine with other work it takes longer than others may."""
    wanted = pytest.mark.skipif("TRADER_REHEARSAL" not in os.environ, reason="TRADER_REHEARSAL=1")
    slow: Callable[[Path], None] = wanted(pytest.mark.timeout(900)(test))
    return slow


def blocks(language: str) -> list[str]:
    """Return the tutorial's blocks of a language, without the one that watches instead of typing."""
    found = re.findall(
        rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return [each for each in found if each.strip() != DEMONSTRATION]


def commands(lines: Sequence[str]) -> Iterator[str]:
    """Yield commands without what only a person or only a program needs: files, ports, spans of time."""
    for line in lines:
        if line.startswith("trader "):
            plain = line.partition(" > ")[0]
            yield re.sub(r" --(for|log|port|control-port) \S+", "", plain)


def typed() -> list[str]:
    return list(commands("".join(blocks("sh")).splitlines()))


def test_the_tutorial_takes_as_long_as_the_demonstration() -> None:
    page = "".join(blocks("sh"))
    assert f"trader paper rehearsal --feed alpaca --for {rehearsal.PAPER_SECONDS}\n" in page
    assert f"--speed {rehearsal.SPEED} >" in page
    assert f"--speed {rehearsal.LIVE_SPEED} --start {rehearsal.LIVE_FROM} >" in page


def ran(script: str, folder: Path) -> str:
    """Run a script where `trader` is this program, and return what it prints."""
    command = ["bash", "-e", "-c", script]
    environment = shell(folder)
    del environment[
        "TRADER_DATABASE_URL"
    ]  # each of the two has a record of its own, as for a reader
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "Traceback" not in done.stderr
    return done.stdout


@asked_for
def test_the_whole_way_by_the_demonstration(tmp_path: Path) -> None:
    picture = tmp_path / "rehearsal.png"
    said = ran(f"{DEMONSTRATION} --plot {picture}", tmp_path)
    assert re.search(r"23 pass, 0 fail", said), said
    # Live is what its shadow is, until on 2025-04-28 the market turns.
    assert re.search(r"2025-04-25 .*of costs [0-4]\.\d\d of 5", said), said
    assert re.search(r"2025-04-29 .*of returns [5-9]\.\d\d of 5", said), said
    assert re.search(r"ALARM: The returns of the last days .*is suspended", said), said
    assert re.search(r"PROBATION .* suspended", said)
    assert picture.read_bytes().startswith(PNG)
    shown = [line.removeprefix("$ ") for line in said.splitlines() if line.startswith("$ ")]
    by_itself = "trader sessions stop"  # where a person has --for
    demonstrated = [each for each in commands(shown) if not each.startswith(by_itself)]
    missing = [each for each in demonstrated if each not in typed()]
    assert missing == [], "the tutorial types what the demonstration runs"


@asked_for
def test_the_whole_way_by_copying_the_tutorial(tmp_path: Path) -> None:
    leave = "trap 'kill $VENUE 2>/dev/null || true' EXIT\n"
    said = like_each_time(ran(leave + "".join(blocks("sh")), tmp_path))
    for block in blocks("text"):
        for line in block.splitlines():
            assert like_each_time(line) in said, "the tutorial shows what is printed"


def like_each_time(text: str) -> str:
    """Return a text without ids, days and columns."""
    text = re.sub(r"\b[0-9a-f]{12}\b", "ID", text)
    return " ".join(re.sub(r"\b20\d\d-\d\d-\d\d\b", "DAY", text).split())
