"""What is handed to the verification of a quote, what the reader asks of it, and what comes back.

The roles are those of RFC 9334: evidence and endorsements come from the bundle and are believed in
nothing; the policy comes from the reader; the appraisal says what was found and what nobody judged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.quotes.roots import PINNED_ROOTS

MAX_QUOTE_BYTES: Final = 2 * 2**20
MAX_COLLATERAL_BYTES: Final = 512 * 2**10
MAX_CERTIFICATE_BYTES: Final = 16 * 2**10
MAX_CRL_BYTES: Final = 512 * 2**10
MAX_CERTIFICATES: Final = 16
MAX_CRLS: Final = 8


class QuoteKind(StrEnum):
    """The forms of evidence; the values are the names that bundles and policies use."""

    SGX = "sgx"
    TDX = "tdx"
    SEV_SNP = "sev-snp"
    NITRO = "nitro"
    NVIDIA_GPU = "nvidia-gpu"
    NVIDIA_SWITCH = "nvidia-switch"
    NVIDIA_LIST = "nvidia-evidence"
    NRAS = "nras-eat"
    PHALA = "phala-vllm/1"
    ACI = "aci/1"


@dataclass(frozen=True, slots=True)
class QuoteEvidence:
    """One quote and what travelled with it.

    Args:
        kind: what the data claims to be; `pot_reverify.quotes.verify.identify_quote` finds it.
        data: the quote, token or vendor document, as it came off the wire.
        collateral: for DCAP the nine-member JSON of TCB info, QE identity, chains and CRLs that
            dcap-qvl and the Phala PCCS exchange; for NRAS tokens the JWKS document.
        certificates: DER, the end entity first. Nothing in them is believed before a pinned root.
        crls: DER.

    Raises:
        Rejection: ``quote.too-large``.
    """

    kind: QuoteKind
    data: bytes
    collateral: bytes = b""
    certificates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        for what, parts, most, most_bytes in (
            ("data", (self.data,), 1, MAX_QUOTE_BYTES),
            ("collateral", (self.collateral,), 1, MAX_COLLATERAL_BYTES),
            ("certificates", self.certificates, MAX_CERTIFICATES, MAX_CERTIFICATE_BYTES),
            ("crls", self.crls, MAX_CRLS, MAX_CRL_BYTES),
        ):
            if len(parts) > most or any(len(part) > most_bytes for part in parts):
                raise Rejection(
                    "quote.too-large",
                    "more evidence than any TEE makes",
                    where=what,
                    expected=f"at most {most} of {most_bytes} bytes",
                )


@dataclass(frozen=True, slots=True)
class NamedSoftware:
    """Software that the reader names: the registers that identify it, all of which must agree.

    Args:
        name: shown to people.
        kind: the kind of quote that the registers belong to.
        registers: exact values by name: ``mrenclave`` or ``mrsigner`` and ``isv_prod_id``; ``mrtd``
            and ``rtmr0``…``rtmr3``; ``measurement``; ``pcr0``…; ``measurement01``…, ``driver``.
        minimum_isv_svn: SGX only, for software that is named by its signer.
        hashes_requests: the reader knows that this code hashes the requests that it receives
            itself, and does not believe a client's ``X-Request-Hash`` header.

    Raises:
        Rejection: ``quote.policy`` where no register is named: that would name all software.
    """

    name: str
    kind: QuoteKind
    registers: Mapping[str, bytes]
    minimum_isv_svn: int = 0
    hashes_requests: bool = False

    def __post_init__(self) -> None:
        if not self.registers:
            raise Rejection("quote.policy", "software without registers is any software")


@dataclass(frozen=True, slots=True)
class QuotePolicy:
    """What the reader asks of quotes.

    Args:
        roots: DER certificates by vendor; the shipped pins unless the reader replaces them.
        software: allow-list. Empty: quotes are genuine, for software that the reader did not name.
        bindings: what the TEE must have bound, by field: ``report_data`` (64 bytes), ``nonce``,
            ``user_data``, ``public_key``.
        tcb_statuses: Intel's TCB statuses that are good enough.
        minimum_tcb_evaluation_number: the oldest Intel TCB evaluation data set that will do.
        minimum_snp_tcb: floors by product and component, such as ``{"Milan": {"snp": 24}}``; AMD
            publishes no statuses, so without a floor any firmware that AMD ever signed passes.
        vmpls: SEV-SNP privilege levels that may ask for the report.
        revocation_required: a missing CRL is `Indeterminate`; a CRL that is there always counts.
    """

    roots: Mapping[str, tuple[bytes, ...]] = field(default_factory=lambda: PINNED_ROOTS)
    software: tuple[NamedSoftware, ...] = ()
    bindings: Mapping[str, bytes] = field(default_factory=dict)
    tcb_statuses: frozenset[str] = frozenset({"UpToDate"})
    minimum_tcb_evaluation_number: int = 0
    minimum_snp_tcb: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    vmpls: frozenset[int] = frozenset({0})
    revocation_required: bool = True

    def roots_of(self, vendor: str) -> tuple[bytes, ...]:
        """The vendor's roots.

        Raises:
            Indeterminate: ``quote.root-not-named``.
        """
        if not self.roots.get(vendor):
            raise Indeterminate(
                "quote.root-not-named",
                "the policy names no root for this vendor",
                needs=f"a root certificate for {vendor} in the trust policy",
            )
        return self.roots[vendor]


@dataclass(frozen=True, slots=True)
class Window:
    """The time for which all certificates, CRLs and statements that were used are current."""

    not_before_ns: int
    not_after_ns: int

    def __and__(self, other: "Window") -> "Window":
        return Window(
            max(self.not_before_ns, other.not_before_ns), min(self.not_after_ns, other.not_after_ns)
        )

    def require(self, at_ns: int, where: str) -> None:
        """Returns only if the time lies inside.

        Raises:
            Rejection: ``quote.not-yet-valid``: made after the time for which it is claimed.
            Indeterminate: ``quote.stale``: nothing is wrong with it, it only came to be checked
                too late; a proof of an earlier time settles it.
        """
        if at_ns < self.not_before_ns:
            raise Rejection(
                "quote.not-yet-valid",
                "not valid yet at the time of evaluation",
                where=where,
                expected=f"at or after {format_time(self.not_before_ns)}",
                got=format_time(at_ns),
            )
        if at_ns > self.not_after_ns:
            raise Indeterminate(
                "quote.stale",
                f"no longer valid at {format_time(at_ns)}",
                where=where,
                needs=f"a proof that the quote existed by {format_time(self.not_after_ns)}",
            )


@dataclass(frozen=True, slots=True)
class QuoteAppraisal:
    """A genuine quote, at the time of evaluation, and what it says.

    Args:
        kind: the kind of evidence.
        product: the vendor's name for what made it.
        root: the pinned root certificate (DER) that it chains to.
        registers: measurements by name.
        bindings: what the TEE bound, by field, as in `QuotePolicy.bindings`.
        keys: keys that the TEE attests for signing responses, by name.
        claims: other signed facts, for people: TCB, identifiers, advisories.
        window: for how long what was used is current.
        evaluated_at_ns: Unix time; a Nitro document is evaluated at the time that it states itself.
        software: the reader's name for the software; None: genuine, for software not named.
        hashes_requests: from the `NamedSoftware` that matched.
        not_judged: what nothing here decided: ``software``, ``bindings``, ``minimum-tcb``,
            ``revocation``.
        devices: quotes inside a vendor's document, such as its GPUs.
    """

    kind: QuoteKind
    product: str
    root: bytes
    registers: Mapping[str, bytes]
    bindings: Mapping[str, bytes]
    claims: Mapping[str, str]
    window: Window
    evaluated_at_ns: int
    keys: Mapping[str, bytes] = field(default_factory=dict)
    software: str | None = None
    hashes_requests: bool = False
    not_judged: tuple[str, ...] = ()
    devices: tuple["QuoteAppraisal", ...] = ()


def format_time(at_ns: int) -> str:
    """A Unix time in nanoseconds as RFC 3339, or as a number where no calendar reaches."""
    try:
        return datetime.fromtimestamp(at_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{at_ns} ns"


def time_ns(moment: datetime) -> int:
    """An aware datetime as Unix time in nanoseconds, exactly."""
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86400 + since.seconds) * 10**6 + since.microseconds) * 1000


def with_registers(appraisal: QuoteAppraisal, registers: Mapping[str, bytes]) -> QuoteAppraisal:
    """The appraisal with registers that a replayed log adds."""
    return replace(appraisal, registers={**appraisal.registers, **registers})
