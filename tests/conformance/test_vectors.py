"""Every vector gets the verdict, the checks and the reason codes that stand beside it."""

import ast
import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from pot_reverify import Policy, Role, Withheld, load_signer, verify
from pot_reverify.checks.result import Status

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "fixtures" / "vectors"
KEYS = ROOT / "fixtures" / "keys"
CASES = json.loads((VECTORS / "vectors.json").read_text())["cases"]

# Codes that no file can show, and the test that shows each: it needs another installation, a whole
# gigabyte, a value that no reader lets through to there, or it is not about bundles.
UNIT_TESTED = {
    "beacon.backend-missing": "beacons/test_rounds.py",
    "beacon.round-known": "checks/test_second_half.py",
    "beacon.round-too-far": "checks/test_second_half.py",
    "challenge.family-data-mismatch": "challenge/test_prose.py",
    "commitment.model": "checks/test_countersignatures.py",
    "commitment.role": "checks/test_countersignatures.py",
    "commitment.weights": "checks/test_countersignatures.py",
    "container.file-changed": "hostile/test_input_files.py",
    "container.file-too-large": "conformance/test_bounds.py",
    "counterpart.key-expired": "checks/test_second_half.py",
    "countersignature.contradiction": "checks/test_countersignatures.py",
    "countersignature.other-bundle": "checks/test_countersignatures.py",
    "countersignature.other-statement": "checks/test_countersignatures.py",
    "countersignature.role": "checks/test_countersignatures.py",
    "countersignature.signature-missing": "checks/test_countersignatures.py",
    "countersignature.unknown-predicate": "checks/test_countersignatures.py",
    "decision.attempt-out-of-range": "decision/test_presets.py",
    "decision.constants-not-certain": "checks/test_check_decision.py",
    "decision.score-count": "decision/test_empirical_bernstein.py",
    "decision.score-not-an-integer": "decision/test_empirical_bernstein.py",
    "decision.score-out-of-range": "decision/test_empirical_bernstein.py",
    "envelope.base64": "checks/test_countersignatures.py",
    "file.cannot-read": "hostile/test_each_file_its_verdict.py",
    "file.not-regular": "hostile/test_input_files.py",
    "file.too-large": "hostile/test_input_files.py",
    "json.items": "encoding/test_strict_json.py",
    "key.algorithm": "seal/test_public_keys.py",
    "key.duplicate": "seal/test_public_keys.py",
    "key.length": "seal/test_public_keys.py",
    "key.low-order": "seal/test_public_keys.py",
    "key.malformed": "seal/test_public_keys.py",
    "key.non-canonical": "seal/test_public_keys.py",
    "key.not-on-curve": "seal/test_ecdsa_p256.py",
    "key.private": "seal/test_public_keys.py",
    "key.too-many": "seal/test_public_keys.py",
    "msgpack.integer-range": "encoding/test_canonical_msgpack.py",
    "precommit.base64": "documents/test_precommit.py",
    "precommit.counterpart-required": "checks/test_key_validity_and_quorum.py",
    "precommit.family-not-allowed": "checks/test_key_validity_and_quorum.py",
    "proof.required": "checks/test_check_proof.py",
    "score.withheld-behind-proof": "checks/test_check_proof.py",
    "signature.algorithm-required": "checks/test_key_validity_and_quorum.py",
    "signature.backend-missing": "seal/test_signatures.py",
    "signature.key-expired": "checks/test_key_validity_and_quorum.py",
    "signature.key-not-yet-valid": "checks/test_key_validity_and_quorum.py",
    "signature.key-outside-validity": "checks/test_key_validity_and_quorum.py",
    "signature.quorum": "checks/test_key_validity_and_quorum.py",
    "signature.repeated-signer": "checks/test_check_signatures.py",
    "time.accuracy": "timestamps/test_check_time.py",
    "time.authority-not-named": "timestamps/test_forged_tokens.py",
    "time.precommit-early": "timestamps/test_check_time.py",
    "time.precommit-late": "timestamps/test_check_time.py",
    "time.renewal-early": "timestamps/test_check_time.py",
    "time.required-missing": "timestamps/test_check_time.py",
    "time.statement-early": "timestamps/test_check_time.py",
    "time.token-expired": "timestamps/test_check_time.py",
    "time.token-not-supported": "timestamps/test_check_time.py",
    "time.root-key": "timestamps/test_certificate_chains.py",
    "time.too-many-checks": "timestamps/test_certificate_chains.py",
    "time.too-many-tokens": "timestamps/test_check_time.py",
    "time.tree-token-late": "timestamps/test_check_time.py",
    "evidence.base64": "documents/test_evidence_document.py",
    "evidence.purpose": "documents/test_evidence_document.py",
    "quote.exchange-blob": "checks/test_check_quotes.py",
    "quote.exchange-content": "checks/test_check_quotes.py",
    "quote.exchange-count": "checks/test_check_quotes.py",
    "quote.exchange-form": "checks/test_check_quotes.py",
    "quote.exchange-model": "checks/test_check_quotes.py",
    "quote.exchange-run": "checks/test_check_quotes.py",
    "quote.exchange-withheld": "checks/test_check_quotes.py",
    "quote.after-seal": "checks/test_quote_freshness.py",
    "quote.before-precommit": "checks/test_quote_freshness.py",
    "quote.binding": "checks/test_check_quotes.py",
    "quote.grade-required": "checks/test_check_quotes.py",
    "quote.key-expired": "checks/test_quote_freshness.py",
    "quote.key-not-named": "checks/test_check_quotes.py",
    "quote.not-yet-valid": "checks/test_check_quotes.py",
    "quote.purpose": "checks/test_check_quotes.py",
    "quote.software-not-named": "checks/test_check_quotes.py",
    "quote.upstream": "checks/test_check_quotes.py",
    "tree.digest-length": "container/test_merkle.py",
    "tree.empty": "container/test_merkle.py",
    "verify.internal-error": "hostile/test_each_file_its_verdict.py",
}
# What a check says when there is nothing to check; it stands in every good bundle.
ABSENT = {"proof.absent", "quote.absent", "time.asserted-only", "weights.absent"}
# What stands on its own: no bundle is needed to refuse it, and its tests are its vectors.
OWN_TESTS = ("beacons", "oms", "policy", "proof", "quotes", "timestamps")
_AREAS = {code.partition(".")[0] for case in CASES for code in case["checks"].values()} | {
    code.partition(".")[0] for code in UNIT_TESTED
}
_AREAS |= {"oms", "policy"}
_CODE = re.compile(r"([a-z]+)\.[a-z0-9-]+")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_vector_gets_what_stands_beside_it(case):
    verdict = verify(VECTORS / case["file"], policy_of(case["policy"]))
    found = {
        check.check.value: check.code
        for check in verdict.checks
        if check.status in (Status.FAIL, Status.SKIP) and check.code != "not-read"
    }
    assert (verdict.word.value, found) == (case["verdict"], case["checks"])
    json.dumps(verdict.to_document())


