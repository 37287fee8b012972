"""Bundles with proofs: CPU milliseconds a bundle, verified one by one and all together.

    POT_HALO2=halo2/target/release/pot-halo2 python benchmarks/proven_bundles.py [BUNDLES]

The bundles are made here from the one recorded challenge of a fixture: every one has fresh salts,
and so a commitment and a proof of its own. Each is measured whole, and with every score withheld.
"""

import dataclasses
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pot_recorder.journal import Journal
from pot_recorder.keys import load_private_keys
from pot_recorder.promise import Promise
from pot_recorder.prover import Prover, evidence_to_seal, find_prover
from pot_recorder.redact import redact
from pot_recorder.seal import FinishedRun, seal
from pot_reverify import Policy, VerdictWord, Withheld, load_signer, verify
from pot_reverify.container.frames import FrameType, read_frames_of
from pot_reverify.container.merkle import leaf_digest
from pot_reverify.decision.empirical_bernstein import decide
from pot_reverify.documents.blob import DECISION_PROOF
from pot_reverify.documents.bundle_reader import read_bundle_of
from pot_reverify.documents.challenge_record import (
    SALT_BYTES,
    Content,
    Record,
    parse_content,
    parse_record,
)
from pot_reverify.documents.precommit import parse_precommit
from pot_reverify.documents.statement_parts import Labels
from pot_reverify.verify import verify_many

FIXTURES = Path(__file__).parent.parent / "fixtures"
RECORDED = FIXTURES / "vectors" / "base-proven.potb"
KEY = FIXTURES / "keys" / "test-recorder"
POLICY = Policy(signers=load_signer(KEY.with_suffix(".pub")), withheld=Withheld.SCORES)
JOURNAL_KEY = bytes(32)  # authenticates journals that nobody continues


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 32
    prover = find_prover(None)
    with tempfile.TemporaryDirectory() as folder:
        whole = [Path(folder) / f"{number}.potb" for number in range(count)]
        redacted = [path.with_suffix(".redacted.potb") for path in whole]
        for path, copy in zip(whole, redacted, strict=True):
            write_bundle(path, prover)
            redact(path, copy, {(1, probe) for probe in (1, 2, 3, 4)})
        for name, paths in (("whole", whole), ("redacted", redacted)):
            measure(name, paths)


def measure(name: str, paths: list[Path]) -> None:
    verify(paths[0], POLICY)  # circuits and generators are read once a process
    alone = cpu_ms(lambda: require_verified([verify(path, POLICY).word for path in paths]))
    together = cpu_ms(
        lambda: require_verified([verdict.word for verdict in verify_many(paths, POLICY)])
    )
    print(f"{len(paths)} bundles, {name}")
    print(f"  one by one   {alone / len(paths):8.1f} CPU-ms a bundle")
    print(f"  together     {together / len(paths):8.1f} CPU-ms a bundle")
    print(f"  ratio        {together / alone:8.2f}")


def require_verified(words: list[VerdictWord]) -> None:
    if set(words) != {VerdictWord.VERIFIED}:
        raise SystemExit(f"not VERIFIED: {words}")


def cpu_ms(run: Callable[[], object], rounds: int = 2) -> float:
    """The least CPU time of several rounds in this process."""
    times = []
    for _ in range(rounds):
        start = time.process_time_ns()
        run()
        times.append(time.process_time_ns() - start)
    return min(times) / 1e6


def write_bundle(path: Path, prover: Prover) -> None:
    """The recorded run once more, with other salts."""
    old = read_bundle_of(RECORDED)
    assert old.reveal is not None
    record, contents = fresh_challenge()
    with Journal.create(path.with_suffix(".partial"), old.head, JOURNAL_KEY) as journal:
        journal.append_challenge(record, contents)
        evidence, commitment = evidence_to_seal(path, old.head, journal, prover)
        scores = [challenge.scores for challenge in journal.challenges]
        run = FinishedRun(
            head=old.head,
            promise=Promise(
                old.head.precommit, parse_precommit(old.head.precommit.payload), old.reveal.secret
            ),
            counterpart_nonce=None,
            outcome=decide(old.head.preset, scores, old.head.attempt),
            started_ns=record.started_ns,
            run_challenges=1,
            events=(),
            blobs=tuple(blob for blob in old.blobs if blob.name != DECISION_PROOF) + evidence,
            score_commitment=commitment,
            environment_summary="benchmark",
            noise_floor=None,
            labels=Labels(None, None, None, None),
        )
        seal(journal, run, load_private_keys(KEY, None))
        journal.publish(path, is_public=True)


def fresh_challenge() -> tuple[Record, tuple[Content, ...]]:
    frames = list(read_frames_of(RECORDED))
    (record,) = (one for one in frames if one.type is FrameType.RECORD)
    contents = tuple(
        dataclasses.replace(
            parse_content(one.payload, one.where), salt=secrets.token_bytes(SALT_BYTES)
        )
        for one in frames
        if one.type is FrameType.CONTENT
    )
    digests = tuple(leaf_digest(FrameType.CONTENT, one.encode()) for one in contents)
    return (
        dataclasses.replace(parse_record(record.payload, record.where), content_digests=digests),
        contents,
    )


if __name__ == "__main__":
    main()
