"""Strategies that run over the shared market data, and what their tests have in common."""
