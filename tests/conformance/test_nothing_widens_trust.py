"""Whatever is done to a bundle, it is not VERIFIED before those whom the policy names vouch for it.

The pool holds everything that an attacker can collect: other bundles, and signatures, attached
statements and keys that are genuine, but for another bundle, in another role, out of their time, or
by people whom nobody named.
"""

import io
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("cryptography")

from draft import KEYS, RECORDER, STRANGER, Draft

from pot_recorder.countersign import countersign, vouch_for
from pot_recorder.keys import load_private_keys
from pot_recorder.promise import sign_document
from pot_reverify import Policy, Role, VerdictWord, Withheld, load_signer
from pot_reverify.container.frames import FrameType
from pot_reverify.documents.blob import Attachment
from pot_reverify.documents.dsse_envelope import MEDIA_TYPE, Envelope
from pot_reverify.documents.statement import PAYLOAD_TYPE
from pot_reverify.encoding import canonical_msgpack
from pot_reverify.seal.public_keys import Algorithm
from pot_reverify.verify import verify_stream

VECTORS = Path(__file__).parents[2] / "fixtures" / "vectors"
SMALL = (VECTORS / "small.potb").read_bytes()
PQ = (VECTORS / "base-pq.potb").read_bytes()
SEED = 20_261_123
A_DAY = 86_400 * 10**9
(NAMED,) = load_signer(KEYS / "test-recorder.pub", "Acme")
(ADA,) = load_signer(KEYS / "test-stranger.pub", "Ada", frozenset({Role.AUDITOR}))
(NOBODY,) = load_private_keys(KEYS / "fixtures.key", None)
PQ_KEYS = load_private_keys(KEYS / "test-recorder-pq", None)
PQ_NAMED = load_signer(KEYS / "test-recorder-pq.pub", "Acme")
RECORDER_ONLY = Policy(signers=(NAMED, *PQ_NAMED), withheld=Withheld.SCORES)


def verdict_of(data: bytes, policy: Policy, at_ns: int | None = None):
    return verify_stream(io.BytesIO(data), len(data), policy, at_ns=at_ns)


SEEN = verdict_of(SMALL, RECORDER_ONLY)
NOW = SEEN.evaluated_at_ns
(BY_ADA,) = countersign(SEEN, [STRANGER])
(BY_NOBODY,) = countersign(SEEN, [NOBODY])
(BY_THE_RECORDER,) = countersign(SEEN, [RECORDER])
(OF_ANOTHER,) = countersign(verdict_of(PQ, RECORDER_ONLY), [STRANGER])
(NOT_VERIFIED,) = countersign(verdict_of(SMALL, Policy()), [STRANGER])
(COMMITMENT,) = vouch_for(SEEN, "candidate", [STRANGER])


def attached(envelope: Envelope) -> tuple[FrameType, bytes]:
    return FrameType.ATTACHMENT, Attachment(MEDIA_TYPE, envelope.to_json()).encode()


def signature(data: bytes, signer) -> tuple[FrameType, bytes]:
    payload = Draft(data).payload(FrameType.STATEMENT)
    (one,) = sign_document(PAYLOAD_TYPE, payload, [signer])
    return FrameType.SIGNATURE, one.encode()


POOL = [
    *Draft(SMALL).frames,
    *Draft(PQ).frames,
    *map(attached, (BY_NOBODY, BY_THE_RECORDER, OF_ANOTHER, NOT_VERIFIED, COMMITMENT)),
    *(signature(data, signer) for data in (SMALL, PQ) for signer in (RECORDER, NOBODY, *PQ_KEYS)),
    signature(PQ, STRANGER),
]
DEMANDS = {
    "an auditor who has not signed": RECORDER_ONLY,
    "an auditor whose key is too young": replace(
        RECORDER_ONLY, signers=(NAMED, *PQ_NAMED, replace(ADA, not_before_ns=NOW + A_DAY))
    ),
    "an auditor whose key is too old": replace(
        RECORDER_ONLY, signers=(NAMED, *PQ_NAMED, replace(ADA, not_after_ns=NOW - A_DAY))
    ),
    "a vendor is no auditor": replace(
        RECORDER_ONLY, signers=(NAMED, *PQ_NAMED, replace(ADA, roles=frozenset({Role.VENDOR})))
    ),
}
# Where the key is out of its time or role, even what it signs over this very bundle is of no use.
GENUINE = [attached(BY_ADA), signature(SMALL, STRANGER)]


