"""AMD SEV-SNP attestation reports, versions 2 to 5.

Layout: AMD publication 56860 (SEV-SNP firmware ABI), table "ATTESTATION_REPORT". Certificates:
AMD publication 57230 (VCEK) and 58369 (VLEK). Integers are little-endian, the signature included.
"""

from dataclasses import dataclass
from typing import Final

from cryptography import x509

from pot_reverify.errors import Rejection
from pot_reverify.quotes.chain import (
    Chain,
    extension_value,
    verify_chain,
    verify_not_revoked,
    verify_p384,
)
from pot_reverify.quotes.evidence import QuoteAppraisal, QuoteEvidence, QuoteKind, QuotePolicy

REPORT_BYTES: Final = 0x4A0
VERSIONS: Final = range(2, 6)
_WHERE: Final = "SEV-SNP report"
_SIGNED_BYTES: Final = 0x2A0
_FIRST_VERSION_WITH_CPU_FAMILY: Final = 3
_ECDSA_P384_SHA384: Final = 1
_R_BYTES: Final = 72
_P384_BYTES: Final = 48

_POLICY_MUST_BE_ONE: Final = 1 << 17
_POLICY_MIGRATION_AGENT: Final = 1 << 18
_POLICY_DEBUG: Final = 1 << 19
_FLAG_MASK_CHIP: Final = 1 << 1
# Which key signed: the report says so, and the report decides which certificate will do.
_ISSUER_OF_KEY_KIND: Final = {0: "SEV-{product}", 1: "SEV-VLEK-{product}"}
_VCEK: Final = 0

_OID: Final = "1.3.6.1.4.1.3704.1."
_COMPONENT_OIDS: Final = {"bl": "3.1", "tee": "3.2", "snp": "3.3", "ucode": "3.8", "fmc": "3.9"}
# The byte of each component in a TCB version; Turin moved them.
_BEFORE_TURIN: Final = {"bl": 0, "tee": 1, "snp": 6, "ucode": 7}
_TURIN: Final = {"fmc": 0, "bl": 1, "tee": 2, "snp": 3, "ucode": 7}
_TCB_LAYOUTS: Final = {"Milan": _BEFORE_TURIN, "Genoa": _BEFORE_TURIN, "Turin": _TURIN}
_HARDWARE_ID_BYTES: Final = {"Milan": 64, "Genoa": 64, "Turin": 8}
_MODELS: Final = (
    (0x19, range(0x10), "Milan"),
    (0x19, range(0x10, 0x20), "Genoa"),
    (0x19, range(0xA0, 0xB0), "Genoa"),
    (0x1A, range(0x12), "Turin"),
)


@dataclass(frozen=True, slots=True)
class SnpReport:
    """The fields of a report that are judged or shown; offsets as in the ABI.

    Args:
        data: the whole report, `REPORT_BYTES` bytes.
    """

    data: bytes

    def uint(self, offset: int, size: int) -> int:
        """A little-endian field."""
        return int.from_bytes(self.data[offset : offset + size], "little")

    def octets(self, offset: int, size: int) -> bytes:
        """A field of bytes."""
        return self.data[offset : offset + size]

    @property
    def cpu_product(self) -> str | None:
        """The product by CPUID family and model; None in version 2, which lacks them.

        Raises:
            Rejection: ``quote.product``.
        """
        if self.uint(0, 4) < _FIRST_VERSION_WITH_CPU_FAMILY:
            return None
        family, model = self.uint(0x188, 1), self.uint(0x189, 1)
        for product_family, models, product in _MODELS:
            if family == product_family and model in models:
                return product
        raise Rejection(
            "quote.product",
            "not a processor whose reports this version reads",
            where=_WHERE,
            got=f"family {family:#x}, model {model:#x}",
        )

    def tcb(self, offset: int, product: str) -> dict[str, int]:
        """A TCB version in the layout of the product."""
        layout = _TCB_LAYOUTS[product]
        return {component: self.uint(offset + byte, 1) for component, byte in layout.items()}


