"""`trader promote STRATEGY`: what the gate says, as a table, and the request that may follow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cli import screen
from cli.errors import EXIT_NEGATIVE, warn
from cli.keys import keys_here, open_key
from cli.session_names import who_asks

if TYPE_CHECKING:
    from engine.gate.verdicts import Report
    from runtime.promotion.keys import Signer
    from runtime.promotion.promoting import Ground, Judged


def ask(
    strategy: str,
    *,
    is_request: bool,
    account: str,
    catalog: Path | None,
    out: Path | None,
    key: str,
    plot: Path | None,
    json: bool,
) -> None:
    """Ask the gate; with `is_request` also write a request, where only a person's approval is missing."""
    from engine.gate.verdicts import report_bytes
    from runtime.promotion.promoting import REQUEST, STATUS, judge

    if plot is not None:
        from reports.charts import require_picture_path

        require_picture_path(plot)
    with _ground(strategy, account, catalog) as ground:
        signers = _signers(ground, key) if is_request else None  # before anything is looked at
        with screen.progress("gate") as advance:
            ground.progress = advance
            judged = judge(ground, REQUEST if is_request else STATUS)
        report = judged.report
        if json:
            typer.echo(report_bytes(report))
        else:
            _print(judged)
        if plot is not None:
            from reports.gate_chart import plot_gate

            plot_gate(plot, report, judged.evidence)
            if not json:
                print(f"Picture: {plot}")
        if signers is not None and report.awaits_approval:
            _write_request(ground, judged, signers, out, quiet=json)
        elif not json:
            _print_next(report, strategy, is_request=is_request)
    is_good = report.overall.value == "PASS" or (is_request and report.awaits_approval)
    raise typer.Exit(0 if is_good else EXIT_NEGATIVE)


@contextmanager
def _ground(strategy: str, account: str, catalog: Path | None) -> Iterator[Ground]:
    from engine.errors import ConfigError
    from runtime.clocks import SystemClock
    from runtime.config import load_strategy
    from runtime.journal.sessions import SessionStore
    from runtime.promotion.promoting import Ground
    from runtime.promotion.store import PromotionStore
    from runtime.store import Store
    from runtime.venues.accounts import load_alpaca
    from runtime.workspace import catalog_root, find_strategy, find_workspace

    here, clock = Path.cwd(), SystemClock()
    config = load_strategy(find_strategy(strategy, here))
    workspace = find_workspace(here)
    try:
        venue = load_alpaca(workspace)
    except ConfigError as error:
        if error.code != "venue.not_configured":
            raise
        venue = None
    with PromotionStore.open(clock=clock) as record:
        registry, sessions = Store.open(), SessionStore.open()
        try:
            yield Ground(
                config,
                registry,
                sessions,
                record,
                catalog_root(catalog, here),
                clock,
                who_asks(),
                workspace,
                venue,
                account,
            )
        finally:
            registry.close()
            sessions.close()


def _signers(ground: Ground, key: str) -> tuple[Signer, Signer | None]:
    """Open the gate's key, and the author's where two persons are needed."""
    from runtime.promotion.desk import Desk
    from runtime.promotion.keys import Role

    keys = keys_here()
    gate = open_key(keys.only_signer(Role.GATE))
    if not Desk(keys, ground.record, ground.clock, ground.policy).trusted().four_eyes:
        return gate, None
    return gate, open_key(keys.only_signer(Role.APPROVER, key))


def _write_request(
    ground: Ground,
    judged: Judged,
    signers: tuple[Signer, Signer | None],
    out: Path | None,
    *,
    quiet: bool,
) -> None:
    from engine.gate.verdicts import report_bytes
    from runtime.promotion.promoting import request

    document = request(ground, judged, *signers)
    target = out or Path(f"{ground.config.name}.request")
    screen.write_file(target, document.to_bytes().decode("ascii").rstrip("\n"))
    screen.write_file(target.with_suffix(".report.json"), report_bytes(judged.report).decode())
    if not quiet:
        print(_stage(judged, document.body.stage))
        print(f"Request {target}: a person approves it with `trader promote --approve {target}`")


def _stage(judged: Judged, stage: str) -> str:
    from engine.gate.drift import PROBATION_DAYS
    from engine.gate.stages import days_without_alarm
    from runtime.promotion.document import Stage

    days = days_without_alarm(judged.evidence.live)
    percent = Stage(stage).limits_percent
    return (
        f"It asks for {stage}, {percent} % of its limits; live days without an alarm: {days} of "
        f"{PROBATION_DAYS}"
    )


def _print(judged: Judged) -> None:
    from cli.gate_report import print_report

    print_report(judged.report, judged.evidence.subject.venue)
    if judged.problem:
        warn(f"the venue was not asked: {judged.problem}")


def _print_next(report: Report, strategy: str, *, is_request: bool) -> None:
    if report.awaits_approval and not is_request:
        print(f"Only a person's approval is missing: `trader promote {strategy} --request`")
        return
    if is_request:
        print("No request was written: it has to lack a person's approval only.")
    if report.open_checks:
        print("After each arrow stands what would change the answer.")
