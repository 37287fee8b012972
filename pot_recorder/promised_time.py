"""The token that proves a precommit before the run; the recording takes it into the bundle."""

from pathlib import Path
from typing import Final

from pot_recorder.evidence_folder import add_evidence, evidence_folder_of
from pot_reverify.documents.blob import TIME_PREFIX
from pot_reverify.documents.precommit import SignedPrecommit
from pot_reverify.errors import Rejection
from pot_reverify.input_files import read_file
from pot_reverify.timestamps.token import parse_token

_BLOB: Final = TIME_PREFIX + "precommit.tsr"


def token_path_of(precommit: Path) -> Path:
    """Where the token over a precommit lies: ``precommit`` with ``.tsr`` added."""
    return precommit.with_name(precommit.name + ".tsr")


def add_precommit_token(precommit: Path, signed: SignedPrecommit, output: Path) -> None:
    """Put the token beside a precommit, if there is one, to the evidence of a recording.

    Raises:
        Rejection: ``time.token-imprint`` if it is over something else; ``time.token-*``;
            ``evidence.exists`` if the recording has another one.
        OSError: a file cannot be read or written.
    """
    path = token_path_of(precommit)
    try:
        data = read_file(path)
    except FileNotFoundError:
        return
    token = parse_token(data, str(path))
    if not any(token.covers(one.signature) for one in signed.signatures):
        raise Rejection(
            "time.token-imprint", "the token is not over this precommit", where=str(path)
        )
    kept = evidence_folder_of(output) / _BLOB
    if not kept.exists() or kept.read_bytes() != data:
        add_evidence(output, _BLOB, data)
