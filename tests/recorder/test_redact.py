"""Redaction: what is withheld is gone, and everything that was signed still holds."""

import io
import resource
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pot_recorder.redact import redact
from pot_reverify import Policy, Rejection, VerdictWord, Withheld, load_signer, verify
from pot_reverify.container.frames import FrameType, read_frames
from pot_reverify.documents.challenge_record import parse_content

VECTORS = Path(__file__).parents[2] / "fixtures" / "vectors"
BASE = VECTORS / "base.potb"
NAMED = load_signer(VECTORS.parent / "keys" / "test-recorder.pub")
STRICT = Policy(signers=NAMED)
ALLOWING = Policy(signers=NAMED, withheld=Withheld.SCORES)
PROBES = [(challenge, probe) for challenge in (1, 2) for probe in (1, 2, 3, 4)]


def frames_of(data: bytes):
    return list(read_frames(io.BytesIO(data), len(data)))


CONTENTS = dict(
    zip(
        PROBES,
        (
            parse_content(frame.payload, frame.where)
            for frame in frames_of(BASE.read_bytes())
            if frame.type is FrameType.CONTENT
        ),
        strict=True,
    )
)


@settings(
    derandomize=True,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(probes=st.sets(st.sampled_from(PROBES), min_size=1))
def test_any_probes_may_be_withheld(tmp_path, probes):
    target = tmp_path / "redacted.potb"
    target.unlink(missing_ok=True)
    assert redact(BASE, target, probes) == len(probes)
    data = target.read_bytes()
    for place, content in CONTENTS.items():
        traces = (content.salt, content.text.encode(), content.distributions.p)
        assert [trace in data for trace in traces] == [place not in probes] * 3
    before, after = frames_of(BASE.read_bytes()), frames_of(data)
    assert len(before) == len(after)
    changed = [one.type for one, other in zip(before, after, strict=True) if one != other]
    assert all(kind in (FrameType.CONTENT, *_LATER) for kind in changed)
    assert [one.payload for one in before if one.type in _LATER] == [
        one.payload for one in after if one.type in _LATER
    ]
    assert verify(target, ALLOWING).word is VerdictWord.VERIFIED
    strict = verify(target, STRICT)
    assert strict.word is VerdictWord.INCOMPLETE
    assert strict.bundle is not None
    assert strict.bundle.withheld_count == len(probes)


_LATER = [kind for kind in FrameType if kind not in (FrameType.CONTENT, FrameType.WITHHELD)]


def test_withholding_nothing_copies(tmp_path):
    assert redact(BASE, tmp_path / "copy.potb", []) == 0
    assert (tmp_path / "copy.potb").read_bytes() == BASE.read_bytes()


def test_withholding_twice_is_withholding_both(tmp_path):
    one, other, both = (tmp_path / name for name in ("one", "other", "both"))
    assert redact(BASE, one, [(1, 1), (2, 4)]) == 2
    assert redact(one, other, [(2, 4), (1, 2)]) == 1
    assert redact(BASE, both, [(1, 1), (1, 2), (2, 4)]) == 3
    assert other.read_bytes() == both.read_bytes()


def test_both_signatures_hold(tmp_path):
    policy = Policy(
        signers=load_signer(VECTORS.parent / "keys" / "test-recorder-pq.pub"),
        withheld=Withheld.SCORES,
    )
    redact(VECTORS / "base-pq.potb", tmp_path / "redacted.potb", [(1, 3)])
    assert verify(tmp_path / "redacted.potb", policy).word is VerdictWord.VERIFIED


def test_hidden_scores_go_with_their_contents(tmp_path):
    redact(VECTORS / "good-hidden-scores.potb", tmp_path / "redacted.potb", [(1, 1)])
    verdict = verify(tmp_path / "redacted.potb", ALLOWING)
    assert verdict.word is VerdictWord.INCOMPLETE
    assert "decision.scores-withheld" in {check.code for check in verdict.checks}


@pytest.mark.parametrize(
    ("source", "probes", "code"),
    [
        ("base.potb", [(3, 1)], "redact.no-such-probe"),
        ("base.potb", [(1, 0)], "redact.no-such-probe"),
        ("base.potb", [(1, 1), (2, 5)], "redact.no-such-probe"),
        ("unsealed.potb", [(1, 1)], "redact.unsealed"),
        ("cut-in-payload.potb", [(1, 1)], "container.truncated"),
        ("crc-payload.potb", [(1, 1)], "container.crc-mismatch"),
        ("file-zip.potb", [(1, 1)], "container.not-a-bundle"),
        ("schema-record-index-0.potb", [(1, 1)], "schema.out-of-range"),
    ],
)
def test_what_cannot_be_redacted_leaves_no_file(tmp_path, source, probes, code):
    with pytest.raises(Rejection) as refused:
        redact(VECTORS / source, tmp_path / "redacted.potb", probes)
    assert refused.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path):
    target = tmp_path / "bundle.potb"
    target.write_bytes(BASE.read_bytes())
    for source in (BASE, target):
        with pytest.raises(Rejection) as refused:
            redact(source, target, [(1, 1)])
        assert refused.value.code == "redact.output-exists"
    assert target.read_bytes() == BASE.read_bytes()


def test_a_missing_source_leaves_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        redact(tmp_path / "none.potb", tmp_path / "redacted.potb", [(1, 1)])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("room_bytes", [0, 5000, 20_000])
def test_a_full_disk_leaves_no_file(tmp_path, room_bytes):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            redact(BASE, tmp_path / "redacted.potb", [(1, 1)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert list(tmp_path.iterdir()) == []
