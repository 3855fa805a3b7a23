"""The workspace file as pydantic models; `runtime.workspace` reads it.

Run ``python -m runtime.config.generate`` after a change.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class DatabaseTable(BaseModel):
    """Of `trader.toml`: where the registry of runs is kept."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: str = Field(
        "",
        description="`sqlite:///FILE`, relative to this file, or `postgresql+psycopg://...`; "
        "one SQLite file for each user when left out.",
    )


class AlertsTable(BaseModel):
    """Of `trader.toml`: who is told when somebody should look at a session.

    Addresses are secrets: they stand in an environment variable or in a file that only you may read, and
    the channel names which.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    severity: Literal["warning", "critical"] = Field(
        "warning", description="What is less severe is only logged."
    )
    per_minute: int = Field(
        20,
        ge=1,
        le=600,
        description="Messages a minute that are not critical; what is over is told together, later.",
    )
    channels: dict[str, str] = Field(
        default_factory=dict,
        description="Name of a channel -> `env:NAME` or `file:PATH` with its address, one that "
        "[apprise](https://github.com/caronc/apprise/wiki) knows, e.g. `tgram://...` or `mailto://...`.",
    )


class MetricsTable(BaseModel):
    """Of `trader.toml`: where Prometheus reads what sessions count."""

    model_config = ConfigDict(extra="forbid", strict=True)

    port: int = Field(
        0,
        ge=0,
        le=65_535,
        description="A port of this machine's loopback; 0: no metrics are served.",
    )


class LimitsTable(BaseModel):
    """Of `trader.toml`: what no session may do, whatever its strategy file says.

    The gateway holds them at the last moment before an order leaves, from books of its own. What only
    closes a position is not held to them, but for the rate.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    order_value: Decimal = Field(
        Decimal(0),
        ge=0,
        le=90_000_000_000,
        description="Of one order, in the account's currency; 0: no limit.",
    )
    position_value: Decimal = Field(
        Decimal(0),
        ge=0,
        le=90_000_000_000,
        description="Of one instrument with all orders that work or may work; 0: no limit.",
    )
    collar_percent: Decimal = Field(
        Decimal(20),
        ge=0,
        le=1_000,
        description="A limit that would trade at once is at most so far from the last price; 0: off.",
    )
    orders_per_minute: int = Field(
        10_000, ge=0, le=1_000_000, description="Orders and changes of one session; 0: no limit."
    )
    restricted: list[str] | None = Field(
        None,
        description="Instruments in which positions are only closed, in large or small letters.",
    )


class SessionsTable(BaseModel):
    """Of `trader.toml`: how sessions are run."""

    model_config = ConfigDict(extra="forbid", strict=True)

    on_stop: Literal["keep", "cancel", "flatten"] = Field(
        "keep",
        description="What becomes of orders that work, and of positions, when a session is stopped; entries "
        "are withdrawn from a venue in any case.",
    )
    settle_seconds: int = Field(
        30, gt=0, le=600, description="How long a stop waits for that; then a person is told."
    )


class PromotionTable(BaseModel):
    """Of `trader.toml`: who lets a strategy trade."""

    model_config = ConfigDict(extra="forbid", strict=True)

    four_eyes: bool = Field(
        False,
        description="Author and approver are two persons; so in any case where several approvers' keys "
        "are trusted.",
    )
    profile: Literal["seed", "standard", "strict"] = Field(
        "standard", description="Which of the gate's statistical checks are required; see gate.md."
    )
    limits: dict[str, str] = Field(
        default_factory=dict,
        description="Key of a strategy file -> the most that it may be, e.g. "
        '`"risk.max_gross_percent" = "150"`.',
    )


class AlpacaTable(BaseModel):
    """Of `trader.toml`: an account at Alpaca.

    Keys are secrets: they stand in environment variables or in files that only you may read.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    environment: Literal["live", "paper", "rehearsal"] = Field(
        "rehearsal", description="Which of the venue's accounts it is; its address has to prove it."
    )
    url: str = Field(
        "",
        description="Of a rehearsal: `http://127.0.0.1:PORT`, where `trader venue alpaca` listens. The "
        "others have addresses that are known.",
    )
    key_id: str = Field(
        "env:TRADER_ALPACA_KEY_ID", description="`env:NAME` or `file:PATH` of the key's name."
    )
    secret_key: str = Field(
        "env:TRADER_ALPACA_SECRET_KEY", description="`env:NAME` or `file:PATH` of the secret."
    )
    market_data: Literal["iex", "sip"] = Field(
        "iex",
        description="Whose trades bars are made of: one exchange's, or all exchanges', which costs a "
        "subscription there.",
    )
    withdrawals: bool = Field(
        False, description="Acknowledges that this key can withdraw money: the gate asks for that."
    )


class VenuesTable(BaseModel):
    """Of `trader.toml`: the accounts that are traded live."""

    model_config = ConfigDict(extra="forbid", strict=True)

    alpaca: AlpacaTable | None = Field(None, description="US equities.")


class WorkspaceTable(BaseModel):
    """The keys of ``trader.toml``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    catalog: str = Field("catalog", min_length=1, description="Folder of imported market data.")
    strategies: str = Field("strategies", min_length=1, description="Folder of strategy files.")
    database: DatabaseTable = Field(
        default_factory=DatabaseTable.model_construct, description="The registry."
    )
    alerts: AlertsTable = Field(
        default_factory=AlertsTable.model_construct, description="Who is told."
    )
    metrics: MetricsTable = Field(
        default_factory=MetricsTable.model_construct, description="Who may read."
    )
    limits: LimitsTable = Field(
        default_factory=LimitsTable.model_construct, description="What no session may do."
    )
    sessions: SessionsTable = Field(
        default_factory=SessionsTable.model_construct, description="How sessions are run."
    )
    promotion: PromotionTable = Field(
        default_factory=PromotionTable.model_construct, description="Who lets a strategy trade."
    )
    venues: VenuesTable = Field(
        default_factory=VenuesTable.model_construct, description="Where live orders go."
    )
