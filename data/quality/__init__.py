"""What is wrong, or looks wrong, with market data, and its repair into a new dataset."""

from data.quality.check import check_dataset, check_file, check_history
from data.quality.report import Finding, QualityReport, Severity

__all__ = ["Finding", "QualityReport", "Severity", "check_dataset", "check_file", "check_history"]
