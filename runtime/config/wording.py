"""What pydantic found, in the words of a person: the value, and what is accepted instead."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic.fields import FieldInfo

from runtime.config.locate import Key
from runtime.config.problems import Problem, did_you_mean, shown
from runtime.config.schema import StrategyFile
from runtime.config.values import format_duration, to_duration

DURATION_FORM = 'a duration like "30s", "5m" or "1d"'


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Return the problems that pydantic found, one for each key."""
    found: dict[Key, Problem] = {}
    for detail in error.errors(include_url=False):
        key = tuple(str(part) for part in detail["loc"] if not _is_internal(part))
        found.setdefault(key, _problem(key, detail["type"], detail["input"], model))
    return list(found.values())


def _is_internal(part: str | int) -> bool:
    return isinstance(part, int)


def _problem(key: Key, kind: str, value: object, model: type[BaseModel]) -> Problem:
    if kind == "extra_forbidden":
        return _unknown_key(key, model)
    field = field_at(model, key)
    accepted = accepted_of(field) if field else "a text"
    if kind == "missing":
        return Problem(key, f"{_noun(key)} is missing", _example(key, accepted))
    if isinstance(value, int) and kind != "value_error" and field and is_duration(field):
        value = format_duration(value)  # read, and out of its bounds
    near = ""
    if isinstance(value, str) and field is not None:
        near = did_you_mean(value, choices_of(field.annotation))
    accepted_text = f"accepted: {accepted}" if accepted else ""
    text = f"{shown(value)} is not accepted"
    return Problem(key, text, "; ".join(filter(None, [near.rstrip(), accepted_text])))


def _noun(key: Key) -> str:
    return f"the table [{key[0]}]" if len(key) == 1 else key[-1]


def _example(key: Key, accepted: str) -> str:
    if len(key) == 1:
        return f"add [{key[0]}]"
    return f"add {key[-1]} = ..." + (f" ({accepted})" if accepted else "")


def _unknown_key(key: Key, model: type[BaseModel]) -> Problem:
    name, table = key[-1], model_at(model, key[:-1])
    known = list(keys_of(table)) if table else []
    what = "table" if len(key) == 1 else "key"
    remedy = did_you_mean(name, known) or _home_of(name, model)
    return Problem(key, f"unknown {what} {name!r}", remedy or f"known: {', '.join(known)}")


def _home_of(name: str, model: type[BaseModel], prefix: Key = ()) -> str:
    """Say in which table a key would be known."""
    for table, field in fields_of(model):
        inner = model_in(field.annotation)
        if inner is None or get_origin(field.annotation) is dict:
            continue
        if name in keys_of(inner):
            return f"{name} belongs in [{'.'.join((*prefix, table))}]"
        deeper = _home_of(name, inner, (*prefix, table))
        if deeper:
            return deeper
    return ""


def fields_of(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """Yield each key as the file writes it, with its field."""
    for name, field in model.model_fields.items():
        yield field.alias or name, field


def keys_of(model: type[BaseModel]) -> list[str]:
    """Return the keys of a table as the file writes them."""
    return [name for name, _ in fields_of(model)]


def field_at(model: type[BaseModel], key: Key) -> FieldInfo | None:
    """Return the field of a key, or None when the key is in no table of the schema."""
    table = model_at(model, key[:-1])
    return dict(fields_of(table)).get(key[-1]) if table and key else None


def model_at(model: type[BaseModel], key: Key) -> type[BaseModel] | None:
    """Return the model of a table; names under a dictionary of tables are any names."""
    current: type[BaseModel] | None = model
    parts = list(key)
    while parts and current is not None:
        field = dict(fields_of(current)).get(parts.pop(0))
        if field is None:
            return None
        if get_origin(field.annotation) is dict and parts:
            parts.pop(0)
        current = model_in(field.annotation)
    return current


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model of a table in an annotation, however it is wrapped."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in get_args(annotation):
        found = model_in(part)
        if found is not None:
            return found
    return None


def choices_of(annotation: Any) -> tuple[str, ...]:
    """Return the words of a Literal, wherever it stands in the annotation."""
    if get_origin(annotation) is Literal:
        return tuple(str(each) for each in get_args(annotation))
    return tuple(word for part in get_args(annotation) for word in choices_of(part))


def accepted_of(field: FieldInfo) -> str:
    """Return the accepted values of a key in words."""
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "accepted" in extra:
        return str(extra["accepted"])
    words = choices_of(field.annotation)
    if words:
        return f"one of {', '.join(words)}"
    if is_duration(field):
        return f"{DURATION_FORM},{_bounds(field, format_duration)}"
    kind = _kind(field.annotation)
    return f"{kind}{_bounds(field, str)}" if kind in ("a number", "a whole number") else kind


def is_duration(field: FieldInfo) -> bool:
    """Return whether a key takes a duration."""
    return to_duration in _validators(field.annotation, field.metadata)


def _validators(annotation: Any, metadata: Iterable[Any]) -> list[Any]:
    """Return the functions that read a value, of a field and of what its annotation is made of."""
    found = [each.func for each in metadata if isinstance(each, BeforeValidator)]
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return found + _validators(inner, more)
    for part in get_args(annotation):
        found += _validators(part, ())
    return found


def _kind(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is dict and get_origin(get_args(annotation)[1]) is list:
        return "a table of lists of texts"
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return _kind(next(part for part in get_args(annotation) if part is not type(None)))
    names: dict[Any, str] = {
        bool: "true or false",
        int: "a whole number",
        Decimal: "a number",
        str: "a text",
        list: "a list of one or more texts",
        dict: "a table of texts",
    }
    return names.get(origin or annotation, "a table")


def _bounds(field: FieldInfo, shown_as: Callable[[Any], str]) -> str:
    low = high = ""
    for each in field.metadata:
        match each:
            case Gt():
                low = f"over {shown_as(each.gt)}"
            case Ge():
                low = f"at least {shown_as(each.ge)}"
            case Lt():
                high = f"under {shown_as(each.lt)}"
            case Le():
                high = f"at most {shown_as(each.le)}"
    both = ", ".join(filter(None, [low, high]))
    if "least" in both and "most" in both:
        both = both.replace("at least", "from").replace(", at most", " to")
    return f" {both}" if both else ""


assert model_at(StrategyFile, ("fills", "fees")) is not None, "nested tables are found"
