"""Evidence that is signed correctly under a test root, and wrong in one respect.

Everything starts from a public sample: its certificates are issued again, field by field, for keys
of this module, so that a changed report can carry a good signature and the one fault shows.
"""

import base64
import hashlib
import json
import re
import warnings
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from quote_samples import pem, read

from pot_reverify.errors import Rejection
from pot_reverify.quotes import strict_cbor
from pot_reverify.quotes.eip191 import keccak256, verify_personal_message
from pot_reverify.quotes.evidence import QuoteEvidence, QuoteKind, QuotePolicy

HASHES = {"secp256r1": SHA256(), "secp384r1": SHA384()}


def load(der: bytes) -> x509.Certificate:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # AMD's serial numbers
        return x509.load_der_x509_certificate(der)


@dataclass(frozen=True)
class Reissued:
    """A chain with the names, dates and extensions of another, and keys that are known."""

    certificates: tuple[bytes, ...]
    keys: tuple[ec.EllipticCurvePrivateKey, ...]

    @property
    def root(self) -> bytes:
        return self.certificates[-1]

    def sign(self, message: bytes, depth: int = 0) -> bytes:
        return raw_signature(self.keys[depth], message)

    def crl(self, depth: int, revoked: tuple[int, ...] = (), days: int = 3650) -> bytes:
        """The list of the certificate at this depth, with the serial numbers that it revokes."""
        start = datetime(2020, 1, 1, tzinfo=UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(load(self.certificates[depth]).subject)
            .last_update(start)
            .next_update(start + timedelta(days=days))
            .add_extension(x509.CRLNumber(1), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.keys[depth].public_key()),
                critical=False,
            )
        )
        for serial in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(serial)
                .revocation_date(start)
                .build()
            )
        key = self.keys[depth]
        made = builder.sign(key, HASHES[key.curve.name], ecdsa_deterministic=True)
        return made.public_bytes(Encoding.DER)


def raw_signature(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    size = key.curve.key_size // 8
    algorithm = ec.ECDSA(HASHES[key.curve.name], deterministic_signing=True)
    r, s = decode_dss_signature(key.sign(message, algorithm))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def labelled_key(curve: ec.EllipticCurve, label: str) -> ec.EllipticCurvePrivateKey:
    """A key that everybody can derive: what it signs vouches for nothing, and never changes."""
    digest = hashlib.sha512(b"pot-audit test key: " + label.encode()).digest()
    return ec.derive_private_key(int.from_bytes(digest[:31], "big"), curve)


def reissue(
    chain: tuple[bytes, ...],
    *,
    curve: ec.EllipticCurve | None = None,
    extensions: dict[int, dict[str, bytes | None]] | None = None,
    names: dict[int, str] | None = None,
    serials: dict[int, int] | None = None,
    validity: dict[int, tuple[datetime, datetime]] | None = None,
    label: str | None = None,
) -> Reissued:
    """Issues a chain again.

    Args:
        chain: DER, leaf first, root last.
        curve: of all keys; P-384 unless told.
        extensions: by depth and OID, contents to put in place of the sample's; None drops one, and
            one that the sample lacks becomes a critical one.
        names: by depth, another common name of the subject.
        serials: by depth, another serial number.
        validity: by depth, other dates.
        label: derives the keys; random ones without.
    """
    originals = [load(der) for der in chain]
    curve = curve or ec.SECP384R1()
    keys = [
        labelled_key(curve, f"{label}, depth {depth}") if label else ec.generate_private_key(curve)
        for depth in range(len(originals))
    ]
    subjects = [original.subject for original in originals]
    for depth, name in (names or {}).items():
        subjects[depth] = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issued = []
    for depth, original in enumerate(originals):
        above = min(depth + 1, len(originals) - 1)
        changed = dict((extensions or {}).get(depth, {}))
        own = (original.not_valid_before_utc, original.not_valid_after_utc)
        not_before, not_after = (validity or {}).get(depth, own)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subjects[depth])
            .issuer_name(subjects[above])
            .not_valid_before(not_before)
            .not_valid_after(not_after)
            .public_key(keys[depth].public_key())
            .serial_number((serials or {}).get(depth, depth + 1))
        )
        for extension in original.extensions:
            value = changed.pop(extension.oid.dotted_string, extension.value.public_bytes())
            if value is not None:
                raw = x509.UnrecognizedExtension(extension.oid, value)
                builder = builder.add_extension(raw, extension.critical)
        for oid, value in changed.items():
            raw = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
            builder = builder.add_extension(raw, critical=True)
        issued.append(
            builder.sign(
                keys[above], HASHES[keys[above].curve.name], ecdsa_deterministic=label is not None
            )
        )
    return Reissued(tuple(c.public_bytes(Encoding.DER) for c in issued), tuple(keys))


