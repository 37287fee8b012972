"""The token that proves a precommit before the run; the recording takes it into the bundle."""

import time
from pathlib import Path
from typing import Final

from pot_recorder.evidence_folder import add_evidence, evidence_folder_of
from pot_reverify.documents.blob import TIME_PREFIX
from pot_reverify.documents.precommit import SignedPrecommit
from pot_reverify.errors import Rejection
from pot_reverify.input_files import read_file
from pot_reverify.timestamps.token import Token, parse_token

_BLOB: Final = TIME_PREFIX + "precommit.tsr"
_NS_PER_S: Final = 10**9
_LONGEST_WAIT_S: Final = 10


def token_path_of(precommit: Path) -> Path:
    """Where the token over a precommit lies: ``precommit`` with ``.tsr`` added."""
    return precommit.with_name(precommit.name + ".tsr")


def add_precommit_token(precommit: Path, signed: SignedPrecommit, output: Path) -> None:
    """Put the token beside a precommit, if there is one, to the evidence of a recording.

    Returns once the latest time that the token allows is past, a second or so after it was made, so
    that it proves the precommit to be older than challenge 1.

    Raises:
        Rejection: ``time.token-imprint`` if it is over something else; ``time.token-*``;
            ``timestamp.clocks`` if it may be from later than in a few seconds; ``evidence.exists``
            if the recording has another one.
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
    _wait_until_past(token, path)
    kept = evidence_folder_of(output) / _BLOB
    if not kept.exists() or kept.read_bytes() != data:
        add_evidence(output, _BLOB, data)


def _wait_until_past(token: Token, path: Path) -> None:
    wait_ns = token.gen_time_ns + token.accuracy_ns - time.time_ns()
    if wait_ns > _LONGEST_WAIT_S * _NS_PER_S:
        raise Rejection(
            "timestamp.clocks",
            "by this machine's clock the token may be from after the run, and would prove nothing: "
            "record later, or set the clock",
            where=str(path),
            expected=f"a token that is past within {_LONGEST_WAIT_S} s",
            got=f"{wait_ns // _NS_PER_S} s",
        )
    if wait_ns > 0:
        time.sleep(wait_ns / _NS_PER_S)
