"""C04: who signed. Keys, algorithms, roles and times come from the policy, never from the file."""

from collections.abc import Sequence
from dataclasses import dataclass

from pot_reverify.checks.countersignatures import Countersigner, find_countersigners
from pot_reverify.checks.named_signers import (
    is_early,
    is_expired,
    require_not_expired,
    require_valid_then,
    signers_of,
)
from pot_reverify.checks.proven_times import ProvenTimes
from pot_reverify.checks.quorum import is_met, quorum_text
from pot_reverify.checks.result import CheckId, CheckResult, passed, skipped
from pot_reverify.documents import precommit, statement
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.precommit import parse_precommit
from pot_reverify.documents.signed_bytes import Signature
from pot_reverify.documents.statement_parts import DeclaredSigner
from pot_reverify.encoding.shown_text import shown_fact
from pot_reverify.errors import Rejection
from pot_reverify.policy import NamedSigner, Policy, Role
from pot_reverify.seal.dsse import pae

_NEEDS_SIGNER = "the signer's public key, from a source that you trust (--signer KEY.pub)"


@dataclass(frozen=True, slots=True)
class _Signed:
    """Who signed what, by keys that the reader names.

    Args:
        declared: whom the statement announces: they sealed the run.
        later: whoever signed the same statement afterwards, with a key that counts today.
        promised: who signed the precommit.
        notes: for people.
    """

    declared: tuple[NamedSigner, ...]
    later: tuple[NamedSigner, ...]
    promised: tuple[NamedSigner, ...]
    countersigners: tuple[Countersigner, ...]
    notes: tuple[str, ...]

    def vouchers(self) -> dict[str, set[Role]]:
        """By owner, the roles that count towards a quorum; one owner is one voice."""
        found: dict[str, set[Role]] = {}
        for signer in (*self.declared, *self.later):
            roles = signer.roles if signer in self.promised else signer.roles - {Role.RECORDER}
            found.setdefault(signer.name, set()).update(roles)
        for one in self.countersigners:
            if one.signer is not None and one.counts:
                found.setdefault(one.signer.name, set()).add(Role.AUDITOR)
        return found


def check_signatures(bundle: Bundle, policy: Policy, times: ProvenTimes) -> CheckResult:
    """Verify all signatures by the keys that the policy names, and count who vouches.

    The signatures of the signers that the recorder declares in the signed statement come first,
    in the declared order: none can be stripped, and a sealed run has one form.

    Raises:
        Rejection: ``signature.*``, ``countersignature.*``, and what parsing attachments raises.
        Indeterminate: ``signature.backend-missing``, ``signature.key-expired``,
            ``countersignature.unknown-predicate``.
    """
    if bundle.statement is None:
        return skipped(
            CheckId.SIGNATURES,
            "container.unsealed",
            "The file was never sealed: nobody has signed it.",
            needs="a sealed bundle (pot-audit record --resume)",
        )
    signed = _find_signers(bundle, bundle.statement, policy, times)
    named = {signer.key.key_id for signer in signed.declared}
    unnamed = [one.key_id for one in bundle.statement.signers if one.key_id not in named]
    if unnamed:
        return skipped(
            CheckId.SIGNATURES,
            "signature.signer-not-named",
            f"Signed by a key that you have not named: {', '.join(unnamed)}.",
            needs=_NEEDS_SIGNER,
        )
    recorders = [one for one in (*signed.declared, *signed.later) if Role.RECORDER in one.roles]
    if not recorders:
        return skipped(
            CheckId.SIGNATURES,
            "signature.no-recorder",
            "No signer that you have named has the role recorder.",
            needs=_NEEDS_SIGNER,
        )
    if not any(signer in signed.promised for signer in recorders):
        raise Rejection(
            "signature.precommit-signer",
            "The precommit was not signed by the recorder who signed the statement.",
            where="precommit",
            expected=", ".join(signer.key.key_id for signer in recorders),
            got=", ".join(one.key_id for one in bundle.head.precommit.signatures),
        )
    return _missed_demand(policy, signed, recorders) or _passed(bundle, signed)


