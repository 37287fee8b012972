"""Hypothesis strategies for valid documents of every kind."""

import random
import struct
from fractions import Fraction

from hypothesis import strategies as st

from pot_reverify.beacons.round import SignedRound
from pot_reverify.decision.presets import PRESETS, Preset
from pot_reverify.documents.beacon_round import BeaconRound
from pot_reverify.documents.blob import Attachment, Blob
from pot_reverify.documents.challenge_record import Content, Record, Withheld
from pot_reverify.documents.counterpart_document import CounterpartWord
from pot_reverify.documents.countersignature import (
    Countersignature,
    ReportedCheck,
    VendorCommitment,
)
from pot_reverify.documents.head import Head, Recorder
from pot_reverify.documents.model_identity import ModelClaim, ModelIdentity
from pot_reverify.documents.precommit import Counterpart, Precommit, SignedPrecommit
from pot_reverify.documents.proof_document import ProofDocument
from pot_reverify.documents.reveal import Reveal, RunEvent
from pot_reverify.documents.signed_bytes import Signature
from pot_reverify.documents.statement import Statement
from pot_reverify.documents.statement_parts import DeclaredSigner, Labels, LeafCounts, NoiseFloor
from pot_reverify.documents.weight_manifest import FileEntry, WeightManifest
from pot_reverify.encoding.digest import format_digest
from pot_reverify.score.affinity import ProbeDistributions

INT63 = st.integers(0, 2**63 - 1)
POSITIVE = st.integers(1, 2**63 - 1)
DIGEST = st.binary(min_size=32, max_size=32)


def text(longest: int = 256) -> st.SearchStrategy[str]:
    """Also texts of exactly the longest length, in characters of four bytes."""
    characters = st.characters(codec="utf-8")
    short = st.text(characters, min_size=1, max_size=min(longest, 12))
    return short | st.just("\N{OLD ITALIC LETTER A}" * longest)


