"""No secret leaves in a string: whatever it stands in, and however it is written."""

from __future__ import annotations

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from runtime.observing.masking import MASK, Masker

TEXTS = st.text(max_size=60)
SECRETS = st.text(string.ascii_letters + string.digits + "!#$%&/+=_-.", min_size=6, max_size=40)


@given(before=TEXTS, secret=SECRETS, after=TEXTS)
def test_a_known_secret_is_in_no_text(before: str, secret: str, after: str) -> None:
    masker = Masker.of_environment({"VENUE_API_KEY": secret, "HOME": "somewhere"})
    shown = masker.text(before + secret + after)
    assert secret not in shown.replace(MASK, "\0")


@given(secret=SECRETS)
def test_a_known_secret_is_masked_in_a_url_too(secret: str) -> None:
    shown = Masker([secret]).text(f"https://hooks.example/{quote(secret, safe='')}/x")
    assert quote(secret, safe="") not in shown
    assert "hooks.example" in shown


@given(
    scheme=st.sampled_from(["postgresql+psycopg", "smtp", "wss", "tgram"]),
    user=st.text(string.ascii_letters, max_size=8),
    password=st.text(string.ascii_letters + string.digits + "!#$%&=_-.:", min_size=1, max_size=30),
)
def test_no_password_of_a_url_is_shown(scheme: str, user: str, password: str) -> None:
    shown = Masker().text(f"no answer from {scheme}://{user}:{password}@db.example:5432/x")
    assert shown == f"no answer from {scheme}://{MASK}@db.example:5432/x"


@given(
    name=st.sampled_from(["password=", "api_key: ", '"token": "', "client-secret='", "PWD="]),
    value=st.text(string.ascii_letters + string.digits, min_size=1, max_size=50),
)
def test_what_is_called_a_secret_is_masked(name: str, value: str) -> None:
    shown = Masker().text(f"the answer was {name}{value}")
    assert not shown.endswith(value) or value in name


KEYS = (
    "AKIAIOSFODNN7EXAMPLE",
    "PKTEST0123456789ABCD",
    "sk-proj-0123456789abcdefghij",
    "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
    "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----",
)


@pytest.mark.parametrize("key", KEYS)
def test_what_looks_like_a_key_is_masked(key: str) -> None:
    assert key not in Masker().text(f"401 for {key}, said the venue")


KEPT = (
    "state 6f1e2a90c41b7d33aa0f5b1c2d3e4f50",
    "session 0194f3c2-7b1a-7c9e-9d33-5a1b2c3d4e5f",
    "signal wwiuz32gjobu7drg of AAPL: edge 7.5 %",
    "order 12 sells 100 BTCUSDT at 64,200.10",
    "ws://127.0.0.1:8765 is silent",
    "AttributeError in on_bar: 'Bar' object has no attribute 'clsoe'",
)


@pytest.mark.parametrize("text", KEPT)
def test_what_a_person_needs_stays(text: str) -> None:
    assert Masker().text(text) == text


def test_a_value_is_masked_by_its_type_and_by_its_name() -> None:
    masker = Masker()
    given_values = {
        "url": SecretStr("tgram://1"),
        "token": 12,
        "depth": [SecretStr("x"), 3],
        "n": 1,
    }
    assert masker.value(given_values) == {"url": MASK, "token": MASK, "depth": [MASK, 3], "n": 1}
    assert masker.value(ValueError("password=abc")) == f"password={MASK}"
