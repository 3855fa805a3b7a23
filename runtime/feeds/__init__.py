"""Feeds: sources of market data and of time, as `engine.ports.Feed` says."""
