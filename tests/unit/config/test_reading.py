"""Files that cannot be read as text: one clear message each."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import ConfigError
from runtime.config.reading import SIZE_MAX, parse_toml, read_text

# content                        | place told           | problem told
CONTENTS = [
    (b"", "", "the file is empty"),
    (b" \n\n", "", "the file is empty"),
    (b"a\0b", "", "this is a binary file"),
    (b"\x89PNG\r\n\x1a\n\0\0", "", "this is a binary file"),
    ("name = 1".encode("utf-16"), "", "encoded as UTF-16"),
    (b"a = 1\nb = 2 # caf\xe9\n", ", line 2", "byte 0xe9 is not valid UTF-8"),
    (b"#" * (SIZE_MAX + 1), "", "too large"),
]


@pytest.mark.parametrize(("content", "place", "told"), CONTENTS)
def test_a_file_that_is_no_text_is_refused(
    tmp_path: Path, content: bytes, place: str, told: str
) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_text(path)
    assert told in caught.value.problem
    assert caught.value.where == f"{path}{place}"


def test_a_missing_file_suggests_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "momentum.toml").touch()
    with pytest.raises(ConfigError) as caught:
        read_text(tmp_path / "momentun.toml")
    assert caught.value.remedy == f"did you mean {tmp_path / 'momentum.toml'}?"


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="this is a folder"):
        read_text(tmp_path)


def test_a_file_without_permission_says_so(bound_folder: Path) -> None:
    path = bound_folder / "s.toml"
    path.write_text("a = 1")
    path.chmod(0)
    with pytest.raises(ConfigError, match="no permission"):
        read_text(path)


def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n")
    assert read_text(path) == "a = 1\nb = 2\n"


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("a = \n", "s.toml, line 1, column 5", "invalid value"),
        ("a = 1\nb == 2", "s.toml, line 2, column 4", "invalid value"),
        ('a = "x\n', "s.toml, line 1, column 7", "illegal character"),
        ("a = 1\na = 2\n", "s.toml, line 2, column 6", "cannot overwrite"),
        ("a = [1,", "s.toml, line 1, column 8", "not valid TOML"),
        ("a = " + "9" * 5_000, "s.toml", "a number is far out of range"),
        ("a = 1e99999999999999999999", "s.toml", "a number is far out of range"),
        ("a = " + "[" * 5_000, "s.toml", "nested too deeply"),
    ],
)
def test_a_syntax_error_names_line_and_column(text: str, place: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_toml(text, Path("s.toml"))
    assert caught.value.where == place
    assert told in caught.value.problem
