"""The reference page of the command line, written from the commands.

``python -m cli.reference > docs/reference/cli.md`` renews the page; a test fails when it is stale.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from cli.main import app

_HEAD = """\
# The command line

<!-- Written by cli/reference.py from the commands; a test fails when it is stale. -->

| exit code | meaning |
|---|---|
| 0 | success |
| 1 | the answer is no: a check failed, something needs attention |
| 2 | wrong use or bad input; nothing was changed |
| 3 | our mistake; the message says how to report it |
| 130 | interrupted with Ctrl-C; nothing half-written is left |

Results go to standard output, errors and progress to standard error. On a terminal long work shows
a progress bar; in a pipe there is none. Output fits 80 columns and honours `NO_COLOR`.
"""


def command_line_page() -> str:
    """Return the page as Markdown."""
    root = typer.main.get_command(app)
    return "\n".join([_HEAD, *_commands("trader", root)])


def _commands(name: str, command: Any) -> Iterator[str]:
    children: dict[str, Any] = getattr(command, "commands", {})
    if not children:
        yield _section(name, command)
    for child, each in children.items():
        if each.hidden:
            continue
        yield from _commands(f"{name} {child}", each)


def _section(name: str, command: Any) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option"]
    words = " ".join([name, *(each.metavar for each in arguments), "[OPTIONS]"])
    lines = [f"## `{name}`", "", f"    {words}", "", *_about(command.help), ""]
    lines += ["| | |", "|---|---|"]
    lines += [f"| `{each.metavar}` | {each.help} |" for each in arguments]
    lines += [f"| {_option(each)} | {each.help}{_default(each)} |" for each in options]
    return "\n".join(lines) + "\n"


def _about(text: str) -> list[str]:
    """Return the help text; the block after the mark that forbids re-wrapping becomes code."""
    prose, _, examples = text.partition("\b\n")
    lines = [line.strip() for line in examples.rstrip().split("\n")[1:]]
    block = [f"    {line}" for line in lines]
    return [prose.strip(), "", *block] if block else [prose.strip()]


def _option(option: Any) -> str:
    names = ", ".join(f"`{each}`" for each in option.opts)
    if option.is_flag:
        return names
    assert option.metavar, f"{names} needs a metavar"
    return f"{names} {option.metavar.replace('|', chr(92) + '|')}"


def _default(option: Any) -> str:
    is_shown = option.default not in (None, False, []) and not option.is_flag
    return f" Default: `{option.default}`." if is_shown else ""


if __name__ == "__main__":
    print(command_line_page(), end="")
