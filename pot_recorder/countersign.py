"""What others add to a sealed bundle: countersignatures, vendors' commitments, signatures."""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from pot_recorder.file_modes import mode_of_copy
from pot_recorder.keys import Signer
from pot_recorder.promise import sign_document
from pot_reverify.container.frames import HEADER, FrameType, encode_frame, read_frames_of
from pot_reverify.documents.blob import Attachment
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.countersignature import (
    Countersignature,
    ReportedCheck,
    VendorCommitment,
    parse_attached_statement,
)
from pot_reverify.documents.dsse_envelope import MEDIA_TYPE, Envelope, parse_envelope
from pot_reverify.documents.signed_bytes import Signature
from pot_reverify.documents.statement import PAYLOAD_TYPE, Statement
from pot_reverify.encoding.digest import sha256_digest
from pot_reverify.errors import Rejection
from pot_reverify.verdict import Verdict


def countersign(verdict: Verdict, signers: Sequence[Signer]) -> tuple[Envelope, ...]:
    """Sign a verdict on a sealed bundle; one envelope a key.

    Raises:
        Rejection: ``countersign.unsealed``.
    """
    bundle, statement = _sealed(verdict)
    document = Countersignature(
        checkpoint_digest=statement.checkpoint_digest,
        statement_digest=sha256_digest(bundle.statement_payload or b""),
        signature_digests=tuple(sha256_digest(one.encode()) for one in bundle.signatures),
        policy_name=verdict.policy_name,
        policy_digest=verdict.policy_digest,
        verdict=verdict.word.value,
        checks=tuple(
            ReportedCheck(one.check.value, one.status.value, one.code) for one in verdict.checks
        ),
        evaluated_at_ns=verdict.evaluated_at_ns,
        verifier_version=version("pot-audit"),
    )
    return _envelopes(document.to_json(), signers)


def vouch_for(verdict: Verdict, role: str, signers: Sequence[Signer]) -> tuple[Envelope, ...]:
    """Sign, as a vendor, that the transcript is from this model; one envelope a key.

    Args:
        role: ``reference`` or ``candidate``.

    Raises:
        Rejection: ``countersign.unsealed``.
    """
    bundle, statement = _sealed(verdict)
    identity = bundle.head.reference if role == "reference" else bundle.head.candidate
    document = VendorCommitment(
        checkpoint_digest=statement.checkpoint_digest,
        role=role,
        model=identity.claim.name,
        weights_digest=identity.claim.weights_digest,
        created_ns=time.time_ns(),
    )
    return _envelopes(document.to_json(), signers)


def sign_statement(verdict: Verdict, signers: Sequence[Signer]) -> tuple[Signature, ...]:
    """Sign the recorder's statement too, as it stands.

    Raises:
        Rejection: ``countersign.unsealed``, ``countersign.signed-already``.
    """
    bundle, _ = _sealed(verdict)
    present = {one.key_id for one in bundle.signatures}
    for signer in signers:
        if signer.public_key.key_id in present:
            raise Rejection(
                "countersign.signed-already",
                "this key has signed the statement already",
                got=signer.public_key.key_id,
            )
    return sign_document(PAYLOAD_TYPE, bundle.statement_payload or b"", signers)


def read_detached(data: bytes, where: str, verdict: Verdict) -> Envelope:
    """An envelope that was kept beside the bundle, if it is about this one.

    Raises:
        Rejection: ``countersign.unsealed``, ``countersignature.other-bundle``, and what parsing
            raises.
        Indeterminate: ``countersignature.unknown-predicate``.
    """
    _, statement = _sealed(verdict)
    envelope = parse_envelope(data, where)
    document = parse_attached_statement(envelope, where)
    if document.checkpoint_digest != statement.checkpoint_digest:
        raise Rejection("countersignature.other-bundle", "about another bundle", where=where)
    return envelope


def add_to_bundle(
    source: Path,
    target: Path,
    *,
    file_digest: bytes | None,
    envelopes: Sequence[Envelope] = (),
    signatures: Sequence[Signature] = (),
) -> None:
    """Copy a bundle into a new file, with signatures and envelopes behind those it has.

    Args:
        file_digest: of the file that was verified; another one is not copied.

    Raises:
        Rejection: ``countersign.output-exists``, ``countersign.file-changed``, and what reading
            frames raises. Then no file is left behind.
        OSError: a file cannot be read or written.
    """
    attachments = [Attachment(MEDIA_TYPE, one.to_json()) for one in envelopes]
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(target, flags, mode_of_copy(source))
    except FileExistsError:
        raise Rejection(
            "countersign.output-exists", "bundles are never overwritten", where=str(target)
        ) from None
    try:
        with os.fdopen(descriptor, "wb") as output:
            _copy(source, output.write, signatures, file_digest)
            for attachment in attachments:
                output.write(encode_frame(FrameType.ATTACHMENT, attachment.encode()))
            output.flush()
            os.fsync(descriptor)
    except BaseException:
        target.unlink()
        raise


def _copy(
    source: Path,
    write: Callable[[bytes], int],
    signatures: Sequence[Signature],
    file_digest: bytes | None,
) -> None:
    """Copy every frame, the new signatures before the attachments."""
    digest = hashlib.sha256(HEADER)
    write(HEADER)
    added = [encode_frame(FrameType.SIGNATURE, one.encode()) for one in signatures]
    for frame in read_frames_of(source):
        if frame.type is FrameType.ATTACHMENT:
            write(b"".join(added))
            added = []
        encoded = encode_frame(frame.type, frame.payload)
        digest.update(encoded)
        write(encoded)
    write(b"".join(added))
    if digest.digest() != file_digest:
        raise Rejection(
            "countersign.file-changed",
            "the file changed while it was countersigned",
            where=str(source),
        )


def _sealed(verdict: Verdict) -> tuple[Bundle, Statement]:
    if verdict.bundle is None or verdict.bundle.statement is None:
        raise Rejection("countersign.unsealed", "only a sealed bundle can be countersigned")
    return verdict.bundle, verdict.bundle.statement


def _envelopes(payload: bytes, signers: Sequence[Signer]) -> tuple[Envelope, ...]:
    return tuple(
        Envelope(payload, one.key_id, one.signature)
        for one in sign_document(PAYLOAD_TYPE, payload, signers)
    )