def put(data: bytes, offset: int, value: bytes) -> bytes:
    return data[:offset] + value + data[offset + len(value) :]


# SEV-SNP

SNP_AT = "2025-06-01T00:00:00Z"
SNP_CHAINS = {
    "Milan": (read("snp/trustee_test-vcek.der"), *pem("snp_roots/ask_ark_milan.pem")),
    "Turin": (read("snp/virtee_vcek_turin.der"), *pem("snp_roots/ask_ark_turin_vcek.pem")),
    "VLEK": (read("snp/trustee_test-vlek.der"), *pem("snp_roots/ask_ark_milan_vlek.pem")),
}


def snp_report(chain: Reissued, report: bytes, *, big_endian: bool = False) -> bytes:
    """The report with a signature by the chain's leaf."""
    raw = chain.sign(report[:0x2A0])
    r, s = raw[:48], raw[48:]
    if not big_endian:
        r, s = r[::-1], s[::-1]
    return report[:0x2A0] + r.ljust(72, b"\0") + s.ljust(72, b"\0") + bytes(0x4A0 - 0x2A0 - 144)


def snp_evidence(chain: Reissued, report: bytes, **more: bool) -> QuoteEvidence:
    return QuoteEvidence(
        QuoteKind.SEV_SNP,
        snp_report(chain, report, **more),
        certificates=chain.certificates,
        crls=(chain.crl(2),),
    )


def turin_report() -> bytes:
    """The sample's report as a Turin processor would make it for the sample's VCEK."""
    report = read("snp/trustee_test-vlek-report.bin")
    report = put(report, 0x188, bytes([0x1A, 0x02, 0x00]))
    report = put(report, 0x30, bytes(4))
    report = put(report, 0x48, bytes(4))
    report = put(report, 0x180, bytes([0, 0, 0, 0, 0, 0, 0, 9]))
    return put(report, 0x1A0, bytes.fromhex("1e550a8ee5cf9f4d").ljust(64, b"\0"))


# Intel DCAP

DCAP_AT = "2026-01-04T00:00:00Z"


@dataclass(frozen=True)
class TestIntel:
    """Intel's roles, held by the test: a platform, its PCK chain and the TCB signer."""

    pck: Reissued
    signer: Reissued
    attestation_key: ec.EllipticCurvePrivateKey

    @property
    def roots(self) -> dict[str, tuple[bytes, ...]]:
        return {"intel": (self.pck.root,)}

    def collateral(self, **texts: str) -> bytes:
        document = json.loads(read("synthetic_dcap/tdx_valid.collateral.json"))
        document.update(texts)
        for name in ("tcb_info", "qe_identity"):
            document[f"{name}_signature"] = self.signer.sign(document[name].encode()).hex()
            document[f"{name}_issuer_chain"] = to_pem(self.signer.certificates)
        document["pck_crl_issuer_chain"] = to_pem(self.pck.certificates[1:])
        document["root_ca_crl"] = self.pck.crl(2).hex()
        document["pck_crl"] = self.pck.crl(1).hex()
        return json.dumps(document).encode()

    def tdx_quote(self, *, report_data: bytes, rtmr3: bytes = bytes(48)) -> bytes:
        quote = read("synthetic_dcap/tdx_valid.quote")
        body = put(put(quote[:632], 568, report_data), 520, rtmr3)
        public = self.attestation_key.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )[1:]
        authentication = bytes(range(32))
        binds = hashlib.sha256(public + authentication).digest()
        qe_report = put(quote[636 + 134 : 636 + 134 + 384], 320, binds + bytes(32))
        chain = to_pem(self.pck.certificates).encode()
        certified = (
            qe_report
            + self.pck.sign(qe_report)
            + (32).to_bytes(2, "little")
            + authentication
            + (5).to_bytes(2, "little")
            + len(chain).to_bytes(4, "little")
            + chain
        )
        signature = (
            raw_signature(self.attestation_key, body)
            + public
            + (6).to_bytes(2, "little")
            + len(certified).to_bytes(4, "little")
            + certified
        )
        return body + len(signature).to_bytes(4, "little") + signature


def to_pem(certificates: tuple[bytes, ...]) -> str:
    return "".join(load(der).public_bytes(Encoding.PEM).decode() for der in certificates)


