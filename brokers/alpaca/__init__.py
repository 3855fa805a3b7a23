"""Alpaca: US equities. See README.md."""
