"""Plain arguments come to a command as Typer would have read them, with and without pydantic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
from typer.core import TyperCommand, TyperGroup
from typer.testing import CliRunner

from cli.main import app
from cli.plain import PlainCommand, PlainGroup

Word = Literal["auto", "compiled"]
Called = list[tuple[Any, ...]]


def _shout(value: str | None) -> str | None:
    if value == "never":
        raise typer.BadParameter("never")
    return None if value is None else value.upper()


def app_of(command: type[TyperCommand], group: type[TyperGroup], called: Called) -> typer.Typer:
    app = typer.Typer(cls=group, rich_markup_mode=None, add_completion=False)

    @app.callback(invoke_without_command=True)
    def root(version: bool = typer.Option(False, "--version")) -> None:
        called.append(("root", version))

    @app.command("go", cls=command)
    def go(
        name: str,
        rest: Annotated[list[str] | None, typer.Argument()] = None,
        word: Annotated[Word, typer.Option()] = "auto",
        folder: Annotated[Path | None, typer.Option()] = None,
        pair: Annotated[list[str] | None, typer.Option()] = None,
        paths: Annotated[list[Path] | None, typer.Option()] = None,
        count: Annotated[int, typer.Option(min=1)] = 3,
        share: Annotated[float | None, typer.Option()] = None,
        loud: Annotated[str | None, typer.Option(callback=_shout)] = None,
        debug: bool = False,
        keep: Annotated[bool | None, typer.Option("--keep/--drop")] = None,
    ) -> None:
        called.append((name, rest, word, folder, pair, paths, count, share, loud, debug, keep))

    return app


# Every line is tried with Typer's own commands and with ours.
LINES = [
    "go a", "go", "go a b c", "go a --word compiled",
    "go a --folder .", "go a --folder missing/folder", "go a --folder=", "go a --folder -",
    "go a --pair x=1 --pair y=2", "go a --pair=", "go a --paths . --paths b", "go a --count 5",
    "go a --count 0", "go a --share 0.5", "go a --loud me",
    "go a --loud never", "go a --debug", "go a --no-debug", "go a --keep", "go a --drop",
    "go --word", "go a --unknown", "go --help", "--help", "--version", "--version go a", "", "gone",
    "go -- --word",
]  # fmt: skip


def answer(line: str, command: type[TyperCommand], group: type[TyperGroup]) -> Sequence[object]:
    called: Called = []
    result = CliRunner().invoke(app_of(command, group, called), line.split(" ") if line else [])
    return called, result.exit_code, result.output


@pytest.mark.parametrize("line", LINES)
def test_commands_are_called_as_by_typer(line: str) -> None:
    assert answer(line, PlainCommand, PlainGroup) == answer(line, TyperCommand, TyperGroup)


# What is not accepted, in a person's words and not in pydantic's.
REFUSED = [
    ("go a --word other", "Invalid value for '--word': 'other' is not one of 'auto', 'compiled'."),
    ("go a --word COMPILED", "Invalid value for '--word': 'COMPILED' is not one of 'auto', 'compiled'."),
    ("go a --count x", "Invalid value for '--count': 'x' is not a whole number."),
    ("go a --count 1.5", "Invalid value for '--count': '1.5' is not a whole number."),
    ("go a --share x", "Invalid value for '--share': 'x' is not a number."),
]  # fmt: skip


@pytest.mark.parametrize(("line", "told"), REFUSED)
def test_what_is_not_accepted_is_told_plainly(line: str, told: str) -> None:
    called, code, output = answer(line, PlainCommand, PlainGroup)
    assert (called, code) == ([("root", False)], 2)
    assert str(output).splitlines()[-1] == f"Error: {told}"


def test_an_unreadable_folder_is_refused_in_typers_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # the tests may run as root
    line = f"go a --folder {tmp_path}"
    ours = answer(line, PlainCommand, PlainGroup)
    assert ours == answer(line, TyperCommand, TyperGroup)
    assert ours[1] == 2


def test_a_list_of_commands_has_whole_sentences() -> None:
    for words in ([], ["data"], ["sessions"], ["keys"], ["venue"], ["config"]):
        text = CliRunner().invoke(app, [*words, "--help"]).stdout
        commands = text.partition("Commands:")[2]
        assert commands and "..." not in commands, words
        assert max(map(len, text.splitlines())) <= 80
