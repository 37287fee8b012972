"""Whatever is changed in a bundle, also by a recorder who signs it again, no grade is won by it.

The reader names the recorder and the software, and keeps the roots that are shipped: then no
evidence that this repository can make is worth a grade, at any time, in any arrangement.
"""

import io
from dataclasses import replace

import pytest

pytest.importorskip("cryptography")
pytest.importorskip("dcap_qvl")

import make_grades as made
from draft import Draft
from grade_policies import AT_NS, GRADES, SIGNER, policy_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pot_reverify import Policy, VerdictWord
from pot_reverify.container.frames import FrameType
from pot_reverify.documents.blob import Blob
from pot_reverify.documents.evidence_document import EvidenceDocument, parse_evidence_document
from pot_reverify.encoding.digest import format_digest, sha256_digest
from pot_reverify.errors import Rejection
from pot_reverify.policy import BindingPolicy, Grade, ModelRole
from pot_reverify.quotes.evidence import QuoteEvidence, QuoteKind, QuotePolicy
from pot_reverify.quotes.roots import PINNED_ROOTS
from pot_reverify.quotes.test_roots import TEST_ROOTS
from pot_reverify.verdict import Verdict
from pot_reverify.verify import verify_stream

A, B = "a-run-bound.potb", "b-key-attested.potb"
FROM_QUOTES = {Grade.RUN_BOUND, Grade.KEY_ATTESTED, Grade.CHANNEL}
BUNDLES = {name: (GRADES / name).read_bytes() for name in (A, B)}
SOFTWARE = tuple(one for name in BUNDLES for one in policy_of(name).binding.quotes.software)
SHIPPED = Policy(signers=SIGNER, binding=BindingPolicy(quotes=QuotePolicy(software=SOFTWARE)))
EXTRA = (
    made.snp_chain().root,
    made.intel().pck.root,
    *(root for roots in PINNED_ROOTS.values() for root in roots),
)
MOMENTS = st.integers(1_600_000_000, 2_200_000_000).map(lambda seconds: seconds * 10**9)
EXAMPLES = settings(
    derandomize=True, deadline=None, max_examples=80, suppress_health_check=list(HealthCheck)
)


def judged(data: bytes, policy: Policy, at_ns: int = AT_NS) -> Verdict:
    return verify_stream(io.BytesIO(data), len(data), policy, at_ns=at_ns)


def grades_of(verdict: Verdict) -> set[Grade]:
    """Of either model."""
    return {grade for model in ModelRole for grade in verdict.grades_of(model)}


def evidence_of(name: str) -> EvidenceDocument:
    draft = Draft(BUNDLES[name])
    blobs = [
        draft.map(FrameType.BLOB, nth)
        for nth in range(sum(found is FrameType.BLOB for found, _ in draft.frames))
    ]
    data = next(blob["data"] for blob in blobs if blob["name"] == made.QUOTE)
    return parse_evidence_document(data, name)


DOCUMENTS = {name: evidence_of(name) for name in BUNDLES}


def with_evidence(name: str, data: bytes) -> bytes:
    """The bundle with another evidence document, stated and signed by the recorder."""
    draft = Draft(BUNDLES[name]).blob(made.QUOTE, lambda _: data)
    return draft.state(quote_digests=[format_digest(sha256_digest(data))]).reseal().data()


