"""Exceptions become a few lines on stderr and an exit code."""

from __future__ import annotations

import errno

import pytest
import typer

from cli.errors import guarded, report
from cli.options import parse_pairs
from engine.errors import (
    ConfigError,
    DataError,
    FormulaError,
    InputError,
    InternalFault,
    NegativeAnswer,
    StrategyError,
)

FORMULA = FormulaError("no such name", text="a + bb", column=4, where="s.toml, line 3, rules.entry")

MISTAKE = """\
error: this is our mistake: KeyError: 'x'
  please report it, with the output of the same command and --debug
"""

# error                                             | exit code | what stderr says
ERRORS = [
    (InputError("wrong"), 2, "error: wrong\n"),
    (ConfigError("wrong", where="a.toml, line 1"), 2, "error: wrong\n  in a.toml, line 1\n"),
    (DataError("wrong", where="f.csv", remedy="fix it"), 2, "error: wrong\n  in f.csv\n  fix it\n"),
    (StrategyError("raised"), 2, "error: raised\n"),
    (NegativeAnswer("no"), 1, "error: no\n"),
    (InternalFault("broken"), 3, "error: broken\n"),
    (FORMULA, 2, "error: no such name\n  in s.toml, line 3, rules.entry\n    a + bb\n        ^\n"),
    (OSError(errno.ENOSPC, "No space left on device", "f.png"), 2,
     "error: No space left on device\n  in f.png\n  make room, or choose a place where you may write\n"),
    (OSError(errno.EIO, "Input/output error", "f.csv"), 2,
     "error: Input/output error\n  in f.csv\n  look at the path, the disk, and ulimit -n\n"),
    (IsADirectoryError(errno.EISDIR, "Is a directory", "d"), 2,
     "error: Is a directory\n  in d\n  look at the path, the disk, and ulimit -n\n"),
    (ValueError("parquet: No space left on device (os error 28)"), 2,
     "error: No space left on device\n  make room, or choose a place where you may write\n"),
    (MemoryError(), 2,
     "error: the memory is full\n  ask for a shorter span or fewer instruments\n"),
    (KeyboardInterrupt(), 130, "interrupted: nothing half-written is left\n"),
    (KeyError("x"), 3, MISTAKE),
]  # fmt: skip


@pytest.mark.parametrize(("error", "code", "told"), ERRORS, ids=lambda each: type(each).__name__)
def test_each_error_has_its_words_and_its_exit_code(
    error: BaseException, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(error) == code
    assert capsys.readouterr() == ("", told)


def test_a_long_formula_is_cut_around_the_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    text = " + ".join(f"name{i}" for i in range(100))
    column = text.index("name50")
    report(FormulaError("no such name", text=text, column=column))
    _, shown, caret, _ = capsys.readouterr().err.split("\n")
    assert shown[caret.index("^") :].startswith("name50 + name51")
    assert max(len(shown), len(caret)) <= 80


def test_long_messages_are_wrapped_and_paths_kept_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = "/".join(["folder"] * 30)
    report(InputError("word " * 40, where=path))
    lines = capsys.readouterr().err.split("\n")
    assert f"  {path}" in lines
    assert all(len(line) <= 80 or path in line for line in lines)


def test_control_characters_of_a_file_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report(InputError("bad value \x1b[2J\x07"))
    assert capsys.readouterr().err == "error: bad value ?[2J?\n"


def test_a_traceback_is_shown_only_for_debug(capsys: pytest.CaptureFixture[str]) -> None:
    @guarded
    def command(*, debug: bool) -> None:
        raise InputError("wrong")

    with pytest.raises(typer.Exit) as quiet:
        command(debug=False)
    assert (quiet.value.exit_code, capsys.readouterr().err) == (2, "error: wrong\n")
    with pytest.raises(typer.Exit):
        command(debug=True)
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["fast"], "'fast' is not name=value"),
        (["=5"], "'=5' is not name=value"),
        (["a=1", "a=2"], "a is given twice"),
    ],
)
def test_a_pair_that_is_none_is_refused(texts: list[str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_pairs(texts, option="--param")


def test_pairs_may_be_empty_or_hold_an_equals_sign() -> None:
    assert parse_pairs(["a=", "b = c=d"], option="--column") == {"a": "", "b": "c=d"}
