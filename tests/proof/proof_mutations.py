"""Damaged proofs, the same ones for the Python verifier and for halo2_proofs.

Run as a program, it asks halo2_proofs about the damaged proofs of `fixtures/proof/verdicts.json`
and writes that file:

    cargo build --release --manifest-path fixtures/proof/oracle/Cargo.toml
    python tests/proof/proof_mutations.py fixtures/proof/oracle/target/release/halo2-oracle
"""

import hashlib
import json
import random
import subprocess
import sys
from dataclasses import replace

from proof_vectors import FIXTURES, SMALL_CIRCUITS, small_circuit

from pot_reverify.proof.pasta_fields import P, Q

ITEM = 32
RECORDED = 120
SEED = "verdicts"


def damaged_claims(name, seed, count):
    """Claims about one circuit; one in ten is not damaged at all."""
    source = random.Random(f"{seed} {name}")
    return [damage(source, small_circuit(name).proofs) for _ in range(count)]


def lines_for_oracle(claims):
    for claim in claims:
        instance = ",".join(value.to_bytes(ITEM, "little").hex() for value in claim.instance)
        yield f"{instance or '-'} {claim.proof.hex()}\n"


def ask_oracle(program, name, claims):
    """What halo2_proofs says: a string of 1, accepted, and 0."""
    answer = subprocess.run(
        [program, "verify", name],
        input="".join(lines_for_oracle(claims)),
        capture_output=True,
        text=True,
        check=True,
    )
    return "".join(answer.stdout.split())


def digest_of(claims):
    return hashlib.sha256("".join(lines_for_oracle(claims)).encode()).hexdigest()


def damage(source, claims):
    claim, other = source.choice(claims), source.choice(claims)
    items = [claim.proof[at : at + ITEM] for at in range(0, len(claim.proof), ITEM)]
    index, second = source.randrange(len(items)), source.randrange(len(items))
    value = int.from_bytes(items[index], "little")
    kind = source.randrange(10)
    if kind == 0:
        return claim
    if kind == 1:
        return replace(claim, instance=_damage_instance(source, claim.instance, other.instance))
    if kind == 2:  # one bit
        value ^= 1 << source.randrange(8 * ITEM)
    elif kind == 3:  # the point of opposite sign, or a scalar out of range
        value ^= 1 << 255
    elif kind == 4:  # the same element, not reduced
        value += source.choice((P, Q))
    elif kind == 5:
        value = source.choice((0, 1, P - 1, P, Q, (1 << 256) - 1, source.randrange(P)))
    elif kind == 6:
        items[index], items[second] = items[second], items[index]
        return replace(claim, proof=b"".join(items))
    elif kind == 7:
        value = int.from_bytes(other.proof[index * ITEM :][:ITEM], "little")
    elif kind == 8:
        return replace(claim, proof=claim.proof[: source.randrange(len(claim.proof))])
    else:
        value = (value + 1) % P
    items[index] = (value % (1 << 256)).to_bytes(ITEM, "little")
    return replace(claim, proof=b"".join(items))


def _damage_instance(source, instance, other):
    if not instance:
        return (0,)
    values = list(instance)
    row = source.randrange(len(values))
    values[row] = source.choice(((values[row] + 1) % P, other[row], 0, source.randrange(P)))
    return tuple(source.choice((values, values[:-1])))


def main(program):
    verdicts = {}
    for name in SMALL_CIRCUITS:
        claims = damaged_claims(name, SEED, RECORDED)
        accepted = ask_oracle(program, name, claims)
        verdicts[name] = {"claims_sha256": digest_of(claims), "accepted": accepted}
    (FIXTURES / "verdicts.json").write_text(json.dumps(verdicts, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
