"""`trader.toml` to an account at a venue: the market, and the way to its order entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from brokers.alpaca.broker import AlpacaBroker, Settings
from engine.model.instruments import Instrument
from engine.ports import Clock
from runtime.venues.market_access import ALPACA, AlpacaMarket, load_market
from runtime.workspace import Workspace


@dataclass(frozen=True, slots=True)
class AlpacaAccount(AlpacaMarket):
    """An account at Alpaca as the workspace names it.

    Parameters
    ----------
    is_withdrawal_acknowledged
        Whether a person has written that a key which can withdraw is wanted.
    """

    is_withdrawal_acknowledged: bool = False

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
    """Return the account of ``[venues.alpaca]``; see `load_market`.

    Raises
    ------
    ConfigError
        If there is none, its address proves another environment, or a key is missing.
    """
    found = load_market(workspace, environment, hide=hide)
    assert workspace is not None and workspace.alpaca is not None
    return AlpacaAccount(
        found.urls,
        found.environment,
        found.keys,
        found.market_data,
        workspace.alpaca.withdrawals,
    )
