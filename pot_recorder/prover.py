"""The prover `pot-halo2`, a program of its own: scores go in, a proof comes out."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pot_recorder.committed_run import CommittedRun
from pot_recorder.evidence_folder import add_evidence, evidence_folder_of, read_evidence
from pot_recorder.journal import Journal
from pot_recorder.partial_file import partial_path_of, recover
from pot_reverify.documents.blob import DECISION_PROOF, Blob
from pot_reverify.documents.head import Head
from pot_reverify.documents.proof_document import ProofDocument
from pot_reverify.encoding import strict_base64, strict_json
from pot_reverify.encoding.fields import Fields
from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.proof.registry import LATEST_VERSION
from pot_reverify.proof.run_binding import format_commitment

PROGRAM = "pot-halo2"
VARIABLE = "POT_HALO2"
HOW_TO_BUILD = (
    "cargo build --release --manifest-path halo2/Cargo.toml, "
    f"then --prover halo2/target/release/{PROGRAM}"
)
_MAX_PROOF_CHARACTERS = 65536


@dataclass(frozen=True, slots=True)
class Prover:
    """The program, where it was found.

    Args:
        on_note: told in words what is going on.
    """

    path: Path
    on_note: Callable[[str], None] = field(default=lambda _text: None, compare=False)

    def prove(self, run: CommittedRun) -> ProofDocument:
        """Prove the decision of a run. It takes seconds, and hundreds of megabytes for long runs.

        Raises:
            Rejection: ``prover.failed``; ``prover.other-commitment``; ``json.*``, ``schema.*``.
            OSError: the program cannot be run.
        """
        self.on_note(f"proving {len(run.scores)} challenges with {run.circuit.circuit_id}")
        task = {
            "preset": run.preset.to_document(),
            "attempt": run.attempt,
            "scores": [list(scores) for scores in run.scores],
            "salts": [salt.hex() for salt in run.challenge_salts],
            "run_digest": run.run_digest.hex(),
        }
        done = subprocess.run(  # noqa: S603  the program that the user named
            [self.path, "prove"],
            input=json.dumps(task).encode(),
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise Rejection(
                "prover.failed",
                f"{PROGRAM} could not prove the decision",
                where=str(self.path),
                got=f"exit code {done.returncode}, {_last_line(done.stderr)}",
            )
        fields = Fields(strict_json.decode(done.stdout), PROGRAM)
        commitment, expected = fields.take_str("score_commitment"), f"{run.commitment():064x}"
        if commitment != expected:
            raise Rejection(
                "prover.other-commitment",
                f"{PROGRAM} commits to the scores in another way: it is of another version",
                where=str(self.path),
                expected=expected,
                got=commitment,
            )
        text = fields.take_str("proof", _MAX_PROOF_CHARACTERS)
        proof = strict_base64.decode(text, "proof.base64", fields.at("proof"))
        document = ProofDocument(fields.take_str("circuit"), proof, run.challenge_commitments)
        run.require_proven(document.to_json())
        return document


def find_prover(path: Path | None, on_note: Callable[[str], None] = lambda _text: None) -> Prover:
    """Find the program: the given path, else the one that POT_HALO2 names, else on the PATH.

    Raises:
        Indeterminate: ``prover.missing``.
    """
    named = path or os.environ.get(VARIABLE) or PROGRAM
    found = shutil.which(named)
    if found is None:
        raise Indeterminate(
            "prover.missing", "there is no such prover", needs=HOW_TO_BUILD, where=str(named)
        )
    return Prover(Path(found), on_note)


def prove_recording(recording: Path, prover: Prover) -> Path:
    """Prove the decision of a recording that has stopped and is not sealed yet.

    Args:
        recording: the ``.partial`` file.

    Returns:
        Where the proof waits until the recording is sealed.

    Raises:
        Rejection: ``prover.*``, ``evidence.exists``, ``journal.damaged``, ``proof.*``,
            ``decision.not-stopped``.
        OSError: a file cannot be read or written.
    """
    output = recording.with_suffix("")
    if partial_path_of(output) != recording:
        raise Rejection(
            "prover.sealed",
            "a proof is sealed into a bundle and cannot be added afterwards, since the signed "
            "statement names the score commitment: record with --prove, or with --hold and prove",
            where=str(recording),
            expected=str(partial_path_of(recording)),
        )
    waiting = evidence_folder_of(output) / DECISION_PROOF
    if waiting.exists():
        raise Rejection("evidence.exists", "the recording has a proof already", where=str(waiting))
    recovered = recover(recording)
    run = CommittedRun.of(recovered.head, recovered.challenges, recovered.leaf_digests)
    return add_evidence(output, DECISION_PROOF, prover.prove(run).to_json())


def evidence_to_seal(
    output: Path, head: Head, journal: Journal, prover: Prover | None
) -> tuple[tuple[Blob, ...], str | None]:
    """What waits beside a recording that has stopped, and a proof, if one is asked for.

    Args:
        journal: of HEAD and the challenges alone.
        prover: makes the proof, unless one waits already; None to make none.

    Returns:
        The blobs, and the commitment to the scores if one of them is a proof.

    Raises:
        Rejection: ``session.proof-mismatch`` for a waiting proof that is not of this run;
            ``evidence.*``, ``prover.*``.
        OSError: a file cannot be read, or the program cannot be run.
    """
    waiting = read_evidence(output)
    proof = next((blob for blob in waiting if blob.name == DECISION_PROOF), None)
    if proof is None and prover is None:
        return waiting, None
    run = CommittedRun.of(head, journal.challenges, journal.leaf_digests)
    if proof is None and prover is not None:
        made = Blob(DECISION_PROOF, "application/json", prover.prove(run).to_json())
        return (*waiting, made), format_commitment(run.commitment(), LATEST_VERSION)
    assert proof is not None
    try:
        return waiting, run.require_proven(proof.data)
    except Rejection as error:
        raise Rejection(
            "session.proof-mismatch",
            "the proof that waits beside the recording is none of this run; take it away",
            where=str(evidence_folder_of(output) / DECISION_PROOF),
            got=error,
        ) from error


def _last_line(text: bytes) -> str:
    return text.decode(errors="replace").strip().rpartition("\n")[2][:300]
