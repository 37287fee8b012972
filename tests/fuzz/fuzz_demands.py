"""Coverage-guided fuzzing of a reader's policy together with a bundle, up to the screen.

    python tests/fuzz/fuzz_demands.py -max_total_time=1200 [CORPUS]

Needs `atheris`; puts the example policies into the corpus first. The first byte chooses a good
bundle, the rest is the policy. Findings are any exception but a `PotAuditError` of the policy, a
bug that the verdict reports, and a VERIFIED where the policy does not name the recorder's key.
"""

import io
import json
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["tomllib", "pot_reverify", "pot_audit.screen"]):
    from pot_audit.policy_words import explain, warnings
    from pot_audit.screen import verdict_lines
    from pot_reverify import PotAuditError, VerdictWord, load_signer
    from pot_reverify.policy.toml_file import parse_policy
    from pot_reverify.verify import verify_stream

from pot_reverify.quotes.roots import PINNED_ROOTS

FIXTURES = Path(__file__).parents[2] / "fixtures"
BUNDLES = [
    (FIXTURES / name).read_bytes()
    for name in ("vectors/small.potb", "vectors/grade-a.potb", "bundles/timestamped.potb")
]
KEYS = {path.name: path.read_bytes() for path in (FIXTURES / "keys").glob("*.pub")}
RECORDERS = {
    signer.key.key_id
    for name in ("test-recorder.pub", "fixtures.pub")
    for signer in load_signer(FIXTURES / "keys" / name)
}
AT_NS = 1_800_000_000 * 10**9


def read_file(name: str) -> bytes:
    """No file of this machine; a key by its name, else a certificate."""
    return KEYS.get(Path(name).name, PINNED_ROOTS["intel"][0])


def one_input(data: bytes) -> None:
    """As it is, and after a head that names the recorder."""
    if not data:
        return
    bundle, text = BUNDLES[data[0] % len(BUNDLES)], data[1:]
    for start in (b"", b'kind = "pot-audit/policy/1"\n'):
        try:
            policy = parse_policy(start + text, read_file)
        except PotAuditError:
            continue
        explain(policy)
        warnings(policy, AT_NS)
        verdict = verify_stream(io.BytesIO(bundle), len(bundle), policy, at_ns=AT_NS)
        if verdict.bug is not None:
            raise verdict.bug
        json.dumps(verdict.to_document(), ensure_ascii=False).encode()
        "\n".join(verdict_lines(verdict)).encode()
        if verdict.word is VerdictWord.VERIFIED:
            assert RECORDERS & {signer.key.key_id for signer in policy.signers}


def seeds() -> list[bytes]:
    signer = b'[[signer]]\nname = "r"\npublic_key = "test-recorder.pub"\n'
    accept = b'[accept]\nwithheld = "scores"\nmax_attempts = 3\n'
    policies = [path.read_bytes() for path in sorted((FIXTURES / "policies").glob("*.toml"))]
    return [bytes([number]) + text for number in range(3) for text in (*policies, signer + accept)]


if __name__ == "__main__":
    for number, seed in enumerate(seeds()):
        one_input(seed)
        for corpus in filter(Path.is_dir, map(Path, sys.argv[1:])):
            (corpus / f"seed-{number}").write_bytes(seed)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
