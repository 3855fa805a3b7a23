"""The command line. This file only collects the commands; each has its own file beside it.

Everything heavy (numba, polars, matplotlib, pydantic) is imported inside the commands, so that
``trader --help`` answers at once.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Sequence

import typer

from cli import (
    backtest,
    check,
    compare,
    config,
    data_check,
    data_get,
    data_import,
    data_list,
    data_resample,
    demo,
    doctor,
    explain,
    feed,
    halt,
    init,
    keys,
    live,
    not_built,
    paper,
    promote,
    replay,
    report,
    runs,
    sessions,
    signals,
    strategies_check,
    strategies_list,
    sweep,
    venue,
    verify,
)
from cli.errors import report as report_error
from cli.plain import PlainCommand, PlainGroup

# Looking for unreachable objects after each 700 new ones takes a tenth of a short command: what a
# command imports stays until it ends.
_OBJECTS_BEFORE_COLLECTION = 100_000

_SETTINGS = {"help_option_names": ["-h", "--help"]}


def _group(help_text: str, *, is_root: bool = False) -> typer.Typer:
    return typer.Typer(
        cls=PlainGroup,
        help=help_text,
        rich_markup_mode=None,  # plain help: 80 columns, readable in a pipe, and no imports
        add_completion=False,
        no_args_is_help=not is_root,  # the root shows its help itself, as an answer
        context_settings=_SETTINGS,
        pretty_exceptions_enable=False,
    )


app = _group(
    """Take one trading strategy from backtest to live without changing it.

    \b
    Begin with:
      trader demo                 a backtest on real prices, at once
      trader init my-trading      a folder of your own, with a strategy to change
      trader demo --rehearsal     the whole way to live trading, on this machine
    The --help of each command has examples.
    """,
    is_root=True,
)
_data = _group("Import market data and list what is there.")
_strategies = _group("Find strategies and check them.")
_check = _group("Prove what a strategy does not depend on.")
_runs = _group("Look at what was run.")
_config = _group("Look at what a strategy runs with.")
_signals = _group("Decide on what waits for a person.")
_feed = _group("Serve market data as a stream.")
_venue = _group("Simulate a venue on this machine, for rehearsals.")
_keys = _group("Keys that sign certificates, and whose signatures count.")
_sessions = _group("Look at sessions, and ask something of those that run.")


@app.callback(invoke_without_command=True)
def _trader(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version."),
) -> None:
    if version:
        from importlib.metadata import version as version_of

        print(f"trader {version_of('trader')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit


app.command("demo", cls=PlainCommand)(demo.demo)
app.command("init", cls=PlainCommand)(init.init)
app.add_typer(_data, name="data")
app.command("backtest", cls=backtest.BacktestCommand)(backtest.backtest)
app.command("sweep", cls=PlainCommand)(sweep.sweep)
app.command("paper", cls=PlainCommand)(paper.paper)
app.command("live", cls=PlainCommand)(live.live)
app.command("promote", cls=PlainCommand)(promote.promote)
app.add_typer(_keys, name="keys")
app.add_typer(_sessions, name="sessions")
app.command("replay", cls=PlainCommand)(replay.replay)
app.command("diff", cls=PlainCommand)(replay.diff)
app.command("verify", cls=PlainCommand)(verify.verify)
app.command("halt", cls=PlainCommand)(halt.halt)
app.command("resume", cls=PlainCommand)(halt.resume)
app.command("drill", cls=PlainCommand)(halt.drill)
app.add_typer(_signals, name="signals")
app.add_typer(_feed, name="feed")
app.add_typer(_venue, name="venue")
app.add_typer(_runs, name="runs")
app.add_typer(_strategies, name="strategies")
app.add_typer(_check, name="check")
app.add_typer(_config, name="config")
app.command("report", cls=PlainCommand)(report.report)
app.command("compare", cls=PlainCommand)(compare.compare)
app.command("explain", cls=PlainCommand)(explain.explain)
app.command("doctor", cls=PlainCommand)(doctor.doctor)
_data.command("import", cls=PlainCommand)(data_import.import_data)
_data.command("list", cls=PlainCommand)(data_list.list_data)
_data.command("check", cls=PlainCommand)(data_check.check_data)
_data.command("repair", cls=PlainCommand)(data_check.repair_data)
_data.command("resample", cls=PlainCommand)(data_resample.resample_data)
_data.command("get", cls=PlainCommand)(data_get.get_data)
_runs.command("list", cls=PlainCommand)(runs.list_runs)
_runs.command("show", cls=PlainCommand)(runs.show_run)
_strategies.command("list", cls=PlainCommand)(strategies_list.list_strategies)
_strategies.command("check", cls=PlainCommand)(strategies_check.check_strategies)
_signals.command("list", cls=PlainCommand)(signals.list_signals)
_signals.command("approve", cls=PlainCommand)(signals.approve_signal)
_signals.command("reject", cls=PlainCommand)(signals.reject_signal)
_feed.command("serve", cls=PlainCommand)(feed.serve_feed)
_venue.command("alpaca", cls=PlainCommand)(venue.alpaca)
_sessions.command("list", cls=PlainCommand)(sessions.list_sessions)
_sessions.command("show", cls=PlainCommand)(sessions.show_session)
_sessions.command("pause", cls=PlainCommand)(sessions.pause_session)
_sessions.command("resume", cls=PlainCommand)(sessions.resume_session)
_sessions.command("stop", cls=PlainCommand)(sessions.stop_session)
_sessions.command("flatten", cls=PlainCommand)(sessions.flatten_session)
_sessions.command("release", cls=PlainCommand)(sessions.release_symbol)
_sessions.command("reset", cls=PlainCommand)(sessions.reset_guard)
_sessions.command("export", cls=PlainCommand)(sessions.export_session)
_keys.command("new", cls=PlainCommand)(keys.new_key)
_keys.command("list", cls=PlainCommand)(keys.list_keys)
_keys.command("export", cls=PlainCommand)(keys.export_key)
_keys.command("trust", cls=PlainCommand)(keys.trust_key)
_keys.command("remove", cls=PlainCommand)(keys.remove_key)
_config.command("show", cls=PlainCommand)(config.show_config)
_config.command("explain", cls=PlainCommand)(config.explain_config)
_check.command("lookahead", cls=PlainCommand)(check.check_lookahead)
_check.command("warmup", cls=PlainCommand)(check.check_warmup)
not_built.add_to(app)


def _leave_out_unmeant(words: Sequence[str]) -> None:
    """Forget the commands of groups that are not named.

    Typer reads the options of every command before it runs one: a quarter of the time of `--help`.
    """
    for group in app.registered_groups:
        if group.name not in words and group.typer_instance is not None:
            group.typer_instance.registered_commands.clear()


def _refused(words: Sequence[str]) -> int:
    """Return the exit code where nothing can be run, after saying why; 0: go on."""
    problem = remedy = ""
    if sys.flags.optimize and words[:1] != ["doctor"]:  # which says so by itself
        problem = "Python runs with -O, which removes the checks of invariants: nothing is run so"
        remedy = "run without -O and unset PYTHONOPTIMIZE"
    odd = [each for each in words if _as_text(each) != each]
    if odd:
        problem = f"an argument is no text in UTF-8: {_as_text(odd[0])}"
        remedy = "write it in UTF-8; a file with such a name has to be renamed"
    try:
        os.getcwd()
    except OSError:
        problem = "the current folder is not there any more: it was removed, or moved elsewhere"
        remedy = "go to another folder with cd, or into this one again"
    if not problem:
        return 0
    from engine.errors import InputError

    return report_error(InputError(problem, remedy=remedy))


def _as_text(word: str) -> str:
    """Return an argument with a question mark for each byte that is no UTF-8."""
    return word.encode("utf-8", "replace").decode()


def main() -> None:
    """Run the command line and leave with its exit code."""
    for name in ("stdout", "stderr"):  # None where whoever called us has closed it
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal of another alphabet, an odd file name
    if sys.argv[1:2] == ["halt"]:  # whatever the reason is written in, it halts
        sys.argv = [*map(_as_text, sys.argv)]
    code = _refused(sys.argv[1:])
    if code:
        sys.exit(code)
    _leave_out_unmeant(sys.argv[1:])
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)
    try:
        app(prog_name="trader")
    except KeyboardInterrupt as interrupt:  # between the start and the command itself
        sys.exit(report_error(interrupt))