@cache
def test_intel(label: str | None = None) -> TestIntel:  # noqa: PT028  no test
    quote = read("synthetic_dcap/tdx_valid.quote")
    blocks = re.findall(
        rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", quote, re.DOTALL
    )
    chain = tuple(
        x509.load_pem_x509_certificate(block).public_bytes(Encoding.DER) for block in blocks
    )
    curve = ec.SECP256R1()
    pck = reissue(chain, curve=curve, label=label and f"{label}, PCK")
    document = json.loads(read("synthetic_dcap/tdx_valid.collateral.json"))
    signer_der = x509.load_pem_x509_certificates(document["tcb_info_issuer_chain"].encode())[0]
    signer = reissue(
        (signer_der.public_bytes(Encoding.DER), chain[-1]),
        curve=curve,
        label=label and f"{label}, TCB signer",
    )
    signer = under(signer, pck)
    attestation_key = (
        labelled_key(curve, f"{label}, attestation") if label else ec.generate_private_key(curve)
    )
    return TestIntel(pck, signer, attestation_key)


test_intel.__test__ = False  # type: ignore[attr-defined]
TestIntel.__test__ = False  # type: ignore[attr-defined]


def under(leaf: Reissued, chain: Reissued) -> Reissued:
    """The leaf issued by the other chain's root."""
    original = load(leaf.certificates[0])
    builder = (
        x509.CertificateBuilder()
        .subject_name(original.subject)
        .issuer_name(load(chain.root).subject)
        .not_valid_before(original.not_valid_before_utc)
        .not_valid_after(original.not_valid_after_utc)
        .public_key(leaf.keys[0].public_key())
        .serial_number(99)
    )
    for extension in original.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    issued = builder.sign(
        chain.keys[-1], HASHES[chain.keys[-1].curve.name], ecdsa_deterministic=True
    )
    return replace(
        leaf,
        certificates=(issued.public_bytes(Encoding.DER), chain.root),
        keys=(leaf.keys[0], chain.keys[-1]),
    )


# AWS Nitro


NITRO_SAMPLE = "nitro/veracruz_aws_nitro_document.cbor"


def cbor(value: object) -> bytes:
    """The shortest definite encoding; a list of pairs is a map, so that keys may repeat."""
    if value is None:
        return b"\xf6"
    if isinstance(value, int):
        return cbor_head(0, value) if value >= 0 else cbor_head(1, -1 - value)
    if isinstance(value, bytes):
        return cbor_head(2, len(value)) + value
    if isinstance(value, str):
        return cbor_head(3, len(value.encode())) + value.encode()
    if isinstance(value, tuple):
        return cbor_head(4, len(value)) + b"".join(cbor(item) for item in value)
    pairs = list(value.items()) if isinstance(value, dict) else value
    return cbor_head(5, len(pairs)) + b"".join(cbor(k) + cbor(v) for k, v in pairs)


def cbor_head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    log2_length = next(n for n in range(4) if argument < 256 ** (1 << n))
    return bytes([major << 5 | 24 + log2_length]) + argument.to_bytes(1 << log2_length, "big")


@cache
def nitro_sample() -> dict[str, object]:
    """The payload of the sample, in Python values."""
    _, _, payload, _ = strict_cbor.decode(read(NITRO_SAMPLE))
    return strict_cbor.decode(payload)


@cache
def nitro_chain() -> Reissued:
    document = nitro_sample()
    return reissue((document["certificate"], *reversed(document["cabundle"])))


@cache
def nitro_chain_at(at: datetime, label: str | None = None) -> Reissued:
    """The sample's chain as it would be at that time: a leaf that lives for the three hours of it.

    Args:
        at: one hour into the leaf's life.
    """
    document = nitro_sample()
    chain = (document["certificate"], *reversed(document["cabundle"]))
    long = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2049, 1, 1, tzinfo=UTC))
    leaf = (at - timedelta(hours=1), at + timedelta(hours=2))
    validity = {depth: long if depth else leaf for depth in range(len(chain))}
    return reissue(chain, validity=validity, label=label)


def nitro_fields(chain: Reissued, **changed: object) -> dict[str, object]:
    """The sample's payload with the chain's certificates, ready for `cbor`."""
    leaf, *issuers = chain.certificates
    return {
        **nitro_sample(),
        "certificate": leaf,
        "cabundle": tuple(reversed(issuers)),
        **changed,
    }


def nitro_document(
    chain: Reissued, payload: bytes, protected: bytes = b"\xa1\x01\x38\x22"
) -> bytes:
    """COSE_Sign1 over payload bytes of any kind."""
    signed = cbor(("Signature1", protected, b"", payload))
    return cbor((protected, {}, payload, chain.sign(signed)))


