"""`PromotionStore`: certificates that were issued, and what became of them, wherever the database is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import msgspec

from engine.errors import InputError
from engine.gate.drift import Baseline
from engine.ports import Clock
from runtime.clocks import SystemClock
from runtime.journal.entries import Entry, Head
from runtime.promotion.audit import GENESIS, Audit, AuditDamaged
from runtime.promotion.canonical import sha256_of
from runtime.promotion.certificate import Known, VerifiedCertificate
from runtime.promotion.document import Certificate, Document
from runtime.promotion.events import (
    Approved,
    CertificateIssued,
    Event,
    KeyChanged,
    PromotionAttempted,
    Reanchored,
    Revoked,
    Seen,
    Suspended,
)
from runtime.promotion.keys import PublicKey, Role, Signer
from runtime.promotion.signing import ACCEPTANCE, REVOCATION, is_signed
from runtime.store.backend import Backend
from runtime.store.location import beside, database_url
from runtime.store.store import open_backend

BASELINE = "baseline"  # in `Certificate.evidence`


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A record that was not as it should be, and was accepted.

    `is_in_place`: it is for the end of the trail at which it stands; one that was copied from elsewhere is
    not.
    """

    event: Reanchored
    ts_ns: int
    is_in_place: bool

    def is_signed(self, approvers: Collection[str]) -> bool:
        """Return whether one of these keys has accepted exactly this."""
        event = self.event
        return (
            self.is_in_place
            and event.key in approvers
            and is_signed(event.key, ACCEPTANCE, event.to_sign(), event.signature)
        )