def verify(evidence: QuoteEvidence, at_ns: int, policy: QuotePolicy) -> QuoteAppraisal:
    """Appraises a report with its VCEK or VLEK, ASK or ASVK, and the ARK's CRL.

    Raises:
        Rejection: ``quote.*``.
        Indeterminate: ``quote.certificate-missing``, ``quote.crl-missing``, ``quote.stale``.
    """
    report = _parse(evidence.data)
    chain = verify_chain(evidence.certificates, policy.roots_of("amd"), "SEV-SNP chain")
    product = _check_product(report, chain)
    _check_certificate(report, chain.leaf, product)
    r, s = (report.octets(_SIGNED_BYTES + i * _R_BYTES, _R_BYTES) for i in range(2))
    if any(r[_P384_BYTES:]) or any(s[_P384_BYTES:]):
        raise Rejection("quote.signature", "r or s is longer than P-384 has", where=_WHERE)
    signature = r[:_P384_BYTES][::-1] + s[:_P384_BYTES][::-1]
    verify_p384(chain.leaf, signature, report.data[:_SIGNED_BYTES], _WHERE)
    _check_guest(report, policy)
    reported = report.tcb(0x180, product)
    floor = policy.minimum_snp_tcb.get(product, {})
    for component, lowest in floor.items():
        if reported.get(component, -1) < lowest:
            raise Rejection(
                "quote.tcb",
                "firmware older than the policy allows",
                where=f"{_WHERE}, reported TCB, {component}",
                expected=f"at least {lowest}",
                got=reported.get(component, "absent"),
            )
    chain.window.require(at_ns, "SEV-SNP chain")
    current = verify_not_revoked(
        chain, evidence.crls, at_ns, "SEV-SNP chain", required=policy.revocation_required
    )
    return QuoteAppraisal(
        kind=QuoteKind.SEV_SNP,
        product=product,
        root=chain.root,
        registers={
            "measurement": report.octets(0x90, 48),
            "host_data": report.octets(0xC0, 32),
            "id_key_digest": report.octets(0xE0, 48),
            "author_key_digest": report.octets(0x110, 48),
        },
        bindings={"report_data": report.octets(0x50, 64)},
        claims={
            "version": str(report.uint(0, 4)),
            "guest_svn": str(report.uint(4, 4)),
            "policy": f"{report.uint(8, 8):#x}",
            "vmpl": str(report.uint(0x30, 4)),
            "chip_id": report.octets(0x1A0, 64).hex(),
            "reported_tcb": " ".join(f"{name}={svn}" for name, svn in reported.items()),
        },
        window=chain.window if current is None else chain.window & current,
        evaluated_at_ns=at_ns,
        not_judged=(*(() if floor else ("minimum-tcb",)), *(() if current else ("revocation",))),
    )


def _parse(data: bytes) -> SnpReport:
    if len(data) != REPORT_BYTES:
        code = "quote.truncated" if len(data) < REPORT_BYTES else "quote.trailing-bytes"
        raise Rejection(
            code,
            "not the size of a report",
            where=_WHERE,
            expected=f"{REPORT_BYTES} bytes",
            got=f"{len(data)} bytes",
        )
    report = SnpReport(data)
    if report.uint(0, 4) not in VERSIONS:
        raise Rejection("quote.version", "not a known version", where=_WHERE, got=report.uint(0, 4))
    if report.uint(0x34, 4) != _ECDSA_P384_SHA384:
        raise Rejection("quote.algorithm", "not ECDSA P-384 with SHA-384", where=_WHERE)
    # Nobody signed what follows the signature.
    if any(data[_SIGNED_BYTES + 2 * _R_BYTES :]):
        raise Rejection("quote.trailing-bytes", "the padding is not zero", where=_WHERE)
    return report


