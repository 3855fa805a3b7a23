"""`trader promote`: certificates: approve them, look at them, take them back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import screen
from cli.errors import EXIT_NEGATIVE, guarded, warn
from cli.keys import keys_here, open_key
from cli.options import CatalogFolder, Debug, Json, parse_pairs
from cli.promote_ask import ask
from cli.session_names import who_asks

if TYPE_CHECKING:
    from runtime.promotion.desk import Desk, Shown
    from runtime.promotion.document import Certificate
    from runtime.promotion.problems import Problem
    from runtime.promotion.store import Acceptance

_ID_SHOWN = 12
_LARGEST = 1_000_000  # bytes of a request, an approval or a certificate


@guarded
def promote(
    strategy: Annotated[
        str,
        typer.Argument(metavar="[STRATEGY]", help="A strategy file, or a name in the workspace."),
    ] = "",
    request: Annotated[
        bool,
        typer.Option(
            "--request", help="Ask for a certificate: the sealed holdout is read, and it counts."
        ),
    ] = False,
    account: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Whose paper days count; the first that it traded on if left out."
        ),
    ] = "",
    approve: Annotated[
        Path | None,
        typer.Option(
            "--approve", metavar="FILE", help="Approve a request, or take in its approval."
        ),
    ] = None,
    waive: Annotated[
        list[str] | None,
        typer.Option(
            "--waive",
            metavar="CHECK=WHY",
            help="With --approve: do without this check (S10, S11, S12 or P06).",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Where the new file is written; named after what it is made of if left out.",
        ),
    ] = None,
    key: Annotated[
        str,
        typer.Option(
            "--key", metavar="NAME", help="The approver whose key signs, where several are here."
        ),
    ] = "",
    verify: Annotated[
        Path | None,
        typer.Option("--verify", metavar="FILE", help="Check a file; with STRATEGY, against it."),
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="List the certificates, and what was accepted.")
    ] = False,
    revoke: Annotated[
        str, typer.Option("--revoke", metavar="ID|FILE", help="Take a certificate back.")
    ] = "",
    accept_record: Annotated[
        bool,
        typer.Option(
            "--accept-record",
            help="After a copy of the database was put back: go on with it. An approver signs, --why says why.",
        ),
    ] = False,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why; it is kept.")] = "",
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw the report as .png, .svg or .pdf."),
    ] = None,
    json: Json = False,
    catalog: CatalogFolder = None,
    debug: Debug = False,
) -> None:
    """Ask the gate whether a strategy may trade, and see to its certificates.

    The gate makes the backtest again, looks for look-ahead, stresses it, plays the paper sessions again
    and asks the account. What passes can be requested (--request), is approved by a person (--approve),
    and is then a certificate for exactly this code, configuration and account.

    Exit code 1: the gate did not pass it, or the certificate is not valid.

    \b
    Examples:
      trader promote momentum.toml
      trader promote momentum.toml --plot gate.png
      trader promote momentum.toml --request
      trader promote --approve momentum.request
      trader promote --show
      trader promote --verify momentum.certificate
      trader promote --revoke 3f9a0c2e --why "the account was closed"
    """
    _require_one(
        {
            "--request": request,
            "--approve": approve is not None,
            "--verify": verify is not None,
            "--show": show,
            "--revoke": bool(revoke),
            "--accept-record": accept_record,
        },
        or_none=bool(strategy),
    )
    if request or not (approve or verify or show or revoke or accept_record):
        ask(
            _named(strategy),
            is_request=request,
            account=account,
            catalog=catalog,
            out=out,
            key=key,
            plot=plot,
            json=json,
        )
    with desk_here() as desk:
        if approve is not None:
            _approve(desk, approve, key, parse_pairs(waive or (), option="--waive"), out)
        elif verify is not None:
            _verify(desk, verify, strategy, json=json)
        elif show:
            _show(desk, strategy, json=json)
        elif revoke:
            _revoke(desk, revoke, why, key)
        else:
            _accept(desk, why, key)


@contextmanager
def desk_here() -> Iterator[Desk]:
    """Open keys and record of the current folder's workspace, or of the user."""
    from runtime.clocks import SystemClock
    from runtime.promotion.desk import Desk
    from runtime.promotion.policies import policy_of
    from runtime.promotion.store import PromotionStore
    from runtime.workspace import find_workspace

    clock = SystemClock()
    with PromotionStore.open(clock=clock) as store:
        yield Desk(keys_here(), store, clock, policy_of(find_workspace(Path.cwd())))


