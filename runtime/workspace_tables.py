"""The workspace file as pydantic models; `runtime.workspace` reads it.

Run ``python -m runtime.config.generate`` after a change.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class DatabaseTable(BaseModel):
    """Of `trader.toml`: where the registry of runs is kept."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: str = Field(
        "",
        description="`sqlite:///FILE`, relative to this file, or `postgresql+psycopg://...`; "
        "one SQLite file for each user when left out.",
    )


class WorkspaceTable(BaseModel):
    """The keys of ``trader.toml``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    catalog: str = Field("catalog", min_length=1, description="Folder of imported market data.")
    strategies: str = Field("strategies", min_length=1, description="Folder of strategy files.")
    database: DatabaseTable = Field(
        default_factory=DatabaseTable.model_construct, description="The registry."
    )
