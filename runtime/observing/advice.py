"""What a person may do about an alert: one sentence for each kind of episode.

An episode's name says what it is about (``guard:daily_loss``, ``noted:quarantine:AAPL``); the longest beginning
that is known counts. ``SESSION`` stands for the session's id, ``GUARD`` and ``SYMBOL`` for the name's last part.
"""

from __future__ import annotations

from typing import Final

_RESET = "find out why; `trader sessions reset SESSION GUARD --why TEXT` lets it trade again"
_CLOSE = "look at the position at the venue; `trader sessions flatten SESSION --why TEXT` closes everything"
_ITSELF = "nothing: it ends by itself"
_GATE = "`trader promote --show` says what has become of the certificate"
_RETURNS = "nothing, if it returns soon; what is held stays as it is meanwhile"

ADVICE: Final = {
    "guard:kill": "`trader resume --why TEXT` releases the kill switch",
    "guard:daily_loss": _RESET,
    "guard:drawdown": _RESET,
    "guard:minimum_equity": _RESET,
    "guard:api_authorization": f"look at the keys and what they may; {_RESET}",
    "guard:database": f"look at the database; {_RESET}",
    "guard:pause": "`trader sessions resume SESSION --why TEXT` enters again",
    "guard:untrusted": f"{_ITSELF} with the next good price; if it lasts, look at the feed",
    "guard:trust": f"{_ITSELF} with the next good price; if it lasts, look at the feed",
    "guard:api": f"{_ITSELF} after five minutes without an error of the venue",
    "guard:stop_losses": _ITSELF,
    "guard:tier": f"{_ITSELF} when the account is large enough again",
    "guard:tilt": "rest, before you decide anything else by hand",
    "guard:reconciling": f"{_ITSELF} when the venue and the books agree",
    "guard:supervisor": "look at the machine; a new start of the session clears it",
    "guard:certificate": _GATE,
    "guard:data": f"{_ITSELF} with the first data of now; if it lasts, look at the feed",
    "guard:health": f"{_ITSELF} when all parts are well; `trader sessions show SESSION` says which is not",
    "engine:": _CLOSE,
    "engine:exposure": "prices have done it: nothing, or make the positions smaller",
    "state:halted": "the alert before it says why; nothing is entered until a person has released it",
    "state:failed": "`trader sessions show SESSION` says what broke it; its command, typed again, goes on",
    "noted:feed": _RETURNS,
    "noted:journal": "make room on the disk, or bring the database back; the journal goes on in a file",
    "noted:database": "look at the database and its disk",
    "noted:strategy": "mend it; `trader sessions resume SESSION --why TEXT` goes on as it is",
    "noted:halt": "`trader resume --why TEXT` releases it",
    "noted:certificate": _GATE,
    "noted:limits": "nothing, if you meant the next session; else stop this one, and begin it anew",
    "noted:certificate:expiry": "ask for the next one: `trader promote STRATEGY --request`",
    "noted:drift": "look into what has changed; going on needs a new certificate",
    "noted:account": "ask the venue what it means; entries come back by themselves when the account is active",
    "noted:reconcile": "compare with the venue; `trader verify SESSION` looks at the journal",
    "noted:quarantine": "compare with the venue; then `trader sessions release SESSION SYMBOL --why TEXT`",
    "noted:cash_differs": "compare with the venue's activities; then `trader sessions release SESSION cash --why TEXT`",
    "noted:clock": "set the machine's clock right (NTP); entries come back by themselves",
    "noted:memory": "look what uses it, or give the process more; entries come back by themselves",
    "noted:days": "leave it running for a quarter of an hour after the close; where bars were lost, look at the line",
    "noted:days:history": "nothing where the venue answers again; else look whether its history is yours to read",
    "noted:days:missed": "nothing; where it comes again, look at the line to the venue",
    "noted:cash": "read the venue's statement: it has moved cash for a reason that is not known here",
    "noted:orders": "read what the venue says; what the strategy asks for is not to be had there: stop it, or mend it",
    "noted:stop": "begin it again, or empty the account without it: `trader halt --at-venue alpaca`",
    "noted:overfill": "compare with the venue; the surplus is held, and managed as if it had been wanted. "
    "Then `trader sessions reset SESSION health` lets it enter again",
    "noted:unprotected": _CLOSE,
    "noted:broker": _RETURNS,
    "noted:session": "`trader sessions show SESSION` says more",
    "noted:supervisor": "look at the machine and at the log",
    "noted:supervisor:restarts": "mend it; `trader sessions resume SESSION --why TEXT` enters again",
    "health:": f"{_RETURNS}; `trader sessions show SESSION` says how it is",
    "refused:": "`trader sessions show SESSION` and docs/reference/sessions.md say what it means",
    "channel:": "look at its address in trader.toml; other channels are told",
    "several": "`trader sessions show SESSION` lists what is open",
    "supervisor": "look at the machine; begin the session anew",
    "monitor": _ITSELF,
}


def advice_on(episode: str, session: str) -> str:
    """Return what a person may do about an episode; empty where nothing is known."""
    known = [each for each in ADVICE if episode.startswith(each)]
    if not known:
        return ""
    parts = episode.split(":")
    subject = parts[1] if parts[0] == "guard" and len(parts) > 1 else parts[-1]
    text = ADVICE[max(known, key=len)]
    for name, value in (("SESSION", session or "last"), ("GUARD", subject), ("SYMBOL", subject)):
        text = text.replace(name, value)
    return text
