"""Pictures: every format, odd data, and nothing half-written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from report_samples import goog, goog_equity, summary_of

from engine.errors import InputError
from reports.charts import (
    POINTS_MAX,
    EquityPlot,
    TradeMarkers,
    draw_equity,
    plot_equity,
    plot_summary,
    require_picture_path,
)

MAGIC = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


def plot_of(size: int) -> EquityPlot:
    steps = np.random.default_rng(size).standard_normal(size) * 1e-4
    equity = 1_000.0 * np.cumprod(1.0 + steps)
    times = np.datetime64("2024-03-04T14:30") + np.arange(size).astype("timedelta64[m]")
    drawdown = equity / np.maximum.accumulate(equity) - 1.0 if size else equity
    return EquityPlot(times, equity, drawdown, "sample", benchmark=equity * 3)


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".PNG"])
def test_the_suffix_decides_the_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"equity{suffix}"
    plot_summary(path, summary_of(goog_equity()), benchmark=goog()[1])
    assert path.read_bytes().startswith(MAGIC[suffix.lower()])
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_same_run_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    for path in (first, second):
        plot_equity(path, plot_of(50))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("size", [0, 1, 2, 3 * POINTS_MAX])
def test_any_number_of_points_can_be_drawn(tmp_path: Path, size: int) -> None:
    plot_equity(tmp_path / "equity.png", plot_of(size))
    assert (tmp_path / "equity.png").stat().st_size > 5_000


def test_many_points_are_reduced_and_the_extremes_stay() -> None:
    plot = plot_of(10 * POINTS_MAX)
    line = draw_equity(plot).axes[0].lines[-1].get_ydata()
    drawn = np.asarray(line, dtype=np.float64)
    assert drawn.size <= POINTS_MAX + 4
    assert (drawn.min(), drawn.max()) == (plot.equity.min(), plot.equity.max())


def test_intraday_curves_are_not_drawn_through_the_night() -> None:
    times = np.concatenate(
        [np.datetime64(day) + np.arange(60).astype("timedelta64[m]")
         for day in ("2024-03-04T14:30", "2024-03-05T14:30")]
    )  # fmt: skip
    plot = EquityPlot(times, np.full(120, 5.0), np.zeros(120), "two days")
    drawn = np.asarray(draw_equity(plot).axes[0].lines[-1].get_ydata(), dtype=np.float64)
    assert np.flatnonzero(np.isnan(drawn)).tolist() == [60]


def test_trades_are_marked_on_the_curve() -> None:
    plot = plot_of(100)
    markers = TradeMarkers(plot.times[[10, 20]], np.array([1, -1], dtype=np.int8))
    marked = EquityPlot(plot.times, plot.equity, plot.drawdown, "marked", markers=markers)
    bought, sold = draw_equity(marked).axes[0].collections
    assert np.asarray(bought.get_offsets())[0, 1] == plot.equity[10]
    assert np.asarray(sold.get_offsets())[0, 1] == plot.equity[20]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("equity.jpg", "ends in .png, .svg, .pdf"),
        ("equity", "ends in .png, .svg, .pdf"),
        ("folder.png/file/equity.png", "file is a file, not a folder"),
        ("folder.png", "this is a folder"),
    ],
)
def test_a_place_that_cannot_hold_a_picture_is_refused(
    tmp_path: Path, name: str, says: str
) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "folder.png" / "file").touch()
    with pytest.raises(InputError, match=says):
        plot_equity(tmp_path / name, plot_of(5))
    assert [file.name for file in tmp_path.iterdir()] == ["folder.png"]


def test_a_folder_that_is_missing_is_made_with_the_picture(tmp_path: Path) -> None:
    plot_equity(tmp_path / "out" / "deep" / "equity.png", plot_of(5))
    assert [file.name for file in (tmp_path / "out" / "deep").iterdir()] == ["equity.png"]


def test_a_folder_without_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(InputError, match="permission"):
        require_picture_path(tmp_path / "equity.png")


def test_a_full_disk_leaves_the_old_picture_and_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "equity.png"
    path.write_bytes(b"old")

    def full(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", full)
    with pytest.raises(InputError, match="No space left"):
        plot_equity(path, plot_of(5))
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["equity.png"]


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(InputError, match="drawdown has 2 points, times has 3"):
        EquityPlot(np.arange(3).astype("datetime64[D]"), np.ones(3), np.zeros(2), "odd")
