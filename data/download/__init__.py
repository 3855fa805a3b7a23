"""Downloads of history that can be interrupted and go on: a port, a downloader, one plain source."""

from data.download.downloader import download
from data.download.port import HistoryPage, HistoryRequest, HistorySource, RateBudget

__all__ = ["HistoryPage", "HistoryRequest", "HistorySource", "RateBudget", "download"]
