"""One genuine piece of evidence of every form, and the policy under which it is."""

from quote_factories import (
    DCAP_AT,
    NITRO_SAMPLE,
    NRAS_AT,
    aci_evidence,
    nras_chain,
    nras_evidence,
    phala_evidence,
    vendor_policy,
)
from quote_samples import ALL_STATUSES, ns, pem, read

from pot_reverify.quotes.evidence import QuoteAppraisal, QuoteEvidence, QuoteKind, QuotePolicy
from pot_reverify.quotes.roots import PINNED_ROOTS
from pot_reverify.quotes.verify import verify_quote

GENUINE = {
    "sgx": QuoteEvidence(
        QuoteKind.SGX,
        read("synthetic_dcap/sgx_valid.quote"),
        collateral=read("synthetic_dcap/sgx_valid.collateral.json"),
    ),
    "tdx": QuoteEvidence(
        QuoteKind.TDX,
        read("synthetic_dcap/tdx_v5_valid.quote"),
        collateral=read("synthetic_dcap/tdx_v5_valid.collateral.json"),
    ),
    "snp": QuoteEvidence(
        QuoteKind.SEV_SNP,
        read("snp/openpcc_azure_report.bin"),
        certificates=(read("snp/openpcc_vcek.der"), *pem("snp_roots/ask_ark_genoa.pem")),
        crls=(read("snp/openpcc_crl_genoa.der"),),
    ),
    "nitro": QuoteEvidence(QuoteKind.NITRO, read(NITRO_SAMPLE)),
    "nvidia": QuoteEvidence(
        QuoteKind.NVIDIA_GPU,
        read("nvidia/nvat_hopperAttestationReport.txt"),
        certificates=pem("nvidia/nvat_hopperCertChain.txt"),
    ),
    "nras": nras_evidence(),
    "phala": phala_evidence(),
    "aci": aci_evidence(),
}
GENUINE_AT = {
    "snp": ns("2025-08-10T00:00:00Z"),
    "nras": ns(NRAS_AT),
    "nitro": ns("2026-01-01T00:00:00Z"),
}
GENUINE_ROOTS = {
    "sgx": {"intel": (read("synthetic_dcap/test_root.der"),)},
    "tdx": {"intel": (read("synthetic_dcap/test_root.der"),)},
    "nras": {"nras": (nras_chain().root,)},
    "phala": vendor_policy().roots,
    "aci": vendor_policy().roots,
}


def appraise(family: str, evidence: QuoteEvidence) -> QuoteAppraisal:
    """Judges evidence as the genuine one of its family is judged."""
    policy = QuotePolicy(
        roots=GENUINE_ROOTS.get(family, PINNED_ROOTS),
        tcb_statuses=ALL_STATUSES,
        bindings=vendor_policy().bindings if family == "aci" else {},
    )
    at_ns = GENUINE_AT.get(family, ns(DCAP_AT))
    return verify_quote(evidence, at_ns=at_ns, policy=policy)
