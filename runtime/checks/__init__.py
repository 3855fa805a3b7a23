"""Checks of a strategy: does it look ahead, and does it depend on where its history began?"""

from runtime.checks.findings import Finding, Report
from runtime.checks.lookahead import check_lookahead
from runtime.checks.warmup import check_warmup

__all__ = ["Finding", "Report", "check_lookahead", "check_warmup"]
