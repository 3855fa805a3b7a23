"""The reference page of the strategy file, written from its models.

``python -m runtime.config.reference > docs/reference/strategy-file.md`` renews the page; a test
fails when it is stale.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from inspect import cleandoc
from typing import get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from runtime.config.locate import Key
from runtime.config.problems import shown
from runtime.config.schema import StrategyFile
from runtime.config.values import format_duration, stages_text
from runtime.config.wording import accepted_of, fields_of, is_duration, model_in
from runtime.workspace_tables import WorkspaceTable

_HEAD = """\
# The strategy file

<!-- Written by runtime/config/reference.py from the models; a test fails when it is stale. -->

One TOML file names everything that decides about a run. Unknown keys, wrong types and impossible
values are errors that name file, line, key and what is accepted. Numbers are read from their text,
exactly: `0.1` is one tenth. The smallest file that runs:

```toml
[strategy]
name = "breakout"

[data]
dataset = "sample:goog"

[rules]
entry = "close > lag(highest(high, 20), 1)"
exit = "close < lag(lowest(low, 10), 1)"
```

`examples/sma_cross.toml`, `momentum.toml`, `full_loop.toml` and `event_contracts.toml` are larger and
commented. `trader config show STRATEGY` prints every key with the value that a run uses and where it
comes from; `trader config explain KEY` says what one means.

## The trading loop

`[signals]`, `[risk]`, `[exits]` and `[guards]` switch the trading loop on: entries become signals that
are checked and sized, positions are watched and closed by ten conditions, the account is guarded. So do
the rules `edge`, `probability`, `confidence` and `target_price`, the sizing methods `kelly`,
`fixed_fraction` and `vol_target`, minimum and maximum sizes, and what an entry order does when it waits.
A table that is there has all its defaults on; one that is not there is off. A file without any of them
runs as if there were no loop. Durations are a whole number and a unit: `ms`, `s`, `m`, `h` or `d`.

A package may bring strategies: entry points of the group `trader.strategies` whose object is the
path of a strategy file, or a function that returns it.
"""

_WORKSPACE_HEAD = """\
## `trader.toml`

The file that makes a folder a workspace (`trader init`). Paths are relative to it.
"""


def strategy_file_page() -> str:
    """Return the page as Markdown."""
    parts = [_HEAD, *_tables((), StrategyFile), _WORKSPACE_HEAD + _rows(WorkspaceTable)]
    parts += _tables((), WorkspaceTable)
    return "\n".join(parts)


def _tables(prefix: Key, model: type[BaseModel]) -> Iterator[str]:
    for name, field in fields_of(model):
        inner = model_in(field.annotation)
        if inner is None:
            continue
        key = (*prefix, name)
        is_any_name = get_origin(field.annotation) is dict
        title = ".".join([*key, "NAME"] if is_any_name else key)
        text = cleandoc(inner.__doc__ or "").split("\n\n")[0]
        needed = " Needed." if field.is_required() else ""
        yield f"## `[{title}]`\n\n{text}{needed}\n" + _rows(inner)
        yield from _tables(key, inner)


def _rows(model: type[BaseModel]) -> str:
    lines = ["", "| key | accepted | default | meaning |", "|---|---|---|---|"]
    for name, field in fields_of(model):
        if model_in(field.annotation) is None:
            cells = (f"`{name}`", accepted_of(field), default_of(field), field.description or "")
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def default_of(field: FieldInfo) -> str:
    """Return the default of a key as code; empty where there is none."""
    if field.is_required():
        return "needed"
    if field.default is None or field.default is PydanticUndefined or field.default == "":
        return ""
    value = field.default
    if is_duration(field):
        return f'`"{format_duration(value)}"`'
    if isinstance(value, tuple):
        return f"`{stages_text(value)}`"
    return f"`{value:f}`" if isinstance(value, Decimal) else f"`{shown(value)}`"


if __name__ == "__main__":
    print(strategy_file_page(), end="")
