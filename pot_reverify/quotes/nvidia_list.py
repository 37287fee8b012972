"""NVIDIA's own evidence JSON: what its SDK writes for the devices of one machine.

A list of ``{arch, evidence, certificate, nonce}``, or the request to NVIDIA's service around it
(``{nonce, arch, evidence_list}``). Beside the reports nothing of it is signed, so nothing is
believed: the nonces that count are those in the reports, and they are one.
"""

from typing import Final

from pot_reverify.errors import Rejection
from pot_reverify.quotes import nvidia, vendor_json
from pot_reverify.quotes.evidence import (
    QuoteAppraisal,
    QuoteEvidence,
    QuoteKind,
    QuotePolicy,
)

_WHERE: Final = "NVIDIA evidence"


def verify(evidence: QuoteEvidence, at_ns: int, policy: QuotePolicy) -> QuoteAppraisal:
    """Appraises every device of a list.

    Raises:
        Rejection: ``quote.*``; ``quote.binding`` for devices that answered different nonces, or
            another than the list says.
        Indeterminate: as `pot_reverify.quotes.nvidia.verify`.
    """
    document = vendor_json.decode(evidence.data, _WHERE)
    wrapped = document if isinstance(document, dict) else {}
    entries = vendor_json.as_list(wrapped.get("evidence_list", document), _WHERE)
    parts = nvidia.parse_evidence_list(entries, _WHERE)
    devices = tuple(nvidia.verify(part, at_ns, policy) for part in parts)
    nonce = devices[0].bindings["nonce"]
    said = [vendor_json.as_object(entry, _WHERE) for entry in entries] + [wrapped]
    stated = {
        vendor_json.hex_bytes(one, "nonce", _WHERE) for one in said if one.get("nonce") is not None
    }
    if stated - {nonce} or any(one.bindings["nonce"] != nonce for one in devices):
        raise Rejection("quote.binding", "the devices answered different nonces", where=_WHERE)
    window = devices[0].window
    for device in devices:
        window &= device.window
    counts = {
        name: sum(device.kind is kind for device in devices)
        for name, kind in (("GPU", QuoteKind.NVIDIA_GPU), ("NVSwitch", QuoteKind.NVIDIA_SWITCH))
    }
    return QuoteAppraisal(
        kind=QuoteKind.NVIDIA_LIST,
        product=" and ".join(f"{count} × {name}" for name, count in counts.items() if count),
        root=devices[0].root,
        registers={},
        bindings={"nonce": nonce},
        claims={},
        window=window,
        evaluated_at_ns=at_ns,
        devices=devices,
    )
