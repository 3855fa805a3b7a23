"""Keys of a TOML text are found at their lines."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.config.locate import Place, find_place, locate_keys

TEXT = '''\
# [not.a.table]
title = "a # no comment" # a comment

[ data ]
list = [
  "x = 1", # y = 2
  ["]"],
]
'quoted.key' = 1
inline = { default = 20, "min" = 2 }
rule = """
first = line
[second] \\""" line"""
after = 1

[data.world]
a.b = 2
[[many]]
last = '"'
'''

PLACES = {
    ("title",): Place(2, 2),
    ("data",): Place(4, 4),
    ("data", "list"): Place(5, 5),
    ("data", "quoted.key"): Place(9, 9),
    ("data", "inline"): Place(10, 10),
    ("data", "rule"): Place(11, 12),  # the text begins below the opening quotes
    ("data", "after"): Place(14, 14),
    ("data", "world"): Place(16, 16),
    ("data", "world", "a"): Place(17, 17),
    ("data", "world", "a", "b"): Place(17, 17),
    ("many",): Place(18, 18),
    ("many", "last"): Place(19, 19),
}


def test_every_key_of_a_crooked_file_is_found_at_its_line() -> None:
    tomllib.loads(TEXT)  # the scanner promises nothing about texts that are not TOML
    assert locate_keys(TEXT) == PLACES


@pytest.mark.parametrize(
    ("key", "found"),
    [
        (("data", "inline", "min"), ("data", "inline")),
        (("data", "missing"), ("data",)),
        (("nowhere",), ()),
    ],
)
def test_a_key_without_a_place_is_looked_for_at_its_table(
    key: tuple[str, ...], found: tuple[str, ...]
) -> None:
    assert find_place(PLACES, key)[0] == found


@given(
    st.dictionaries(
        st.text(st.characters(codec="ascii", categories=("L", "N", "P", "Zs")), max_size=8),
        st.one_of(
            st.integers(),
            st.booleans(),
            st.lists(st.text("]['\"\\#=ab \n", max_size=6), max_size=3),
            st.text("]['\"\\#=ab \n", max_size=12),
        ),
        max_size=6,
    )
)
def test_any_keys_and_values_are_found_in_order(table: dict[str, object]) -> None:
    lines = [f"{_text(key)} = {_value(value)}" for key, value in table.items()]
    text = "[t]\n" + "\n".join(lines)
    tomllib.loads(text)
    expected = {("t",): 1} | {("t", key): line for line, key in enumerate(table, start=2)}
    assert {key: place.line for key, place in locate_keys(text).items()} == expected


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_text(each) for each in value)}]"
    return _text(value) if isinstance(value, str) else str(value)


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
