"""Coverage-guided fuzzing of the documents inside frames.

    python tests/fuzz/fuzz_schema.py -max_total_time=60 [CORPUS]

Needs `atheris`; puts documents of a real bundle into the corpus first. The first byte chooses the
kind, the rest is the document. Any exception but a `Rejection` is a finding, as is a document that
the parser accepts and the published schema does not, or that does not survive its own encoding.
"""

import io
import json
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pot_reverify.documents", "pot_reverify.encoding"]):
    from pot_reverify.documents.blob import parse_attachment, parse_blob
    from pot_reverify.documents.challenge_record import (
        parse_content,
        parse_record,
        parse_withheld,
    )
    from pot_reverify.documents.countersignature import parse_attached_statement
    from pot_reverify.documents.dsse_envelope import Envelope
    from pot_reverify.documents.head import parse_head
    from pot_reverify.documents.precommit import parse_precommit
    from pot_reverify.documents.projection import project
    from pot_reverify.documents.proof_document import parse_proof_document
    from pot_reverify.documents.reveal import parse_reveal
    from pot_reverify.documents.signed_bytes import parse_signature
    from pot_reverify.documents.statement import parse_statement
    from pot_reverify.documents.weight_manifest import parse_weight_manifest
    from pot_reverify.encoding import canonical_msgpack, strict_json
    from pot_reverify.encoding.fields import Fields

from pot_reverify.checks.schemas import validate
from pot_reverify.container.frames import FrameType, read_frames
from pot_reverify.errors import Indeterminate, Rejection

BASE = Path(__file__).parents[2] / "fixtures" / "vectors" / "base.potb"
FRAMES = {
    "head": parse_head,
    "record": parse_record,
    "content": parse_content,
    "withheld": parse_withheld,
    "blob": parse_blob,
    "attachment": parse_attachment,
    "reveal": parse_reveal,
    "signature": lambda data, where: parse_signature(Fields(canonical_msgpack.decode(data), where)),
}
DOCUMENTS = {
    "statement": parse_statement,
    "precommit": parse_precommit,
    "weights": parse_weight_manifest,
    "proof": parse_proof_document,
}
KINDS = [*FRAMES, *DOCUMENTS]


def attached(data: bytes, where: str, kind: str):
    """The payload of an attached envelope, if it is of this kind."""
    try:
        document = parse_attached_statement(Envelope(data, "key", b"signature"), where)
    except Indeterminate as unknown:
        raise Rejection(unknown.code, unknown.message) from unknown
    if f"predicate:{kind}:".encode() not in document.to_json():
        raise Rejection("schema.unknown-value", "the other kind")
    return document


def one_input(data: bytes) -> None:
    """Parse; what is accepted must conform, and mean the same when it is written again."""
    kind, payload = KINDS[data[0] % len(KINDS)] if data else "head", data[1:]
    parse = FRAMES.get(kind) or DOCUMENTS[kind]
    try:
        document = parse(payload, kind)
    except Rejection:
        return
    fields = canonical_msgpack.decode(payload) if kind in FRAMES else strict_json.decode(payload)
    validate(kind, project(fields) if kind in FRAMES else fields)
    fields.get("predicate", fields).pop("extensions", None)
    if kind in FRAMES:
        assert document.encode() == canonical_msgpack.encode(fields)
    else:
        assert json.loads(document.to_json()) == fields


def seeds() -> list[bytes]:
    """One input for each kind that a real bundle holds."""
    data = BASE.read_bytes()
    found = {}
    for frame in read_frames(io.BytesIO(data), len(data)):
        kind = frame.type.name.lower()
        found[kind] = bytes([KINDS.index(kind)]) + frame.payload
        if frame.type is FrameType.HEAD:
            promise = canonical_msgpack.decode(frame.payload)["precommit"]["payload"]
            found["precommit"] = bytes([KINDS.index("precommit")]) + promise
        if frame.type is FrameType.BLOB:
            weights = canonical_msgpack.decode(frame.payload)["data"]
            found.setdefault("weights", bytes([KINDS.index("weights")]) + weights)
    return list(found.values())


if __name__ == "__main__":
    for number, seed in enumerate(seeds()):
        one_input(seed)
        for corpus in filter(Path.is_dir, map(Path, sys.argv[1:])):
            (corpus / f"seed-{number}").write_bytes(seed)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