@st.composite
def flipped(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes with a few of them changed, cut off or doubled."""
    changed = bytearray(data)
    for _ in range(draw(st.integers(0, 3))):
        if changed:
            changed[draw(st.integers(0, len(changed) - 1))] ^= draw(st.integers(1, 255))
    cut = draw(st.sampled_from([None, 1, len(changed) // 2]))
    return bytes(changed[:-cut] if cut else changed)


@st.composite
def rearranged(draw: st.DrawFn) -> tuple[str, bytes]:
    """Evidence of a bundle, with parts of others, other chains and damage, in any bundle."""
    original = DOCUMENTS[draw(st.sampled_from(sorted(DOCUMENTS)))].quote
    pool = [*original.certificates, *EXTRA]
    own = st.just(list(original.certificates))
    chain = draw(st.one_of(own, st.lists(st.sampled_from(pool), max_size=6)))
    quote = QuoteEvidence(
        draw(st.sampled_from([original.kind, *QuoteKind])),
        draw(st.one_of(st.just(original.data), flipped(original.data))),
        collateral=draw(st.one_of(st.just(original.collateral), flipped(original.collateral))),
        certificates=tuple(chain),
        crls=draw(st.sampled_from([original.crls, ()])),
    )
    template = DOCUMENTS[draw(st.sampled_from(sorted(DOCUMENTS)))]
    return draw(st.sampled_from(sorted(BUNDLES))), replace(template, quote=quote).to_json()


@given(rearranged(), MOMENTS)
@EXAMPLES
def test_no_arrangement_of_evidence_wins_a_grade_under_the_shipped_roots(made_up, at_ns):
    name, data = made_up
    verdict = judged(with_evidence(name, data), SHIPPED, at_ns)
    assert not grades_of(verdict) & FROM_QUOTES
    assert verdict.word is not VerdictWord.VERIFIED


@given(st.data(), st.sampled_from(sorted(BUNDLES)))
@EXAMPLES
def test_no_byte_of_a_file_can_be_changed_under_the_policy_that_accepts_it(data, name):
    original = BUNDLES[name]
    changed = data.draw(flipped(original))
    verdict = judged(changed, policy_of(name))
    assert (verdict.word is VerdictWord.VERIFIED) == (changed == original)


@given(st.data(), st.sampled_from(sorted(BUNDLES)))
@EXAMPLES
def test_no_byte_of_a_quote_can_be_changed_by_a_recorder_who_signs_again(data, name):
    """Vendors' JSON may be written otherwise and be the same; a raw report may not."""
    document = DOCUMENTS[name]
    changed = data.draw(flipped(document.quote.data))
    try:
        text = replace(document, quote=replace(document.quote, data=changed)).to_json()
    except Rejection:
        return
    verdict = judged(with_evidence(name, text), policy_of(name))
    if changed != document.quote.data and name == A:
        assert verdict.word is not VerdictWord.VERIFIED
    if changed == document.quote.data:
        assert verdict.word is VerdictWord.VERIFIED


@given(MOMENTS, st.sampled_from(sorted(BUNDLES)), st.integers(0, 2**62))
@EXAMPLES
def test_no_time_inside_the_bundle_moves_the_evaluation(at_ns, name, stated_ns):
    moved = Draft(BUNDLES[name]).state(started_ns=stated_ns, ended_ns=stated_ns).reseal().data()
    here, there = (
        judged(BUNDLES[name], policy_of(name), at_ns),
        judged(moved, policy_of(name), at_ns),
    )
    assert grades_of(there) <= grades_of(here)


def test_blobs_and_attachments_that_are_added_win_nothing():
    bare = Draft(made.BASE.read_bytes())
    for root in EXTRA:
        blob = Blob("quote/root.json", "application/json", root)
        bare.insert(bare.at(FrameType.REVEAL), FrameType.BLOB, blob.encode())
        digests = [format_digest(sha256_digest(root))]
        verdict = judged(bare.state(quote_digests=digests).reseal().data(), SHIPPED)
        assert not grades_of(verdict) & FROM_QUOTES
        bare = Draft(made.BASE.read_bytes())


def test_the_shipped_roots_are_no_test_roots():
    pinned = {sha256_digest(root) for roots in PINNED_ROOTS.values() for root in roots}
    assert not pinned & TEST_ROOTS
    for path in sorted(GRADES.glob("test-root-*.der")):
        assert sha256_digest(path.read_bytes()) in TEST_ROOTS
