"""Downloads against a real server: whatever breaks in between, no row is missing or twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from data.catalog import Catalog
from data.download import HistoryRequest, RateBudget, download
from data.download.http import HttpPage, HttpSource
from data.importing import ImportOptions, Stamp, WriteMode
from engine.errors import DataError
from tests.unit.data.history_server import PAGE_ROWS, START_S, Handler, Served, Trouble, serving

NS = 10**9
OPTIONS = ImportOptions("d", calendar="24/7", stamp=Stamp.OPEN)


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Try as often as in production, without the waits."""
    with stamina.set_testing(True, attempts=8, cap=True):
        yield


def requests(*symbols: str) -> list[HistoryRequest]:
    return [HistoryRequest(symbol, "bars", "1m") for symbol in symbols or ("A",)]


def source(served: Served, **said: object) -> HttpSource:
    return HttpSource(served.url, RateBudget(10_000, 1.0), **said)  # type: ignore[arg-type]


def stamps(root: Path, symbol: str = "A") -> list[int]:
    bars = Catalog(root).dataset("d").load([symbol]).parts[0].bars
    assert bars is not None
    return [int(ts) // NS for ts in bars.ts_open_ns]


def expected(count: int = 95) -> list[int]:
    return [START_S + 60 * number for number in range(count)]


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("rows", [1, PAGE_ROWS, PAGE_ROWS + 1, 95])
def test_all_pages_become_one_dataset(tmp_path: Path, form: str, rows: int) -> None:
    with serving(Served(rows, form)) as served:
        if rows == 1:
            served.rows = 2  # one bar has no length that could be told
        done = download(source(served), requests("A", "B"), tmp_path, OPTIONS)
    count = served.rows
    assert stamps(tmp_path, "A") == stamps(tmp_path, "B") == expected(count)
    assert done.report.rows == 2 * count and done.pages_kept == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d"]


def test_prices_keep_the_digits_that_were_sent(tmp_path: Path) -> None:
    body = b'{"columns": ["ts"], "rows": [[1.10], [1e3], [12345678901234567890.123456789]]}'
    from data.download.http import _json_page

    page = _json_page(body, "x")
    assert page == HttpPage(("ts",), (("1.10",), ("1e3",), ("12345678901234567890.123456789",)), "")


def test_the_request_says_what_is_wanted_and_the_secret_stays_out(tmp_path: Path) -> None:
    request = HistoryRequest("A", "bars", "1m", START_S * NS, (START_S + 6000) * NS)
    with serving(Served()) as served:
        served.trouble = lambda handler, token, _: token == "20" and handler.refuse(403, "no")
        with pytest.raises(DataError):
            download(source(served, token="s3cret"), [request], tmp_path, OPTIONS)
    assert served.queries[0] == {
        "symbol": "A",
        "kind": "bars",
        "timeframe": "1m",
        "start": "2024-01-01T00:00:00Z",
        "end": "2024-01-01T01:40:00Z",
        "limit": "5000",
    }
    assert set(served.secrets) == {"Bearer s3cret"}
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"s3cret" not in kept and "s3cret" not in repr(source(served, token="s3cret"))


def busy(handler: Handler, token: str, tries: int) -> bool:
    return tries <= 3 and handler.refuse(503)


def throttled(handler: Handler, token: str, tries: int) -> bool:
    return token == "30" and tries == 1 and handler.refuse(429, "", {"Retry-After": "0"})


def cut_body(handler: Handler, token: str, tries: int) -> bool:
    """Send half of the page under the length of the whole, and hang up."""
    if tries > 2:
        return False
    handler.answer(b"ts,open,high,low,close,volume\n1704067200,1,1,1,1,1\n", "text/csv", {}, 5000)
    handler.close_connection = True
    return True


def hang_up(handler: Handler, token: str, tries: int) -> bool:
    if tries > 2:
        return False
    handler.connection.close()
    return True


@pytest.mark.parametrize("trouble", [busy, throttled, cut_body, hang_up])
def test_what_may_be_repeated_is_repeated(tmp_path: Path, trouble: Trouble) -> None:
    with serving(Served(trouble=trouble)) as served:
        download(source(served), requests(), tmp_path, OPTIONS)
    assert stamps(tmp_path) == expected()
    assert len(served.asked) > 10


@pytest.mark.parametrize(
    ("trouble", "code", "words"),
    [
        (lambda h, t, _: t == "30" and h.refuse(404, "no such symbol"), "data.source_refused", "no such symbol"),
        (lambda h, t, _: t == "30" and h.refuse(302, ""), "data.source_refused", "status 302"),
        (lambda h, t, _: t == "30" and h.refuse(503), "data.source_down", "503"),
        (lambda h, t, _: t == "30" and (h.answer(b"a,b\n1,2\n", "text/csv", {}) or True), "data.download_changed", "other columns"),
        (lambda h, t, _: t == "30" and (h.answer(b"ts,open", "text/csv", {}, 0) or True), "data.source_refused", "how long"),
        (lambda h, t, _: t == "30" and (h.answer(b"{}", "application/json", {}) or True), "data.source_refused", "columns"),
    ],
)  # fmt: skip
def test_a_failure_keeps_the_pages_and_the_next_run_goes_on(
    tmp_path: Path, trouble: Trouble, code: str, words: str
) -> None:
    with serving(Served(trouble=trouble)) as served:
        with pytest.raises(DataError) as caught:
            download(source(served), requests(), tmp_path, OPTIONS)
        assert caught.value.code == code
        assert words in str(caught.value)
        assert Catalog(tmp_path).names() == ()
        served.trouble = None
        served.asked.clear()
        done = download(source(served), requests(), tmp_path, OPTIONS)
    assert served.asked[0] == ("A", "30")
    assert (done.pages_kept, done.pages_new) == (3, 7)
    assert stamps(tmp_path) == expected()


def test_paging_that_never_ends_is_told(tmp_path: Path) -> None:
    def loop(handler: Handler, token: str, _: int) -> bool:
        if token != "30":
            return False
        handler.answer(
            b"ts,open,high,low,close,volume\n1,1,1,1,1,1\n", "text/csv", {"Next-Token": "30"}
        )
        return True

    with serving(Served(trouble=loop)) as served, pytest.raises(DataError) as caught:
        download(source(served), requests(), tmp_path, OPTIONS)
    assert caught.value.code == "data.download_loops"


def test_another_request_under_the_same_name_is_refused(tmp_path: Path) -> None:
    with serving(Served()) as served:
        served.trouble = lambda handler, token, _: token == "30" and handler.refuse(404)
        with pytest.raises(DataError):
            download(source(served), requests("A"), tmp_path, OPTIONS)
        served.trouble = None
        with pytest.raises(DataError) as caught:
            download(source(served), requests("B"), tmp_path, OPTIONS)
        assert caught.value.code == "data.download_changed"
        done = download(source(served), requests("B"), tmp_path, OPTIONS, restart=True)
    assert done.pages_kept == 0
    assert Catalog(tmp_path).dataset("d").symbols == ("B",)


def test_a_dataset_that_is_there_is_not_downloaded_over(tmp_path: Path) -> None:
    with serving(Served()) as served:
        download(source(served), requests(), tmp_path, OPTIONS)
        count = len(served.asked)
        with pytest.raises(DataError, match="already a dataset"):
            download(source(served), requests(), tmp_path, OPTIONS)
        assert len(served.asked) == count
        again = ImportOptions("d", calendar="24/7", stamp=Stamp.OPEN, mode=WriteMode.REPLACE)
        download(source(served), requests(), tmp_path, again)
    assert stamps(tmp_path) == expected()


def test_what_came_is_checked_like_any_file(tmp_path: Path) -> None:
    def bad(handler: Handler, token: str, _: int) -> bool:
        if token != "30":
            return False
        rows = b"ts,open,high,low,close,volume\n1704080000,-5,1,1,1,1\n"
        handler.answer(rows, "text/csv", {})
        return True

    with serving(Served(trouble=bad)) as served, pytest.raises(DataError) as caught:
        download(source(served), requests(), tmp_path, OPTIONS)
    assert caught.value.code == "data.price_not_positive"
    assert Catalog(tmp_path).names() == ()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://x/y", "no web address"),
        ("nonsense", "no web address"),
        ("http://me:secret@host/x", "password"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        HttpSource(url)


def test_nobody_listens(tmp_path: Path) -> None:
    with serving(Served()) as served:
        pass
    with pytest.raises(DataError) as caught:
        download(source(served), requests(), tmp_path, OPTIONS)
    assert caught.value.code == "data.source_down"
    assert "run the same command again" in caught.value.remedy


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_process_goes_on_without_a_gap_or_a_duplicate(tmp_path: Path, how: int) -> None:
    """The real command in a real process, ended while it waits for its fifth page."""

    def hold(handler: Handler, token: str, tries: int) -> bool:
        if token == "40" and tries == 1:
            handler.served.reached.set()
            handler.served.gate.wait(60)
        return False

    with serving(Served(trouble=hold)) as served:
        arguments = [
            *("data", "get", "http", "--url", served.url, "--name", "d", "--symbol", "A"),
            *("--timeframe", "1m", "--stamp", "open", "--calendar", "24/7"),
            *("--rate", "1000", "--catalog", str(tmp_path)),
        ]
        command = [sys.executable, "-m", "trader", *arguments]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert served.reached.wait(60)
        os.kill(process.pid, how)
        _, errors = process.communicate(timeout=60)
        if how == signal.SIGINT:
            assert process.returncode == 130
            assert "run the same command again" in errors
        served.gate.set()
        served.asked.clear()
        again = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert again.returncode == 0, again.stderr
    assert "6 pages, 4 kept from before" in again.stdout
    assert next(token for _, token in served.asked if token) == "40"
    assert stamps(tmp_path) == expected()
    assert [path.name for path in tmp_path.iterdir()] == ["d"]