def _find_signers(
    bundle: Bundle, sealed: statement.Statement, policy: Policy, times: ProvenTimes
) -> _Signed:
    message = pae(statement.PAYLOAD_TYPE, bundle.statement_payload or b"")
    signers = signers_of(message, bundle.signatures, policy, "statement")
    _require_declared(sealed.signers, bundle.signatures)
    ids = {declared.key_id for declared in sealed.signers}
    declared = tuple(signer for signer in signers if signer.key.key_id in ids)
    payload = bundle.head.precommit.payload
    promise = pae(precommit.PAYLOAD_TYPE, payload)
    promised = signers_of(promise, bundle.head.precommit.signatures, policy, "precommit")
    for signer in declared:
        require_valid_then(signer, sealed.ended_ns, times, "statement")
    if any((one.not_before_ns, one.not_after_ns) != (None, None) for one in promised):
        promised_ns = parse_precommit(payload).created_ns
        for signer in promised:
            require_valid_then(signer, promised_ns, times, "precommit")
    countersigners = find_countersigners(bundle, policy, times)
    for signer in (*declared, *promised):
        require_not_expired(signer, times, "statement")
    # Nothing says when the others signed, and a proof of the statement's time proves nothing of
    # signatures that it does not announce: their keys are judged now.
    later = [one for one in signers if one not in declared]
    expired = [one for one in later if is_expired(one, times.now_ns)]
    early = [one for one in later if is_early(one, times.now_ns)]
    counting = tuple(one for one in later if one not in (*expired, *early))
    others = len(bundle.signatures) - len(signers)
    notes = [f"{others} more, by keys that you have not named"] if others else []
    notes += [
        f"{shown_fact(one.name)}'s key has expired: its later signature does not count"
        for one in expired
    ]
    notes += [
        f"{shown_fact(one.name)}'s key is not valid yet: its later signature does not count"
        for one in early
    ]
    notes += [one.note for one in countersigners]
    return _Signed(declared, counting, tuple(promised), countersigners, tuple(notes))


def _missed_demand(
    policy: Policy, signed: _Signed, recorders: Sequence[NamedSigner]
) -> CheckResult | None:
    """The first of the policy's demands on signatures that is not met; None if all are."""
    if not any(_algorithms(name, signed) >= policy.algorithms for name in _names(recorders)):
        wanted = " and ".join(sorted(one.value for one in policy.algorithms))
        return skipped(
            CheckId.SIGNATURES,
            "signature.algorithm-required",
            f"No recorder has signed both the precommit and the statement with {wanted}.",
            needs=f"a recording that is signed with {wanted} (pot-audit keygen --pq)",
        )
    vouchers = signed.vouchers()
    if not is_met(policy, vouchers):
        found = ", ".join(
            f"{shown_fact(name)} ({', '.join(sorted(roles)) or 'no role that counts'})"
            for name, roles in sorted(vouchers.items())
        )
        return skipped(
            CheckId.SIGNATURES,
            "signature.quorum",
            f"Too few of those that you name vouch for it: {found}.",
            needs=f"{quorum_text(policy)} (pot-audit countersign)",
        )
    return None


def _algorithms(name: str, signed: _Signed) -> frozenset[object]:
    """The algorithms with which one recorder signed both documents."""
    sealed, promised = (
        {one.key.algorithm for one in signers if one.name == name and Role.RECORDER in one.roles}
        for signers in ((*signed.declared, *signed.later), signed.promised)
    )
    return frozenset(sealed & promised)


def _names(signers: Sequence[NamedSigner]) -> list[str]:
    return list(dict.fromkeys(signer.name for signer in signers))


def _passed(bundle: Bundle, signed: _Signed) -> CheckResult:
    order = [one.key_id for one in bundle.signatures]
    signers = sorted((*signed.declared, *signed.later), key=lambda one: order.index(one.key.key_id))
    names = ", ".join(f"{shown_fact(signer.name)} ({_short(signer)})" for signer in signers)
    return passed(CheckId.SIGNATURES, f"{names}, named by you", *signed.notes)


def _require_declared(declared: Sequence[DeclaredSigner], signatures: Sequence[Signature]) -> None:
    present = [(signature.algorithm, signature.key_id) for signature in signatures]
    for signer in declared:
        if signer.key_id not in {key_id for _, key_id in present}:
            raise Rejection(
                "signature.missing",
                "A signature that the statement announces was removed.",
                where=f"signer {signer.key_id}",
            )
    expected = [(signer.algorithm, signer.key_id) for signer in declared]
    if present[: len(expected)] != expected:
        raise Rejection(
            "signature.out-of-order",
            "The first signatures are not those that the statement announces, in its order.",
            where="statement",
            expected=", ".join(" ".join(one) for one in expected),
            got=", ".join(" ".join(one) for one in present[: len(expected)]),
        )


def _short(signer: NamedSigner) -> str:
    digest = signer.key.key_id.removeprefix("sha256:")
    return f"{digest[:4]}…{digest[-4:]}"
