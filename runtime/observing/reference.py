"""The reference page of events, alerts and health, made of the tables that the code uses."""

from __future__ import annotations

from runtime.observing.advice import ADVICE
from runtime.observing.events import events_table
from runtime.observing.metrics import metrics_table

_HEAD = """\
# Monitoring reference

Written from the code's tables by `python -m docs.refresh_tables`.

## Events

A session's log has one line for each: readable on a terminal, JSON in a pipe and in `--log FILE`. Each
carries what links it: `signal` (the signal's id), `order`, `fill` (order and number of the fill), `position`.
`environment` is `PAPER`, `REHEARSAL` or `LIVE`; secrets are masked.

"""

_ALERTS = """

## Alerts

An alert is told once an episode, and once when it is over, to every channel of `[alerts.channels]`.

| episode | begins | is over |
|---|---|---|
| `guard:NAME` | a guard or breaker is set; critical from "nothing new is sent" on, or where a person has to reset it | it is cleared |
| `guard:trust`, `guard:tilt` | equity is not trusted; the operator's tilt rises | trusted again; it falls |
| `engine:NAME:SYMBOL:POSITION` | a position cannot be closed, is unprotected; repeated after 10 minutes | it is closed |
| `state:halted`, `state:failed` | the session is halted, has failed | it runs again |
| `noted:feed` | the feed is cut off, has a gap, is silent or has lost data | it is whole |
| `noted:journal:...`, `noted:database:...` | the database fails | it has everything again |
| `noted:strategy:strategy` | the strategy broke, or was stopped | the session runs again |
| `noted:halt:kill switch` | somebody has halted everything | it was released |
| `noted:cash_differs:cash` | the account's cash is not what the books explain | it is, or a person has released it |
| `noted:clock:clock` | the machine's clock was set by more than a second, or differs as much from the venue's | they agree |
| `noted:memory:memory` | the process uses 80 % of its memory | it uses less than 75 % |
| `noted:days:thin` | too many bars of a day are missing, and not proven empty: it does not count as a paper day | never: it is told once |
| `noted:days:history` | the venue's history does not say whether minutes without a bar were traded in | never: it is told once, and asked again |
| `noted:days:missed` | it has bars that had not come when their minutes were decided on | never: it is told once |
| `noted:orders:SYMBOL` | the venue has refused three orders of an instrument in a row | it takes one |
| `health:PART` | a part is degraded or down; repeated after 10 minutes | good for 30 seconds |
| `refused:REASON` | the gateway or the broker refused for a reason that a person should know | 10 minutes without one |
| `channel:NAME` | a channel does not take messages | it does |
| `supervisor`, `monitor` | looking on had to be restarted; too often | 10 minutes without it |
"""

_ADVICE = """
Each message says what to do; the longest beginning of the episode's name counts.

| episode begins with | what to do |
|---|---|
"""

_HEALTH = """
## Health

Parts are `feed`, `broker`, `database`, `strategy`, `monitor`, and each position. What is bad shows at once; a part
of which nothing was heard for more than 120 seconds while its market is open is degraded; it is up again
after 30 good seconds. While feed, broker or a position is not up, the guard `health` stops entries.
"""

_METRICS = """
## Metrics

Served for Prometheus at `http://127.0.0.1:PORT/metrics` where trader.toml says `[metrics] port = PORT`, and
nowhere else. Each has the labels `session`, `strategy` and `environment`.

"""


def monitoring_page() -> str:
    """Return the page as Markdown."""
    advised = "\n".join(f"| `{name}` | {text} |" for name, text in ADVICE.items())
    return (
        _HEAD
        + events_table()
        + _ALERTS
        + _ADVICE
        + advised
        + "\n"
        + _HEALTH
        + _METRICS
        + metrics_table()
        + "\n"
    )
