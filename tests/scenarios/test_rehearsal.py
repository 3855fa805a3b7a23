"""The whole way from a search to a suspended certificate, by the demonstration's own commands.

It takes about two minutes of the clock, since a venue's time passes in them, and a machine that is busy with
other tests spoils its days: so it runs where it is asked for, ``TRADER_REHEARSAL=1``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli import rehearsal

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial" / "rehearsal.md"
PNG = b"\x89PNG"


def test_the_tutorial_types_what_the_demonstration_runs() -> None:
    page = PAGE.read_text("utf-8")
    for command in (
        f"trader paper rehearsal --feed alpaca --for {rehearsal.PAPER_SECONDS}",
        f"trader venue alpaca --data rehearsal.toml --speed {rehearsal.SPEED} >",
        f"--speed {rehearsal.LIVE_SPEED} --start {rehearsal.LIVE_FROM}",
        "trader sweep rehearsal --param window=60,90,120 --param dip=0.002,0.003\n",
        "trader promote rehearsal --request\n",
        "trader promote --approve rehearsal.request\n",
    ):
        assert command in page


@pytest.mark.skipif("TRADER_REHEARSAL" not in os.environ, reason="asked for: TRADER_REHEARSAL=1")
def test_the_whole_way(tmp_path: Path) -> None:
    picture = tmp_path / "rehearsal.png"
    done = subprocess.run(
        [sys.executable, "-m", "trader", "demo", "--rehearsal", "--plot", str(picture)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert re.search(r"23 pass, 0 fail", said)
    assert re.search(r"ALARM: .*The certificate is suspended", said)
    assert re.search(r"PROBATION .* suspended", said)
    assert picture.read_bytes().startswith(PNG)
