"""Coverage-guided fuzzing of strict JSON.

    python tests/fuzz/fuzz_json.py -max_total_time=60 [CORPUS]

Needs `atheris`. Any exception but a `Rejection` is a finding, as is an accepted document that an
ordinary parser reads otherwise or that does not survive its own encoding.
"""

import json
import sys

import atheris

with atheris.instrument_imports(include=["json", "pot_reverify.encoding"]):
    from pot_reverify.encoding.strict_json import decode, encode

from pot_reverify.errors import Rejection


def one_input(data: bytes) -> None:
    """Bare and inside an object, since most random bytes are no document."""
    for document in (data, b'{"a":' + data + b"}"):
        try:
            content = decode(document)
        except Rejection:
            continue
        assert json.loads(document) == content
        assert decode(encode(content)) == content


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
