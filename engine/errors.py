"""The family of errors that a person can meet, and the sentence each of them owes.

    TraderError
    |-- InputError        wrong use or bad input; nothing was changed         exit code 2
    |   |-- ConfigError   a strategy or workspace file is wrong
    |   |-- DataError     market data is missing or wrong
    |   `-- FormulaError  a rule does not parse or check; carries the place for the caret
    |-- NegativeAnswer    the question was answered with no                   exit code 1
    |-- VenueError        a question to a venue was not answered              exit code 3
    |-- StrategyError     the user's own strategy raised or returned nonsense exit code 2
    `-- InternalFault     our mistake, with what to report                    exit code 3

A caller's mistake raises one of these; a broken invariant is an ``assert``. The command line turns
a `TraderError` into at most a few lines: what is wrong, where, and what to do.
"""

from __future__ import annotations


class TraderError(Exception):
    """What is wrong, where, and what to do.

    Parameters
    ----------
    problem
        One sentence that says what is wrong, with the offending value.
    where
        File, line, key or row, as a person would look for it; empty when it does not apply.
    remedy
        What to do next; empty when the problem says it already.
    code
        A stable identifier for programs, e.g. ``data.high_below_low``.
    """

    exit_code = 3

    def __init__(self, problem: str, *, where: str = "", remedy: str = "", code: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.where = where
        self.remedy = remedy
        self.code = code or type(self).__name__

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.problem}" + (f"\n{self.remedy}" if self.remedy else "")


class InputError(TraderError):
    """Wrong use or bad input; nothing was changed."""

    exit_code = 2


class ConfigError(InputError):
    """A strategy or workspace file is wrong."""


class DataError(InputError):
    """Market data is missing, unreadable or wrong."""


class FormulaError(InputError):
    """A rule does not parse or does not check.

    `text` is the formula and `column` the zero-based place of the mistake in it, so that a
    screen can put a caret under it (`caret`).
    """

    def __init__(
        self, problem: str, *, text: str, column: int, where: str = "", remedy: str = ""
    ) -> None:
        super().__init__(problem, where=where, remedy=remedy, code="formula")
        self.text = text
        self.column = column

    def caret(self) -> str:
        """Return the formula with a caret line under the mistake."""
        return f"{self.text}\n{' ' * self.column}^"

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f"\n{self.remedy}" if self.remedy else ""
        return f"{place}{self.problem}\n{self.caret()}{remedy}"


class StrategyError(TraderError):
    """The user's own strategy raised an exception or returned something unusable."""

    exit_code = 2


class NegativeAnswer(TraderError):
    """The question was understood and the answer is no."""

    exit_code = 1


class VenueError(TraderError):
    """A question to a venue was not answered: it cannot be reached, refuses us, or is not understood.

    Parameters
    ----------
    is_authorization
        The venue refuses who we are, or is not who it should be (401, 403, TLS): stop, do not ask again.
    retry_after_seconds
        How long the venue wants to be left alone; 0 where it does not say.
    """

    def __init__(
        self, problem: str, *, is_authorization: bool = False, retry_after_seconds: float = 0.0
    ) -> None:
        super().__init__(problem, code="venue.no_answer")
        self.is_authorization = is_authorization
        self.retry_after_seconds = retry_after_seconds


class InternalFault(TraderError):
    """Our mistake: an invariant failed or an event could not be processed."""

    exit_code = 3
