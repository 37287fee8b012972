"""Verifying keys, parsed from the text that halo2_proofs pins them with.

Halo2 book, "Design: Implementation" and ``VerifyingKey::pinned``. halo2_proofs writes no
verifying key, but the transcript of every proof starts with a digest of its Debug text. So the
text is the key: a verifier that parses what it hashes can be given no other circuit than the one
it checks.
"""

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from pot_reverify.errors import Rejection
from pot_reverify.proof.expressions import (
    Constant,
    Expression,
    Product,
    Query,
    Scaled,
    Sum,
    degree,
)
from pot_reverify.proof.pasta_fields import P, Q, domain_generator
from pot_reverify.proof.vesta import Point

MAX_TEXT_LENGTH = 1 << 20
MAX_K = 16

# Debug text differs from JSON in these lexemes only.
_LEXEMES = re.compile(
    r'(?P<text>"[^"]*")|(?P<struct>\w+) \{|(?P<field>\w+):|(?P<variant>\w+)\(|(?P<open>\()'
    r"|(?P<close>\))|(?P<word>0x[0-9a-f]+|[A-Za-z]\w*)"
)
_AS_JSON = {
    "text": "{}",
    "struct": '{{"": "{}",',
    "field": '"{}":',
    "variant": '["{}",',
    "open": "[",
    "close": "]",
    "word": '"{}"',
}


@dataclass(frozen=True, slots=True)
class Lookup:
    """A lookup argument: tuples of input values occur among the tuples of table values."""

    inputs: tuple[Expression, ...]
    table: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """What a verifier knows of a circuit.

    Attributes:
        digest: the element of Fp that stands for this key in transcripts.
        k: the circuit has 2^k rows.
        omega: generator of the domain of rows.
        degree: the highest degree of any constraint.
        blinding_factors: rows at the end, before the last one in use, that hide the witness.
        advice_columns: number of columns that the prover commits to.
        gates: expressions that vanish on every row.
        queries: (column, rotation) pairs, under the kind of the column.
        permutation_columns: the columns under copy constraints, each at rotation 0.
        lookups: the lookup arguments.
        fixed_commitments: commitments to the fixed columns.
        permutation_commitments: commitments to the permutation of each column.
    """

    digest: int
    k: int
    omega: int
    degree: int
    blinding_factors: int
    advice_columns: int
    gates: tuple[Expression, ...]
    queries: dict[str, tuple[tuple[int, int], ...]]
    permutation_columns: tuple[Query, ...]
    lookups: tuple[Lookup, ...]
    fixed_commitments: tuple[Point, ...]
    permutation_commitments: tuple[Point, ...]

    @property
    def permutation_chunk(self) -> int:
        """How many columns one grand product of the permutation argument covers."""
        return self.degree - 2

    @property
    def last_row(self) -> int:
        """Rotation from row 0 to the last row in use."""
        return -(self.blinding_factors + 1)


def parse_verifying_key(text: str) -> VerifyingKey:
    """Parses ``format!("{:?}", vk.pinned())``.

    Raises:
        Rejection: ``proof.key-malformed`` or, for another curve, size or number of instance
            columns, ``proof.key-unsupported``.
    """
    if len(text) > MAX_TEXT_LENGTH:
        raise Rejection("proof.key-malformed", "the verifying key is too long")
    try:
        return _parse(text.encode(), json.loads(_LEXEMES.sub(_to_json, text)))
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise Rejection("proof.key-malformed", f"not a pinned verifying key: {error}") from error


def _to_json(lexeme: re.Match[str]) -> str:
    kind = str(lexeme.lastgroup)
    return _AS_JSON[kind].format(lexeme[kind])


def _element(word: str, modulus: int = P) -> int:
    value = int(word, 16)
    if value >= modulus:
        raise ValueError("a field element is not reduced")
    return value


