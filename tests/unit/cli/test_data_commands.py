"""`trader data check`, `repair`, `resample` and `get` as a person meets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app

GOOD = "Date,Symbol,Open,High,Low,Close,Volume\n" + "".join(
    f"2024-07-{day:02},A,10,11,9,{10 + day / 100},{100 + day}\n"
    for day in (1, 2, 3, 5, 8, 9, 10, 11, 12)
)
BAD = GOOD + "2024-07-15,A,10,11,9,12,100\n"
QUOTES = "ts,symbol,bid,ask\n" + "".join(
    f"2024-07-01T12:00:{second:02}Z,Q,1.10,{'1.10' if second == 7 else '1.11'}\n"
    for second in range(30)
)


def trader(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def answer(*words: str) -> dict[str, Any]:
    result = trader(*words, "--json")
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trader.toml").write_text('catalog = "catalog"\n')
    for name, text in (("good", GOOD), ("bad", BAD), ("quotes", QUOTES)):
        (tmp_path / f"{name}.csv").write_text(text)
    assert trader("data", "import", "good.csv", "--name", "d", "--calendar", "XNYS").exit_code == 0
    words = ("data", "import", "quotes.csv", "--name", "q", "--calendar", "24/7")
    assert trader(*words).exit_code == 0
    return tmp_path


def test_a_clean_dataset_gives_0_and_a_bad_file_1(folder: Path) -> None:
    clean = trader("data", "check", "d")
    assert (clean.exit_code, clean.stdout.splitlines()[-1]) == (0, "Nothing was found.")
    bad = trader("data", "check", "bad.csv", "--calendar", "XNYS")
    assert bad.exit_code == 1
    assert "error  data.outside_range  1" in bad.stdout
    assert "A row 11 2024-07-15T20:00:00Z Close: 12 lies outside" in " ".join(bad.stdout.split())
    assert max(len(line) for line in bad.stdout.splitlines()) <= 80


def test_warnings_alone_give_0_and_json_has_every_finding(folder: Path) -> None:
    found = answer("data", "check", "q")
    assert found["counts"] == {"data.locked_quote": 1}
    assert found["findings"][0] | {"remedy": "", "text": ""} == {
        "code": "data.locked_quote",
        "severity": "warning",
        "symbol": "Q",
        "kind": "quotes",
        "row": 8,
        "ts_ns": 1_719_835_207_000_000_000,
        "column": "bid",
        "value": "1.1",
        "count": 1,
        "text": "",
        "remedy": "",
    }
    assert trader("data", "check", "q").exit_code == 0


def test_a_sample_can_be_checked(folder: Path) -> None:
    assert trader("data", "check", "sample:goog").exit_code == 0
    assert trader("data", "check", "sample:nothing").exit_code == 2


@pytest.mark.parametrize("target", ["q", "bad.csv", "sample:goog"])
def test_a_picture_is_drawn_of_whatever_is_checked(folder: Path, target: str) -> None:
    trader("data", "check", target, "--plot", "picture.png")
    assert (folder / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_a_name_that_is_a_dataset_and_a_file_is_asked_about(folder: Path) -> None:
    (folder / "d").write_text(GOOD)
    both = trader("data", "check", "d")
    assert both.exit_code == 2 and "write ./d for the file" in both.stderr
    assert trader("data", "check", "./d", "--calendar", "XNYS").exit_code == 0


def test_repair_writes_a_new_dataset_and_says_what_it_did(folder: Path) -> None:
    done = trader("data", "repair", "q", "--into", "clean", "--fix", "data.locked_quote")
    assert done.exit_code == 0
    assert "q itself is untouched" in done.stdout
    assert trader("data", "check", "clean").stdout.endswith("Nothing was found.\n")
    nothing = trader("data", "repair", "d", "--into", "e", "--fix", "data.outlier")
    assert (nothing.exit_code, "nothing to repair" in nothing.stderr) == (1, True)
    unknown = trader("data", "repair", "d", "--into", "e", "--fix", "outlier")
    assert unknown.exit_code == 2


def test_longer_bars_are_made_from_the_command_line(folder: Path) -> None:
    done = answer("data", "resample", "d", "--to", "1w", "--into", "weeks")
    assert done["rows"] == {"A": 2}
    listed = answer("data", "list")
    assert [each["name"] for each in listed["datasets"]] == ["d", "q", "weeks"]
    assert "world:daily_bars" in listed["worlds"]
    wrong = trader("data", "resample", "d", "--to", "7m", "--into", "x")
    assert (wrong.exit_code, "is no period" in wrong.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("ftp",), "unknown source"),
        (("http",), "the address is missing"),
        (("http", "--url", "http://127.0.0.1:9/", "--auth-env", "NO_SUCH_VARIABLE"), "NO_SUCH"),
        (("http", "--url", "http://127.0.0.1:9/", "--from", "soon"), "'soon'"),
        (
            ("http", "--url", "http://127.0.0.1:9/", "--from", "2024-02-01", "--to", "2024-01-01"),
            "the span is empty",
        ),
        (("http", "--url", "http://127.0.0.1:9/", "--symbol", "A"), "named twice"),
    ],
)
def test_a_download_that_cannot_begin_says_why(
    folder: Path, words: tuple[str, ...], problem: str
) -> None:
    result = trader("data", "get", *words, "--name", "x", "--symbol", "A")
    assert (result.exit_code, problem in " ".join(result.stderr.split())) == (2, True)
    assert not (folder / "catalog" / "x").exists()
