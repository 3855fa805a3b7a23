"""What is done to the promoted workspace before `trader live` is typed, and what it answers."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TextIO

from engine.model.units import NS_PER_DAY
from runtime.clocks import SystemClock
from runtime.journal.leases import Lease
from runtime.workspace import user_data_folder
from sims.venues.alpaca import AlpacaVenue, VenueSettings
from sims.venues.alpaca.desk import Desk
from sims.venues.alpaca.faults import parse_faults
from sims.venues.alpaca.tickets import Ticket
from tests.scenarios.refusal_workspace import (
    CERTIFICATE,
    KEYS,
    NUMBER,
    REQUEST,
    SETTINGS,
    Scene,
    account_of,
)

Deed = Callable[[Scene], object]
LIVE: Final = "trader live dips"
OURS: Final = f"{LIVE} --certificate {CERTIFICATE}"
OUR_ORDER: Final = "tr-rll23wycv4i6ymjpwikrrzabj43wd"  # a name as the gateway makes them
DAY_SECONDS: Final = 86_400


@dataclass(frozen=True)
class Row:
    """A situation, what is typed in it, and what has to be answered.

    Parameters
    ----------
    do
        What is done before, to a workspace that has come as far as `stage`.
    code
        Of the refusal, or the check of the gate that speaks against it.
    says
        What its sentence has to tell.
    """

    situation: str
    do: Deed
    command: str
    code: str
    says: str
    exit_code: int = 1
    stage: str = "promoted"


# --- deeds ------------------------------------------------------------------------------------------------
def nothing(scene: Scene) -> None:
    """Leave it as it is."""


def without_account(scene: Scene) -> None:
    (scene.folder / "trader.toml").write_text('[promotion]\nprofile = "seed"\n')


def without_keys(scene: Scene) -> None:
    for name in KEYS:
        scene.patch.delenv(name)


def with_paper_keys(scene: Scene) -> None:
    scene.configure("live")
    scene.patch.setenv("TRADER_ALPACA_KEY_ID", "PKREHEARSAL")


def with_other_keys(scene: Scene) -> None:
    scene.venue()
    scene.patch.setenv("TRADER_ALPACA_SECRET_KEY", "another secret")


def with_brackets(scene: Scene) -> None:
    scene.edit(
        "strategies/dips.toml", "[account]", "[execution]\nstop_loss_percent = 5\n\n[account]"
    )


def at_the_live_account(scene: Scene) -> None:
    scene.configure("live")
    scene.limit()


def edit_certificate(before: str, after: str) -> Deed:
    return lambda scene: scene.edit(CERTIFICATE, before, after)


def tear_certificate(scene: Scene) -> None:
    path = scene.folder / CERTIFICATE
    path.write_bytes(path.read_bytes()[:-20])


def elsewhere(scene: Scene) -> None:
    """The same workspace with other keys is another one."""
    shutil.rmtree(scene.folder / "keys")
    scene.done("keys", "new", "gate", "--name", "gate")
    scene.done("keys", "new", "approver", "--name", "anna")


def issued(**fields: Any) -> Deed:
    """Have another certificate, which differs from the first in these fields."""
    return lambda scene: scene.issue(**fields)


def issued_for(**parts: str) -> Deed:
    """Have a certificate for something else that runs; ``__`` in a name is a dot."""
    named = {name.replace("__", "."): text for name, text in parts.items()}
    return lambda scene: scene.issue(**scene.like(**named))


def issued_tomorrow(scene: Scene) -> None:
    tomorrow = SystemClock().now_ns() + NS_PER_DAY
    scene.issue(issued_ns=tomorrow, expires_ns=tomorrow + 30 * NS_PER_DAY)


def superseded(scene: Scene) -> None:
    first = (scene.folder / CERTIFICATE).read_bytes()
    scene.issue()
    (scene.folder / CERTIFICATE).write_bytes(first)


def another_strategy(scene: Scene) -> None:
    text = (scene.folder / "strategies" / "dips.toml").read_text()
    other = text.replace('name = "dips"', 'name = "other"')
    (scene.folder / "strategies" / "other.toml").write_text(other)


def edit_code(scene: Scene) -> None:
    scene.edit("strategies/dips.py", "bar.close < bar.open", "bar.close <= bar.open")


def edit_file(scene: Scene) -> None:
    scene.edit("strategies/dips.toml", "percent = 50\n\n[guards]", "percent = 90\n\n[guards]")


def shares_and_coins(scene: Scene) -> None:
    days = "".join(f"2025-01-0{day},{{0}},10,11,9,10,100\n" for day in (6, 7, 8))
    text = "date,symbol,open,high,low,close,volume\n" + days.format("AAPL") + days.format("BTC/USD")
    (scene.folder / "mixed.csv").write_text(text)
    (scene.folder / "mixed.toml").write_text(
        '[AAPL]\nkind = "equity"\ncalendar = "24/7"\n'
        '["BTC/USD"]\nkind = "crypto_spot"\ncalendar = "24/7"\n'
    )
    words = ("--dataset", "mixed", "--instruments", "mixed.toml", "--timeframe", "1d")
    scene.done("data", "import", "mixed.csv", *words)
    file = scene.folder / "strategies" / "dips.toml"
    before, _, rest = file.read_text().partition("[data]")
    file.write_text(
        f'{before}[data]\ndataset = "mixed"\n\n[account]{rest.partition("[account]")[2]}'
    )


def stricter_profile(scene: Scene) -> None:
    scene.edit("trader.toml", '"seed"', '"standard"')


def smaller_limits(scene: Scene) -> None:
    scene.edit(
        "trader.toml",
        'profile = "seed"',
        'profile = "seed"\nlimits = { "risk.max_positions" = "2" }',
    )


def raised_limits(scene: Scene) -> None:
    with (scene.folder / "trader.toml").open("a") as file:
        file.write("\n[limits]\ncollar_percent = 30\n")


def edit_record(scene: Scene) -> None:
    scene.sql("UPDATE promotion_events SET kind = 'Seen' WHERE kind = 'CertificateIssued'")


def lose_record(scene: Scene) -> None:
    for file in scene.folder.glob("trader.db*"):
        file.unlink()


def revoke(scene: Scene) -> None:
    scene.done("promote", "--revoke", CERTIFICATE, "--why", "the wrong market")


def rehearsed_for_live(scene: Scene) -> None:
    scene.live_account()
    scene.issue(**scene.like(environment="live"), serial=scene.certificate.serial + 2)


def in_use(scene: Scene) -> None:
    with scene.sessions() as store:
        held = store.leases.acquire(f"alpaca:{account_of(NUMBER)[:16]}", "20261122-090000-first")
        assert isinstance(held, Lease)


_KEPT: Final[list[TextIO]] = []


def in_use_elsewhere(scene: Scene) -> None:
    """A process with another database trades the live account, and has its lock."""
    scene.live_account()
    folder = user_data_folder() / "accounts"
    folder.mkdir(parents=True)
    lock = (folder / f"alpaca-{account_of(NUMBER)[:16]}.lock").open("w")
    lock.write("session 20261122-090000-first of sqlite:////elsewhere.db (process 4711)")
    lock.flush()
    fcntl.flock(lock, fcntl.LOCK_EX)
    _KEPT.append(lock)  # closed, it would be free


def venue_with(*faults: dict[str, Any], **settings: Any) -> Deed:
    """Open the venue with something wrong."""
    text = "\n".join(json.dumps(each) for each in faults)
    changed = VenueSettings(key_id=SETTINGS.key_id, **settings)
    return lambda scene: scene.venue(changed, faults=parse_faults(text))


def venue_says(operation: str, name: str, value: str) -> Deed:
    """Have the venue's answers tell something else."""
    return venue_with(
        {"kind": "set_field", "on": operation, "field": name, "value": value, "count": 99}
    )


