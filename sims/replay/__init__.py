"""Replay: history as an ordered stream of events, and the loop that runs a core against a fill book."""
