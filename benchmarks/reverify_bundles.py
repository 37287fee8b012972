"""Re-verification: CPU milliseconds and bundles a second, beside tools that check one signature.

    python benchmarks/reverify_bundles.py

The bundle of 31 challenges and the one of 400 are written here: challenges and texts follow from a
fresh secret, the distributions are those of a recorded fixture, over and over: recording 400
challenges takes minutes. Both are VERIFIED before anything is timed.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from pot_recorder.journal import Journal
from pot_recorder.keys import Protection, Signer, generate_private_keys, save_private_keys
from pot_recorder.promise import make_promise
from pot_recorder.seal import FinishedRun, seal
from pot_reverify import NamedSigner, Policy, VerdictWord, verify
from pot_reverify.challenge.prose import derive_probes
from pot_reverify.challenge.seeds import challenge_seed, derive_challenge_key
from pot_reverify.container.frames import FrameType, read_frames
from pot_reverify.container.merkle import leaf_digest
from pot_reverify.decision.empirical_bernstein import SequentialTest
from pot_reverify.decision.presets import Preset
from pot_reverify.documents.bundle_reader import read_bundle
from pot_reverify.documents.challenge_record import PROBES, Content, Record, parse_content
from pot_reverify.documents.head import parse_head
from pot_reverify.documents.statement_parts import Labels
from pot_reverify.score.affinity import affinity_score

ROOT = Path(__file__).parent.parent
RECORDED = ROOT / "fixtures" / "bundles" / "int8.potb"
GOAL_WITHOUT_SCORES_MS = 150
GOAL_SCORES_PER_S = 5
ROUNDS = 7
JOURNAL_KEY = bytes(32)  # authenticates journals that nobody continues


def cpu_ms(run: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The least CPU time of several rounds in this process."""
    times = []
    for _ in range(rounds):
        start = time.process_time_ns()
        run()
        times.append(time.process_time_ns() - start)
    return min(times) / 1e6


def process_ms(arguments: list[str]) -> float:
    """The least user and system time of a whole process, start-up included."""
    times = []
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(times) * 1e3


def contents_of(path: Path) -> list[Content]:
    with path.open("rb") as stream:
        return [
            parse_content(frame.payload, frame.where)
            for frame in read_frames(stream, path.stat().st_size)
            if frame.type is FrameType.CONTENT
        ]


def write_bundle(path: Path, challenges: int, signer: Signer) -> None:
    """A sealed bundle of that many challenges."""
    recorded = contents_of(RECORDED)
    preset = Preset(
        name="custom",
        alpha=Fraction(1, 100),
        gamma=Fraction(1, 10),
        eta=Fraction(1, 2),
        delta=Fraction(1),
        epsilon=Fraction(1, 10),
        n_min=challenges,
        n_max=challenges,
    )
    with RECORDED.open("rb") as stream:
        old = read_bundle(stream, RECORDED.stat().st_size)
    promise = make_promise(
        reference=old.head.reference.claim,
        candidate=old.head.candidate.claim,
        preset=preset,
        attempt=1,
        counterpart=None,
        signers=(signer,),
    )
    run_id = promise.precommit.run_id
    head = replace(
        parse_head(old.head_payload, "HEAD"),
        run_id=run_id,
        precommit=promise.signed,
        preset=preset,
    )
    key = derive_challenge_key(promise.secret, b"", run_id)
    test = SequentialTest(preset)
    started_ns = time.time_ns()
    with Journal.create(path.with_suffix(".partial"), head, JOURNAL_KEY) as journal:
        for index in range(1, challenges + 1):
            texts = derive_probes(challenge_seed(key, run_id, index))
            contents = tuple(
                replace(recorded[(PROBES * index + n) % len(recorded)], text=texts[n].text)
                for n in range(PROBES)
            )
            scores = tuple(affinity_score(content.distributions) for content in contents)
            digests = tuple(leaf_digest(FrameType.CONTENT, one.encode()) for one in contents)
            test.observe(scores)
            journal.append_challenge(
                Record(index, scores, digests, started_ns, 0, is_cold=False), contents
            )
        run = FinishedRun(
            head=head,
            promise=promise,
            counterpart_nonce=None,
            outcome=test.outcome(),
            started_ns=started_ns,
            run_challenges=challenges,
            events=(),
            blobs=old.blobs,
            score_commitment=None,
            environment_summary="benchmark",
            noise_floor=None,
            labels=Labels(None, None, None, None),
        )
        seal(journal, run, (signer,))
        journal.publish(path, is_public=True)


