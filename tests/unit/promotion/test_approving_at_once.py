"""Two terminals that approve the same request at once: one serial is one certificate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.promotion import audit
from runtime.promotion.approving import new_request
from runtime.promotion.desk import Desk
from runtime.promotion.document import Document
from runtime.promotion.keys import Keys, PublicKey, Role, Signer
from runtime.promotion.problems import Code, Problem
from runtime.promotion.store import PromotionStore
from tests.unit.promotion.certificates import NOW, MovableClock, body_of, signed


@pytest.fixture
def stores(url: str, tmp_path: Path) -> Iterator[list[PromotionStore]]:
    """Return the record as two processes have it open."""
    clock = MovableClock()
    with (
        PromotionStore.open(url, clock=clock, folder=tmp_path) as one,
        PromotionStore.open(url, clock=clock, folder=tmp_path) as other,
    ):
        yield [one, other]


def test_who_is_slower_at_the_passphrase_issues_no_twin(
    stores: list[PromotionStore], tmp_path: Path
) -> None:
    """Of two certificates with one serial a revocation, which names one, would leave the other."""
    keys = Keys(tmp_path / "keys")
    gate = keys.new(Role.GATE, "gate")
    keys.new(Role.APPROVER, "anna")
    body = body_of(gate_key=gate.key, open_checks=[], issued_ns=NOW)
    request = new_request(body, keys.open(gate.name)).to_bytes()
    first, second = (Desk(keys, store, MovableClock()) for store in stores)
    found: list[Document | Problem] = []

    def opened(key: PublicKey) -> Signer:
        return keys.open(key.name)

    def slowly(key: PublicKey) -> Signer:
        if key.role is Role.GATE and not found:
            found.append(second.approve(request, opened))
        return opened(key)

    refused = first.approve(request, slowly)
    assert isinstance(found[0], Document)
    assert isinstance(refused, Problem) and refused.code is Code.SERIAL
    assert [each.serial for each in stores[0].issued()] == [body.serial]


def test_of_two_that_record_one_serial_at_once_one_does(
    stores: list[PromotionStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one comes between the look and the writing."""
    one, other = stores
    add_line = audit._add_line

    def meanwhile(path: Path, line: bytes) -> None:
        monkeypatch.setattr(audit, "_add_line", add_line)
        assert other.issue(signed(body_of(approved_ns=NOW - 2)))
        add_line(path, line)

    monkeypatch.setattr(audit, "_add_line", meanwhile)
    assert not one.issue(signed(body_of(approved_ns=NOW - 1)))
    (kept,) = one.issued()
    assert kept.certificate == body_of(approved_ns=NOW - 2).id
    assert not one.known().problem


def test_the_next_serial_is_recorded_and_the_one_before_is_not(
    stores: list[PromotionStore],
) -> None:
    one, other = stores
    assert one.issue(signed(body_of(serial=4)))
    assert not other.issue(signed(body_of(serial=3)))
    assert other.issue(signed(body_of(serial=5)))
    assert other.issue(signed(body_of(serial=3, account="b" * 64))), "another account's"
