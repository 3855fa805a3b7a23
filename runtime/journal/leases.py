"""One writer for each account: leases with an epoch that rises at every acquisition.

A lease is known to be valid by the monotonic clock of its holder, which nobody can step. It counts as
expired for others by the wall clock, with a margin for clocks that disagree. Neither has to be right
for the journal to be: what is written is fenced by the epoch in the same transaction, so a holder who
was asleep, or whose clock is wrong, appends nothing.

A holder on this machine whose process has ended is taken over at once; so is a lease that this
process itself holds under the same name, which is how a session gets a new epoch after its database
was away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from engine.errors import InputError
from engine.model.units import NS_PER_SECOND
from engine.ports import Clock
from runtime.journal.failures import LeaseLost
from runtime.store.backend import Backend, Cell, Row, Transaction
from runtime.store.processes import Process, has_ended, this_process
from runtime.store.rows import storable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TERM_NS = 30 * NS_PER_SECOND
MARGIN_NS = 2 * NS_PER_SECOND  # of clocks that disagree


class Lease(msgspec.Struct, frozen=True):
    """The right to write for an account.

    `until_monotonic_ns` is when it ends by this machine's monotonic clock.
    """

    account: str
    epoch: int
    holder: str
    term_ns: int
    until_monotonic_ns: int

    def is_valid(self, monotonic_ns: int) -> bool:
        """Say whether it has not expired; only the database knows whether it was taken over."""
        return monotonic_ns < self.until_monotonic_ns


class LeaseHeld(msgspec.Struct, frozen=True):
    """Somebody else has the account.

    Parameters
    ----------
    holder
        Mostly a session's id.
    host, pid
        The process that holds it.
    since_ns, until_ns
        Wall clock of its acquisition and of its end, unless it is renewed before.
    """

    account: str
    epoch: int
    holder: str
    host: str
    pid: int
    since_ns: int
    until_ns: int

    def refusal(self) -> InputError:
        """Return what a person is told who wanted the account."""
        return InputError(
            f"account {self.account!r} is in use by {self.holder} (process {self.pid} on {self.host})",
            where=f"account {self.account}",
            remedy=f"`trader sessions stop {self.holder}` ends it; one that has died frees the "
            "account by itself",
            code="session.account_in_use",
        )


@dataclass(frozen=True, slots=True)
class Leases:
    """The leases of a database.

    Parameters
    ----------
    process
        Whose leases these are; this process's when left out.
    """

    backend: Backend
    clock: Clock
    process: Process | None = None
    ended: Callable[[Process], bool] = has_ended

    def acquire(self, account: str, holder: str, *, term_ns: int = TERM_NS) -> Lease | LeaseHeld:
        """Take an account, or say who has it."""
        now, began = self.clock.now_ns(), self.clock.monotonic_ns()
        ours = self.process or this_process()
        account, holder = storable(account), storable(holder)
        with self.backend.writing() as transaction:
            transaction.write("insert_lease", _nobody(account))
            (row,) = transaction.read("lock_lease", {"of_account": account})
            if not self._is_free(row, holder, ours, now):
                return _held(row)
            epoch = _int(row["epoch"]) + 1
            transaction.write(
                "take_lease",
                {
                    "of_account": account,
                    "epoch": epoch,
                    "holder": holder,
                    "host": ours.host,
                    "pid": ours.pid,
                    "process": ours.process,
                    "since_ns": now,
                    "renewed_ns": now,
                    "expires_ns": now + term_ns,
                },
            )
        return Lease(account, epoch, holder, term_ns, began + term_ns)

    def _is_free(self, row: Row, holder: str, ours: Process, now: int) -> bool:
        theirs = _process(row)
        if not row["holder"] or self.ended(theirs):
            return True
        if theirs == ours:
            return bool(row["holder"] == holder)
        return now > _int(row["expires_ns"]) + MARGIN_NS

    def renew(self, lease: Lease) -> Lease:
        """Return the lease with a later end.

        Raises
        ------
        LeaseLost
            If somebody has taken the account over.
        """
        (renewed,) = self.renew_all([lease])
        if isinstance(renewed, LeaseLost):
            raise renewed
        return renewed

    def renew_all(self, leases: Sequence[Lease]) -> list[Lease | LeaseLost]:
        """Renew leases in one transaction; return what became of each, in their order."""
        now, began = self.clock.now_ns(), self.clock.monotonic_ns()
        renewed: dict[int, Lease | LeaseLost] = {}
        with self.backend.writing() as transaction:
            # In the order of accounts: two processes never wait for each other's rows in a ring.
            for place in sorted(range(len(leases)), key=lambda place: leases[place].account):
                lease = leases[place]
                values: dict[str, Cell] = {"renewed_ns": now, "expires_ns": now + lease.term_ns}
                if transaction.write("renew_lease", {**values, **_key(lease)}) == 1:
                    until_ns = began + lease.term_ns
                    renewed[place] = msgspec.structs.replace(lease, until_monotonic_ns=until_ns)
                else:
                    renewed[place] = _lost(transaction, lease)
        return [renewed[place] for place in range(len(leases))]

    def release(self, lease: Lease) -> None:
        """Give the account back; nothing happens where it was lost before."""
        with self.backend.writing() as transaction:
            transaction.write("release_lease", {"holder": "", "expires_ns": 0, **_key(lease)})

    def holder(self, account: str) -> LeaseHeld | None:
        """Return who has an account; None where nobody who lives has."""
        with self.backend.reading() as transaction:
            rows = transaction.read("lease", {"of_account": account})
        if not rows or not rows[0]["holder"] or self.ended(_process(rows[0])):
            return None
        is_over = self.clock.now_ns() > _int(rows[0]["expires_ns"]) + MARGIN_NS
        return None if is_over else _held(rows[0])


def fence(transaction: Transaction, lease: Lease) -> None:
    """Hold the lease's row until the transaction ends, and see that the epoch is still ours.

    Raises
    ------
    LeaseLost
        If somebody has taken the account over; the transaction writes nothing for us.
    """
    rows = transaction.read("lock_lease", {"of_account": lease.account})
    if not rows or rows[0]["epoch"] != lease.epoch:
        raise _lost(transaction, lease)


def _lost(transaction: Transaction, lease: Lease) -> LeaseLost:
    rows = transaction.read("lease", {"of_account": lease.account})
    held = _held(rows[0]) if rows else None
    now = f"{held.holder or 'nobody'} has epoch {held.epoch}" if held else ""
    return LeaseLost(lease.account, lease.epoch, now=now)


def _key(lease: Lease) -> dict[str, Cell]:
    return {"of_account": lease.account, "of_epoch": lease.epoch}


def _nobody(account: str) -> dict[str, Cell]:
    texts: dict[str, Cell] = dict.fromkeys(("holder", "host", "process"), "")
    wholes = dict.fromkeys(("epoch", "pid", "since_ns", "renewed_ns", "expires_ns"), 0)
    return {"account": account, **texts, **wholes}


def _held(row: Row) -> LeaseHeld:
    return msgspec.convert({**row, "until_ns": row["expires_ns"]}, LeaseHeld)


def _process(row: Row) -> Process:
    cells: dict[str, Any] = dict(row)
    return Process(cells["host"], cells["pid"], cells["process"])


def _int(cell: Cell) -> int:
    assert isinstance(cell, int)
    return cell
