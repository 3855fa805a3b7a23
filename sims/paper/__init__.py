"""Paper trading: the fill book as a broker."""

from sims.paper.broker import PaperBroker

__all__ = ["PaperBroker"]
