"""Whether what was recorded is what was recorded; drills and approvals."""

from __future__ import annotations

import msgspec

from engine.ports import Environment


class Recomputed(msgspec.Struct, frozen=True):
    """Something recorded and the same computed again, as text; `recorded` is None where it is lost.

    `remedy` is what to do where the two differ, a sentence; empty: what is always to be done.
    """

    name: str
    recorded: str | None
    recomputed: str
    remedy: str = ""


class SessionIntegrity(msgspec.Struct, frozen=True, kw_only=True):
    """One journal of which evidence was taken.

    Parameters
    ----------
    head, recomputed_head
        Hash at the journal's end as recorded, and by walking through all records.
    anchored_head, recomputed_anchor
        The newest anchored hash (kept outside the database), and the hash by walking through the
        records up to its place; the first is None where there is no anchor.
    """

    session: str
    family: str
    fingerprint: str
    records: int
    head: str
    recomputed_head: str
    anchored_head: str | None
    recomputed_anchor: str | None


class Integrity(msgspec.Struct, frozen=True):
    """Whether what was recorded is what was recorded; `values` are stored figures computed again."""

    sessions: tuple[SessionIntegrity, ...]
    values: tuple[Recomputed, ...]


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """A rehearsal of the kill switch.

    Parameters
    ----------
    session
        The drill's journal.
    environment
        Where it was: PAPER, or REHEARSAL on a loopback venue.
    done_ns
        When, by the host's clock.
    last_send_ns
        From the halt to the last order that left after it; 0 where none did.
    cancels_ns
        From the halt to the moment at which no order worked any more.
    """

    session: str
    code_hash: str
    environment: Environment
    done_ns: int
    last_send_ns: int
    cancels_ns: int


class Waiver(msgspec.Struct, frozen=True):
    """A check that the approver does without, by its id, and why."""

    check: str
    reason: str


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A person's answer to a request, its signature verified by whoever collected it.

    Parameters
    ----------
    approver
        Identity behind the key.
    is_signature_valid
        Whether the signature over `evidence_hash` and the waivers is that of a known approver's key.
    evidence_hash
        `evidence_hash` of what was approved.
    known_keys
        How many approvers' keys the workspace knows; two or more mean four eyes.
    approved_ns
        When, as the approver states it.
    """

    approver: str
    is_signature_valid: bool
    evidence_hash: str
    known_keys: int
    approved_ns: int
    waivers: tuple[Waiver, ...] = ()
