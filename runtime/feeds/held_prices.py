"""`HeldPrices`: of what is held nothing may be unknown for long, so a venue that tells nothing of it is asked.

A stop, a target or a guard is judged at each price that comes. Bars of a share that is hardly traded may
take minutes; then the venue's quote is the price. What is answered becomes known when it is answered,
and goes into the feed in its order, as any other price does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from engine.model.units import NS_PER_SECOND
from engine.ports import Clock

_NEVER: Final = -1


def _nothing() -> Collection[int]:
    return ()


class HeldPrices:
    """When a venue is asked for the prices of which instruments.

    Parameters
    ----------
    symbols
        By instrument number.
    clock
        Silence is measured by it, in the time that never goes back.
    seconds
        So long nothing may come of what is held, and so long it is not asked again.
    """

    def __init__(self, symbols: Sequence[str], clock: Clock, seconds: float) -> None:
        self._symbols, self._clock = tuple(symbols), clock
        self._quiet_ns = round(seconds * NS_PER_SECOND)
        self._heard_ns = dict.fromkeys(symbols, _NEVER)  # monotonic
        self._known_ns = dict.fromkeys(symbols, 0)  # the venue's time up to which prices are known
        self._asked_ns = _NEVER
        self.held: Callable[[], Collection[int]] = _nothing

    def heard(self, symbol: str, ts_ns: int) -> None:
        """Something has come of an instrument, of a time of the venue."""
        if symbol in self._known_ns:
            self._heard_ns[symbol] = self._clock.monotonic_ns()
            self._known_ns[symbol] = max(self._known_ns[symbol], ts_ns)

    def due(self) -> Mapping[str, int]:
        """Return the instruments to ask for now, each with the time up to which its prices are known.

        All that are held and silent, once for all of them. Silence begins with the first question here.
        """
        now_ns = self._clock.monotonic_ns()
        if self._asked_ns == _NEVER:
            self._asked_ns = now_ns
        before_ns = now_ns - self._quiet_ns
        if self._asked_ns > before_ns or min(self._heard_ns.values()) > before_ns:
            return {}
        held = {self._symbols[number] for number in self.held()}
        return {s: self._known_ns[s] for s in held if self._heard_ns[s] <= before_ns}

    def asked(self) -> None:
        """The venue was asked, with whatever answer."""
        self._asked_ns = self._clock.monotonic_ns()