def _named(strategy: str) -> str:
    from engine.errors import InputError

    if not strategy:
        raise InputError(
            "no strategy is named",
            where="STRATEGY",
            remedy="give its file",
            code="promotion.strategy",
        )
    return strategy


def _require_one(given: dict[str, bool], *, or_none: bool) -> None:
    from engine.errors import InputError

    named = [name for name, is_given in given.items() if is_given]
    if len(named) != 1 and not (or_none and not named):
        told = f"{' and '.join(named)} are given" if named else "nothing is asked for"
        raise InputError(
            told,
            remedy=f"name a strategy, or give one of {', '.join(given)}",
            code="promotion.verb",
        )


# --- approving ----------------------------------------------------------------------------------------
def _approve(desk: Desk, file: Path, key: str, waivers: dict[str, str], out: Path | None) -> None:
    from runtime.promotion.problems import Problem
    from runtime.promotion.signing import GATE

    found = desk.approve(content_of(file), open_key, key=key, waivers=waivers)
    if isinstance(found, Problem):
        raise _refused(found, file)
    is_certificate = GATE in found.signatures
    target = out or file.with_suffix(".certificate" if is_certificate else ".approval")
    screen.write_file(target, found.to_bytes().decode("ascii").rstrip("\n"))
    if is_certificate:
        print(f"Certificate {found.body.id[:_ID_SHOWN]} issued: {target}")
        _print_body(found.body)
    else:
        print(f"Approved: {target}")
        print("The gate's key is not here: where it is, `trader promote --approve` takes this file")


# --- looking --------------------------------------------------------------------------------------------
def _verify(desk: Desk, file: Path, strategy: str, *, json: bool) -> None:
    from runtime.config import load_strategy
    from runtime.promotion.problems import Problem
    from runtime.workspace import find_strategy

    config = load_strategy(find_strategy(strategy, Path.cwd())) if strategy else None
    found = desk.looked_at(content_of(file), config)
    problem = found if isinstance(found, Problem) else found.problem
    if json:
        body = {} if isinstance(found, Problem) else _to_json(found)
        screen.print_json({"file": str(file), **body, **_problem_json(problem)})
    elif problem is None and not isinstance(found, Problem):
        print(f"{file}: valid")
        _print_body(found.body)
    if problem is not None:
        if json:
            raise typer.Exit(EXIT_NEGATIVE)
        raise _refused(problem, file)


def _show(desk: Desk, strategy: str, *, json: bool) -> None:
    found = desk.shown(_name_of(strategy))
    if json:
        rows = [{**_to_json(each), **_problem_json(each.problem)} for each in found]
        accepted = [_accepted_json(each, counts) for each, counts in desk.accepted()]
        screen.print_json({"certificates": rows, "accepted": accepted})
        return
    if found:
        _print_table(found)
    else:
        print("No certificate was issued here yet.")
    for each, counts in desk.accepted():
        _print_accepted(each, counts=counts)


def _print_accepted(accepted: Acceptance, *, counts: bool) -> None:
    from runtime.config.moments import format_moment

    event = accepted.event
    print(
        f"{format_moment(accepted.ts_ns)[:10]}  the record was accepted by {event.who}: {event.why}"
    )
    print(f"            what was wrong: {event.problem}")
    if not counts:
        warn("nobody who is trusted here has signed that")


def _accepted_json(accepted: Acceptance, counts: bool) -> dict[str, object]:
    event = accepted.event
    return {
        "accepted_ns": accepted.ts_ns,
        "problem": event.problem,
        "who": event.who,
        "why": event.why,
        "key": event.key,
        "valid": counts,
    }


