"""What the venue answers when it does not do what it was asked: status, code and body."""

from __future__ import annotations

from sims.venues.alpaca.words import Json, Record

MALFORMED = 40010001
NOT_FOUND = 40410000
FORBIDDEN = 40310000
UNAUTHORIZED = 40110000
UNPROCESSABLE = 42210000
TOO_MANY = 42910000


class Refusal(Exception):
    """A request that is answered with an error.

    Parameters
    ----------
    status
        Of HTTP.
    code, message
        Of the body.
    more
        What else the body says.
    """

    def __init__(self, status: int, code: int, message: str, **more: Json) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.more = status, code, message, more

    def body(self) -> Record:
        """Return the body."""
        return {"code": self.code, "message": self.message, **self.more}


def malformed(message: str) -> Refusal:
    """Return: input is missing or cannot be read."""
    return Refusal(422, MALFORMED, message)


def against_rules(message: str, **more: Json) -> Refusal:
    """Return: it can be read, and a rule of business is against it."""
    return Refusal(422, UNPROCESSABLE, message, **more)


def forbidden(message: str, **more: Json) -> Refusal:
    """Return: the account may not, or has not enough."""
    return Refusal(403, FORBIDDEN, message, **more)


def not_found(message: str) -> Refusal:
    """Return: there is no such thing."""
    return Refusal(404, NOT_FOUND, message)
