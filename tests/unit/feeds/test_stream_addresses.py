"""What a person may write as the address of a stream; it is kept and shown, so it holds no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import InputError
from runtime.feeds.addresses import require_stream
from runtime.session.starting import start_paper
from sims.virtual_time import run_virtual
from tests.unit.session.papers import Desk


@pytest.mark.parametrize(
    "address", ["ws://127.0.0.1:8765", "wss://feed.example.com/prices", "ws://[::1]:8765/"]
)
def test_host_port_and_path_are_an_address(address: str) -> None:
    assert require_stream(address, "alpaca") == address


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("nonsense", "session.unknown_feed"),
        ("http://127.0.0.1:8765", "session.unknown_feed"),
        ("ws://", "session.unknown_feed"),
        ("ws://127.0.0.1:0", "session.unknown_feed"),
        ("ws://127.0.0.1:99999", "session.unknown_feed"),
        ("ws://bob:hunter2secret@127.0.0.1:1", "session.secret_in_feed"),
        ("ws://hunter2secret@127.0.0.1:1", "session.secret_in_feed"),
        ("ws://bob:hunter2secret@127.0.0.1:99999", "session.secret_in_feed"),
        ("wss://feed.example.com/prices?token=hunter2secret", "session.secret_in_feed"),
        ("wss://feed.example.com/prices#hunter2secret", "session.secret_in_feed"),
    ],
)
def test_what_is_none_or_holds_a_secret_is_refused_without_saying_the_secret(
    address: str, code: str
) -> None:
    with pytest.raises(InputError) as caught:
        require_stream(address, "alpaca")
    assert caught.value.code == code
    assert "hunter2secret" not in str(caught.value)


def test_a_command_is_kept_without_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRICES_TOKEN", "hunter2secret")
    desk = Desk.of_example("sma_cross.toml", tmp_path)

    async def begun() -> None:
        typed = "paper sma_cross --feed ws://bob:pw@127.0.0.1:1 --account hunter2secret"
        with desk.store() as store:
            start_paper(store, desk.plan(store, command=typed))
            kept = store.get("last").command
        assert kept == "paper sma_cross --feed ws://***@127.0.0.1:1 --account ***"

    run_virtual(begun())
