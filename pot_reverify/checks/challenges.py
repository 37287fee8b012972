"""C06: the challenges are the committed ones, all of them, in order, as the family derives them."""

from dataclasses import replace

from pot_reverify.challenge.prose import derive_probes
from pot_reverify.challenge.seeds import challenge_seed, derive_challenge_key, secret_commitment
from pot_reverify.checks.proven_times import ProvenTimes
from pot_reverify.checks.result import CheckId, CheckResult, passed, skipped
from pot_reverify.checks.second_half import judge_second_half
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.precommit import Precommit, parse_precommit
from pot_reverify.documents.reveal import Reveal
from pot_reverify.encoding.digest import format_digest, sha256_digest
from pot_reverify.errors import Rejection
from pot_reverify.policy import Policy


def check_challenges(bundle: Bundle, policy: Policy, times: ProvenTimes) -> CheckResult:
    """Open the precommit with the revealed secret and derive every probe's text again.

    Raises:
        Rejection: ``precommit.*``, ``challenge.*``, ``reveal.*``, ``counterpart.*``,
            ``beacon.*``, ``signature.*``, and what parsing raises.
        Indeterminate: ``counterpart.*`` and ``beacon.*`` where the policy demands a counterpart
            and only the signer speaks of one; ``beacon.backend-missing``,
            ``signature.backend-missing``.
    """
    precommit = parse_precommit(bundle.head.precommit.payload)
    _require_as_committed(bundle, precommit)
    _require_by_policy(precommit, policy)
    for number, challenge in enumerate(bundle.challenges, 1):
        if challenge.index != number:
            raise Rejection(
                "challenge.index-gap",
                "Challenges are numbered from 1 without a gap.",
                where=f"record {number}",
                expected=number,
                got=challenge.index,
            )
    reveal = bundle.reveal
    if reveal is None:
        return skipped(
            CheckId.CHALLENGES,
            "challenge.not-revealed",
            "The secret behind the challenges is not in the file.",
            needs="a sealed bundle (pot-audit record --resume)",
        )
    _require_opening(bundle, precommit, reveal)
    _require_texts(bundle, reveal)
    half = judge_second_half(bundle, precommit, policy, times)
    if policy.requires_counterpart and half.doubt is not None:
        raise half.doubt
    withheld = bundle.withheld_count
    result = passed(
        CheckId.CHALLENGES,
        f"{len(bundle.challenges)} challenges follow from the committed secret",
        half.note,
        *([f"the texts of {withheld} withheld probes are not compared"] if withheld else []),
    )
    return replace(result, is_under_test_chain=half.is_under_test_chain)


def _require_as_committed(bundle: Bundle, precommit: Precommit) -> None:
    head = bundle.head
    promises = {
        "run_id": (precommit.run_id, head.run_id),
        "preset": (precommit.preset, head.preset),
        "attempt": (precommit.attempt, head.attempt),
        "rule": (precommit.rule, head.rule),
        "score": (precommit.score, head.score),
        "challenge_family": (precommit.challenge_family, head.challenge_family),
        "reference": (precommit.reference, head.reference.claim),
        "candidate": (precommit.candidate, head.candidate.claim),
    }
    for name, (promised, done) in promises.items():
        if promised != done:
            raise Rejection(
                "precommit.mismatch",
                "The run is not the one that was promised.",
                where=f"precommit.{name}",
                expected=promised,
                got=done,
            )


def _require_by_policy(precommit: Precommit, policy: Policy) -> None:
    if precommit.attempt > policy.max_attempts:
        raise Rejection(
            "precommit.attempt-over-limit",
            "This is a later attempt than you accept.",
            where="precommit.attempt",
            expected=f"at most {policy.max_attempts}",
            got=precommit.attempt,
        )
    if policy.presets is not None and precommit.preset.name not in policy.presets:
        raise Rejection(
            "precommit.preset-not-allowed",
            "You do not accept this preset.",
            where="precommit.preset",
            expected=" or ".join(sorted(policy.presets)),
            got=precommit.preset.name,
        )
    families = policy.challenge_families
    if families is not None and precommit.challenge_family not in families:
        raise Rejection(
            "precommit.family-not-allowed",
            "You do not accept this challenge family.",
            where="precommit.challenge_family",
            expected=" or ".join(sorted(families)),
            got=precommit.challenge_family,
        )
    if policy.requires_counterpart and precommit.counterpart is None:
        raise Rejection(
            "precommit.counterpart-required",
            "The recorder chose the challenges alone, and you demand a counterpart.",
            where="precommit.counterpart",
        )


def _require_opening(bundle: Bundle, precommit: Precommit, reveal: Reveal) -> None:
    commitment = secret_commitment(reveal.secret, bundle.head.run_id)
    if commitment != precommit.secret_commitment:
        raise Rejection(
            "precommit.secret-mismatch",
            "The revealed secret is not the committed one: the challenges may have been chosen.",
            where="REVEAL",
            expected=format_digest(precommit.secret_commitment),
            got=format_digest(commitment),
        )
    if (precommit.counterpart is None) != (reveal.counterpart_nonce is None):
        raise Rejection(
            "precommit.counterpart",
            "There is a counterpart's nonce exactly if the precommit names a counterpart.",
            where="REVEAL.counterpart_nonce",
        )
    if reveal.planned_challenges != precommit.preset.n_max:
        raise Rejection(
            "reveal.planned",
            "The planned number of challenges is the preset's n_max.",
            where="REVEAL.planned_challenges",
            expected=precommit.preset.n_max,
            got=reveal.planned_challenges,
        )
    if not len(bundle.challenges) <= reveal.run_challenges <= reveal.planned_challenges:
        raise Rejection(
            "reveal.run",
            "The number of challenges that were run is impossible.",
            where="REVEAL.run_challenges",
            expected=f"{len(bundle.challenges)} to {reveal.planned_challenges}",
            got=reveal.run_challenges,
        )


def _require_texts(bundle: Bundle, reveal: Reveal) -> None:
    run_id = bundle.head.run_id
    key = derive_challenge_key(reveal.secret, reveal.counterpart_nonce or b"", run_id)
    for challenge in bundle.challenges:
        if all(probe.is_withheld for probe in challenge.probes):
            continue
        texts = derive_probes(challenge_seed(key, run_id, challenge.index))
        for number, (probe, derived) in enumerate(zip(challenge.probes, texts, strict=True), 1):
            if probe.is_withheld:
                continue
            digest = sha256_digest(derived.text.encode())
            if probe.text_digest != digest:
                raise Rejection(
                    "challenge.text-mismatch",
                    "A probe is not the one that its seed gives.",
                    where=f"challenge {challenge.index}, probe {number}",
                    expected=f"text of {format_digest(digest)}",
                    got=f"text of {format_digest(probe.text_digest or b'')}",
                )
