"""Collecting what the gate is told: raw facts out of the registry, of runs made again, and of journals.

`tested` makes the backtest again and all that belongs to it, `on_paper` reads the journals of sessions,
`places` asks broker and account; nothing here judges.
"""