def optional(strategy: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | strategy


CUSTOM = Preset(
    "custom", Fraction(1, 4), Fraction(1), Fraction(1), Fraction(3, 2), Fraction(1, 100), 1, 10_000
)
PRESET = st.sampled_from([*PRESETS.values(), CUSTOM])
CLAIM = st.builds(ModelClaim, text(), optional(DIGEST))
IDENTITY = st.builds(
    ModelIdentity,
    claim=CLAIM,
    source_kind=st.sampled_from(["safetensors", "gguf"]),
    revision=optional(text()),
    architecture=text(),
    dtype=text(),
    device=text(),
    attention=text(),
    parameter_count=POSITIVE,
    vocabulary_size=st.integers(1, 2**32 - 1),
)
SIGNATURE = st.builds(
    Signature, text(32), text(80), st.binary(min_size=1, max_size=99) | st.just(bytes(8192))
)
SIGNED_PRECOMMIT = st.builds(
    SignedPrecommit,
    st.binary(min_size=1, max_size=99) | st.just(bytes(1 << 16)),
    st.lists(SIGNATURE, min_size=1, max_size=3).map(tuple),
)
HEAD = st.builds(
    Head,
    run_id=st.binary(min_size=16, max_size=16),
    precommit=SIGNED_PRECOMMIT,
    preset=PRESET,
    attempt=st.integers(1, 32),
    rule=st.just("eb/1"),
    score=st.just("affinity/1"),
    challenge_family=st.just("prose/1"),
    scores_hidden=st.booleans(),
    access=st.just("weights"),
    batch_layout=text(),
    reference=IDENTITY,
    candidate=IDENTITY,
    recorder=st.builds(Recorder, text(), DIGEST),
)
COUNTERPART = (
    st.builds(Counterpart, st.just("party"), text(), st.none())
    | st.builds(
        Counterpart, st.just("party-with-key"), text(), st.none(), DIGEST.map(format_digest)
    )
    | st.builds(Counterpart, st.just("beacon"), text(), POSITIVE)
)
WORD = st.builds(CounterpartWord, precommit_digest=DIGEST, nonce=DIGEST, created_ns=INT63)
BEACON_ROUND = st.builds(
    BeaconRound,
    chain=text(),
    round=st.builds(
        SignedRound,
        number=POSITIVE,
        signature=st.binary(min_size=1, max_size=96),
        previous_signature=optional(st.binary(min_size=1, max_size=96)),
    ),
)
PRECOMMIT = st.builds(
    Precommit,
    run_id=st.binary(min_size=16, max_size=16),
    created_ns=INT63,
    secret_commitment=DIGEST,
    preset=PRESET,
    attempt=st.integers(1, 32),
    rule=text(32),
    score=text(32),
    challenge_family=text(32),
    reference=CLAIM,
    candidate=CLAIM,
    counterpart=optional(COUNTERPART),
)
SCORE = st.integers(0, 65535)
RECORD = st.builds(
    Record,
    index=POSITIVE,
    scores=optional(st.tuples(SCORE, SCORE, SCORE, SCORE)),
    content_digests=st.tuples(DIGEST, DIGEST, DIGEST, DIGEST),
    started_ns=INT63,
    duration_ns=INT63,
    is_cold=st.booleans(),
)


def _content(seed: int, score: int | None, words: str) -> Content:
    draw = random.Random(seed)
    tokens = draw.choice([17, 20, 32, 33, 34, 100, 8192])
    sizes = [draw.choice([1, 8, 16, draw.randint(1, 16)]) for _ in range(min(32, tokens - 1))]

    def mass(size: int) -> list[int]:
        return [draw.randrange((1 << 32) // size) for _ in range(size)]

    def packed(numbers) -> bytes:
        return struct.pack(f"<{len(numbers)}I", *numbers)

    return Content(
        salt=draw.randbytes(16),
        text=words,
        token_ids=packed([draw.randrange(1 << 32) for _ in range(tokens)]),
        distributions=ProbeDistributions(
            bytes(sizes),
            b"".join(packed(sorted(draw.sample(range(1 << 32), size))) for size in sizes),
            b"".join(packed(mass(size)) for size in sizes),
            b"".join(packed(mass(size)) for size in sizes),
        ),
        score=score,
    )


CONTENT = st.builds(_content, st.integers(0, 10**6), optional(SCORE), text(8192))
PROOF = st.builds(
    ProofDocument,
    circuit=text(64),
    proof=st.binary(min_size=1, max_size=100),
    challenge_commitments=st.none()
    | st.lists(st.integers(0, 2**256 - 1), min_size=1, max_size=4).map(tuple),
)
WITHHELD = st.builds(Withheld, DIGEST)
_CHECKS = [
    ("VERIFIED", ("pass", "absent")),
    ("INCOMPLETE", ("pass", "skip")),
    ("INCOMPLETE", ("pass", "pass")),
    ("REJECTED", ("FAIL", "skip")),
]
COUNTERSIGNATURE = st.sampled_from(_CHECKS).flatmap(
    lambda verdict: st.builds(
        Countersignature,
        checkpoint_digest=DIGEST,
        statement_digest=DIGEST,
        signature_digests=st.lists(DIGEST, min_size=1, max_size=3).map(tuple),
        policy_name=text(256),
        policy_digest=DIGEST,
        verdict=st.just(verdict[0]),
        checks=st.just(
            tuple(
                ReportedCheck(f"C{number:02d}", status, "ok")
                for number, status in enumerate(verdict[1], 1)
            )
        ),
        evaluated_at_ns=INT63,
        verifier_version=text(),
    )
)
COMMITMENT = st.builds(
    VendorCommitment,
    checkpoint_digest=DIGEST,
    role=st.sampled_from(["reference", "candidate"]),
    model=text(),
    weights_digest=optional(DIGEST),
    created_ns=INT63,
)
BLOB = st.builds(Blob, text(), text(), st.binary(max_size=99))
ATTACHMENT = st.builds(Attachment, text(), st.binary(min_size=1, max_size=99))
EVENT = st.builds(
    RunEvent, INT63, st.sampled_from(["error", "retry", "resume", "interrupt"]), text(2048)
)
REVEAL = st.builds(
    Reveal,
    secret=DIGEST,
    counterpart_nonce=optional(DIGEST),
    planned_challenges=POSITIVE,
    run_challenges=POSITIVE,
    events=st.lists(EVENT, max_size=3).map(tuple),
)
STATEMENT = st.builds(
    Statement,
    checkpoint_digest=DIGEST,
    reference_name=text(),
    reference_weights=optional(DIGEST),
    candidate_name=text(),
    candidate_weights=optional(DIGEST),
    run_id=st.binary(min_size=16, max_size=16),
    decision=st.sampled_from(["SAME", "DIFFERENT", "UNDECIDED"]),
    stop_reason=st.sampled_from(["same", "different", "between", "exhausted"]),
    challenges=POSITIVE,
    probes=POSITIVE,
    score_sum=INT63,
    square_sum=INT63,
    half_width_sum=INT63,
    margin=st.fractions(0, 2, max_denominator=2**40),
    preset=PRESET,
    attempt=st.integers(1, 32),
    rule=text(32),
    score=text(32),
    challenge_family=text(32),
    score_commitment=optional(text()),
    precommit_digest=DIGEST,
    started_ns=INT63,
    ended_ns=INT63,
    leaves=st.builds(LeafCounts, *[st.integers(0, 2**24)] * 4),
    access=text(32),
    binding_grade=st.sampled_from(["W", "A", "B", "C", "D", "unbound"]),
    quote_digests=st.lists(DIGEST, max_size=3).map(tuple),
    environment_summary=text(1024),
    recorder_version=text(),
    recorder_code_digest=DIGEST,
    signers=st.lists(st.builds(DeclaredSigner, text(32), text(80)), min_size=1, max_size=3).map(
        tuple
    ),
    noise_floor=optional(st.builds(NoiseFloor, POSITIVE, INT63, SCORE)),
    labels=st.builds(Labels, *[optional(text())] * 4),
)
WEIGHTS = st.lists(
    st.builds(FileEntry, text(4096), INT63, DIGEST),
    min_size=1,
    max_size=4,
    unique_by=lambda file: file.path,
).map(WeightManifest.of)