class PromotionStore(AbstractContextManager["PromotionStore"]):
    """Certificates of a database; may be used from several threads.

    Parameters
    ----------
    folder
        For what must not depend on the database, see `runtime.promotion.audit`.
    """

    def __init__(self, backend: Backend, folder: Path, clock: Clock) -> None:
        self._backend = backend
        self._clock = clock
        self.audit = Audit(backend, folder, clock)

    @classmethod
    def open(
        cls, url: str | None = None, *, clock: Clock | None = None, folder: Path | None = None
    ) -> PromotionStore:
        """Open the database as `runtime.store.Store.open` does.

        Raises
        ------
        InputError
            If it cannot be reached, opened or written, or belongs to a newer version.
        """
        url = database_url(Path.cwd()) if url is None else url
        return cls(open_backend(url), folder or beside(url), clock or SystemClock())

    def close(self) -> None:
        """Give back what is held."""
        self._backend.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- what is known ------------------------------------------------------------------------------
    def known(self) -> Known:
        """Return serials, revocations and suspensions; `Known.problem` says why they cannot be relied on.

        Raises
        ------
        InputError
            If the database cannot be asked.
        """
        try:
            lasting, entries = self.audit.lasting(), self.audit.entries()
        except AuditDamaged as damaged:
            return Known(problem=f"{damaged.where}: {damaged.problem}")
        return _folded([*lasting, *(event for _, event in entries)], _last_ns(entries))

    def events(self) -> Sequence[tuple[Entry, Event]]:
        """Return the audit trail, checked.

        Raises
        ------
        AuditDamaged
            If it is not what was written.
        """
        return self.audit.entries()

    def next_serial(self, account: str, family: str) -> int:
        """Return the serial of the next request: higher than any that was requested, issued or seen."""
        taken = [0]
        for event in self._all():
            if isinstance(event, PromotionAttempted | CertificateIssued | Seen):
                if (event.account, event.family) == (account, family):
                    taken.append(event.serial)
        return max(taken) + 1

    def attempts(self, family: str) -> Sequence[PromotionAttempted]:
        """Return the requests of a family, oldest first, whatever became of them."""
        return [each for each in self.questions(family) if each.asked == "request"]

    def questions(self, family: str) -> Sequence[PromotionAttempted]:
        """Return everything that the gate was asked about a family, oldest first."""
        asked = (event for event in self._all() if isinstance(event, PromotionAttempted))
        return [each for each in asked if each.family == family]

    def newest(self, strategy: str, account: str) -> bytes | None:
        """Return the newest certificate of a strategy for an account, as its file; None: there is none."""
        found = [
            each for each in self.issued() if (each.strategy, each.account) == (strategy, account)
        ]
        return found[-1].content.encode() if found else None

    def baseline(self, body: Certificate) -> Baseline | None:
        """Return what live results are compared with, as it was requested; None: it is not here."""
        wanted = body.evidence.get(BASELINE)
        for event in self._all():
            if isinstance(event, PromotionAttempted) and event.baseline:
                if sha256_of(event.baseline) == wanted:
                    return msgspec.json.decode(event.baseline, type=Baseline)
        return None

    def issued(self) -> Sequence[CertificateIssued]:
        """Return all certificates, oldest first."""
        return [event for _, event in self.events() if isinstance(event, CertificateIssued)]

    def approvers(self) -> frozenset[str]:
        """Return the approvers' keys that were made or trusted here and not removed since.

        Raises
        ------
        AuditDamaged
            If the audit trail is not what was written.
        """
        found: set[str] = set()
        for _, event in self.events():
            if isinstance(event, KeyChanged) and event.role == Role.APPROVER.value:
                change = found.discard if event.verb == "removed" else found.add
                change(event.key)
        return frozenset(found)

    def withdrawn(self) -> Sequence[Revoked | Suspended]:
        """Return all revocations and suspensions, once each."""
        found = (event for event in self._all() if isinstance(event, Revoked | Suspended))
        return list(dict.fromkeys(found))

    # --- what happens -------------------------------------------------------------------------------
    def add(self, event: PromotionAttempted | KeyChanged) -> None:
        """Record that the gate was asked, or that a key was changed."""
        self.audit.append(event)

    def approved(self, body: Certificate) -> None:
        """Record an approval."""
        self.audit.append(Approved(body.id, body.strategy, body.approver, body.approver_key))

    def issue(self, document: Document) -> bool:
        """Record a certificate: lower serials are refused from now on.

        Return whether it is: nothing is recorded where its serial was used meanwhile, for of two with one serial
        a revocation would take back only one.
        """
        body = document.body

        def is_taken(events: Sequence[Event]) -> bool:
            return any(
                (each.account, each.family) == (body.account, body.family)
                and each.serial >= body.serial
                for each in events
                if isinstance(each, CertificateIssued | Seen)
            )

        return self.audit.append_unless(
            is_taken,
            CertificateIssued(
                body.id,
                body.strategy,
                body.account,
                body.family,
                body.serial,
                document.to_bytes().decode("ascii"),
            ),
        )

    def seen(self, verified: VerifiedCertificate, session: str) -> None:
        """Record that a session trades under a certificate: lower serials are refused from now on."""
        body = verified.certificate
        self.audit.append(Seen(verified.id, body.account, body.family, body.serial, session))

    def suspend(self, body: Certificate, reason: str, session: str = "") -> None:
        """Let a certificate count no longer; what is wrong was found by the program."""
        self.audit.append(Suspended(body.id, body.strategy, reason, session))

    def revoke(self, body: Certificate, reason: str, who: str, signer: Signer) -> Revoked:
        """Let a certificate count no longer, signed; it holds on this machine even without a database.

        Raises
        ------
        InputError
            If the reason is empty, or the database could not be written.
        """
        if not reason.strip():
            raise InputError(
                "a revocation needs a reason",
                where="--why",
                remedy='say it: --why "the account was closed"; it is kept',
                code="promotion.why",
            )
        plain = Revoked(
            body.id, body.strategy, body.serial, reason, who, signer.key, self._clock.now_ns()
        )
        signature = signer.sign(REVOCATION, plain.to_sign())
        revoked = msgspec.structs.replace(plain, signature=signature)
        self.audit.append(revoked)
        return revoked

    def accept(self, who: str, why: str, signer: Signer, also: str = "", witness: str = "") -> str:
        """Go on with the record as it is, signed, and return what was wrong with it; empty: nothing was.

        Parameters
        ----------
        signer
            An approver.
        also
            What else is wrong, beside what the record itself finds.
        witness
            See `Reanchored`.

        Raises
        ------
        InputError
            If the reason is empty, the database could not be written, or the chain itself is broken: that
            cannot be accepted.
        """
        if not why.strip():
            raise InputError("going on with it needs a reason", where="--why", code="promotion.why")

        def signed(problem: str, head: Head) -> Reanchored:
            plain = Reanchored(
                problem,
                who,
                why,
                head.sequence,
                head.hash.hex(),
                witness,
                self._clock.now_ns(),
                signer.key,
            )
            signature = signer.sign(ACCEPTANCE, plain.to_sign())
            return msgspec.structs.replace(plain, signature=signature)

        return self.audit.accept(signed, also)

    def acceptances(self, *, is_checked: bool = True) -> Sequence[Acceptance]:
        """Return how often a person has accepted the record as it was, oldest first.

        Parameters
        ----------
        is_checked
            Whether the trail has to be in order; else what is left of it is read.
        """
        events = self.events() if is_checked else self.audit.left()
        return [
            Acceptance(event, entry.ts_ns, _is_at(event, events, place))
            for place, (entry, event) in enumerate(events)
            if isinstance(event, Reanchored)
        ]

    def key_changed(self, verb: str, key: PublicKey, who: str) -> None:
        """Record that a key was made, trusted or removed."""
        self.add(KeyChanged(verb, key.name, key.role.value, key.key, who))

    def _all(self) -> list[Event]:
        return [*self.audit.lasting(), *(event for _, event in self.events())]


def _is_at(event: Reanchored, events: Sequence[tuple[Entry, Event]], place: int) -> bool:
    """Return whether an acceptance is for the end of the trail at which it stands."""
    before = events[place - 1][0] if place else None
    end = (0, GENESIS.hex()) if before is None else (before.sequence, before.hash.hex())
    return (event.sequence, event.hash) == end


def _folded(events: Iterable[Event], last_ns: int) -> Known:
    serials: dict[tuple[str, str], int] = {}
    revoked: dict[str, str] = {}
    suspended: dict[str, str] = {}
    for event in events:
        match event:
            case CertificateIssued() | Seen():
                place = (event.account, event.family)
                serials[place] = max(serials.get(place, 0), event.serial)
            case Revoked():  # also one whose signature is wrong: it can only make us refuse
                revoked[event.certificate] = f"{event.reason} ({event.who})"
            case Suspended():
                suspended[event.certificate] = event.reason
            case _:
                pass
    return Known(serials, revoked, suspended, last_ns)


def _last_ns(entries: Sequence[tuple[Entry, Event]]) -> int:
    return max((entry.ts_ns for entry, _ in entries), default=0)
