"""What people do with certificates on this machine: look at them, approve, take in, take back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine.errors import InputError
from engine.gate.policy import DEFAULT, Policy
from engine.ports import Clock
from runtime.promotion.approving import approve, issue, read_approval, read_request
from runtime.promotion.audit import AuditDamaged
from runtime.promotion.certificate import Known, Verdict, VerifiedCertificate, verify
from runtime.promotion.document import Certificate, Document, Trusted, read_document
from runtime.promotion.events import CertificateIssued, Revoked
from runtime.promotion.evidence.witnessed import problem_of
from runtime.promotion.fingerprint import Fingerprint, fingerprint_of
from runtime.promotion.keys import Keys, PublicKey, Role, Signer
from runtime.promotion.problems import Code, Problem
from runtime.promotion.signing import APPROVER, GATE, REVOCATION, is_signed
from runtime.promotion.store import Acceptance, PromotionStore
from runtime.store import Store
from runtime.store.witness import accepted_lines, hash_of

if TYPE_CHECKING:
    from runtime.config import StrategyConfig

Open = Callable[[PublicKey], Signer]  # asks for a passphrase where one is needed
_SHORTEST_ID = 6


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate and what is wrong with it here; None: nothing that does not depend on what runs.

    `is_forged`: it was taken back with a signature that nobody who is trusted has made. It is refused all
    the same.
    """

    body: Certificate
    problem: Problem | None
    is_forged: bool = False

    @property
    def state(self) -> str:
        """A word: valid, or the code of the problem without its family."""
        return "valid" if self.problem is None else self.problem.code.value.partition(".")[2]


