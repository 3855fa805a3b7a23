"""Reading a text file that a person wrote, and its TOML, with one clear message per failure."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from engine.errors import ConfigError

SIZE_MAX = 1_000_000
_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_text(path: Path, *, what: str = "strategy file") -> str:
    """Return the text of a file.

    Raises
    ------
    ConfigError
        If it is missing, a folder, unreadable, empty, too large, binary or not UTF-8.
    """
    content = _read_bytes(path, what)
    if len(content) > SIZE_MAX:
        raise _refused(path, f"too large to be a {what}: more than {SIZE_MAX:,} bytes", what)
    if content.startswith(_UTF16_MARKS):
        raise ConfigError(
            "the file is encoded as UTF-16", where=str(path), remedy="save it as UTF-8"
        )
    if b"\0" in content:
        raise _refused(path, "this is a binary file, not text", what)
    if not content.strip():
        raise _refused(path, "the file is empty", what)
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"byte 0x{content[error.start]:02x} is not valid UTF-8",
            where=f"{path}, line {line}",
            remedy="save the file as UTF-8",
        ) from None


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    """Parse TOML; numbers with a point become exact Decimals.

    Raises
    ------
    ConfigError
        With line and column of the first syntax error.
    """
    try:
        return tomllib.loads(text, parse_float=_exact)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(str(error), text, path) from None
    except RecursionError:
        raise ConfigError("brackets are nested too deeply", where=str(path)) from None
    except ValueError:  # an integer of 5,000 digits, an exponent of 20
        raise ConfigError(
            "a number is far out of range", where=str(path), remedy="write a smaller number"
        ) from None


def _exact(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise ValueError(f"{digits[:40]} is out of range") from None


def _read_bytes(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(SIZE_MAX + 1)
    except FileNotFoundError:
        raise ConfigError(
            f"there is no such {what}", where=str(path), remedy=_suggest_name(path)
        ) from None
    except IsADirectoryError:
        raise _refused(path, "this is a folder, not a file", what) from None
    except PermissionError:
        raise ConfigError(
            "no permission to read the file", where=str(path), remedy="check its access rights"
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"the file cannot be read: {reason}", where=str(path)) from None


def _suggest_name(path: Path) -> str:
    import difflib

    try:
        names = [each.name for each in path.parent.iterdir() if each.suffix == ".toml"]
    except OSError:
        return f"the folder {path.parent} does not exist either; check the path"
    near = difflib.get_close_matches(path.name, names, n=1)
    return (
        f"did you mean {path.parent / near[0]}?"
        if near
        else "check the path; `trader strategies list` has the names that the workspace knows"
    )


def _refused(path: Path, problem: str, what: str) -> ConfigError:
    return ConfigError(problem, where=str(path), remedy=f"give a {what} in TOML")


def _syntax_error(message: str, text: str, path: Path) -> ConfigError:
    match = _POSITION.search(message)
    problem = message[: match.start()] if match else message
    line, column = _end_of(text)
    if match and match.group(1):
        line, column = int(match.group(1)), int(match.group(2))
    return ConfigError(
        f"this is not valid TOML: {problem[:1].lower()}{problem[1:]}",
        where=f"{path}, line {line}, column {column}",
        remedy=_syntax_remedy(text, line),
    )


def _end_of(text: str) -> tuple[int, int]:
    lines = text.rstrip("\n").split("\n")
    return len(lines), len(lines[-1]) + 1


def _syntax_remedy(text: str, line: int) -> str:
    lines = text.split("\n")
    written = lines[line - 1].strip() if line <= len(lines) else ""
    return f"the line reads: {written[:60]}" if written else ""
