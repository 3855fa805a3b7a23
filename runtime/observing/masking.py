"""Secrets do not leave: masked by type, by value and by look, in every string that goes out.

By value: what the environment holds under a name such as ``..._TOKEN``, and what was read from a file of
secrets. By look: passwords in URLs, what follows ``password=`` and its like, and what is shaped like a
key. Hashes and ids are lowercase hexadecimal or base32 and have to stay readable, so a long run of
letters and digits counts as a key only where it mixes both cases with digits.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, unquote

MASK: Final = "***"
SHORTEST: Final = 6  # a shorter value would mask ordinary words
_SECRET_NAME: Final = re.compile(
    r"(?:^|[_-])(?:secret|token|password|passwd|passphrase|pass|pwd|credentials?|api_?key|key|auth|"
    r"dsn|webhook)s?(?:$|[_-])",
    re.IGNORECASE,
)
_SHAPES: Final = (
    # scheme://user:password@host, scheme://token@host; a path without them stays
    (re.compile(r"(?P<kept>[a-z][a-z0-9+.-]*://)[^\s/'\"]+@", re.IGNORECASE), r"\g<kept>***@"),
    # password=..., "api_key": "...", token: ...
    (
        re.compile(
            r"(?P<kept>\b[\w-]*(?:secret|token|passw(?:or)?d|passphrase|pwd|api[_-]?key|signature)"
            r"[\"']?\s*[=:]\s*)(?:\"[^\"]*\"?|'[^']*'?|[^\s&,;\"'}\])]+)",
            re.IGNORECASE,
        ),
        rf"\g<kept>{MASK}",
    ),
    (
        re.compile(r"(?P<kept>\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}", re.IGNORECASE),
        rf"\g<kept>{MASK}",
    ),
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|\Z)", re.DOTALL),
        MASK,
    ),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?"), MASK),  # a JSON web token
    (re.compile(r"\b(?:sk|pk|rk|ghp|gho|ghs|xox[abprs])[-_][\w-]{16,}"), MASK),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\b(?:PK|AK)[A-Z0-9]{18}\b"), MASK),
    (
        re.compile(r"(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[A-Za-z0-9_-]{32,}(?![\w-])"),
        MASK,
    ),
)  # fmt: skip


class Masker:
    """Masks what is known to be secret, and what looks like it.

    Parameters
    ----------
    known
        Values; those of fewer than six characters are left alone.

    Examples
    --------
    >>> Masker(["hunter22"]).text("login hunter22 at smtp://ann:pw@mail.example")
    'login *** at smtp://***@mail.example'
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(known)

    @staticmethod
    def of_environment(environment: Mapping[str, str] | None = None) -> Masker:
        """Return one that knows the secrets of the environment; the process's own when left out."""
        found = os.environ if environment is None else environment
        return Masker(value for name, value in found.items() if is_secret_name(name))

    def add(self, known: Iterable[str]) -> None:
        """Know more values, as they are and as they stand in a URL."""
        for value in known:
            for form in (value, value.strip(), quote(value, safe=""), unquote(value)):
                if len(form) >= SHORTEST and not form.isspace():
                    self._known.add(form)
        if self._known:
            longest_first = sorted(self._known, key=lambda value: (-len(value), value))
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        for shape, kept in _SHAPES:
            text = shape.sub(kept, text)
        return text

    def value(self, value: object, *, name: str = "") -> object:
        """Return a value for a log line: texts masked, secrets by type or by name replaced."""
        if value is None or isinstance(value, bool | int | float):
            return MASK if name and is_secret_name(name) and value is not None else value
        if hasattr(value, "get_secret_value") or (name and is_secret_name(name)):
            return MASK
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {
                self.text(str(key)): self.value(each, name=str(key)) for key, each in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(each) for each in value]
        return self.text(str(value))


def is_secret_name(name: str) -> bool:
    """Return whether what has this name is a secret.

    Examples
    --------
    >>> [is_secret_name(name) for name in ("BROKER_API_KEY", "TELEGRAM_TOKEN", "HOME", "KEYBOARD")]
    [True, True, False, False]
    """
    return _SECRET_NAME.search(name) is not None