def relabelled(frame: tuple[FrameType, bytes], draw: random.Random) -> tuple[FrameType, bytes]:
    """The same signature under the name of another key, algorithm or kind."""
    kind, payload = frame
    key_id = draw.choice([NAMED, ADA, *PQ_NAMED]).key.key_id
    if kind is FrameType.SIGNATURE:
        fields = canonical_msgpack.decode(payload)
        fields[draw.choice(["key_id", "algorithm"])] = draw.choice(
            [key_id, *(one.value for one in Algorithm)]
        )
        return kind, canonical_msgpack.encode(fields)
    if kind is FrameType.ATTACHMENT:
        envelope = json.loads(canonical_msgpack.decode(payload)["data"])
        envelope["signatures"][0]["keyid"] = key_id
        return kind, Attachment(MEDIA_TYPE, json.dumps(envelope).encode()).encode()
    return frame


def changed(frames, pool, draw: random.Random) -> list[tuple[FrameType, bytes]]:
    """Signatures and attachments removed, doubled, relabelled, moved; at times other frames too."""
    frames = list(frames)
    for _ in range(draw.randrange(1, 6)):
        ends = [n for n, (kind, _) in enumerate(frames) if kind >= FrameType.SIGNATURE]
        number = draw.choice(ends) if ends and draw.random() < 0.8 else draw.randrange(len(frames))
        match draw.choice(["add", "add", "drop", "double", "relabel", "replace", "byte"]):
            case "add":
                kind, payload = draw.choice(pool)
                later = [n for n, (other, _) in enumerate(frames) if other > kind]
                frames.insert(min(later, default=len(frames)), (kind, payload))
            case "drop":
                del frames[number]
            case "double":
                frames.insert(number, frames[number])
            case "relabel":
                kind = frames[number][0]
                same = [one for one in pool if one[0] is kind]
                frames[number] = relabelled(draw.choice(same or pool), draw)
            case "replace":
                same = [one for one in pool if one[0] is frames[number][0]]
                frames[number] = draw.choice(same or pool)
            case "byte":
                kind, payload = frames[number]
                place = draw.randrange(len(payload))
                changed_byte = bytes([payload[place] ^ draw.randrange(1, 256)])
                frames[number] = (kind, payload[:place] + changed_byte + payload[place + 1 :])
        if not frames:
            break
    return frames


def as_file(frames) -> bytes:
    draft = Draft(SMALL)
    draft.frames = list(frames)
    return draft.data()


def test_with_the_auditor_it_is_verified():
    policy = replace(
        RECORDER_ONLY,
        signers=(NAMED, *PQ_NAMED, ADA),
        quorum=({Role.RECORDER: 1, Role.AUDITOR: 1},),
    )
    for frame in GENUINE:
        assert verdict_of(SMALL, policy).word is VerdictWord.INCOMPLETE
        draft = Draft(SMALL).append(*frame)
        assert verdict_of(draft.data(), policy, NOW).word is VerdictWord.VERIFIED


@pytest.mark.parametrize("name", DEMANDS)
def test_no_change_of_a_file_makes_up_for_whom_the_policy_demands(name):
    policy = replace(DEMANDS[name], quorum=({Role.RECORDER: 1, Role.AUDITOR: 1},))
    outside = name != "an auditor who has not signed"
    pool = POOL + GENUINE * 4 * outside
    draw = random.Random(SEED + len(name))
    words = set()
    for trial in range(400):
        base = draw.choice([SMALL, PQ])
        frames = changed(Draft(base).frames, pool, draw)
        verdict = verdict_of(as_file(frames), policy, NOW)
        assert verdict.word is not VerdictWord.VERIFIED, trial
        words.add(verdict.word)
    assert words >= {VerdictWord.REJECTED, VerdictWord.INCOMPLETE}


def test_no_byte_of_a_countersignature_can_change():
    policy = replace(
        RECORDER_ONLY, signers=(NAMED, ADA), quorum=({Role.RECORDER: 1, Role.AUDITOR: 1},)
    )
    good = Draft(SMALL).append(*attached(BY_ADA))
    draw = random.Random(SEED)
    payload = good.payload(FrameType.ATTACHMENT)
    for place in draw.sample(range(len(payload)), 400):
        edited = bytearray(payload)
        edited[place] ^= draw.randrange(1, 256)
        draft = Draft(SMALL).append(FrameType.ATTACHMENT, bytes(edited))
        assert verdict_of(draft.data(), policy, NOW).word is not VerdictWord.VERIFIED, place
