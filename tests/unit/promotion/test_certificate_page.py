"""The page on certificates says what is so, and its recipe for another tool works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from msgspec.structs import fields

from runtime.promotion.document import Certificate
from runtime.promotion.events import Event
from runtime.promotion.problems import Code
from tests.architecture.source import ROOT
from tests.unit.promotion.certificates import THE_GATE, file_of

PAGE = (ROOT / "docs" / "reference" / "certificate.md").read_text("utf-8")


def test_every_refusal_field_and_event_is_on_the_page() -> None:
    names = [each.value for each in Code] + [each.name for each in fields(Certificate)]
    names += [kind.__name__ for kind in Event.__args__]
    assert [name for name in names if f"`{name}`" not in PAGE] == []


def test_the_refusals_stand_in_their_order() -> None:
    told = re.findall(r"`(certificate\.\w+)`", PAGE.partition("## What is refused")[2])
    assert told == [each.value for each in Code]


def test_openssl_verifies_a_certificate_as_the_page_says(tmp_path: Path) -> None:
    """Another program's answer: file, key and signed bytes are what the page says."""
    (recipe,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "momentum.certificate").write_bytes(file_of())
    (tmp_path / "gate.pub").write_text(THE_GATE.public.to_text())
    assert verified(recipe, tmp_path) == "Signature Verified Successfully"
    (tmp_path / "momentum.certificate").write_bytes(file_of(serial=4).replace(b'al":4', b'al":5'))
    assert verified(recipe, tmp_path) == "Signature Verification Failure"


def verified(recipe: str, folder: Path) -> str:
    command = ["sh", "-c", recipe]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return (answer.stdout.strip() or answer.stderr).splitlines()[0]


def test_what_does_not_sign_imports_no_cryptography() -> None:
    script = (
        "import sys, cli.main, runtime.session.starting, runtime.promotion.desk\n"
        "found = {'cryptography', 'sqlalchemy'} & set(sys.modules)\n"
        "assert not found, found\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