@dataclass(frozen=True, slots=True)
class Desk:
    """Keys, record and clock of this machine; `policy` is what the workspace asks for."""

    keys: Keys
    store: PromotionStore
    clock: Clock
    policy: Policy = DEFAULT

    def trusted(self) -> Trusted:
        """Return whose signatures count here.

        A second approver whose key's file was deleted is one still: only `trader keys` takes a key away,
        and that is on record.
        """
        return self.keys.trusted(four_eyes=self.policy.four_eyes or self._knows_two())

    def _knows_two(self) -> bool:
        try:
            return len(self.store.approvers()) > 1
        except AuditDamaged:
            return True

    def known(self) -> Known:
        """Return what is known of certificates here; what nobody has signed for is not relied on.

        Raises
        ------
        InputError
            If the keys or the database cannot be read.
        """
        known = self.store.known()
        if not known.problem and (problem := self._unsigned_acceptance()):
            return Known(problem=problem)
        return known

    def _unsigned_acceptance(self) -> str:
        """Say what is wrong with the newest acceptance of a damaged record; mostly nothing."""
        found = self.store.acceptances()
        if not found or found[-1].is_signed(self.trusted().approvers):
            return ""
        return (
            f"the record was damaged ({found[-1].event.problem}), and nobody who is trusted here has "
            "signed that it is accepted"
        )

    def accept(self, why: str, who: str, opened: Open, registry: Store, *, key: str = "") -> str:
        """Go on with a damaged record, signed with an approver's key; return what was wrong with it.

        Parameters
        ----------
        registry
            Of runs: its witness begins anew, where it is not in order.

        Raises
        ------
        InputError
            If there is no reason or no key, or the chain itself is broken.
        """
        signer = opened(self.keys.only_signer(Role.APPROVER, key))
        also = "" if self.store.known().problem else self._unsigned_acceptance()
        lost = problem_of(registry, self.store.acceptances(is_checked=False))
        if lost is None:
            lost = f"{registry.witness.path.name} is missing"
        lines = accepted_lines(registry.tried())
        told = "; ".join(filter(None, (also, lost)))
        found = self.store.accept(who, why, signer, told, hash_of(lines))
        if found:  # not before: a witness without its acceptance counts for nothing
            registry.witness.replace(lines)
        return found

    def accepted(self) -> Sequence[tuple[Acceptance, bool]]:
        """Return when the record was accepted though it was damaged, and whether that counts here."""
        approvers = self.trusted().approvers
        return [(each, each.is_signed(approvers)) for each in self.store.acceptances()]

    def verdict(self, runs: Fingerprint, content: bytes | None = None) -> Verdict:
        """Return whether a certificate covers what runs; what a session asks at its start and each minute.

        Parameters
        ----------
        content
            Its file; the newest of the strategy and account in the record when left out.

        Raises
        ------
        InputError
            If the keys or the database cannot be read.
        """
        known = self.known()
        if content is None and not known.problem:
            content = self.store.newest(runs.strategy, runs.account)
        return verify(
            content,
            fingerprint=runs,
            known=known,
            trusted=self.trusted(),
            now_ns=self.clock.now_ns(),
            policy=self.policy,
        )

    # --- looking --------------------------------------------------------------------------------------
    def looked_at(self, content: bytes, config: StrategyConfig | None = None) -> Shown | Problem:
        """Return a request, approval or certificate and what is wrong with it.

        Parameters
        ----------
        config
            The strategy that it should cover; only its own claims are looked at when left out. Whether the
            account and the environment are those of a session only the session can say.
        """
        document = read_document(content)
        if isinstance(document, Problem):
            return document
        body, now_ns = document.body, self.clock.now_ns()
        if GATE in document.signatures:
            runs = Fingerprint(body.parts) if config is None else _in_place_of(body, config)
            return Shown(body, self._problem(content, runs))
        read = read_approval if APPROVER in document.signatures else read_request
        found = read(content, self.trusted(), now_ns)
        return Shown(body, found if isinstance(found, Problem) else None)

    def shown(self, strategy: str = "") -> Sequence[Shown]:
        """Return the certificates of this machine's record, newest first, or those of one strategy."""
        found = []
        forged = self._forged()
        for each in reversed(self.store.issued()):
            document = read_document(each.content.encode())
            if strategy in ("", each.strategy) and isinstance(document, Document):
                runs = Fingerprint(document.body.parts)
                problem = self._problem(each.content.encode(), runs)
                found.append(Shown(document.body, problem, document.body.id in forged))
        return found

    def _forged(self) -> set[str]:
        """Return the certificates with a revocation that no trusted key has signed."""
        trusted = self.trusted()
        keys = trusted.gates | trusted.approvers
        return {
            each.certificate
            for each in self.store.withdrawn()
            if isinstance(each, Revoked)
            and not (
                each.key in keys and is_signed(each.key, REVOCATION, each.to_sign(), each.signature)
            )
        }

    def _problem(self, content: bytes, runs: Fingerprint) -> Problem | None:
        verdict = self.verdict(runs, content)
        return None if isinstance(verdict, VerifiedCertificate) else verdict

    # --- signing --------------------------------------------------------------------------------------
    def approve(
        self,
        content: bytes,
        opened: Open,
        *,
        key: str = "",
        waivers: Mapping[str, str] | None = None,
    ) -> Document | Problem:
        """Return the certificate of a request or of an approval; an approval where the gate's key is not here.

        Parameters
        ----------
        key
            The approver's, by name; the only one that is here when left out.

        Raises
        ------
        InputError
            If the key is not here or cannot be opened, or the record cannot be written.
        """
        trusted, now_ns = self.trusted(), self.clock.now_ns()
        document = read_document(content)
        if isinstance(document, Problem):
            return document
        if GATE in document.signatures:
            return Problem(
                Code.UNSIGNED,
                "this is no request: it is a certificate already",
                "`trader promote --verify FILE` looks at it",
            )
        if APPROVER in document.signatures:
            approval = read_approval(content, trusted, now_ns)
        else:
            request = read_request(content, trusted, now_ns)
            if isinstance(request, Problem):
                return request
            signer = opened(self.keys.only_signer(Role.APPROVER, key))
            approval = approve(request, signer, trusted, now_ns, waivers)
        if isinstance(approval, Problem):
            return approval
        return self._issue(approval, opened)

    def _issue(self, approval: Document, opened: Open) -> Document | Problem:
        gates = [
            each for each in self.keys.signers(Role.GATE) if each.key == approval.body.gate_key
        ]
        if not gates:
            self.store.approved(approval.body)
            return approval
        gate, now_ns = opened(gates[0]), self.clock.now_ns()
        certificate = issue(approval, gate, self.trusted(), self.known(), now_ns)
        if isinstance(certificate, Document):
            self.store.approved(approval.body)
            if not self.store.issue(certificate):  # somebody was first, and by now that is known
                return issue(approval, gate, self.trusted(), self.known(), now_ns)
        return certificate

    def revoke(self, named: str, reason: str, who: str, opened: Open, *, key: str = "") -> Revoked:
        """Take a certificate back, with an approver's key that is here, or else with the gate's.

        Parameters
        ----------
        named
            The beginning of its id, or its file.

        Raises
        ------
        InputError
            If none or several are meant, no key is here, or the record cannot be written.
        """
        body = self._meant(named)
        approvers = self.keys.signers(Role.APPROVER)
        role = Role.APPROVER if key or approvers else Role.GATE
        return self.store.revoke(body, reason, who, opened(self.keys.only_signer(role, key)))

    def _meant(self, named: str) -> Certificate:
        if Path(named).is_file():
            document = read_document(Path(named).read_bytes())
            if isinstance(document, Problem):
                raise InputError(
                    document.sentence, where=named, remedy=document.remedy, code=document.code.value
                )
            return document.body
        found = [each for each in self._issued() if each.certificate.startswith(named)]
        if len(found) != 1 or len(named) < _SHORTEST_ID:
            what = "no certificate has" if not found else "several certificates may have"
            raise InputError(
                f"{what} an id that begins with {named!r}",
                remedy=f"`trader promote --show` has their ids; {_SHORTEST_ID} digits at least",
                code="promotion.unknown",
            )
        document = read_document(found[0].content.encode())
        assert isinstance(document, Document), "it was read when it was issued"
        return document.body

    def _issued(self) -> Sequence[CertificateIssued]:
        lasting = [
            each for each in self.store.audit.lasting() if isinstance(each, CertificateIssued)
        ]
        return list({each.certificate: each for each in lasting}.values()) or self.store.issued()


def _in_place_of(body: Certificate, config: StrategyConfig) -> Fingerprint:
    """Return what a strategy would run as where a certificate is for."""
    found = fingerprint_of(config, venue=body.venue, environment=body.environment)
    parts = {**found.parts, "account": body.account}
    as_certified = ["instruments", "timeframe"]  # the data tell them, which are not read here
    if config.data.instruments is None:
        as_certified.append("symbols")
    parts |= {name: body.parts.get(name, "") for name in as_certified}
    return Fingerprint(parts)


def body_as_json(body: Certificate) -> dict[str, object]:
    """Return a certificate's fields and its id, for programs."""
    fields: dict[str, object] = msgspec.to_builtins(body)
    return {"id": body.id, **fields}
