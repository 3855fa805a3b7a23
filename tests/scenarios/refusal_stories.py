"""Stories about a promoted workspace: it is made once, as far as each needs it, and each works on a copy.

The strategy's backtest, paper days, drill, keys and certificate come of the commands and sessions themselves.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

import cli.errors
from engine.errors import TraderError
from runtime.checks.lookahead import check_lookahead
from runtime.clocks import SystemClock
from runtime.promotion.evidence import tested
from tests.scenarios.refusal_workspace import CODE, KEYS, REQUEST, Scene, Venues, strategy_text
from tests.simulation.drills import rehearse


# --- how far the workspace has come ----------------------------------------------------------------------
def begun(scene: Scene) -> None:
    """A strategy and its keys; nothing was run."""
    (scene.folder / "strategies").mkdir()
    (scene.folder / "strategies" / "dips.toml").write_text(strategy_text())
    (scene.folder / "strategies" / "dips.py").write_text(CODE)
    scene.configure(url="http://127.0.0.1:1")
    scene.done("keys", "new", "gate", "--name", "gate")
    scene.done("keys", "new", "approver", "--name", "anna")


def tried(scene: Scene) -> None:
    """A backtest and a drill as well."""
    scene.done("backtest", "dips")
    rehearse(scene.folder, SystemClock().now_ns())  # no machine is too slow for it


def promoted(scene: Scene) -> None:
    """Nine days of paper, a request that passed, and its approval."""
    scene.paper(strategy_text("2024-05-01", "2024-05-14"))
    scene.venue()
    scene.done("promote", "dips", "--request")
    scene.done("promote", "--approve", REQUEST)


STAGES: Mapping[str, tuple[str, Callable[[Scene], None]]] = {
    "begun": ("", begun),
    "tried": ("begun", tried),
    "promoted": ("tried", promoted),
}


class Stories:
    """Makes a scene for each story, out of templates that are made when they are needed."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._venues = folder, Venues()
        self._count = 0

    @contextmanager
    def scene(self, stage: str) -> Iterator[Scene]:
        """Give a copy of the workspace as far as it has come."""
        self._count += 1
        with self._at(self._folder / f"story-{self._count}", self._template(stage)) as scene:
            yield scene

    def close(self) -> None:
        """End what runs beside."""
        self._venues.end()

    def _template(self, stage: str) -> Path:
        before, made = STAGES[stage]
        folder = self._folder / stage
        if not folder.exists():
            with self._at(folder, self._template(before) if before else None) as scene:
                made(scene)
        return folder

    @contextmanager
    def _at(self, folder: Path, template: Path | None) -> Iterator[Scene]:
        if template is None:
            folder.mkdir()
        else:
            shutil.copytree(template, folder)
        with ExitStack() as closing:
            patch = closing.enter_context(pytest.MonkeyPatch.context())
            closing.callback(self._venues.close_all)
            scene = Scene(folder, patch, self._venues)
            patch.chdir(folder)
            for name, value in {**KEYS, "TRADER_DATABASE_URL": scene.url}.items():
                patch.setenv(name, value)
            patch.setattr(tested, "check_lookahead", _looked_ahead_once(check_lookahead))
            patch.setattr(cli.errors, "report", _kept(scene.errors, cli.errors.report))
            yield scene


_ANSWERS: list[Any] = []


def _looked_ahead_once(check: Callable[..., Any]) -> Callable[..., Any]:
    """Look for look-ahead in the promoted strategy once: it takes most of the gate's time."""

    def answer(*words: Any, **more: Any) -> Any:
        if not _ANSWERS:
            _ANSWERS.append(check(*words, **more))
        return _ANSWERS[0]

    return answer


def _kept(errors: list[TraderError], report: Callable[..., int]) -> Callable[..., int]:
    """Keep what is reported, for its code, which programs read and the screen does not show."""

    def reported(error: BaseException, whose: str = "") -> int:
        if isinstance(error, TraderError):
            errors.append(error)
        return report(error, whose)

    return reported