def account_says(name: str, value: str) -> Deed:
    """Have the account tell something else of itself."""
    return venue_says("account", name, value)


def order_named(name: str) -> Deed:
    """Have an order work at the venue."""

    async def submitted(venue: AlpacaVenue) -> None:
        limit = Decimal("1.00")
        symbol = next(iter(venue.exchange.by_symbol))
        Desk(venue.exchange).submit(
            Ticket(symbol, "buy", "limit", "gtc", Decimal(1), limit=limit, client_id=name)
        )

    return lambda scene: scene.venues.run(submitted(scene.venue()))


def never_drilled(scene: Scene) -> None:
    scene.venue()
    scene.sql(
        "DELETE FROM journal WHERE session_id IN "
        "(SELECT id FROM sessions WHERE account = 'paper:drill')"
    )


def drilled_long_ago(scene: Scene) -> None:
    scene.move_clock(31 * DAY_SECONDS)
    now = SystemClock().now_ns()
    scene.issue(issued_ns=now - NS_PER_DAY, expires_ns=now + NS_PER_DAY)
    scene.venue()


def went_on_smaller(scene: Scene) -> None:
    scene.venue()
    scene.issue(stage="FULL")
    scene.done("live", "dips", "--for", "0.2")
    scene.issue(stage="PROBATION", serial=scene.certificate.serial + 2)


