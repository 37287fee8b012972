"""C02: the documents conform to the published JSON Schemas (2020-12).

The documents that stand once in a bundle are validated here with `jsonschema`. The thousands of
RECORDs and CONTENTs are held to the same schemas by their parsers, at a thousandth of the cost; a
test compares the two on accepted and refused payloads.
"""

import functools
import json
from collections.abc import Iterator
from importlib import resources
from typing import TYPE_CHECKING, Any

from pot_reverify.checks.result import CheckId, CheckResult, passed
from pot_reverify.documents.blob import (
    BEACON_ROUND,
    CANDIDATE_WEIGHTS,
    COUNTERPART,
    DECISION_PROOF,
    ENVIRONMENT,
    QUOTE_PREFIX,
    REFERENCE_WEIGHTS,
)
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.counterpart_document import decode_word
from pot_reverify.documents.projection import project
from pot_reverify.encoding import canonical_msgpack, strict_json
from pot_reverify.errors import Rejection

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_BLOB_KINDS = {
    REFERENCE_WEIGHTS: "weights",
    CANDIDATE_WEIGHTS: "weights",
    ENVIRONMENT: "environment",
    DECISION_PROOF: "proof",
    BEACON_ROUND: "beacon-round",
}


def check_schemas(bundle: Bundle) -> CheckResult:
    """Validate every document that stands once in a bundle, manifests and evidence among them.

    Raises:
        Rejection: ``schema.invalid``, ``json.*``, ``msgpack.*``.
    """
    count = 0
    for kind, document in _documents(bundle):
        validate(kind, document)
        count += 1
    return passed(
        CheckId.SCHEMAS, f"{count} documents and {bundle.leaves.records} challenges conform"
    )


def validate(kind: str, document: dict[str, Any]) -> None:
    """Validate one document against the schema of its kind.

    Raises:
        Rejection: ``schema.invalid`` with the place of the first error.
    """
    error = next(iter(_validator(kind).iter_errors(document)), None)
    if error is not None:
        raise Rejection(
            "schema.invalid",
            f"The {kind} document does not conform to its schema: {error.message[:200]}",
            where=kind + error.json_path.removeprefix("$"),
        )


def schema(kind: str) -> dict[str, object]:
    """The published schema of a document kind, such as ``head`` or ``record``."""
    folder = resources.files("pot_reverify") / "schemas"
    parsed: dict[str, object] = json.loads((folder / f"{kind}.schema.json").read_bytes())
    return parsed


@functools.cache
def _validator(kind: str) -> "Validator":
    from jsonschema import Draft202012Validator  # noqa: PLC0415  84 ms that `show` does not need

    return Draft202012Validator(schema(kind))


def _documents(bundle: Bundle) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "head", project(canonical_msgpack.decode(bundle.head_payload))
    yield "precommit", strict_json.decode(bundle.head.precommit.payload)
    if bundle.reveal_payload is not None:
        yield "reveal", project(canonical_msgpack.decode(bundle.reveal_payload))
    if bundle.statement_payload is not None:
        yield "statement", strict_json.decode(bundle.statement_payload)
    for blob in bundle.blobs:
        if blob.name in _BLOB_KINDS:
            yield _BLOB_KINDS[blob.name], strict_json.decode(blob.data)
        elif blob.name.startswith(QUOTE_PREFIX):
            yield "evidence", strict_json.decode(blob.data)
        elif blob.name == COUNTERPART:
            payload, _ = decode_word(blob.data, blob.name)
            yield "counterpart", strict_json.decode(payload)
