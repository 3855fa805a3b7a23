"""`trader.toml` to an account at a venue: where it is, which environment that proves, and its keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from brokers.alpaca.broker import AlpacaBroker, Settings
from brokers.alpaca.client import Keys
from brokers.alpaca.environments import LIVE, PAPER, Urls, rehearsal
from engine.errors import ConfigError, InputError
from engine.model.instruments import Instrument
from engine.ports import Clock, Environment
from runtime.secrets import secret_of
from runtime.workspace import WORKSPACE_FILE, Workspace

ALPACA: Final = "alpaca"
VENUES: Final = (ALPACA,)
_WHERE: Final = f"{WORKSPACE_FILE}, venues.alpaca"
_KNOWN: Final = {Environment.LIVE: LIVE, Environment.PAPER: PAPER}


@dataclass(frozen=True, slots=True)
class AlpacaAccount:
    """An account at Alpaca as the workspace names it.

    Parameters
    ----------
    urls
        Of one environment, which they prove.
    market_data
        ``iex`` or ``sip``: whose trades bars are made of.
    is_withdrawal_acknowledged
        Whether a person has written that a key which can withdraw is wanted.
    """

    urls: Urls
    environment: Environment
    keys: Keys = field(repr=False)
    is_withdrawal_acknowledged: bool = False
    market_data: str = "iex"

    @property
    def venue(self) -> str:
        """The venue's name, as in certificates."""
        return ALPACA

    def broker(
        self, instruments: Sequence[Instrument], clock: Clock, *, begins_ns: int = 0
    ) -> AlpacaBroker:
        """Return the way to it; fills before `begins_ns` are not asked for."""
        settings = Settings(begins_ns=begins_ns)
        return AlpacaBroker(self.urls, self.keys, instruments, clock, settings)


def load_alpaca(
    workspace: Workspace | None,
    environment: Mapping[str, str] | None = None,
    *,
    hide: Callable[[Sequence[str]], None] = lambda secrets: None,
) -> AlpacaAccount:
    """Return the account of ``[venues.alpaca]``.

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
            remedy="`trader init` makes a workspace; add [venues.alpaca] with environment and keys to "
            f"its {WORKSPACE_FILE}",
            code="venue.not_configured",
        )
    wanted = Environment(table.environment)
    urls = _urls(wanted, table.url)
    keys = Keys(
        _secret(table.key_id, workspace.root, environment, "key_id", "the key's name"),
        _secret(table.secret_key, workspace.root, environment, "secret_key", "the secret key"),
    )
    hide((keys.key_id, keys.secret))
    return AlpacaAccount(urls, wanted, keys, table.withdrawals, table.market_data)


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
