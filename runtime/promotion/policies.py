"""What a workspace asks of a strategy before it may trade."""

from __future__ import annotations

from decimal import Decimal

from engine.gate.policy import Policy, Profile, RiskMaximum
from runtime.workspace import Workspace


def policy_of(workspace: Workspace | None) -> Policy:
    """Return the policy of a workspace's ``[promotion]``; the default one where there is none."""
    if workspace is None:
        return Policy()
    maxima = workspace.risk_maxima.items()
    return Policy(
        profile=Profile(workspace.profile),
        four_eyes=workspace.four_eyes,
        risk_maxima=tuple(RiskMaximum(name, str(Decimal(value))) for name, value in maxima),
    )