def went_on_in_auto(scene: Scene) -> None:
    scene.venue()
    scene.done("live", "dips", "--for", "0.2")


def live_now(scene: Scene) -> None:
    scene.live_account(start_ns=SystemClock().now_ns(), speed=1.0)


def live_without_baseline(scene: Scene) -> None:
    live_now(scene)
    scene.issue(
        **scene.like(environment="live"),
        evidence_class="real",
        evidence={},
        serial=scene.certificate.serial + 2,
    )


def not_as_addressed(scene: Scene) -> None:
    """The workspace takes an address of this machine for the live venue; the adapter knows better."""
    import brokers.alpaca.environments as hosts
    from engine.ports import Environment

    known = hosts.LIVE
    scene.live_account()
    scene.patch.setitem(hosts._KNOWN, Environment.LIVE, known)


CONFIGURATION: tuple[Row, ...] = (
    Row("the kill file is there", lambda s: s.done("halt", "--why", "a test"), LIVE, "live.halted",
        "everything is halted by"),
    Row("no account is configured", without_account, LIVE, "venue.not_configured",
        "no account at alpaca is configured", 2),
    Row("a rehearsal without an address", lambda s: s.configure(), LIVE, "venue.no_address",
        "none is given", 2),
    Row("a rehearsal at the real venue's address",
        lambda s: s.configure(url="https://api.alpaca.markets"), LIVE, "venue.environment",
        "is not used", 2),
    Row("a live account at an address of this machine",
        lambda s: s.configure("live", "http://127.0.0.1:8790"), LIVE, "venue.environment",
        "has the venue's own address", 2),
    Row("the account's keys are missing", without_keys, LIVE, "venue.no_key",
        "the environment has no TRADER_ALPACA_KEY_ID", 2),
    Row("keys of a paper account at the live address", with_paper_keys, LIVE, "live.keys",
        "by its name one of a paper account"),
    Row("a live account, and no limits of the workspace", lambda s: s.configure("live"), LIVE,
        "live.limits", "of any value"),
    Row("a protective order hung on each entry", with_brackets, LIVE, "live.not_supported",
        "alpaca is sent none"),
    Row("a feed that there is not", nothing, f"{LIVE} --feed nonsense", "session.unknown_feed",
        "there is no feed 'nonsense'", 2),
    Row("data of shares and coins", shares_and_coins, LIVE, "feed.mixed", "has both", 2),
    Row("a password in the feed's address", nothing, f"{LIVE} --feed ws://bob:secret@127.0.0.1:8765",
        "session.secret_in_feed", "host, port and path", 2),
    Row("the venue's paper account", lambda s: s.configure("paper"), LIVE, "live.environment",
        "which no certificate opens"),
)  # fmt: skip