def _check_product(report: SnpReport, chain: Chain) -> str:
    """The pinned root says what the chain certifies; a version 2 report says nothing itself."""
    product = _common_name(chain.certificates[-1].subject).removeprefix("ARK-")
    said_by_cpu = report.cpu_product or product
    said_by_certificate = _der_text(extension_value(chain.leaf, _OID + "2")).split("-")[0]
    if product not in _TCB_LAYOUTS or {said_by_cpu, said_by_certificate} != {product}:
        raise Rejection(
            "quote.product",
            "root, certificate and report speak of different products",
            where=_WHERE,
            expected=product,
            got=f"{said_by_certificate} in the certificate, {said_by_cpu} in the report",
        )
    return product


def _check_certificate(report: SnpReport, leaf: x509.Certificate, product: str) -> None:
    flags = report.uint(0x48, 4)
    key_kind = flags >> 2 & 7
    issuer = _ISSUER_OF_KEY_KIND.get(key_kind, "").format(product=product)
    if _common_name(leaf.issuer) != issuer:
        raise Rejection(
            "quote.signing-key",
            "the certificate is not of the kind of key that signed",
            where=_WHERE,
            expected=issuer or "VCEK or VLEK",
            got=_common_name(leaf.issuer),
        )
    certified = {
        component: _der_uint(extension_value(leaf, _OID + _COMPONENT_OIDS[component]))
        for component in _TCB_LAYOUTS[product]
    }
    if certified != report.tcb(0x180, product):
        raise Rejection(
            "quote.certificate-tcb",
            "the certificate is of another TCB than the report",
            where=_WHERE,
            expected=certified,
            got=report.tcb(0x180, product),
        )
    chip_id = report.octets(0x1A0, 64)
    if flags & _FLAG_MASK_CHIP:
        expected: bytes | None = bytes(64)
    elif key_kind == _VCEK:
        hardware_id = extension_value(leaf, _OID + "4") or b""
        right_size = len(hardware_id) == _HARDWARE_ID_BYTES[product]
        expected = hardware_id.ljust(64, b"\x00") if right_size else None
    else:
        expected = chip_id  # a VLEK belongs to the cloud provider, not to a chip
    if chip_id != expected:
        raise Rejection(
            "quote.chip-id",
            "the certificate is of another chip than the report",
            where=_WHERE,
            expected=None if expected is None else expected.hex(),
            got=chip_id.hex(),
        )


def _check_guest(report: SnpReport, policy: QuotePolicy) -> None:
    guest_policy, vmpl = report.uint(8, 8), report.uint(0x30, 4)
    if guest_policy & _POLICY_DEBUG:
        raise Rejection("quote.debug", "the host may read the guest's memory", where=_WHERE)
    if guest_policy & _POLICY_MIGRATION_AGENT or not guest_policy & _POLICY_MUST_BE_ONE:
        raise Rejection(
            "quote.guest-policy",
            "a migration agent may move the guest, or a reserved bit is wrong",
            where=_WHERE,
            got=f"{guest_policy:#x}",
        )
    if vmpl not in policy.vmpls:
        raise Rejection(
            "quote.vmpl",
            "asked for at a privilege level that the policy does not allow",
            where=_WHERE,
            expected=sorted(policy.vmpls),
            got=vmpl,
        )


def _common_name(name: x509.Name) -> str:
    values = [a.value for a in name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    return str(values[0]) if len(values) == 1 else ""


def _der_uint(value: bytes | None) -> int:
    """A DER INTEGER from 0 to 255, as AMD's extensions hold them; -1 is none of them."""
    if value is None or value[:2] not in (b"\x02\x01", b"\x02\x02") or len(value) != 2 + value[1]:
        return -1
    return int.from_bytes(value[2:], "big")


def _der_text(value: bytes | None) -> str:
    """A DER IA5String of less than 128 bytes; empty where it is not one."""
    if value is None or value[:1] != b"\x16" or value[1:2] != bytes([len(value) - 2]):
        return ""
    return value[2:].decode("ascii", "replace")
