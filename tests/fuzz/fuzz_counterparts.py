"""Coverage-guided fuzzing of counterparts' words, beacons' rounds and servers' answers.

    python tests/fuzz/fuzz_counterparts.py -max_total_time=600 CORPUS

Needs `atheris` and the `beacon` extra. Any exception but a `PotAuditError` is a finding, as is a
document that does not survive its own encoding, and a verified round that no group has published:
BLS signatures are unique, so that nothing but the public rounds may verify.
"""

import json
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pot_reverify.beacons", "pot_reverify.documents"]):
    from pot_recorder.beacon_client import read_answer
    from pot_reverify.beacons.chains import CHAINS
    from pot_reverify.beacons.round import verify_round
    from pot_reverify.documents.beacon_round import parse_beacon_round
    from pot_reverify.documents.counterpart_document import parse_signed_word

from pot_reverify.errors import PotAuditError

FILE = Path(__file__).parents[2] / "fixtures" / "public" / "drand" / "rounds.json"
PUBLISHED = {
    (one["public_key"], one["round"], one["signature"])
    for one in json.loads(FILE.read_text())["rounds"]
}


def one_input(data: bytes) -> None:
    """The same bytes as each kind of document; rounds also under each pinned key."""
    try:
        word = parse_signed_word(data, "fuzz")
        assert parse_signed_word(word.to_envelope(), "fuzz") == word
    except PotAuditError:
        pass
    for chain in CHAINS.values():
        try:
            document = parse_beacon_round(data, "fuzz")
            assert parse_beacon_round(document.to_json(), "fuzz") == document
            read = document.round
            verify_round(chain, read)
        except PotAuditError:
            try:
                read = read_answer(data, chain, 1000, "fuzz")
            except PotAuditError:
                continue
        found = (chain.public_key.hex(), read.number, read.signature.hex())
        assert found in PUBLISHED, found


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
