"""Bundles full of TEE evidence: genuine pieces many times, and pieces that are dear to refuse."""

from collections.abc import Callable, Iterator

from bundle_floods import ROOM, SMALL
from certificates_by_hand import certificate, extension, rsa_key
from draft import Draft
from forge import der
from genuine_evidence import GENUINE
from quote_factories import cbor
from quote_samples import pem, read

from pot_reverify.container.frames import FrameType
from pot_reverify.documents.blob import Blob
from pot_reverify.documents.evidence_document import Binding, EvidenceDocument, Subject
from pot_reverify.encoding.digest import format_digest, sha256_digest
from pot_reverify.quotes.evidence import QuoteEvidence, QuoteKind


def quote_floods() -> dict[str, Callable[[], bytes]]:
    """Name and maker of each."""
    return {f"quotes, {name}": make for name, make in _floods()}


def _floods() -> Iterator[tuple[str, Callable[[], bytes]]]:
    for name in ("snp", "nitro", "tdx"):
        yield f"genuine, {name}", lambda name=name: _bundle(_fill(GENUINE[name]))
    yield "certificates with long keys", lambda: _bundle(_fill(_long_chain(16_384)))
    yield "a chain of namesakes", lambda: _bundle([_namesakes()])
    yield "collateral of brackets", lambda: _bundle([_collateral(b"[" + b"[]," * 170_000 + b"[]]")])
    yield "collateral of spaces", lambda: _bundle([_collateral(b'{"a":1}' + b" " * 500_000)])
    yield (
        "a Nitro payload of arrays",
        lambda: _bundle([_nitro(b"\x9a\x00\x0e\x00\x00" + b"\x80" * 0xAFFFF)]),
    )
    yield "a Nitro payload of text", lambda: _bundle([_nitro(cbor("é" * 300_000))])
    yield "a report of events", lambda: _bundle([_phala()])
    yield "a detached EAT", lambda: _bundle([_eat()])


def _fill(evidence: QuoteEvidence) -> list[QuoteEvidence]:
    size_bytes = len(_document(evidence)) + 100
    return [evidence] * min(1000, (ROOM - len(SMALL)) // size_bytes)


def _document(evidence: QuoteEvidence) -> bytes:
    channels = evidence.kind in (QuoteKind.PHALA, QuoteKind.ACI, QuoteKind.NRAS)
    binding = Binding.CHANNEL if channels else Binding.RUN
    subject = Subject.REFERENCE if channels else Subject.RUN
    key = b"key" if channels else None
    return EvidenceDocument(binding, subject, evidence, channel_key=key).to_json()


def _bundle(pieces: list[QuoteEvidence]) -> bytes:
    draft = Draft(SMALL)
    place = draft.at(FrameType.REVEAL)
    digests = []
    for number, evidence in enumerate(pieces):
        data = _document(evidence)
        blob = Blob(f"quote/{number:04d}.json", "application/json", data)
        draft.insert(place + number, FrameType.BLOB, blob.encode())
        digests.append(format_digest(sha256_digest(data)))
    return draft.state(quote_digests=digests).reseal().data()


def _long_chain(bits: int) -> QuoteEvidence:
    """A genuine report under certificates that its root never issued."""
    genuine = GENUINE["snp"]
    root = pem("snp_roots/ask_ark_genoa.pem")[1]
    made = [_certificate(bits, ca=depth > 0) for depth in range(3)]
    return QuoteEvidence(QuoteKind.SEV_SNP, genuine.data, certificates=(*made, root))


def _certificate(bits: int, *, ca: bool) -> bytes:
    usage = extension("2.5.29.15", der(0x03, b"\x01\x86"))
    return certificate("a", "a", rsa_key(bits), bits // 8, usage, ca=ca)


def _namesakes() -> QuoteEvidence:
    made = [_certificate(12_288, ca=depth > 0) for depth in range(15)]
    root = pem("snp_roots/ask_ark_genoa.pem")[1]
    return QuoteEvidence(QuoteKind.SEV_SNP, GENUINE["snp"].data, certificates=(*made, root))


def _collateral(data: bytes) -> QuoteEvidence:
    return QuoteEvidence(QuoteKind.TDX, GENUINE["tdx"].data, collateral=data)


def _nitro(payload: bytes) -> QuoteEvidence:
    data = cbor((b"\xa1\x01\x38\x22", {}, payload, bytes(96)))
    return QuoteEvidence(QuoteKind.NITRO, data)


def _phala() -> QuoteEvidence:
    event = b'{"imr":3,"event_type":1,"digest":"","event":"","event_payload":""},'
    log = b"[" + event * 9000 + b"{}]"
    quote = read("synthetic_dcap/tdx_v5_valid.quote").hex().encode()
    data = b'{"intel_quote":"%b","signing_address":"","event_log":%b}' % (quote, log)
    return QuoteEvidence(QuoteKind.PHALA, data, collateral=GENUINE["tdx"].collateral)


def _eat() -> QuoteEvidence:
    devices = b",".join(b'"GPU-%d":"a.b.c"' % number for number in range(30_000))
    return QuoteEvidence(
        QuoteKind.NRAS, b'[["JWT","a.b.c"],{%b}]' % devices, collateral=b'{"keys":[]}'
    )
