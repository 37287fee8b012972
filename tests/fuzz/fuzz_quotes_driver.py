"""What the fuzz targets of quotes share.

The first byte of an input chooses a part of genuine evidence, the rest takes its place. Findings
are any exception but a `PotAuditError`, and an appraisal that says something else than that of the
genuine evidence: then something was believed that nobody signed.
"""

import sys
from dataclasses import replace
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1] / "quotes"))

with atheris.instrument_imports(include=["pot_reverify.quotes", "pot_reverify.encoding"]):
    # The entry point loads these when they are needed, which is too late to be instrumented.
    from pot_reverify.quotes import aci, dcap, nitro, nras, nvidia, phala, snp  # noqa: F401

from genuine_evidence import GENUINE, appraise

from pot_reverify.errors import PotAuditError
from pot_reverify.quotes.evidence import QuoteAppraisal, QuoteEvidence


def parts_of(evidence: QuoteEvidence) -> list[tuple[str, int, bytes]]:
    """Attribute, index in it, and content of every part."""
    parts = [("data", 0, evidence.data)]
    if evidence.collateral:
        parts.append(("collateral", 0, evidence.collateral))
    for name in ("certificates", "crls"):
        parts += [(name, i, item) for i, item in enumerate(getattr(evidence, name))]
    return parts


def said(appraisal: QuoteAppraisal) -> tuple[object, ...]:
    """What a reader would rely on."""
    return (
        dict(appraisal.registers),
        dict(appraisal.bindings),
        dict(appraisal.keys),
        [said(device) for device in appraisal.devices],
    )


def fuzz(family: str) -> None:
    """Runs until told to stop, from a corpus of the genuine parts."""
    evidence = GENUINE[family]
    parts = parts_of(evidence)
    genuine = said(appraise(family, evidence))

    def one_input(data: bytes) -> None:
        if not data:
            return
        name, index, _ = parts[data[0] % len(parts)]
        changed: bytes | tuple[bytes, ...] = data[1:]
        if name in {"certificates", "crls"}:
            items = list(getattr(evidence, name))
            items[index] = data[1:]
            changed = tuple(items)
        try:
            appraisal = appraise(family, replace(evidence, **{name: changed}))
        except PotAuditError:
            return
        assert said(appraisal) == genuine

    corpus = next((Path(arg) for arg in sys.argv[1:] if not arg.startswith("-")), None)
    if corpus is not None:
        corpus.mkdir(parents=True, exist_ok=True)
        for number, (_, _, content) in enumerate(parts):
            (corpus / f"genuine-{number}").write_bytes(bytes([number]) + content)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
