"""Make, sign and keep a precommit, and keep its secret encrypted until the run reveals it."""

import hmac
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from pot_recorder.keys import Signer
from pot_reverify.challenge.prose import FAMILY_ID
from pot_reverify.challenge.seeds import RUN_ID_BYTES, SECRET_BYTES, secret_commitment
from pot_reverify.decision.empirical_bernstein import RULE_ID
from pot_reverify.decision.presets import Preset
from pot_reverify.documents.model_identity import ModelClaim
from pot_reverify.documents.precommit import (
    PAYLOAD_TYPE,
    Counterpart,
    Precommit,
    SignedPrecommit,
    parse_envelope,
    parse_precommit,
)
from pot_reverify.documents.signed_bytes import Signature
from pot_reverify.errors import Rejection
from pot_reverify.input_files import read_file
from pot_reverify.score.affinity import SCORE_ID
from pot_reverify.seal.dsse import pae
from pot_reverify.seal.public_keys import Algorithm

_BOX_KEY_TYPE = "application/vnd.pot-audit.secret-box-key"
_BOX_KEY_INFO = b"pot-audit/secret-box/1"


@dataclass(frozen=True, slots=True)
class Promise:
    """A signed precommit together with the secret that opens it."""

    signed: SignedPrecommit
    precommit: Precommit
    secret: bytes

    def __repr__(self) -> str:
        return f"Promise({self.precommit.run_id.hex()})"


def make_promise(
    *,
    reference: ModelClaim,
    candidate: ModelClaim,
    preset: Preset,
    attempt: int,
    counterpart: Counterpart | None,
    signers: Sequence[Signer],
    secret: bytes | None = None,
    run_id: bytes | None = None,
) -> Promise:
    """Draw a secret and a run id, commit to them, and sign.

    Args:
        secret: 32 bytes to repeat an earlier run; a fresh secret by default.
        run_id: 16 bytes, likewise.

    Raises:
        Rejection: ``precommit.no-ed25519``.
    """
    require_ed25519(signers)
    run_id = run_id or secrets.token_bytes(RUN_ID_BYTES)
    secret = secret or secrets.token_bytes(SECRET_BYTES)
    precommit = Precommit(
        run_id=run_id,
        created_ns=time.time_ns(),
        secret_commitment=secret_commitment(secret, run_id),
        preset=preset,
        attempt=attempt,
        rule=RULE_ID,
        score=SCORE_ID,
        challenge_family=FAMILY_ID,
        reference=reference,
        candidate=candidate,
        counterpart=counterpart,
    )
    payload = precommit.to_json()
    signatures = sign_document(PAYLOAD_TYPE, payload, signers)
    return Promise(SignedPrecommit(payload, signatures), precommit, secret)


def sign_document(
    payload_type: str, payload: bytes, signers: Sequence[Signer]
) -> tuple[Signature, ...]:
    """Every signer's signature over the DSSE pre-authentication encoding."""
    message = pae(payload_type, payload)
    return tuple(
        Signature(signer.public_key.algorithm.value, signer.public_key.key_id, signer.sign(message))
        for signer in signers
    )


def save_promise(promise: Promise, path: Path, signers: Sequence[Signer]) -> Path:
    """Write the precommit, to publish, and beside it the encrypted secret, to keep.

    Returns:
        The path of the secret: ``path`` with ``.secret`` added.

    Raises:
        Rejection: ``precommit.exists``; an existing precommit is never overwritten.
        OSError: a file cannot be written.
    """
    secret_path = secret_path_of(path)
    box = SecretBox(_box_key(promise.precommit.run_id, signers))
    _write_new(secret_path, bytes(box.encrypt(promise.secret)), 0o600)
    try:
        _write_new(path, promise.signed.to_envelope(), 0o644)
    except BaseException:
        secret_path.unlink()
        raise
    return secret_path


def load_promise(path: Path, signers: Sequence[Signer]) -> Promise:
    """Read a precommit and open its secret with the key that signed it.

    Raises:
        Rejection: ``precommit.secret-missing``, ``precommit.wrong-key``,
            ``precommit.secret-mismatch``, and what parsing the precommit raises.
        OSError: the precommit cannot be read.
    """
    signed = parse_envelope(read_file(path), str(path))
    precommit = parse_precommit(signed.payload, str(path))
    secret_path = secret_path_of(path)
    try:
        boxed = read_file(secret_path)
    except FileNotFoundError:
        raise Rejection(
            "precommit.secret-missing",
            "the secret is not beside the precommit: it was moved, or the run is sealed already",
            where=str(secret_path),
        ) from None
    try:
        secret = SecretBox(_box_key(precommit.run_id, signers)).decrypt(boxed)
    except (CryptoError, ValueError):
        raise Rejection(
            "precommit.wrong-key",
            "this key did not make the precommit, or the secret's file is damaged",
            where=str(secret_path),
        ) from None
    if secret_commitment(secret, precommit.run_id) != precommit.secret_commitment:
        raise Rejection(
            "precommit.secret-mismatch", "the secret does not open the precommit", where=str(path)
        )
    return Promise(signed, precommit, secret)


def require_ed25519(signers: Sequence[Signer]) -> Signer:
    """The key that keeps a run's secret: signatures of other algorithms differ each time.

    Raises:
        Rejection: ``precommit.no-ed25519``.
    """
    for signer in signers:
        if signer.public_key.algorithm is Algorithm.ED25519:
            return signer
    raise Rejection(
        "precommit.no-ed25519",
        "recording needs an Ed25519 key in the key file, beside any others: its signatures are "
        "deterministic, and keep the secret of a run (pot-audit keygen --algorithm ed25519 "
        "--algorithm ecdsa-p256 NAME)",
        got=", ".join(one.public_key.algorithm.value for one in signers),
    )


def secret_path_of(path: Path) -> Path:
    """Where the secret of a precommit is kept."""
    return path.with_name(path.name + ".secret")


def _box_key(run_id: bytes, signers: Sequence[Signer]) -> bytes:
    """A key that only the holder of the Ed25519 key can derive, so nothing more must be kept.

    Ed25519 signatures are deterministic (RFC 8032, section 5.1.6); this one is over a payload type
    that is used for nothing else, and is never published.
    """
    signer = require_ed25519(signers)
    return hmac.digest(_BOX_KEY_INFO, signer.sign(pae(_BOX_KEY_TYPE, run_id)), "sha256")


def _write_new(path: Path, data: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        raise Rejection("precommit.exists", "the file exists already", where=str(path)) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
