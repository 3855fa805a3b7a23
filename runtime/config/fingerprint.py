"""The identity of a configuration: a hash of what decides, written in one canonical form."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias

_Json: TypeAlias = "dict[str, _Json] | list[_Json] | str | int | bool | None"


def fingerprint_of(configuration: object) -> str:
    """Return 32 hexadecimal digits.

    Fields marked ``decides: False`` are left out, and those marked ``optional: True`` where they are
    at their default: a key that is added to the file's language leaves older files what they are.
    """
    text = json.dumps(canonical(configuration), sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def digest_of_file(content: bytes) -> str:
    """Return the hash of a code file."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def canonical(value: Any) -> _Json:
    """Return what decides as plain JSON values, in one form."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field for field in dataclasses.fields(value) if _decides(field, value)]
        return {field.name: canonical(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {str(key): canonical(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [canonical(each) for each in value]
    if isinstance(value, Enum):
        return canonical(value.value)
    if isinstance(value, Decimal):  # 1.0 and 1 and 1E0 are one number
        return format(value.normalize(), "f") if value else "0"
    if isinstance(value, float):
        return value.hex()
    assert not isinstance(value, Path), "a path never decides"
    assert value is None or isinstance(value, str | int | bool), type(value)
    return value


def _decides(field: dataclasses.Field[Any], value: Any) -> bool:
    if field.metadata.get("optional", False) and getattr(value, field.name) == field.default:
        return False
    return bool(field.metadata.get("decides", True))
