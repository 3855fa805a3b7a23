"""What a fault makes of content: a field that is missing, null, another word, or another kind of number."""

from __future__ import annotations

from copy import deepcopy

from sims.venues.alpaca.faults import Fault, FaultKind
from sims.venues.alpaca.words import Json, Record


def spoiled(content: Json, fault: Fault) -> Json:
    """Return content with a fault in it; of a list, in each entry."""
    content = deepcopy(content)
    for each in content if isinstance(content, list) else [content]:
        if isinstance(each, dict):
            _spoil(each, fault)
    return content


def _spoil(record: Record, fault: Fault) -> None:
    *path, name = fault.field.split(".")
    for step in path:
        inner = record.get(step)
        if not isinstance(inner, dict):
            return
        record = inner
    if name not in record:
        return
    match fault.kind:
        case FaultKind.MISSING_FIELD:
            del record[name]
        case FaultKind.NULL_FIELD:
            record[name] = None
        case FaultKind.SET_FIELD:
            record[name] = fault.value
        case FaultKind.NUMBER_KIND:
            value = record[name]
            if isinstance(value, str):
                record[name] = float(value)
            elif isinstance(value, int | float):
                record[name] = str(value)
