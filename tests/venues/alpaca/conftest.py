"""The vendor's SDK judges the venue: where it is not installed (the dev extra has it) there is no judge."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("alpaca") else ["test_*.py"]
