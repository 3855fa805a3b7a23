"""The workspace file as pydantic models; `runtime.workspace` reads it.

Run ``python -m runtime.config.generate`` after a change.
"""

from __future__ import annotations

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
