"""What is not built yet says so."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.not_built import NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_command_that_is_not_built_says_so_and_does_nothing(name: str) -> None:
    answer = CliRunner().invoke(app, [name, "strategy.toml", "--feed", "replay"])
    assert answer.exit_code == 2
    assert f"`trader {name}` is not built yet" in answer.stderr
    assert name not in CliRunner().invoke(app, ["--help"]).stdout.split("Commands:")[1]