def _name_of(strategy: str) -> str:
    """Return the name of a strategy that is given by its file."""
    from runtime.config import load_strategy
    from runtime.workspace import find_strategy

    path = find_strategy(strategy, Path.cwd())
    return load_strategy(path).name if strategy and path.is_file() else strategy


def _print_table(found: Sequence[Shown]) -> None:
    from rich.table import Table

    from runtime.config.moments import format_moment

    table = Table(box=None, pad_edge=False)
    for name in ("id", "strategy", "at", "stage", "expires", "state"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for each in found:
        body = each.body
        table.add_row(
            body.id[:_ID_SHOWN],
            body.strategy,
            f"{body.venue} {body.environment}",
            body.stage,
            format_moment(body.expires_ns)[:10],
            each.state,
        )
    screen.console().print(table)
    for each in found:
        if each.problem is not None:
            print(f"{each.body.id[:_ID_SHOWN]}  {each.problem.sentence}")
        if each.is_forged:
            warn(f"nobody who is trusted has signed the revocation of {each.body.id[:_ID_SHOWN]}")


def _print_body(body: Certificate) -> None:
    from runtime.config.moments import format_moment
    from runtime.promotion.document import Stage
    from runtime.promotion.limits import limits_told

    percent = Stage(body.stage).limits_percent
    lines = {
        "strategy": f"{body.strategy}, serial {body.serial}, attempt {body.attempts}",
        "for": f"{body.venue}, {body.environment}, account {body.account[:_ID_SHOWN]}",
        "stage": f"{body.stage}: {percent} % of its limits",
        "limits": "; ".join(limits_told(body.limits)),
        "evidence": f"{body.evidence_class}, profile {body.profile}, gate {body.gate_version}",
        "author": body.author,
        "approver": body.approver or "nobody yet",
        "issued": format_moment(body.issued_ns),
        "expires": format_moment(body.expires_ns),
    }
    open_checks = {each: body.waivers.get(each, "not waived yet") for each in body.open_checks}
    for name, text in {**lines, **{f"waived {k}": v for k, v in open_checks.items()}}.items():
        print(f"  {name:10} {text}")


def _to_json(shown: Shown) -> dict[str, object]:
    from runtime.promotion.desk import body_as_json

    return body_as_json(shown.body)


def _problem_json(problem: Problem | None) -> dict[str, object]:
    if problem is None:
        return {"valid": True}
    return {"valid": False, "code": problem.code.value, "problem": problem.sentence}


# --- taking back ----------------------------------------------------------------------------------------
def _revoke(desk: Desk, named: str, why: str, key: str) -> None:
    revoked = desk.revoke(named, why, who_asks(), open_key, key=key)
    print(f"Revoked: certificate {revoked.certificate[:_ID_SHOWN]} of {revoked.strategy}")
    print("Sessions that trade under it enter nothing more within a minute.")


def _accept(desk: Desk, why: str, key: str) -> None:
    from runtime.store import Store

    registry = Store.open()
    try:
        problem = desk.accept(why, who_asks(), open_key, registry, key=key)
    finally:
        registry.close()
    print(f"Accepted: {problem}" if problem else "Nothing was wrong with it.")


def content_of(file: Path) -> bytes:
    """Return what a file has.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    from data.bounded import read_at_most
    from engine.errors import InputError

    try:
        return read_at_most(file, _LARGEST)
    except FileNotFoundError:
        problem = "there is no such file"
    except OSError as error:
        problem = f"the file cannot be read: {error.strerror}"
    raise InputError(
        problem,
        where=str(file),
        remedy="`trader promote STRATEGY --request` writes a request, and `--approve REQUEST` makes a "
        "certificate of it; name the file of one of them",
        code="promote.file",
    )


def _refused(problem: Problem, file: Path) -> Exception:
    from engine.errors import NegativeAnswer

    return NegativeAnswer(
        problem.sentence, where=str(file), remedy=problem.remedy, code=problem.code.value
    )
