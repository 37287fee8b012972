"""Coverage-guided fuzzing of policy files.

    python tests/fuzz/fuzz_policy.py -max_total_time=60 [CORPUS]

Needs `atheris`; puts the example policies into the corpus first. Any exception but a `Rejection`
is a finding, as is a policy without a digest, or whose digest depends on the text around it.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["tomllib", "pot_reverify.policy"]):
    from pot_reverify.policy.toml_file import parse_policy

from pot_reverify.errors import Rejection
from pot_reverify.quotes.roots import PINNED_ROOTS

FIXTURES = Path(__file__).parents[2] / "fixtures"
PEM = (FIXTURES / "keys" / "test-recorder.pub").read_bytes()


def read_file(name: str) -> bytes:
    """No file of this machine; a key or a certificate by the look of the name."""
    return PEM if name.endswith(".pub") else PINNED_ROOTS["intel"][0]


def one_input(data: bytes) -> None:
    """Alone, and after a head that is good, since most random bytes are no policy."""
    for text in (data, b'kind = "pot-audit/policy/1"\n' + data):
        try:
            policy = parse_policy(text, read_file)
        except Rejection:
            continue
        assert len(policy.digest) == 32
        assert parse_policy(text + b"\n# a remark\n", read_file).digest == policy.digest


if __name__ == "__main__":
    for path in sorted((FIXTURES / "policies").glob("*.toml")):
        one_input(path.read_bytes())
        for corpus in filter(Path.is_dir, map(Path, sys.argv[1:])):
            (corpus / path.name).write_bytes(path.read_bytes())
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
