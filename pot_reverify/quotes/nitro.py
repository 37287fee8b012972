"""AWS Nitro Enclaves attestation documents: COSE_Sign1 (RFC 9052) with ES384.

Source: AWS, "Verifying the root of trust" in the Nitro Enclaves user guide, and
aws-nitro-enclaves-nsm-api, docs/attestation_process.md. There is no CRL.
"""

from typing import Final

from pot_reverify.errors import Rejection
from pot_reverify.quotes import strict_cbor
from pot_reverify.quotes.chain import verify_chain, verify_p384
from pot_reverify.quotes.evidence import (
    QuoteAppraisal,
    QuoteEvidence,
    QuoteKind,
    QuotePolicy,
    format_time,
)
from pot_reverify.quotes.strict_cbor import Value

_WHERE: Final = "Nitro document"
_PROTECTED_ES384: Final = b"\xa1\x01\x38\x22"  # {1: -35}
_SIG_STRUCTURE_HEAD: Final = b"\x84\x6aSignature1"  # ["Signature1", protected, h'', payload]
_SIGNATURE_BYTES: Final = 96
_PCR_BYTES: Final = frozenset({32, 48, 64})
_MAX_CERTIFICATES: Final = 8
_MAX_CERTIFICATE_BYTES: Final = 1024
_MAX_USER_BYTES: Final = 1024  # the text of the specification says 512, its CDDL and AWS's own 1024
# All zero in debug mode: the host reads the enclave's console, and the image is not measured.
_IMAGE_PCRS: Final = (0, 1, 2)


def verify(evidence: QuoteEvidence, at_ns: int, policy: QuotePolicy) -> QuoteAppraisal:
    """Appraises a document at the time that it states and signs itself.

    A leaf lives three hours, so "now" would refuse every archived document. The stated time counts
    as far as the enclave's hypervisor is believed; it may not lie after `at_ns`.

    Raises:
        Rejection: ``quote.*``.
    """
    protected, payload, signature = _parse_sign1(evidence.data)
    document = strict_cbor.decode(payload)
    if not isinstance(document, dict) or document.get("digest") != "SHA384":
        raise _malformed("the payload")
    timestamp_ms, pcrs = document.get("timestamp"), document.get("pcrs")
    if not isinstance(timestamp_ms, int) or timestamp_ms <= 0:
        raise _malformed("timestamp")
    certificates = _certificates(document)
    chain = verify_chain(certificates, policy.roots_of("aws"), "Nitro chain")
    signed = (
        _SIG_STRUCTURE_HEAD
        + strict_cbor.encode_bytes(protected)
        + b"\x40"
        + strict_cbor.encode_bytes(payload)
    )
    verify_p384(chain.leaf, signature, signed, _WHERE)
    stated_ns = timestamp_ms * 10**6
    if not chain.window.not_before_ns <= stated_ns <= chain.window.not_after_ns:
        raise Rejection(
            "quote.time",
            "the certificates were not valid at the time that the document states",
            where=_WHERE,
            got=format_time(stated_ns),
        )
    if stated_ns > at_ns:
        raise Rejection(
            "quote.not-yet-valid",
            "made after the time of evaluation",
            where=_WHERE,
            expected=f"at or before {format_time(at_ns)}",
            got=format_time(stated_ns),
        )
    return QuoteAppraisal(
        kind=QuoteKind.NITRO,
        product="AWS Nitro Enclaves",
        root=chain.root,
        registers=_registers(pcrs),
        bindings={
            name: value
            for name in ("nonce", "user_data", "public_key")
            if (value := _optional_bytes(document, name)) is not None
        },
        claims={"module_id": str(document.get("module_id")), "stated": format_time(stated_ns)},
        window=chain.window,
        evaluated_at_ns=stated_ns,
        not_judged=("revocation",),
    )


def _parse_sign1(data: bytes) -> tuple[bytes, bytes, bytes]:
    envelope = strict_cbor.decode(data)
    match envelope:
        case [bytes(protected), dict(unprotected), bytes(payload), bytes(signature)]:
            pass
        case _:
            raise _malformed("the COSE_Sign1 array")
    # An algorithm in the unprotected header would be anybody's to choose.
    if protected != _PROTECTED_ES384 or unprotected:
        raise Rejection(
            "quote.algorithm",
            "the headers are not exactly ES384, protected",
            where=_WHERE,
            got=protected.hex(),
        )
    if len(signature) != _SIGNATURE_BYTES:
        raise _malformed("the signature")
    return protected, payload, signature


def _certificates(document: dict[int | str, Value]) -> list[bytes]:
    """The end entity first; the document has its bundle root first."""
    leaf, bundle = document.get("certificate"), document.get("cabundle")
    if not isinstance(leaf, bytes) or not isinstance(bundle, list) or not bundle:
        raise _malformed("certificate or cabundle")
    certificates = [leaf, *(der for der in reversed(bundle) if isinstance(der, bytes))]
    if (
        len(certificates) != 1 + len(bundle)
        or len(certificates) > _MAX_CERTIFICATES
        or any(len(der) > _MAX_CERTIFICATE_BYTES for der in certificates)
    ):
        raise _malformed("cabundle")
    return certificates


def _registers(pcrs: Value) -> dict[str, bytes]:
    registers = {}
    for index, value in (pcrs if isinstance(pcrs, dict) else {}).items():
        if not isinstance(index, int) or not isinstance(value, bytes) or not 0 <= index < 32:
            raise _malformed("pcrs")
        if len(value) not in _PCR_BYTES:
            raise _malformed(f"PCR{index}")
        registers[f"pcr{index}"] = value
    image = [registers.get(f"pcr{index}") for index in _IMAGE_PCRS]
    if None in image:
        raise _malformed("pcrs")
    if not any(any(value or b"") for value in image):
        raise Rejection("quote.debug", "PCR0 to PCR2 are zero: a debug enclave", where=_WHERE)
    return registers


def _optional_bytes(document: dict[int | str, Value], name: str) -> bytes | None:
    value = document.get(name)
    if value is not None and (not isinstance(value, bytes) or len(value) > _MAX_USER_BYTES):
        raise _malformed(name)
    return value


def _malformed(what: str) -> Rejection:
    return Rejection("quote.malformed", f"{what} is not as AWS specifies it", where=_WHERE)