CERTIFICATES: tuple[Row, ...] = (
    Row("never promoted", nothing, LIVE, "certificate.missing", "there is no certificate",
        stage="tried"),
    Row("the record of certificates was edited in the database", edit_record, LIVE,
        "certificate.record", "not what was written"),
    Row("the database was lost, and the certificate is given by its file", lose_record, OURS,
        "certificate.record", "put back to an old copy"),
    Row("the certificate's file is torn", tear_certificate, OURS, "certificate.damaged", "torn"),
    Row("the certificate's format was edited", edit_certificate('"format":2', '"format":3'), OURS,
        "certificate.format", "format 3"),
    Row("the certificate's stage was edited", edit_certificate("PROBATION", "FULL"), OURS,
        "certificate.signature", "the file was edited"),
    Row("the certificate's environment was edited",
        edit_certificate('"environment":"rehearsal","evidence"',
                         '"environment":"live","evidence"'), OURS,
        "certificate.format", "another place"),
    Row("a request in the certificate's place", nothing,
        f"{LIVE} --certificate {REQUEST}", "certificate.unsigned", "of the gate is missing"),
    Row("copied into a workspace with other keys", elsewhere, OURS, "certificate.unknown_key",
        "the key of the gate is not known here"),
    Row("a check that was neither passed nor waived", issued(open_checks=["S10"]), LIVE,
        "certificate.waiver", "not waived with a reason: S10"),
    Row("a second approver was added since",
        lambda s: s.done("keys", "new", "approver", "--name", "bert"), LIVE,
        "certificate.four_eyes", "who has asked for it"),
    Row("the clock was moved back an hour", lambda s: s.move_clock(-3600), LIVE,
        "certificate.clock", "the clock was moved back"),
    Row("issued by a machine whose clock is a day ahead", issued_tomorrow, LIVE,
        "certificate.not_yet", "was issued at"),
    Row("31 days later", lambda s: s.move_clock(31 * DAY_SECONDS), LIVE, "certificate.expired",
        "the certificate has expired at"),
    Row("revoked", revoke, LIVE, "certificate.revoked", "was revoked: the wrong market ("),
    Row("suspended by a monitor", lambda s: s.suspend("the returns are not as they were"), LIVE,
        "certificate.suspended", "the returns are not as they were"),
    Row("an older serial than the newest", superseded, OURS, "certificate.serial",
        "has serial 1, and 2 was issued since"),
    Row("the certificate of another strategy", another_strategy,
        f"trader live other --certificate {CERTIFICATE}", "certificate.strategy",
        "of the strategy 'dips', not of 'other'"),
    Row("of another version of the gate", issued(gate_version="0"), LIVE, "certificate.gate",
        "of version 0 of the gate"),
    Row("the workspace asks for a stricter profile since", stricter_profile, LIVE,
        "certificate.profile", "seed"),
    Row("the workspace allows less since", smaller_limits, LIVE, "certificate.profile",
        "risk.max_positions"),
    Row("the workspace's limits were raised since", raised_limits, LIVE, "certificate.limits",
        "collar_percent is 30, and 20 was approved"),
    Row("the strategy's TOML file was edited", edit_file, LIVE, "certificate.fingerprint",
        "[exits] stop_loss_percent was changed: 90, it was 50"),
    Row("the strategy's code was edited", edit_code, LIVE, "certificate.fingerprint",
        "the strategy's code was changed"),
    Row("another value of a parameter", nothing, f"{LIVE} --param third=31",
        "certificate.fingerprint", "[parameters] third was changed: 31, it was 30"),
    Row("the program was changed", issued_for(code__engine="0" * 64), LIVE,
        "certificate.fingerprint", "the engine's code is another"),
    Row("for a live account, in rehearsal", issued_for(environment="live"), OURS,
        "certificate.environment", "'live', and this is 'rehearsal'"),
    Row("earned in rehearsal, at the live account", at_the_live_account, LIVE,
        "certificate.environment", "'rehearsal', and this is 'live'"),
    Row("evidence of a rehearsal, signed for live all the same", rehearsed_for_live, LIVE,
        "certificate.rehearsal", "opens rehearsal venues only"),
)  # fmt: skip

