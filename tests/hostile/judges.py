"""What a reader asks of each kind of file: an answer, whatever the file is."""

import io
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from token_root import ROOT_DER

from pot_reverify import Policy, PotAuditError, Withheld, load_signer
from pot_reverify.policy import BindingPolicy, TimeAuthority, TimePolicy
from pot_reverify.policy.toml_file import parse_policy
from pot_reverify.quotes.evidence import QuotePolicy
from pot_reverify.quotes.roots import PINNED_ROOTS
from pot_reverify.quotes.verify import verify_quote
from pot_reverify.quotes.wire_forms import read_evidence, split_der
from pot_reverify.seal.public_keys import parse_public_keys
from pot_reverify.verify import verify_stream

_FIXTURES = Path(__file__).parents[2] / "fixtures"
_INTEL_TEST_ROOT = (_FIXTURES / "tee" / "synthetic_dcap" / "test_root.der").read_bytes()
_ROOTS = {**PINNED_ROOTS, "intel": (*PINNED_ROOTS["intel"], _INTEL_TEST_ROOT)}
READER = Policy(
    signers=load_signer(_FIXTURES / "keys" / "test-recorder.pub"),
    withheld=Withheld.SCORES,
    time=TimePolicy((TimeAuthority("test", ROOT_DER),)),
    binding=BindingPolicy(quotes=QuotePolicy(roots=_ROOTS)),
)
AT_NS = 1_800_000_000 * 10**9


def judge_bundle(data: bytes) -> str:
    verdict = verify_stream(io.BytesIO(data), len(data), READER, at_ns=AT_NS)
    if verdict.bug is not None:
        raise verdict.bug
    codes = {check.code for check in verdict.checks if check.status.value in ("FAIL", "skip")}
    return " ".join([verdict.word.value, *sorted(codes - {"not-read"})])


def judge_policy(data: bytes) -> str:
    try:
        return f"policy {parse_policy(data, _no_file).digest.hex()[:8]}"
    except PotAuditError as error:
        return error.code


def judge_keys(data: bytes) -> str:
    try:
        return f"{len(parse_public_keys(data))} keys"
    except PotAuditError as error:
        return error.code


def judge_evidence(data: bytes) -> str:
    found = []
    for read in (_read_and_verify, split_der):
        try:
            found.append(type(read(data)).__name__)
        except PotAuditError as error:
            found.append(error.code)
    return " ".join(found)


def _read_and_verify(data: bytes) -> object:
    evidence = read_evidence(data, b"", (), ())
    return verify_quote(evidence, at_ns=AT_NS, policy=QuotePolicy())


def _no_file(name: str) -> bytes:
    raise FileNotFoundError(name)


JUDGES: MappingProxyType[str, Callable[[bytes], str]] = MappingProxyType(
    {
        "bundle": judge_bundle,
        "policy": judge_policy,
        "keys": judge_keys,
        "evidence": judge_evidence,
    }
)