def print_bundle(path: Path, challenges: int, policy: Policy) -> float:
    """CPU of one bundle in this process; returns the milliseconds of all checks."""
    everything = cpu_ms(lambda: verify(path, policy))
    distributions = [content.distributions for content in contents_of(path)]
    scores = cpu_ms(lambda: [affinity_score(one) for one in distributions])
    rest = everything - scores
    print(f"{challenges} challenges, {path.stat().st_size:,} bytes")
    print(f"  all checks             {everything:8.1f} CPU-ms   {1e3 / everything:6.1f} bundles/s")
    print(f"  recomputing its scores {scores:8.1f} CPU-ms   {1e3 / scores:6.1f} bundles/s")
    print(f"  everything else        {rest:8.1f} CPU-ms")
    if challenges == 400:
        print(
            f"    goal {GOAL_WITHOUT_SCORES_MS} CPU-ms: ratio {rest / GOAL_WITHOUT_SCORES_MS:.2f}"
        )
        print(
            f"    goal {GOAL_SCORES_PER_S} a second: ratio {1e3 / scores / GOAL_SCORES_PER_S:.2f}"
        )
    return everything


def print_processes(bundle: Path, public_key: Path, folder: Path) -> None:
    """Whole processes, start-up included."""
    reverify = [sys.executable, "-m", "pot_audit", "reverify", str(bundle), "--signer"]
    ours = process_ms([*reverify, str(public_key)])
    print(f"whole process, {bundle.name}")
    print(f"  pot-audit reverify     {ours:8.1f} CPU-ms")
    message, signature, key = (folder / name for name in ("message", "signature", "key.pem"))
    message.write_bytes(os.urandom(4096))
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    subprocess.run(
        ["openssl", "pkeyutl", "-sign", "-inkey", key, "-rawin", "-in", message, "-out", signature],
        check=True,
    )
    peers = {
        "bare python": [sys.executable, "-I", "-c", ""],
        "openssl pkeyutl -verify": [
            "openssl", "pkeyutl", "-verify", "-inkey", str(key), "-rawin", "-in", str(message),
            "-sigfile", str(signature),
        ],
        "model_signing --help": [sys.executable, "-m", "model_signing", "--help"],
    }  # fmt: skip
    if shutil.which("minisign"):
        subprocess.run(
            ["minisign", "-G", "-W", "-p", folder / "m.pub", "-s", folder / "m.key"],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        subprocess.run(
            ["minisign", "-S", "-s", folder / "m.key", "-m", message],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        peers["minisign -V"] = ["minisign", "-V", "-p", str(folder / "m.pub"), "-m", str(message)]
    for name, arguments in peers.items():
        if subprocess.run(arguments, capture_output=True, check=False).returncode:
            print(f"  {name:<23} not installed here")
            continue
        peer = process_ms(arguments)
        print(f"  {name:<23}{peer:8.1f} CPU-ms   ours / theirs {ours / peer:6.1f}")


def print_imports() -> None:
    """What starting costs, and what an import of the library costs."""
    bare = process_ms([sys.executable, "-c", ""])
    for module in ("pot_reverify", "pot_audit.__main__", "jsonschema", "torch"):
        cost = process_ms([sys.executable, "-c", f"import {module}"]) - bare
        print(f"  import {module:<20} {cost:8.1f} CPU-ms over bare Python ({bare:.1f})")


def main() -> None:
    """Print every table."""
    signer = generate_private_keys(post_quantum=False)[0]
    policy = Policy(signers=(NamedSigner("benchmark", signer.public_key),))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        public_key = save_private_keys([signer], folder / "key", Protection.UNSAFE_NONE)
        for challenges in (31, 400):
            path = folder / f"bundle-{challenges}.potb"
            write_bundle(path, challenges, signer)
            verdict = verify(path, policy)
            assert verdict.word is VerdictWord.VERIFIED, verdict.checks
            print_bundle(path, challenges, policy)
        print_processes(folder / "bundle-31.potb", public_key, folder)
        print_imports()


if __name__ == "__main__":
    main()
