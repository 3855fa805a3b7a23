"""`trader keys` and `trader promote`: two machines, three files, one certificate."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from cli.main import app
from cli.promote import desk_here
from runtime.clocks import SystemClock
from runtime.promotion.approving import new_request
from runtime.promotion.certificate import VerifiedCertificate
from runtime.promotion.events import Revoked
from runtime.promotion.fingerprint import Fingerprint, fingerprint_of
from runtime.promotion.keys import Keys
from runtime.promotion.problems import Code, Problem
from tests.unit.config.strategy_texts import MINIMAL, parse
from tests.unit.promotion.certificates import DAY, body_of


@dataclass(frozen=True)
class Machine:
    """A folder with its own workspace, keys and database."""

    folder: Path
    patch: pytest.MonkeyPatch

    def trader(self, *words: str, exit_code: int = 0) -> Result:
        """Run a command there."""
        self.patch.chdir(self.folder)
        self.patch.setenv("TRADER_DATABASE_URL", f"sqlite:///{self.folder / 'trader.sqlite'}")
        answer = CliRunner().invoke(app, words)
        assert answer.exit_code == exit_code, answer.output
        return answer

    @property
    def keys(self) -> Keys:
        return Keys(self.folder / "keys")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Machine]:
    """Return what makes machines by their names."""

    def made(name: str) -> Machine:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "trader.toml").write_text("# ours\n")
        (folder / "minimal.toml").write_text(MINIMAL)
        return Machine(folder, monkeypatch)

    return made


def request_on(at: Machine, *, author: str = "", open_checks: tuple[str, ...] = ()) -> Path:
    """Write a request, as the gate does when it has passed; `author` has a key there."""
    gate = at.keys.open("gate")
    signer = at.keys.open(author) if author else None
    now_ns = SystemClock().now_ns()
    runs = fingerprint_of(parse(MINIMAL), venue="alpaca", environment="live", account="A1")
    body = replace(
        body_of(Fingerprint(runs.parts)),
        gate_key=gate.key, author_key=signer.key if signer else "", author=author or "somebody",
        issued_ns=now_ns, expires_ns=now_ns + 30 * DAY, open_checks=list(open_checks),
    )  # fmt: skip
    path = at.folder / "minimal.request"
    path.write_bytes(new_request(body, gate, signer).to_bytes())
    return path


@pytest.fixture
def alone(machine: Callable[[str], Machine]) -> Machine:
    """Return the machine of somebody who works alone."""
    made = machine("alone")
    made.trader("keys", "new", "gate", "--name", "gate")
    made.trader("keys", "new", "approver", "--name", "anna")
    return made


def test_keys_are_made_listed_and_their_private_half_is_not_shown(alone: Machine) -> None:
    answer = json.loads(alone.trader("keys", "list", "--json").stdout)
    assert [(each["name"], each["role"], each["private"]) for each in answer["keys"]] == [
        ("anna", "approver", True),
        ("gate", "gate", True),
    ]
    shown = alone.trader("keys", "list").stdout + alone.trader("keys", "export", "gate").stdout
    secret = alone.keys.open("gate").private.private_bytes_raw()
    assert secret.hex() not in shown and "PRIVATE" not in shown
    assert stat.S_IMODE((alone.folder / "keys" / "gate.pem").stat().st_mode) == 0o600


def test_one_person_approves_and_has_a_certificate(alone: Machine) -> None:
    request_on(alone)
    told = alone.trader("promote", "--approve", "minimal.request").stdout
    assert "issued: minimal.certificate" in told
    assert "PROBATION: 25 % of its limits" in told
    assert "minimal.certificate: valid" in alone.trader(
        "promote", "--verify", "minimal.certificate"
    ).stdout  # fmt: skip
    (shown,) = json.loads(alone.trader("promote", "--show", "--json").stdout)["certificates"]
    assert (shown["strategy"], shown["valid"], shown["stage"]) == ("minimal", True, "PROBATION")


def test_a_certificate_is_verified_against_the_strategy_as_it_is_now(alone: Machine) -> None:
    request_on(alone)
    alone.trader("promote", "--approve", "minimal.request")
    alone.trader("promote", "minimal.toml", "--verify", "minimal.certificate")
    (alone.folder / "minimal.toml").write_text(MINIMAL + "# a comment\n")
    alone.trader("promote", "minimal.toml", "--verify", "minimal.certificate")
    (alone.folder / "minimal.toml").write_text(MINIMAL.replace("20", "30"))
    answer = alone.trader("promote", "minimal.toml", "--verify", "minimal.certificate", exit_code=1)
    assert "[rules] entry was changed" in answer.stderr


def test_a_revoked_certificate_is_shown_as_such(alone: Machine) -> None:
    request_on(alone)
    alone.trader("promote", "--approve", "minimal.request")
    alone.trader("promote", "--revoke", "minimal.certificate", "--why", "the account was closed")
    assert "the account was closed" in alone.trader("promote", "--show").stdout
    answer = alone.trader("promote", "--verify", "minimal.certificate", "--json", exit_code=1)
    assert json.loads(answer.stdout)["code"] == "certificate.revoked"


def test_a_revocation_that_nobody_has_signed_refuses_and_is_told(alone: Machine) -> None:
    request_on(alone)
    alone.trader("promote", "--approve", "minimal.request")
    with desk_here() as desk:
        (issued,) = desk.store.issued()
        desk.store.audit.append(
            Revoked(issued.certificate, "minimal", 3, "I say so", "mallory", "0" * 64, 1, "0" * 128)
        )
    shown = alone.trader("promote", "--show")
    assert "I say so (mallory)" in shown.stdout
    assert "nobody who is trusted has signed" in " ".join(shown.stderr.split())


def test_the_doctor_looks_at_the_keys(alone: Machine) -> None:
    def found() -> tuple[str, str]:
        answer = alone.trader("doctor", "--json", exit_code=exit_code)
        checks = {each["name"]: each for each in json.loads(answer.stdout)["checks"]}
        return checks["keys"]["health"], checks["keys"]["detail"]

    exit_code = 0
    assert found() == ("ok", "trusted: anna (approver), gate (gate)")
    (alone.folder / "keys").chmod(0o755)
    exit_code = 1
    assert found()[0] == "problem"


def test_a_certificate_is_revoked_by_the_beginning_of_its_id_and_with_a_reason(
    alone: Machine,
) -> None:
    request_on(alone)
    alone.trader("promote", "--approve", "minimal.request")
    (shown,) = json.loads(alone.trader("promote", "--show", "--json").stdout)["certificates"]
    assert "no certificate" in alone.trader(
        "promote", "--revoke", "000000", "--why", "x", exit_code=2
    ).stderr  # fmt: skip
    alone.trader("promote", "--revoke", shown["id"][:3], "--why", "x", exit_code=2)
    alone.trader("promote", "--revoke", shown["id"][:8], exit_code=2)
    alone.trader("promote", "--revoke", shown["id"][:8], "--why", "wrong account")


def test_what_is_open_is_waived_with_a_reason(alone: Machine) -> None:
    request_on(alone, open_checks=("S10",))
    refused = alone.trader("promote", "--approve", "minimal.request", exit_code=1)
    assert "S10" in refused.stderr
    assert not (alone.folder / "minimal.certificate").exists()
    told = alone.trader(
        "promote", "--approve", "minimal.request", "--waive", "S10=it trades takeovers"
    ).stdout
    assert "it trades takeovers" in told


def test_an_approver_with_a_machine_of_his_own(
    alone: Machine, machine: Callable[[str], Machine]
) -> None:
    """The request goes there by hand, the approval comes back; two keys mean two persons."""
    away = machine("away")
    away.trader("keys", "new", "approver", "--name", "bert")
    for source, target, name in (
        (alone, away, "gate"), (alone, away, "anna"), (away, alone, "bert"),
    ):  # fmt: skip
        source.trader("keys", "export", name, str(target.folder / f"{name}.pub"))
        told = target.trader("keys", "trust", f"{name}.pub").stdout
        assert target.keys.public(name).key in told
    assert alone.keys.trusted().four_eyes
    request = request_on(alone, author="anna")
    assert "anna has asked" in alone.trader(
        "promote", "--approve", "minimal.request", exit_code=1
    ).stderr  # fmt: skip

    request.rename(away.folder / request.name)
    assert "valid" in away.trader("promote", "--verify", "minimal.request").stdout
    told = away.trader("promote", "--approve", "minimal.request").stdout
    assert "Approved: minimal.approval" in told
    away.trader("promote", "--verify", "minimal.approval")

    (away.folder / "minimal.approval").rename(alone.folder / "minimal.approval")
    alone.trader("promote", "--approve", "minimal.approval")
    body = json.loads(alone.trader("promote", "--verify", "minimal.certificate", "--json").stdout)
    assert (body["author"], body["approver"], body["valid"]) == ("anna", "bert", True)
    alone.trader("keys", "remove", "bert")
    answer = alone.trader("promote", "--verify", "minimal.certificate", "--json", exit_code=1)
    assert json.loads(answer.stdout)["code"] == "certificate.unknown_key"


def test_a_torn_file_is_no_certificate(alone: Machine) -> None:
    request = request_on(alone)
    alone.trader("promote", "--approve", "minimal.request")
    path = alone.folder / "minimal.certificate"
    path.write_bytes(path.read_bytes()[:-10])
    told = alone.trader("promote", "--verify", "minimal.certificate", exit_code=1).stderr
    assert "torn or was edited" in told and "Traceback" not in told
    alone.trader("promote", "--verify", "nothing.certificate", exit_code=2)
    assert request.exists()


def test_one_thing_is_asked_at_a_time(alone: Machine) -> None:
    assert "nothing is asked for" in alone.trader("promote", exit_code=2).stderr
    told = alone.trader("promote", "--show", "--revoke", "x", exit_code=2).stderr
    assert "--show and --revoke are given" in told


def test_a_record_that_was_put_back_is_told_and_can_be_accepted(alone: Machine) -> None:
    request_on(alone)
    alone.trader("promote", "--approve", "minimal.request")
    (alone.folder / "trader.sqlite").unlink()
    for rest in alone.folder.glob("trader.sqlite-*"):
        rest.unlink()
    told = " ".join(alone.trader("promote", "--show", exit_code=2).stderr.split())
    assert "put back to an old copy" in told and "--accept-record" in told
    answer = alone.trader("promote", "--verify", "minimal.certificate", "--json", exit_code=1)
    assert json.loads(answer.stdout)["code"] == "certificate.record"
    alone.trader("promote", "--accept-record", exit_code=2)
    private = alone.folder / "keys" / "anna.pem"
    private.rename(private.with_suffix(".away"))
    told = alone.trader("promote", "--accept-record", "--why", "the disk had died", exit_code=2)
    assert "no private approver key here" in told.stderr
    private.with_suffix(".away").rename(private)
    alone.trader("promote", "--accept-record", "--why", "the disk had died")
    alone.trader("promote", "--verify", "minimal.certificate")
    shown = alone.trader("promote", "--show").stdout
    assert "the disk had died" in shown and "it had" in shown
    (accepted,) = json.loads(alone.trader("promote", "--show", "--json").stdout)["accepted"]
    assert accepted["valid"] and accepted["why"] == "the disk had died"


def test_a_passphrase_comes_from_the_environment_where_there_is_no_terminal(
    alone: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone.trader("keys", "remove", "anna", "--private")
    told = alone.trader("keys", "new", "approver", "--name", "carl", "--passphrase", exit_code=2)
    assert "TRADER_KEY_PASSPHRASE" in told.stderr
    monkeypatch.setenv("TRADER_KEY_PASSPHRASE", "correct horse")
    made = alone.trader("keys", "new", "approver", "--name", "carl", "--passphrase")
    assert "correct horse" not in made.output
    request_on(alone)
    alone.trader("promote", "--approve", "minimal.request")
    os.remove(alone.folder / "minimal.certificate")
    monkeypatch.delenv("TRADER_KEY_PASSPHRASE")
    request_on(alone)
    alone.trader("promote", "--approve", "minimal.request", exit_code=2)


def test_a_second_approver_ends_what_one_person_has_approved(alone: Machine) -> None:
    request_on(alone)
    alone.trader("promote", "--approve", "minimal.request")
    told = alone.trader("keys", "new", "approver", "--name", "bert").stderr
    assert "approved alone open nothing more" in " ".join(told.split())
    answer = alone.trader("promote", "--verify", "minimal.certificate", "--json", exit_code=1)
    assert json.loads(answer.stdout)["code"] == "certificate.four_eyes"


def test_a_workspace_may_ask_for_two_persons_with_one_approver(alone: Machine) -> None:
    request_on(alone)
    (alone.folder / "trader.toml").write_text("[promotion]\nfour_eyes = true\n")
    answer = alone.trader("promote", "--approve", "minimal.request", exit_code=1)
    assert "who has asked for it" in " ".join(answer.stderr.split())


def test_a_session_finds_the_newest_certificate_of_its_strategy_and_account(alone: Machine) -> None:
    alone.patch.chdir(alone.folder)
    request_on(alone)
    alone.trader("promote", "--approve", "minimal.request")
    runs = fingerprint_of(parse(MINIMAL), venue="alpaca", environment="live", account="A1")
    other = fingerprint_of(parse(MINIMAL), venue="alpaca", environment="live", account="B2")
    with desk_here() as desk:
        assert isinstance(desk.verdict(runs), VerifiedCertificate)
        missing = desk.verdict(other)
        assert isinstance(missing, Problem)
        assert missing.code is Code.MISSING
        copied = desk.verdict(other, (alone.folder / "minimal.certificate").read_bytes())
        assert isinstance(copied, Problem)
        assert copied.code is Code.ACCOUNT


@pytest.mark.parametrize("option", ["--approve", "--verify"])
def test_a_file_without_end_is_not_read_to_its_end(option: str, alone: Machine) -> None:
    answer = alone.trader("promote", option, "/dev/zero", exit_code=2)
    assert "it has more than 1,000,000 bytes" in " ".join(answer.stderr.split())