def test_only_good_files_are_verified():
    verified = {case["file"] for case in CASES if case["verdict"] == "VERIFIED"}
    faulty = {case["file"] for case in CASES if not case["fault"].startswith("Nothing is wrong")}
    by_policy = {case["file"] for case in CASES if case["name"].startswith("policy-")}
    assert verified & faulty <= by_policy


def test_every_file_has_a_case():
    assert {path.name for path in VECTORS.glob("*.potb")} == {case["file"] for case in CASES}


def test_the_vectors_are_those_that_the_generator_makes(tmp_path):
    import generate

    generate.main(tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {name: (VECTORS / name).read_bytes() for name in made}
    assert [name for name in made if made[name] != kept[name]] == []
    assert sum(map(len, made.values())) <= 8_000_000


def test_every_reason_code_has_a_vector_or_a_named_test():
    reader = ROOT / "pot_reverify"
    in_vectors = {code for case in CASES for code in case["checks"].values()}
    codes = codes_of(
        path for path in reader.rglob("*.py") if path.relative_to(reader).parts[0] not in OWN_TESTS
    )
    assert len(codes) > 110
    assert codes - in_vectors - UNIT_TESTED.keys() - ABSENT == set()
    assert in_vectors & UNIT_TESTED.keys() == set(), "these have a vector by now"
    every_code = codes_of(reader.rglob("*.py"))
    assert (in_vectors | UNIT_TESTED.keys() | ABSENT) - every_code == set(), "nothing gives these"


@pytest.mark.parametrize("package", OWN_TESTS)
def test_every_reason_code_of_evidence_stands_in_a_test_of_its_own(package):
    codes = codes_of((ROOT / "pot_reverify" / package).glob("*.py"))
    tests = "".join(path.read_text() for path in (ROOT / "tests" / package).glob("*.py"))
    assert codes
    assert {code for code in codes if f'"{code}"' not in tests} == set()


@pytest.mark.parametrize(("code", "path"), UNIT_TESTED.items(), ids=lambda text: text)
def test_a_named_test_asserts_its_code(code, path):
    assert code in (ROOT / "tests" / path).read_text()


@pytest.mark.parametrize(
    ("file", "codes"),
    [
        ("base.potb", ABSENT - {"weights.absent"}),
        ("good-unbound.potb", ABSENT),
    ],
)
def test_what_is_absent_is_said(file, codes):
    verdict = verify(VECTORS / file)
    absent = {check.code for check in verdict.checks if check.status is Status.ABSENT}
    assert absent == codes


def policy_of(document) -> Policy:
    roles = frozenset(map(Role, document["roles"]))
    presets = document["presets"]
    named = [(name, roles) for name in document["signers"]]
    named += [(name, {Role.COUNTERPART}) for name in document.get("counterparts", ())]
    return Policy(
        signers=tuple(
            signer
            for name, given in named
            for signer in load_signer(KEYS / name, None, frozenset(given))
        ),
        requires_counterpart=document.get("requires_counterpart", False),
        presets=None if presets is None else frozenset(presets),
        max_attempts=document["max_attempts"],
        withheld=Withheld.SCORES if document["allow_withheld"] else Withheld.NOTHING,
    )


def codes_of(paths: Iterable[Path]) -> set[str]:
    return set().union(*map(codes_in, paths))


def codes_in(path: Path) -> set[str]:
    """Every string in the source that has the form of a reason code, but for places."""
    tree = ast.parse(path.read_text())
    places = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "where"
        for inner in ast.walk(node)
    }
    codes: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in places:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            match = _CODE.fullmatch(node.value)
            is_file = node.value.endswith(".json")
            if match is not None and match[1] in _AREAS and not is_file:
                codes.add(node.value)
        if isinstance(node, ast.JoinedStr) and ast.unparse(node).startswith("f'{area}."):
            # The one code with a variable area: points of keys and of signatures.
            ending = ast.unparse(node).removeprefix("f'{area}").removesuffix("'")
            codes |= {"key" + ending, "signature" + ending}
    return codes
