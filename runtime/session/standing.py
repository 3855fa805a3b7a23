"""What people's wishes have left standing: a fold over them, the same in a session and in its recovery."""

from __future__ import annotations

import msgspec


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """Whether nothing is entered, nothing at all leaves, or everything is to be closed.

    Parameters
    ----------
    is_paused
        By a person, or because the strategy broke.
    is_killed
        The kill switch was followed.
    is_closing
        Everything is to be closed, and was not known to be flat since.
    """

    is_paused: bool = False
    is_killed: bool = False
    is_closing: bool = False

    def after(self, verb: str) -> Standing:
        """Return what stands after a wish was followed; see `runtime.session.wishes`."""
        match verb:
            case "pause":
                return self.paused()
            case "resume":
                return Standing(False, self.is_killed, self.is_killed and self.is_closing)
            case "flatten":
                return Standing(True, self.is_killed, True)
            case "kill":
                return Standing(self.is_paused, True, self.is_closing)
            case "kill_flatten":
                return Standing(self.is_paused, True, True)
            case "release":
                return Standing(self.is_paused, False, False)
            case _:
                return self

    def paused(self) -> Standing:
        """Return the same without entries."""
        return msgspec.structs.replace(self, is_paused=True)

    def flat(self) -> Standing:
        """Return the same where nothing is held any more; a kill switch goes on closing what comes."""
        return msgspec.structs.replace(self, is_closing=self.is_killed and self.is_closing)
