"""Everything that ends is good through its last second, and nothing is a second later.

RFC 5280 §4.1.2.5: the validity of a certificate is from notBefore through notAfter, inclusive; a
list is current until nextUpdate (§5.1.2.5), as Intel's collateral is.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from quote_factories import (
    HASHES,
    NRAS_SAMPLE,
    SNP_CHAINS,
    Reissued,
    TestIntel,
    cbor,
    gpu_evidence,
    labelled_key,
    nitro_chain_at,
    nitro_document,
    nitro_fields,
    nras_chain,
    nras_evidence,
    reissue,
    snp_report,
    token_claims,
    under,
)
from quote_samples import pem, read, verdict

from pot_reverify.quotes.evidence import QuoteEvidence, QuoteKind, QuotePolicy
from pot_reverify.quotes.verify import verify_quote

NS = 10**9
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
END = datetime(2026, 1, 5, 6, 7, 8, tzinfo=UTC)
LONG = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC))
SHORT = (START, END)
P256 = ec.SECP256R1()


@dataclass(frozen=True)
class Case:
    """Evidence of which one thing begins at START and ends at END."""

    evidence: QuoteEvidence
    roots: dict[str, tuple[bytes, ...]]


def validity(depths: int, short: int | None) -> dict[int, tuple[datetime, datetime]]:
    return {depth: SHORT if depth == short else LONG for depth in range(depths)}


def crl(chain: Reissued, depth: int, window: tuple[datetime, datetime]) -> bytes:
    key = chain.keys[depth]
    issuer = x509.load_der_x509_certificate(chain.certificates[depth]).subject
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer)
        .last_update(window[0])
        .next_update(window[1])
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
    )
    return builder.sign(key, HASHES[key.curve.name]).public_bytes(Encoding.DER)


def dcap(short: str) -> Case:
    quote = read("synthetic_dcap/tdx_valid.quote")
    blocks = re.findall(
        rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", quote, re.DOTALL
    )
    chain = tuple(
        x509.load_pem_x509_certificate(block).public_bytes(Encoding.DER) for block in blocks
    )
    depths = {"pck": 0, "platform ca": 1, "root": 2}
    pck = reissue(chain, curve=P256, label="last second", validity=validity(3, depths.get(short)))
    sample = json.loads(read("synthetic_dcap/tdx_valid.collateral.json"))
    (first, *_) = x509.load_pem_x509_certificates(sample["tcb_info_issuer_chain"].encode())
    signer = reissue(
        (first.public_bytes(Encoding.DER), chain[-1]),
        curve=P256,
        label="last second, signer",
        validity=validity(2, 0 if short == "tcb signer" else None),
    )
    intel = TestIntel(pck, under(signer, pck), labelled_key(P256, "last second, attestation"))
    texts = {}
    for name in ("tcb_info", "qe_identity"):
        issued, ends = SHORT if short == name else LONG
        document = json.loads(sample[name]) | {
            "issueDate": f"{issued:%Y-%m-%dT%H:%M:%SZ}",
            "nextUpdate": f"{ends:%Y-%m-%dT%H:%M:%SZ}",
        }
        texts[name] = json.dumps(document, separators=(",", ":"))
    collateral = json.loads(intel.collateral(**texts))
    for name, depth in (("root_ca_crl", 2), ("pck_crl", 1)):
        collateral[name] = crl(pck, depth, SHORT if short == name else LONG).hex()
    evidence = QuoteEvidence(
        QuoteKind.TDX,
        intel.tdx_quote(report_data=bytes(64)),
        collateral=json.dumps(collateral).encode(),
    )
    return Case(evidence, intel.roots)


def snp(short: str) -> Case:
    depths = {"vcek": 0, "ask": 1, "ark": 2}
    chain = reissue(SNP_CHAINS["Milan"], validity=validity(3, depths.get(short)))
    evidence = QuoteEvidence(
        QuoteKind.SEV_SNP,
        snp_report(chain, read("snp/trustee_test-report.bin")),
        certificates=chain.certificates,
        crls=(crl(chain, 2, SHORT if short == "crl" else LONG),),
    )
    return Case(evidence, {"amd": (chain.root,)})


def gpu(short: str) -> Case:
    depth = {"leaf": 0, "provisioner": 2}[short]
    chain = reissue(pem("nvidia/nvat_hopperCertChain.txt"), validity=validity(5, depth))
    report = read("nvidia/nvat_hopperAttestationReport.txt")
    return Case(gpu_evidence(chain, report), {"nvidia": (chain.root,)})


def nras(short: str) -> Case:
    lived = {"nbf": int(START.timestamp()), "exp": int(END.timestamp())}
    long = {"nbf": 0, "exp": int(LONG[1].timestamp())}
    overall, device = (lived if short == name else long for name in ("overall", "device"))
    assert {"nbf", "exp"} <= token_claims(json.loads(read(NRAS_SAMPLE))[0][1]).keys()
    return Case(nras_evidence(overall, device), {"nras": (nras_chain().root,)})


MAKERS = {
    "dcap": (
        dcap,
        ("pck", "platform ca", "root", "tcb signer", "tcb_info", "qe_identity", "root_ca_crl",
         "pck_crl"),
    ),
    "snp": (snp, ("vcek", "ask", "ark", "crl")),
    "gpu": (gpu, ("leaf", "provisioner")),
    "nras": (nras, ("overall", "device")),
}  # fmt: skip
NAMES = [(kind, short) for kind, (_, shorts) in MAKERS.items() for short in shorts]


@cache
def case(kind: str, short: str) -> Case:
    make, _ = MAKERS[kind]
    return make(short)


def code_at(kind: str, short: str, at: datetime) -> str:
    made, at_ns = case(kind, short), int(at.timestamp()) * NS
    policy = QuotePolicy(roots=made.roots)
    return verdict(lambda: verify_quote(made.evidence, at_ns=at_ns, policy=policy))


@pytest.mark.parametrize(("kind", "short"), NAMES, ids=" ".join)
def test_what_ends_is_good_through_its_last_second(kind, short):
    second = timedelta(seconds=1)
    found = [code_at(kind, short, END + shift * second) for shift in (-1, 0, 1)]
    assert found == ["genuine", "genuine", "quote.stale"]


@pytest.mark.parametrize(("kind", "short"), NAMES, ids=" ".join)
def test_what_begins_is_good_from_its_first_second(kind, short):
    second = timedelta(seconds=1)
    before, first, after = (code_at(kind, short, START + shift * second) for shift in (-1, 0, 1))
    # Of certificates that have not begun dcap-qvl says no more than that it refuses them.
    refused = kind == "dcap" and short in ("pck", "platform ca", "tcb signer")
    assert before == ("quote.dcap-refused" if refused else "quote.not-yet-valid")
    assert (first, after) == ("genuine", "genuine")


def test_a_nitro_documents_own_time_may_be_the_last_of_its_leaf():
    chain = nitro_chain_at(END - timedelta(hours=2))
    for shift, code in ((-1, "genuine"), (0, "genuine"), (1, "quote.time")):
        stated_ms = (int(END.timestamp()) + shift) * 1000
        document = nitro_document(chain, cbor(nitro_fields(chain, timestamp=stated_ms)))
        run = partial(
            verify_quote,
            QuoteEvidence(QuoteKind.NITRO, document),
            at_ns=int(LONG[1].timestamp()) * NS,
            policy=QuotePolicy(roots={"aws": (chain.root,)}),
        )
        assert verdict(run) == code
