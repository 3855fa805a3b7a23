"""What runs as a fingerprint: the same for the same, another for whatever decides."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from engine.model.instruments import Instrument, InstrumentKind
from runtime.backtest.clockwork import clockwork_of
from runtime.backtest.histories import load_history
from runtime.config import load_strategy
from runtime.promotion.fingerprint import (
    _PROGRAM,
    Fingerprint,
    differences,
    fingerprint_from,
    fingerprint_of,
    parts_text,
)
from runtime.session.opening import Ground, fingerprint_in, opened_of
from runtime.session_core.assembling import market_of
from runtime.source_files import source_files
from tests.architecture.source import ROOT
from tests.unit.config.strategy_texts import MINIMAL, parse

LAID_OUT = """\
# the same strategy
rules = { entry = "close>sma( close, n = 20 )" }   # one formula
data = { dataset = 'sample:goog' }
[strategy]
description = "as above"
name = 'minimal'
"""


def test_a_fingerprint_does_not_depend_on_how_the_file_is_laid_out() -> None:
    assert fingerprint_of(parse(LAID_OUT)) == fingerprint_of(parse(MINIMAL))


def test_the_core_is_the_same_in_every_environment_and_for_every_account() -> None:
    paper = fingerprint_of(parse(MINIMAL), venue="alpaca", environment="paper", account="A1")
    live = fingerprint_of(parse(MINIMAL), venue="alpaca", environment="live", account="B2")
    assert paper.core == live.core
    assert paper.whole != live.whole
    assert differences(paper, live) == [
        "the account is another",
        "the environment is live, it was paper",
    ]


def test_the_number_of_an_account_is_not_in_its_fingerprint() -> None:
    found = fingerprint_of(parse(MINIMAL), venue="alpaca", account="PA3XYZ")
    assert "PA3XYZ" not in parts_text(found)


def test_a_fingerprint_is_read_back_as_it_was_written() -> None:
    found = fingerprint_of(parse(MINIMAL), venue="alpaca")
    assert fingerprint_from(parts_text(found)).whole == found.whole


CLASS = """\
[strategy]
name = "own"
class = "own.py:Own"

[data]
dataset = "sample:goog"
"""
OWN = """\
from trader import Strategy
from sizes import LARGE


class Own(Strategy):
    size = LARGE
"""


def of_class(folder: Path, **files: str) -> Fingerprint:
    """Return the fingerprint of a strategy class with some of its files as given."""
    texts = {"own.py": OWN, "sizes.py": "LARGE = 2\n", "own.toml": CLASS, **files}
    for name, text in texts.items():
        (folder / name).write_text(text)
    return fingerprint_of(load_strategy(folder / "own.toml"))


@pytest.mark.parametrize("name", ["own.py", "sizes.py"])
def test_a_byte_of_a_strategys_own_files_changes_its_fingerprint(name: str, tmp_path: Path) -> None:
    before = of_class(tmp_path)
    text = (tmp_path / name).read_text()
    now = of_class(tmp_path, **{name: text.replace("2", "3") + "\n"})
    assert differences(before, now) == ["the strategy's code was changed"]


def test_a_strategy_that_stands_elsewhere_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert of_class(tmp_path / "a") == of_class(tmp_path / "b")


def test_a_package_that_a_strategy_imports_is_part_of_it(tmp_path: Path) -> None:
    found = of_class(tmp_path, **{"own.py": OWN + "import hypothesis\n"})
    assert found.parts["package.hypothesis"] == version("hypothesis")
    assert "package.hypothesis" not in of_class(tmp_path).parts


def test_the_packages_that_decide_are_parts() -> None:
    parts = fingerprint_of(parse(MINIMAL)).parts
    names = ("numpy", "numba", "llvmlite", "polars", "msgspec", "aiohttp", "tzdata")
    names += ("pydantic", "sqlalchemy", "cryptography")  # files, journals, signatures
    assert {name: parts[f"package.{name}"] for name in names} == {
        name: version(name) for name in names
    }


def test_what_judges_certificates_keeps_the_record_and_knows_the_venues_is_part_of_it() -> None:
    covered = {
        f"{place}/{path}"
        for places in _PROGRAM.values()
        for place in places
        for path, _ in source_files(place)
    }
    assert covered >= {
        "runtime/journal/journal.py",
        "runtime/promotion/certificate.py",
        "runtime/venues/needs.py",
    }


def test_a_byte_of_the_programs_code_changes_every_fingerprint(tmp_path: Path) -> None:
    """A copy of the program, in which one comment is added."""
    for name in ("engine", "brokers", "sims", "data", "runtime", "reports", "trader"):
        copytree(ROOT / name, tmp_path / name, ignore=ignore_patterns("__pycache__", "samples"))
    before = fingerprint_in_process(tmp_path)
    changed = {
        "engine/rules/exits.py": "the engine's code is another",
        "brokers/__init__.py": "the brokers' code is another",
        "runtime/gateway/checks.py": "the code of sessions is another",
    }
    for name in (*changed, "sims/fillbook/book.py"):
        assert (tmp_path / name).exists()
        with (tmp_path / name).open("a") as file:
            file.write("# edited\n")
    found = differences(before, fingerprint_in_process(tmp_path))
    assert sorted(found) == sorted(changed.values())


def fingerprint_in_process(folder: Path) -> Fingerprint:
    """Return what a program of its own says."""
    script = (
        "from pathlib import Path\n"
        "from runtime.config import parse_strategy\n"
        "from runtime.promotion.fingerprint import fingerprint_of, parts_text\n"
        f"print(parts_text(fingerprint_of(parse_strategy({MINIMAL!r}, Path('a.toml')))))\n"
    )
    command = [sys.executable, "-c", script]
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    return fingerprint_from(told.strip())


def test_a_session_writes_what_it_runs_into_its_journal() -> None:
    config = load_strategy(ROOT / "examples" / "sma_cross.toml")
    history = load_history(config.data, Path())
    market = market_of(history, clockwork_of(history))
    ground = Ground("A1", "paper", "alpaca", "real", "auto", venue="alpaca")
    opened = opened_of(config, market, ground)
    found = fingerprint_in(opened)
    assert found is not None
    assert opened.data["fingerprint.core"] == found.core
    assert (found.venue, found.environment) == ("alpaca", "paper")
    live = partial(fingerprint_of, config, venue="alpaca", environment="live", account="B2")
    assert found.core == live(instruments=history.instruments, timeframe="1d").core


def test_daily_evidence_does_not_open_minutes_nor_another_instrument_of_the_name() -> None:
    config = load_strategy(ROOT / "examples" / "sma_cross.toml")
    share = Instrument("GOOG", InstrumentKind.EQUITY)
    of_days = fingerprint_of(config, instruments=(share,), timeframe="1d")
    of_minutes = fingerprint_of(config, instruments=(share,), timeframe="1m")
    finer = replace(share, price_precision=4)
    of_finer = fingerprint_of(config, instruments=(finer,), timeframe="1d")
    assert differences(of_days, of_minutes) == ["the timeframe is 1m, it was 1d"]
    assert differences(of_days, of_finer) == [
        "an instrument's tick, lot, multiplier, currency or calendar is another"
    ]
    assert len({of_days.core, of_minutes.core, of_finer.core}) == 3
