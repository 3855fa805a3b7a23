"""What a strategy's Python takes from elsewhere is part of what runs, and of what was tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.backtest.histories import load_history
from runtime.config import load_strategy
from runtime.promotion.fingerprint import Fingerprint, differences, fingerprint_of
from runtime.store.identity import data_identity, identity_of
from runtime.store.python_outside import outside_of

FILE = '[strategy]\nname = "own"\nclass = "own.py:Own"\n\n[data]\ndataset = "sample:goog"\n'
CODE = "from trader import Strategy\n{}\n\n\nclass Own(Strategy):\n    def on_bar(self, bar):\n        {}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a strategy's folder; beside it is one on Python's path."""
    own, shared = tmp_path / "own", tmp_path / "shared"
    (shared / "pack" / "deep").mkdir(parents=True)
    own.mkdir()
    (own / "own.toml").write_text(FILE)
    (shared / "pack" / "__init__.py").touch()
    for name in ("tools.py", "more.py", "pack/deep/inner.py"):
        (shared / name).write_text("X = 1\n")
    (shared / "tools.py").write_text("import more\nX = 1\n")
    monkeypatch.syspath_prepend(str(shared))
    monkeypatch.chdir(own)
    monkeypatch.setenv("EDGE", "1")
    (own / "data").mkdir()
    for name in ("weights.csv", "data/model.bin"):
        (own / name).write_text("1\n")
    return own


def seen(folder: Path, top: str = "", inside: str = "pass") -> tuple[Fingerprint, str]:
    """Return a strategy's fingerprint, and what a trial of it is known by."""
    (folder / "own.py").write_text(CODE.format(top, inside))
    config = load_strategy(folder / "own.toml")
    history = load_history(config.data, folder)
    return fingerprint_of(config), identity_of(config, data_identity(config, history)).fingerprint


@pytest.mark.parametrize(
    ("top", "inside", "changed", "told"),
    [
        ("from tools import X", "pass", "../shared/tools.py", "the module tools"),
        ("from tools import X", "pass", "../shared/more.py", "the module more"),
        ("", "import tools", "../shared/tools.py", "the module tools"),
        ("try:\n    import tools\nfinally:\n    pass", "pass", "../shared/tools.py", "the module tools"),
        ("import pack.deep.inner", "pass", "../shared/pack/deep/inner.py", "the module pack"),
        ("W = open('weights.csv').read()", "pass", "weights.csv", "the file weights.csv"),
        ("", "open('weights.csv')", "weights.csv", "the file weights.csv"),
        (
            "from pathlib import Path\nP = Path(__file__).parent / 'data' / 'model.bin'",
            "pass",
            "data/model.bin",
            "the file data/model.bin",
        ),
        (
            "import os\nP = os.path.join(os.path.dirname(__file__), 'data', 'model.bin')",
            "pass",
            "data/model.bin",
            "the file data/model.bin",
        ),
    ],
)  # fmt: skip
def test_what_stands_elsewhere_is_part_of_what_runs(
    top: str, inside: str, changed: str, told: str, folder: Path
) -> None:
    before, tried = seen(folder, top, inside)
    assert seen(folder, top, inside) == (before, tried)
    with (folder / changed).open("a") as file:
        file.write("Y = 2\n")
    after, tried_again = seen(folder, top, inside)
    assert differences(before, after) == [f"{told}, which the strategy's code names, was changed"]
    assert tried_again != tried, "another try"


@pytest.mark.parametrize(
    "top",
    [
        "import os\nE = os.environ['EDGE']",
        "import os\nE = os.environ.get('EDGE', '1')",
        "from os import environ\nE = environ['EDGE']",
        "import os\nE = os.getenv('EDGE')",
        "from os import getenv\nE = getenv('EDGE', '1')",
    ],
)
def test_a_variable_of_the_environment_is_part_of_what_runs(
    top: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, tried = seen(folder, top)
    monkeypatch.setenv("EDGE", "2")
    after, tried_again = seen(folder, top)
    assert differences(before, after) == [
        "the environment's variable EDGE, which the strategy's code names, was changed"
    ]
    assert tried_again != tried
    monkeypatch.setenv("EDGE", "")
    empty, _ = seen(folder, top)
    monkeypatch.delenv("EDGE")
    assert seen(folder, top)[0] != empty


def test_its_value_is_not_written_anywhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE", "a-secret-of-mine")
    found, _ = seen(folder, "import os\nE = os.environ['EDGE']")
    assert "a-secret-of-mine" not in str(found.parts)


@pytest.mark.parametrize(
    "top",
    [
        "",
        "import math, numpy, hypothesis",  # have versions
        "import engine.model.units",  # the program's own
        "import nowhere_at_all",
        "F = open('own.log', 'a')",
        "F = open('weights.csv', 'w')",
        "F = open('weights.csv', mode='ab')",
        "NAME = 'data'",  # a folder
        "NAME = '/' * 300 + '\\0'",
        "import os\nE = os.environ",
    ],
)
def test_what_is_known_otherwise_or_is_no_input_is_left_out(top: str, folder: Path) -> None:
    (folder / "own.log").touch()
    (folder / "own.py").write_text(CODE.format(top, "pass"))
    assert outside_of(folder / "own.py").parts == {}


def test_what_cannot_be_read_now_is_another_input_than_what_can(bound_folder: Path) -> None:
    weights = bound_folder / "weights.csv"
    weights.write_text("1\n")
    (bound_folder / "own.py").write_text(CODE.format("W = open('weights.csv').read()", "pass"))
    before = outside_of(bound_folder / "own.py").parts
    weights.chmod(0)
    now = outside_of(bound_folder / "own.py").parts
    assert now.keys() == before.keys() == {"file.weights.csv"} and now != before


def test_a_helper_beside_is_known_as_the_strategys_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "sizes.py").write_text("LARGE = 2\n")
    monkeypatch.syspath_prepend(str(folder))
    found, _ = seen(folder, "from sizes import LARGE")
    assert not [name for name in found.parts if name.startswith("module.")]


def test_files_that_import_each_other_end(folder: Path) -> None:
    (folder.parent / "shared" / "more.py").write_text("import tools\n")
    found, _ = seen(folder, "import tools")
    assert {"module.tools", "module.more"} <= found.parts.keys()