# NVIDIA


@cache
def gpu_chain() -> Reissued:
    return reissue(pem("nvidia/nvat_hopperCertChain.txt"))


def gpu_report(chain: Reissued, report: bytes) -> bytes:
    """The report with a signature by the chain's leaf."""
    return report[:-96] + chain.sign(report[:-96])


def gpu_evidence(chain: Reissued, report: bytes) -> QuoteEvidence:
    return QuoteEvidence(
        QuoteKind.NVIDIA_GPU, gpu_report(chain, report), certificates=chain.certificates
    )


def gpu_entry(chain: Reissued, report: bytes) -> dict[str, str]:
    """One device of an evidence list."""
    return {
        "arch": "HOPPER",
        "certificate": base64.b64encode(to_pem(chain.certificates).encode()).decode(),
        "evidence": base64.b64encode(gpu_report(chain, report)).decode(),
        "nonce": report[4:36].hex(),
    }


# NVIDIA Remote Attestation Service

NRAS_AT = "2025-06-11T00:45:00Z"
NRAS_SAMPLE = "nvidia/nvat_sad_hopperClaimsv3_detached_eat.json"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token_claims(token: str) -> dict[str, object]:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def token(chain: Reissued, claims: dict[str, object], header: dict[str, object]) -> str:
    signed = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{base64url(chain.sign(signed.encode()))}"


@cache
def nras_chain() -> Reissued:
    """No chain of the service is public: a GPU's, shortened, stands in for it."""
    leaf, issuer, *_, root = pem("nvidia/nvat_hopperCertChain.txt")
    return reissue((leaf, issuer, root))


def nras_evidence(
    overall: dict[str, object] | None = None,
    device: dict[str, object] | None = None,
    header: dict[str, object] | None = None,
    *,
    jwks: object = None,
    relink: bool = True,
) -> QuoteEvidence:
    """The sample's claims, changed, in tokens that the stand-in signs.

    Args:
        overall: claims to change in the first token.
        device: claims to change in the GPU's token.
        header: another header of both.
        jwks: another JWKS.
        relink: whether the first token has the digest of the changed GPU's token.
    """
    chain = nras_chain()
    (_, first), devices = json.loads(read(NRAS_SAMPLE))
    used = header or {"kid": "test", "alg": "ES384"}
    gpu = token(chain, {**token_claims(devices["GPU-0"]), **(device or {})}, used)
    claims = {**token_claims(first), **(overall or {})}
    if relink and "submods" not in (overall or {}):
        claims["submods"] = {
            "GPU-0": ["DIGEST", ["SHA-256", hashlib.sha256(gpu.encode()).hexdigest()]]
        }
    x5c = [base64.b64encode(der).decode() for der in chain.certificates]
    keys = {"keys": [{"kid": "other", "x5c": []}, {"kid": "test", "kty": "EC", "x5c": x5c}]}
    return QuoteEvidence(
        QuoteKind.NRAS,
        json.dumps([["JWT", token(chain, claims, used)], {"GPU-0": gpu}]).encode(),
        collateral=json.dumps(keys if jwks is None else jwks).encode(),
    )


# Vendors' documents

VENDOR_NONCE = bytes(range(32))
DSTACK_SAMPLE = "tdx/dstack_quote-report.json"


@dataclass(frozen=True)
class EthereumKey:
    """A secp256k1 key that signs as wallets do."""

    key: ec.EllipticCurvePrivateKey

    @property
    def address(self) -> bytes:
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return keccak256(point[1:])[-20:]

    def sign(self, message: bytes) -> bytes:
        prefixed = b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message
        der = self.key.sign(keccak256(prefixed), ec.ECDSA(Prehashed(SHA256())))
        r, s = decode_dss_signature(der)
        order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
        half = r.to_bytes(32, "big") + min(s, order - s).to_bytes(32, "big")
        for v in (27, 28):
            try:
                verify_personal_message(self.address, message, half + bytes([v]))
            except Rejection:
                continue
            return half + bytes([v])
        raise AssertionError("neither parity recovers the key")


@cache
def ethereum_key() -> EthereumKey:
    return EthereumKey(ec.generate_private_key(ec.SECP256K1()))


def runtime_events(*events: tuple[str, bytes]) -> tuple[list[dict[str, object]], bytes]:
    """Events of RTMR3, and the register after them."""
    log, register = [], bytes(48)
    for name, payload in events:
        head = (0x08000001).to_bytes(4, "little")
        digest = hashlib.sha384(head + b":" + name.encode() + b":" + payload).digest()
        register = hashlib.sha384(register + digest).digest()
        log.append(
            {
                "imr": 3,
                "event_type": 0x08000001,
                "digest": digest.hex(),
                "event": name,
                "event_payload": payload.hex(),
            }
        )
    return log, register


