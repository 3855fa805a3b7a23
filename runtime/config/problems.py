"""What is wrong with a file, collected, and told in one error: file, line, key, value, remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ConfigError
from runtime.config.locate import Key, Place, find_place

PROBLEMS_MAX = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: the key it is about, what is wrong, what to do."""

    key: Key
    text: str
    remedy: str = ""


def where(path: Path, places: Mapping[Key, Place], key: Key) -> str:
    """Return file, line and key as a person would look for them."""
    found, place = find_place(places, key)
    if place is None:
        return ", ".join(filter(None, [str(path), ".".join(key)]))
    # What is missing has no place of its own: the line is that of its table.
    name = found if len(found) == len(key) or _is_inline(found) else key
    return f"{path}, line {place.line}, {'.'.join(name)}"


def _is_inline(found: Key) -> bool:
    return found[0] == "parameters" and len(found) == 2


def config_error(
    path: Path, places: Mapping[Key, Place], problems: Sequence[Problem]
) -> ConfigError:
    """Return one error for one or several problems, in the order of the file."""
    assert problems, "an error needs a problem"
    ordered = sorted(problems, key=lambda problem: _line(places, problem.key))
    if len(ordered) == 1:
        only = ordered[0]
        return ConfigError(only.text, where=where(path, places, only.key), remedy=only.remedy)
    lines = [_one_line(places, problem) for problem in ordered[:PROBLEMS_MAX]]
    if len(ordered) > PROBLEMS_MAX:
        lines.append(f"and {len(ordered) - PROBLEMS_MAX} more")
    return ConfigError(f"{len(ordered)} mistakes", where=str(path), remedy="\n".join(lines))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the nearest known word as a question, or nothing.

    Examples
    --------
    >>> did_you_mean("entri", ["entry", "exit"])
    "did you mean 'entry'?"
    """
    import difflib  # only mistakes need it

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""


def shown(value: object) -> str:
    """Return a value as the file would write it, cut to a readable length."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = f'"{value}"'
    elif isinstance(value, dict):
        text = "a table"
    elif isinstance(value, list):
        text = "a list"
    else:
        text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _line(places: Mapping[Key, Place], key: Key) -> int:
    place = find_place(places, key)[1]
    return place.line if place else 0


def _one_line(places: Mapping[Key, Place], problem: Problem) -> str:
    place = where(Path(), places, problem.key).removeprefix("., ")
    remedy = f" ({problem.remedy})" if problem.remedy else ""
    return f"{place}: {problem.text}{remedy}"