def _points(nodes: list[Any]) -> tuple[Point, ...]:
    points = tuple((_element(x, Q), _element(y, Q)) for x, y in nodes)
    if any((y * y - x * x * x - 5) % Q for x, y in points):
        raise ValueError("a commitment is not on the curve")
    return points


def _expression(node: Any) -> Expression:  # noqa: ANN401 (JSON as parsed)
    match node:
        case {"": "Advice" | "Fixed" | "Instance" as kind, "query_index": index}:
            return Query(kind, int(index))
        case ["Constant", value]:
            return Constant(_element(value))
        case ["Negated", inner]:
            return Scaled(_expression(inner), P - 1)
        case ["Scaled", inner, factor]:
            return Scaled(_expression(inner), _element(factor))
        case ["Sum", left, right]:
            return Sum(_expression(left), _expression(right))
        case ["Product", left, right]:
            return Product(_expression(left), _expression(right))
    raise ValueError(f"unknown expression {node!r:.40}")


def _parse(encoded: bytes, pinned: dict[str, Any]) -> VerifyingKey:
    domain, system, permutation = pinned["domain"], pinned["cs"], pinned["cs"]["permutation"]
    k = int(domain["k"])
    moduli = int(pinned["base_modulus"], 16), int(pinned["scalar_modulus"], 16)
    if moduli != (Q, P) or not 1 <= k <= MAX_K or system["num_instance_columns"] != 1:
        raise Rejection("proof.key-unsupported", "not a key of this proof system")
    queries = {
        kind: tuple((int(column["index"]), int(rotation)) for column, (_, rotation) in nodes)
        for kind in ("Advice", "Fixed", "Instance")
        for nodes in [system[f"{kind.lower()}_queries"]]
    }
    gates = tuple(map(_expression, system["gates"]))
    sides = ("input_expressions", "table_expressions")
    lookups = tuple(
        Lookup(*(tuple(map(_expression, lookup[side])) for side in sides))
        for lookup in system["lookups"]
    )
    minimum = system["minimum_degree"]
    # The permutation argument needs degree 3 and takes as much more as the others have.
    degrees = [3, *map(degree, gates), *map(_lookup_degree, lookups)]
    key = VerifyingKey(
        digest=_digest(encoded),
        k=k,
        omega=_element(domain["omega"]),
        degree=max(degrees) if minimum == "None" else max(*degrees, int(minimum[1])),
        blinding_factors=_blinding_factors(queries["Advice"]),
        advice_columns=int(system["num_advice_columns"]),
        gates=gates,
        queries=queries,
        permutation_columns=tuple(
            Query(kind := column["column_type"], queries[kind].index((int(column["index"]), 0)))
            for column in permutation["columns"]
        ),
        lookups=lookups,
        fixed_commitments=_points(pinned["fixed_commitments"]),
        permutation_commitments=_points(pinned["permutation"]["commitments"]),
    )
    if (
        key.omega != domain_generator(k)
        or domain["extended_k"] != k + (key.degree - 2).bit_length()
        or len(key.fixed_commitments) != system["num_fixed_columns"]
        or len(key.permutation_commitments) != len(key.permutation_columns)
    ):
        raise ValueError("its parts contradict each other")
    return key


def _digest(encoded: bytes) -> int:
    state = hashlib.blake2b(person=b"Halo2-Verify-Key")
    state.update(len(encoded).to_bytes(8, "little") + encoded)
    return int.from_bytes(state.digest(), "little") % P


def _lookup_degree(lookup: Lookup) -> int:
    sides = (lookup.inputs, lookup.table)
    return 2 + sum(max(1, *map(degree, side)) for side in sides)


def _blinding_factors(advice_queries: tuple[tuple[int, int], ...]) -> int:
    # A column is opened once a query; a grand product three times. One more opening at the
    # multiopen challenge, and one in reserve.
    queries_of_a_column = Counter(column for column, _ in advice_queries)
    return max(3, *queries_of_a_column.values(), 0) + 2
