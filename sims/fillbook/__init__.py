"""The fill book: one matching engine for backtest, paper and the venue simulators."""

from sims.fillbook.book import BookEvent, FillBook
from sims.fillbook.settings import BookSettings, FeeModel, SlippageModel

__all__ = ["BookEvent", "BookSettings", "FeeModel", "FillBook", "SlippageModel"]
