"""The promotion gate: from raw evidence to a report, a pure function.

It says of a strategy that was tested, searched and run on paper whether it may trade real money. What
it asks and why is in docs/explain/gate.md; every check with its threshold in docs/reference/gate.md.
"""