APP_COMPOSE = '{"docker_compose_file":"services: {}"}'


@cache
def boot_events() -> tuple[list[dict[str, object]], bytes]:
    compose_hash = hashlib.sha256(APP_COMPOSE.encode()).digest()
    return runtime_events(
        ("app-id", compose_hash[:20]),
        ("compose-hash", compose_hash),
        ("system-ready", b""),
        ("compose-hash", bytes(32)),
    )


def phala_evidence(
    *,
    key: bytes | None = None,
    algorithm: str = "ecdsa",
    report_data: bytes | None = None,
    drop: tuple[str, ...] = (),
    **changed: object,
) -> QuoteEvidence:
    """A report of vllm-proxy with one GPU, whose quote is made for it."""
    log, register = boot_events()
    key = key or ethereum_key().address
    gpu = put(read("nvidia/nvat_hopperAttestationReport.txt"), 4, VENDOR_NONCE)
    quote = test_intel().tdx_quote(
        report_data=report_data or key.ljust(32, b"\0") + VENDOR_NONCE, rtmr3=register
    )
    payload = {
        "nonce": VENDOR_NONCE.hex(),
        "arch": "HOPPER",
        "evidence_list": [gpu_entry(gpu_chain(), gpu)],
    }
    report = {
        "signing_address": "0x" + key.hex(),
        "signing_algo": algorithm,
        "request_nonce": VENDOR_NONCE.hex(),
        "intel_quote": (quote + bytes(70)).hex(),
        "nvidia_payload": json.dumps(payload),
        "event_log": log,
        "info": {"tcb_info": {"app_compose": APP_COMPOSE}},
        **changed,
    }
    for name in drop:
        del report[name]
    return QuoteEvidence(
        QuoteKind.PHALA, json.dumps(report).encode(), collateral=test_intel().collateral()
    )


def vendor_policy(**asked: object) -> QuotePolicy:
    roots = {**test_intel().roots, "nvidia": (gpu_chain().root,)}
    return QuotePolicy(**{"roots": roots, "bindings": {"nonce": VENDOR_NONCE}, **asked})


# The keyset and the keys of aci_test-vectors.md.
ACI_KEYSET = {
    "e2ee_public_keys": [
        {
            "algo": "x25519-aes-256-gcm-hkdf-sha256",
            "key_id": "e2ee-1",
            "public_key": "5dfedd3b6bd47f6fa28ee15d969d5bb0ea53774d488bdaf9df1c6e0124b3ef22",
        }
    ],
    "not_after": 1800000000,
    "receipt_signing_keys": [
        {
            "algo": "ed25519",
            "key_id": "receipt-1",
            "public_key": "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394",
        }
    ],
    "subject": "dstack-app://example-app",
    "tls_public_keys": [{"domain": "api.example.com", "spki_sha256": "c0" * 32}],
}
ACI_KEYSET_DIGEST = "sha256:53a5cd44b30dcc51999754c719f2628a041f174ecbf9662a6f8e898a10cd9371"
ACI_REPORT_DATA = "df2174d28130852b413646a3786927b93e94c11d770268b65def8bdba45cb49e"


def aci_evidence(
    *,
    keyset: dict[str, object] | None = None,
    report_data: bytes | None = None,
    proof: dict[str, object] | None = None,
    attestation: dict[str, object] | None = None,
    **changed: object,
) -> QuoteEvidence:
    """A report over the vectors' keyset, whose quote has the vectors' report_data."""
    log, register = boot_events()
    bound = report_data or bytes.fromhex(ACI_REPORT_DATA).ljust(64, b"\0")
    quote = test_intel().tdx_quote(report_data=bound, rtmr3=register)
    report = {
        "api_version": "aci/1",
        "workload_keyset_digest": ACI_KEYSET_DIGEST,
        "attestation": {
            "tee_type": "tdx",
            "workload_keyset": keyset or ACI_KEYSET,
            "report_data": bound[:32].hex(),
            "evidence": {
                "quote": quote.hex(),
                "event_log": log,
                "app_compose": APP_COMPOSE,
                **(proof or {}),
            },
            **(attestation or {}),
        },
        **changed,
    }
    return QuoteEvidence(
        QuoteKind.ACI, json.dumps(report, indent=1).encode(), collateral=test_intel().collateral()
    )
