"""Coverage-guided fuzzing of potb-mp/1.

    python tests/fuzz/fuzz_msgpack.py -max_total_time=60 [CORPUS]

Needs `atheris`. Any exception but a `Rejection` is a finding, as is an accepted payload that does
not encode to itself or that the plain package reads otherwise.
"""

import sys

import atheris
import msgpack

with atheris.instrument_imports(include=["pot_reverify.encoding"]):
    from pot_reverify.encoding.canonical_msgpack import decode, encode

from pot_reverify.errors import Rejection


def one_input(data: bytes) -> None:
    """Both ways round, since most random bytes are no payload."""
    for payload in (data, b"\x81\xa1a" + data):
        try:
            value = decode(payload)
        except Rejection:
            continue
        assert encode(value) == payload
        assert msgpack.unpackb(payload, strict_map_key=True) == value


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
