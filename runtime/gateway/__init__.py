"""The gateway: the last code before a socket or a fill book, the same in paper and live.

It knows nothing of strategies and does not trust the risk checks: every limit is judged here once more,
from its own books, at the last moment before an order leaves.
"""
