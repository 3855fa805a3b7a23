"""`trader.toml` to a venue's market: where it is, which environment that proves, and our keys.

From here no way leads to the venue's order entry; the account is `runtime.venues.accounts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from brokers.alpaca.client import Keys
from brokers.alpaca.environments import LIVE, PAPER, Urls, rehearsal
from engine.errors import ConfigError, InputError
from engine.ports import Environment
from runtime.secrets import secret_of
from runtime.workspace import WORKSPACE_FILE, Workspace

ALPACA: Final = "alpaca"
VENUES: Final = (ALPACA,)
WAITS: Final = (
    "trader.waits"  # the folder, beside the workspace's file, of what venues ask us to wait
)
_WHERE: Final = f"{WORKSPACE_FILE}, venues.alpaca"
_KNOWN: Final = {Environment.LIVE: LIVE, Environment.PAPER: PAPER}


@dataclass(frozen=True, slots=True)
class AlpacaMarket:
    """Alpaca's market as the workspace names it.

    Parameters
    ----------
    urls
        Of one environment, which they prove.
    market_data
        ``iex`` or ``sip``: whose trades bars are made of.
    """

    urls: Urls
    environment: Environment
    keys: Keys = field(repr=False)
    market_data: str = "iex"


def load_market(
    workspace: Workspace | None,
    environment: Mapping[str, str] | None = None,
    *,
    hide: Callable[[Sequence[str]], None] = lambda secrets: None,
) -> AlpacaMarket:
    """Return the market of ``[venues.alpaca]``.

    Parameters
    ----------
    environment
        Variables; the process's own when left out.
    hide
        Told the keys, so that nothing that leaves has them.

    Raises
    ------
    ConfigError
        If there is none, its address proves another environment, or a key is missing.
    """
    table = None if workspace is None else workspace.alpaca
    if workspace is None or table is None:
        raise ConfigError(
            "no account at alpaca is configured",
            where=WORKSPACE_FILE,
            remedy=("" if workspace else "`trader init` makes a workspace; ")
            + f"add [venues.alpaca] with environment and keys to its {WORKSPACE_FILE}, as "
            "docs/howto/go-live-alpaca.md shows",
            code="venue.not_configured",
        )
    wanted = Environment(table.environment)
    urls = _urls(wanted, table.url)
    keys = Keys(
        _secret(table.key_id, workspace.root, environment, "key_id", "the key's name"),
        _secret(table.secret_key, workspace.root, environment, "secret_key", "the secret key"),
        workspace.root / WAITS,
    )
    hide((keys.key_id, keys.secret))
    return AlpacaMarket(urls, wanted, keys, table.market_data)


def _urls(wanted: Environment, url: str) -> Urls:
    if wanted is Environment.REHEARSAL:
        if not url:
            raise ConfigError(
                "a rehearsal has an address on this machine, and none is given",
                where=f"{_WHERE}.url",
                remedy="start `trader venue alpaca` and write the address that it tells",
                code="venue.no_address",
            )
        try:
            return rehearsal(url)
        except ConfigError as error:
            raise ConfigError(
                error.problem, where=f"{_WHERE}.url", remedy=error.remedy, code="venue.environment"
            ) from None
    if url:
        raise ConfigError(
            f"an account that is {wanted.value} has the venue's own address",
            where=f"{_WHERE}.url",
            remedy='remove `url`, or say environment = "rehearsal"',
            code="venue.environment",
        )
    return _KNOWN[wanted]


def _secret(
    reference: str, root: Path, environment: Mapping[str, str] | None, key: str, what: str
) -> str:
    try:
        return secret_of(reference, root, environment, what=what)
    except InputError as error:
        raise ConfigError(
            error.problem,
            where=error.where or f"{_WHERE}.{key}",
            remedy=error.remedy,
            code="venue.no_key",
        ) from None
