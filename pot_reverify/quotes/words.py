"""What an appraisal says, in sentences and as JSON values."""

from typing import Final

from pot_reverify.encoding.digest import format_digest, sha256_digest
from pot_reverify.encoding.shown_text import shown_fact, shown_path
from pot_reverify.quotes.evidence import QuoteAppraisal, QuoteKind, format_time
from pot_reverify.quotes.test_roots import is_under_test_root

UNNAMED_SOFTWARE: Final = "genuine, for software that you have not named"

NOT_JUDGED: Final = {
    "software": "which software it was: no measurement of it is named",
    "bindings": "what it is about: nothing was said that it should bind",
    "minimum-tcb": "whether the firmware is new enough: no minimum TCB is named",
    "revocation": "whether the certificates were revoked: no list says so",
}


def genuineness(appraisal: QuoteAppraisal) -> str:
    """The one sentence on a genuine quote."""
    if appraisal.software is None:
        return UNNAMED_SOFTWARE
    return f"genuine, for software that you named: {shown_fact(appraisal.software)}"


def time_sentences(appraisal: QuoteAppraisal, chosen_by: str) -> tuple[str, str]:
    """When the quote was judged, and what is known of the time after that.

    Args:
        chosen_by: where the time of evaluation came from, such as ``your now``.
    """
    if appraisal.kind is QuoteKind.NITRO:
        chosen_by = "stated and signed by the document itself"
    ends = format_time(appraisal.window.not_after_ns)
    return (
        f"valid at {format_time(appraisal.evaluated_at_ns)} ({chosen_by})",
        f"known after that time: nothing; what it was judged by is current until {ends}",
    )


def appraisal_document(appraisal: QuoteAppraisal) -> dict[str, object]:
    """The appraisal as JSON values, bytes in hex."""
    return {
        "kind": appraisal.kind.value,
        "product": appraisal.product,
        "root": format_digest(sha256_digest(appraisal.root)),
        "is_under_test_root": is_under_test_root(appraisal),
        "software": appraisal.software,
        "registers": {name: value.hex() for name, value in sorted(appraisal.registers.items())},
        "bindings": {name: value.hex() for name, value in sorted(appraisal.bindings.items())},
        "keys": {name: value.hex() for name, value in sorted(appraisal.keys.items())},
        "claims": dict(sorted(appraisal.claims.items())),
        "evaluated_at": format_time(appraisal.evaluated_at_ns),
        "current_from": format_time(appraisal.window.not_before_ns),
        "current_until": format_time(appraisal.window.not_after_ns),
        "not_judged": list(appraisal.not_judged),
        "devices": [appraisal_document(device) for device in appraisal.devices],
    }


def appraisal_lines(appraisal: QuoteAppraisal, indent: str = "  ") -> list[str]:
    """What the quote says, a line a fact."""
    facts = [
        ("product", appraisal.product),
        ("root", format_digest(sha256_digest(appraisal.root))),
        *((shown_path(name), value.hex()) for name, value in sorted(appraisal.registers.items())),
        *((shown_path(name), value.hex()) for name, value in sorted(appraisal.bindings.items())),
        *(
            (f"key {shown_path(name)}", value.hex())
            for name, value in sorted(appraisal.keys.items())
        ),
        *((shown_path(name), value) for name, value in sorted(appraisal.claims.items())),
    ]
    lines = [f"{indent}{name:<22} {shown_fact(value)}" for name, value in facts if value]
    for device in appraisal.devices:
        lines.append(f"{indent}inside it: {device.kind.value}")
        lines += appraisal_lines(device, indent + "  ")
    return lines