VENUE: tuple[Row, ...] = (
    Row("another session trades the account", in_use, LIVE, "live.account_in_use",
        "the account is traded by session"),
    Row("another database's session trades the live account", in_use_elsewhere, LIVE,
        "live.account_in_use", "the account is traded by session SESSION of sqlite"),
    Row("the venue does not run", nothing, LIVE, "live.unreachable", "alpaca cannot be asked"),
    Row("the venue answers with an error",
        venue_with({"kind": "error", "on": "account", "status": 503, "count": 99}), LIVE,
        "live.unreachable", "503"),
    Row("a wrong secret key", with_other_keys, LIVE, "live.keys", "alpaca refuses the keys"),
    Row("keys of another account", venue_with(account="another"), LIVE, "certificate.account",
        "for another account"),
    Row("keys of another account than the one that is named", venue_with(account="another"),
        f"{LIVE} --account {NUMBER}", "live.account", f"not of {NUMBER}"),
    Row("another account is named", nothing, f"{LIVE} --account PA0000000001",
        "certificate.missing", "there is no certificate"),
    Row("the live address leads to another environment", not_as_addressed, LIVE,
        "live.environment", "the account is rehearsal, its address is live"),
    Row("a live account, and another market than the venue's", Scene.live_account,
        f"{LIVE} --feed ws://127.0.0.1:8765", "live.feed", "the venue's own market"),
    Row("this machine's clock is not the live venue's", Scene.live_account, LIVE, "live.clock",
        "the venue's"),
    Row("a share that the venue trades no more", venue_says("asset", "status", "inactive"), LIVE,
        "live.not_listed", "does not trade at the venue"),
    Row("the account is closed", account_says("status", "ACCOUNT_CLOSED"), LIVE, "live.blocked",
        "account_closed"),
    Row("an account in another currency", account_says("currency", "EUR"), LIVE, "live.currency",
        "in EUR, and the strategy in USD"),
    Row("less money than the strategy may use", venue_with(cash=Decimal(6_249)), LIVE,
        "live.capital", "6,249.00 USD, and the strategy may use 6,250.00"),
    Row("buying power that is used up", account_says("buying_power", "1000"), LIVE,
        "live.buying_power", "can buy for 1,000.00 USD, and one order may be worth 6,250.00"),
    Row("an order that a person has sent", order_named("by-hand"), LIVE, "live.foreign_orders",
        "that no session has sent"),
    Row("an order of a session whose journal was lost", order_named(OUR_ORDER), LIVE,
        "live.unknown_orders", "whose journal is not here"),
    Row("the kill switch was never rehearsed", never_drilled, LIVE, "live.drill",
        "never rehearsed with this version"),
    Row("the kill switch was rehearsed 31 days ago", drilled_long_ago, LIVE, "live.drill",
        "31 days ago"),
    Row("a session at full size, and a certificate for a quarter", went_on_smaller, LIVE,
        "live.stage", "uses 100 % of its limits, and the certificate allows 25 %"),
    Row("a session that sends, begun again to only tell", went_on_in_auto, f"{LIVE} --mode alert",
        "session.other_mode", "cannot be changed on its way", 2),
    Row("another account's number is typed", Scene.venue, f"{LIVE} --yes PA0000000001",
        "live.not_confirmed", "is not the account's number"),
    Row("a live account, and nobody at the terminal", live_now, LIVE, "live.not_confirmed",
        "nobody can be asked"),
    Row("a live account whose evidence is not here", live_without_baseline,
        f"{LIVE} --yes {NUMBER}", "live.baseline", "what live results are to be compared with"),
)  # fmt: skip
