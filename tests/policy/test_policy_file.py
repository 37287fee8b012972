"""Policy files: what every key means, and that no mistake in one is passed over."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pot_reverify import Policy, Rejection, Role, Withheld, load_policy, load_signer
from pot_reverify.beacons.chains import QUICKNET
from pot_reverify.policy import Grade, ProvenTime
from pot_reverify.policy.toml_binding import SNP_COMPONENTS, TCB_STATUSES
from pot_reverify.policy.toml_file import MAX_POLICY_BYTES, parse_policy
from pot_reverify.quotes.evidence import QuoteKind
from pot_reverify.quotes.roots import PINNED_ROOTS
from pot_reverify.seal.public_keys import Algorithm

KEYS = Path(__file__).parents[2] / "fixtures" / "keys"
KIND = 'kind = "pot-audit/policy/1"\n'
(RECORDER,) = load_signer(KEYS / "test-recorder.pub")
(STRANGER,) = load_signer(KEYS / "test-stranger.pub")
INTEL = PINNED_ROOTS["intel"][0]
BEACONS = KEYS.parent / "beacons" / "test-chains.toml"
BEACON = "[[beacon]]" + BEACONS.read_text().split("[[beacon]]")[1]
QUICKNET_AGAIN = f"""[[beacon]]
name = "mine"
scheme = "bls-unchained-g1-rfc9380"
public_key = "{QUICKNET.public_key.hex()}"
period = 3
genesis_time = {QUICKNET.genesis_s}
group_hash = "{QUICKNET.group_hash.hex()}"
beacon_id = "quicknet"
"""
SIGNER = '[[signer]]\nname = "Acme"\npublic_key = "test-recorder.pub"\n'


def read(name: str) -> bytes:
    return INTEL if name == "intel.der" else (KEYS / name).read_bytes()


def parse(text: str) -> Policy:
    return parse_policy(text.encode(), read)


def refused(text: str | bytes) -> tuple[str, str | None]:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(Rejection) as caught:
        parse_policy(data, read)
    return caught.value.code, caught.value.where


def unix_ns(*date: int) -> int:
    return int(datetime(*date, tzinfo=UTC).timestamp()) * 10**9


def test_a_policy_with_nothing_but_its_kind_demands_what_the_default_does():
    policy = parse(KIND)
    assert policy == Policy(name="unnamed")


def test_every_key_arrives():
    policy = parse(
        KIND
        + f"""
name = "everything"

[accept]
presets = ["audit", "extended"]
challenge_families = ["prose/1"]
max_attempts = 2
withheld = "contents"
counterpart = true
proof = true

[signatures]
quorum = [{{recorder = 1, vendor = 1}}, {{auditor = 2}}]
algorithms = ["ed25519", "ml-dsa-65"]

[[signer]]
name = "Acme"
public_key = "test-recorder.pub"
key_ids = ["{RECORDER.key.key_id}"]
not_before = 2026-01-01T00:00:00Z
not_after = 2027-01-01T02:00:00+02:00

[[signer]]
name = "Vendor"
roles = ["vendor", "auditor"]
public_key = '''
{STRANGER.key.to_pem().decode()}'''

[time]
required = ["precommit", "statement"]

[[time.authority]]
name = "TSA"
root = "intel.der"
certificate = "intel.der"

[binding]
required = ["W", "A"]
tcb_statuses = ["UpToDate", "SWHardeningNeeded"]
minimum_tcb_evaluation_number = 17
vmpls = [0, 1]
revocation_required = false

[binding.snp.Milan]
snp = 24
ucode = 219

[[binding.software]]
name = "scorer"
kind = "sgx"
registers = {{mrenclave = "{"ab" * 32}"}}
minimum_isv_svn = 3
hashes_requests = true

[[binding.root]]
vendor = "aws"
certificate = "intel.der"
"""
    )
    assert policy.name == "everything"
    assert policy.presets == {"audit", "extended"}
    assert policy.challenge_families == {"prose/1"}
    assert (policy.max_attempts, policy.withheld) == (2, Withheld.CONTENTS)
    assert policy.requires_counterpart
    assert policy.requires_proof
    assert policy.quorum == ({Role.RECORDER: 1, Role.VENDOR: 1}, {Role.AUDITOR: 2})
    assert policy.algorithms == {Algorithm.ED25519, Algorithm.ML_DSA_65}
    acme, vendor = policy.signers
    assert (acme.name, acme.key, acme.roles) == ("Acme", RECORDER.key, {Role.RECORDER})
    assert (acme.not_before_ns, acme.not_after_ns) == (unix_ns(2026, 1, 1), unix_ns(2027, 1, 1))
    assert (vendor.key, vendor.roles) == (STRANGER.key, {Role.VENDOR, Role.AUDITOR})
    assert vendor.not_before_ns is vendor.not_after_ns is None
    assert policy.time.required == set(ProvenTime)
    (authority,) = policy.time.authorities
    assert (authority.name, authority.root, authority.certificate) == ("TSA", INTEL, INTEL)
    assert policy.binding.required == {Grade.WEIGHTS, Grade.RUN_BOUND}
    quotes = policy.binding.quotes
    assert quotes.tcb_statuses == {"UpToDate", "SWHardeningNeeded"}
    assert quotes.minimum_tcb_evaluation_number == 17
    assert quotes.minimum_snp_tcb == {"Milan": {"snp": 24, "ucode": 219}}
    assert quotes.vmpls == {0, 1}
    assert quotes.revocation_required is False
    assert quotes.roots == {**PINNED_ROOTS, "aws": (INTEL,)}
    (software,) = quotes.software
    assert (software.name, software.kind) == ("scorer", QuoteKind.SGX)
    assert software.registers == {"mrenclave": b"\xab" * 32}
    assert (software.minimum_isv_svn, software.hashes_requests) == (3, True)


WRONG = {
    "": ("policy.missing-key", "kind"),
    'kind = "pot-audit/policy/2"': ("policy.unknown-value", "kind"),
    "kind = 1": ("policy.wrong-type", "kind"),
    'kind = "a"\nkind = "b"': ("policy.not-toml", None),
    KIND + "attempts = 1": ("policy.unknown-key", "attempts"),
    KIND + "[accept]\nmax_atempts = 1": ("policy.unknown-key", "accept.max_atempts"),
    KIND + "[accept]\nmax_attempts = 0": ("policy.out-of-range", "accept.max_attempts"),
    KIND + "[accept]\nmax_attempts = true": ("policy.wrong-type", "accept.max_attempts"),
    KIND + "[accept]\nmax_attempts = 1.0": ("policy.wrong-type", "accept.max_attempts"),
    KIND + "[accept]\nproof = 1": ("policy.wrong-type", "accept.proof"),
    KIND + "[accept]\npresets = 'audit'": ("policy.wrong-type", "accept.presets"),
    KIND + "[accept]\npresets = ['fast']": ("policy.unknown-value", "accept.presets"),
    KIND + "[accept]\npresets = ['quick', 'quick']": ("policy.repeated-value", "accept.presets"),
    KIND + "[accept]\nchallenge_families = ['prose/2']": (
        "policy.unknown-value",
        "accept.challenge_families",
    ),
    KIND + "[accept]\nwithheld = 'everything'": ("policy.unknown-value", "accept.withheld"),
    KIND + "accept = 1": ("policy.wrong-type", "accept"),
    KIND + "[signatures]\nquorum = [{}]": ("policy.quorum", "signatures.quorum[1]"),
    KIND + "[signatures]\nquorum = [{recorder = 1}, {boss = 1}]": (
        "policy.unknown-key",
        "signatures.quorum[2].boss",
    ),
    KIND + "[signatures]\nquorum = [{recorder = 0}]": (
        "policy.out-of-range",
        "signatures.quorum[1].recorder",
    ),
    KIND + "[signatures]\nquorum = [1]": ("policy.wrong-type", "signatures.quorum[1]"),
    KIND + "[signatures]\nalgorithms = ['rsa']": (
        "policy.unknown-value",
        "signatures.algorithms",
    ),
    KIND + "[[signer]]\nname = 'A'": ("policy.missing-key", "signer[1].public_key"),
    KIND + "[[signer]]\npublic_key = 'A'": ("policy.missing-key", "signer[1].name"),
    KIND + "[[signer]]\nname = ''": ("policy.out-of-range", "signer[1].name"),
    KIND + "[signer]\nname = 'A'": ("policy.wrong-type", "signer"),
    KIND + "[[signer]]\nname = 'A'\npublic_key = 'none.pub'": (
        "policy.file",
        "signer[1].public_key",
    ),
    KIND + "[[signer]]\nname = 'A'\npublic_key = \"a\\u0000b\"": (
        "policy.file",
        "signer[1].public_key",
    ),
    KIND + "[[signer]]\nname = 'A'\npublic_key = 'test-recorder'": (
        "key.private",
        "signer[1].public_key",
    ),
    KIND + SIGNER + "roles = ['boss']": ("policy.unknown-value", "signer[1].roles"),
    KIND + SIGNER + "roles = []": ("policy.no-role", "signer[1].roles"),
    KIND + SIGNER + "role = 'vendor'": ("policy.unknown-key", "signer[1].role"),
    KIND + SIGNER + "key_ids = ['sha256:00']": ("policy.key-id", "signer[1].key_ids"),
    KIND + SIGNER + "not_before = 2026-01-01": ("policy.wrong-type", "signer[1].not_before"),
    KIND + SIGNER + "not_before = 2026-01-01T00:00:00": (
        "policy.wrong-type",
        "signer[1].not_before",
    ),
    KIND + SIGNER + "not_after = 0001-01-01T00:00:00+23:59": (
        "policy.out-of-range",
        "signer[1].not_after",
    ),
    KIND + SIGNER + "not_before = 2027-01-01T00:00:00Z\nnot_after = 2026-01-01T00:00:00Z": (
        "policy.validity",
        "signer[1].not_after",
    ),
    KIND + SIGNER + SIGNER: ("policy.repeated-key", "signer[2].public_key"),
    KIND + "[time]\nrequired = ['end']": ("policy.unknown-value", "time.required"),
    KIND + "[[time.authority]]\nname = 'T'": ("policy.missing-key", "time.authority[1].root"),
    KIND + "[[time.authority]]\nname = 'T'\nroot = 'test-recorder.pub'": (
        "policy.certificate",
        "time.authority[1].root",
    ),
    KIND + "[[time.authority]]\nname = 'T'\nroot = '-----BEGIN CERTIFICATE-----'": (
        "policy.certificate",
        "time.authority[1].root",
    ),
    KIND + "[binding]\nrequired = ['unbound']": ("policy.unknown-value", "binding.required"),
    KIND + "[binding]\nrequired = ['E']": ("policy.unknown-value", "binding.required"),
    KIND + "[binding]\ntcb_statuses = ['Revoked']": (
        "policy.unknown-value",
        "binding.tcb_statuses",
    ),
    KIND + "[binding]\nvmpls = [4]": ("policy.out-of-range", "binding.vmpls"),
    KIND + "[binding.snp.Rome]\nsnp = 1": ("policy.unknown-key", "binding.snp.Rome"),
    KIND + "[binding.snp.Milan]\nfmc = 1": ("policy.unknown-key", "binding.snp.Milan.fmc"),
    KIND + "[binding.snp.Milan]\nsnp = 256": ("policy.out-of-range", "binding.snp.Milan.snp"),
    KIND + "[[binding.software]]\nname = 'S'\nkind = 'sgx'": (
        "policy.register",
        "binding.software[1].registers",
    ),
    KIND + "[[binding.software]]\nname = 'S'\nkind = 'abacus'": (
        "policy.unknown-value",
        "binding.software[1].kind",
    ),
    KIND + "[[binding.software]]\nname = 'S'\nkind = 'sgx'\nregisters = {mrenclave = 'AB'}": (
        "policy.register",
        "binding.software[1].registers.mrenclave",
    ),
    KIND + "[[binding.root]]\nvendor = 'acme'\ncertificate = 'intel.der'": (
        "policy.unknown-value",
        "binding.root[1].vendor",
    ),
    KIND + "[signatures]\nquorum = [{counterpart = 1}]": (
        "policy.quorum",
        None,
    ),
    KIND + BEACON + BEACON: ("policy.repeated-beacon", "beacon[2]"),
    KIND + QUICKNET_AGAIN: ("policy.repeated-beacon", "beacon[1]"),
    KIND + BEACON.replace("bls-", "BLS-"): ("policy.unknown-value", "beacon[1].scheme"),
    KIND + BEACON.replace("period = 3", "period = 0"): (
        "policy.out-of-range",
        "beacon[1].period",
    ),
    KIND + BEACON.replace("period = 3", "period = 4"): ("policy.beacon-hash", "beacon[1].hash"),
    KIND + BEACON.replace("genesis_time", "genesis"): (
        "policy.missing-key",
        "beacon[1].genesis_time",
    ),
    KIND + BEACON.replace('public_key = "a6', 'public_key = "A6'): (
        "policy.not-hex",
        "beacon[1].public_key",
    ),
    KIND + BEACON.replace('public_key = "a6', 'public_key = "'): (
        "policy.not-hex",
        "beacon[1].public_key",
    ),
    KIND + BEACON + "tests = true": ("policy.unknown-key", "beacon[1].tests"),
    KIND + f"x = {'9' * 5000}": ("policy.not-toml", None),
    KIND + f"x = {'[' * 100_000}": ("policy.not-toml", None),
    KIND + "x = 2026-02-30T00:00:00Z": ("policy.not-toml", None),
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[-60:])
def test_a_mistake_is_refused_where_it_stands(text):
    assert refused(text) == WRONG[text]


def test_chains_of_the_readers_own_arrive():
    (chain,) = parse(KIND + BEACON).beacons
    assert (chain.title, chain.period_s) == ("pot-audit-test-quick", 3)
    assert chain.is_test
    assert parse(KIND + BEACON).digest != parse(KIND).digest
    without_hash = "".join(line for line in BEACON.splitlines(True) if "hash = " not in line)
    assert refused(KIND + without_hash) == ("policy.missing-key", "beacon[1].group_hash")
    no_pin = "".join(line for line in BEACON.splitlines(True) if not line.startswith("hash"))
    assert parse(KIND + no_pin).beacons == (chain,)


def test_a_counterpart_is_a_role_and_fills_no_place_of_a_quorum():
    (signer,) = parse(KIND + SIGNER + 'roles = ["counterpart"]').signers
    assert signer.roles == {Role.COUNTERPART}
    with pytest.raises(Rejection) as caught:
        Policy(quorum=({Role.RECORDER: 1, Role.COUNTERPART: 1},))
    assert caught.value.code == "policy.quorum"
    with pytest.raises(Rejection) as caught:
        Policy(beacons=(QUICKNET,))
    assert caught.value.code == "policy.repeated-beacon"


def test_what_is_not_text_or_too_long_is_refused():
    assert refused(b"\xff") == ("policy.not-toml", "byte 0")
    assert refused(b"#" * (MAX_POLICY_BYTES + 1)) == ("policy.too-large", None)
    many = KIND + "[accept]\npresets = [" + "'quick'," * 257 + "]"
    assert refused(many) == ("policy.out-of-range", "accept.presets")


def test_a_certificate_is_pem_or_der_and_nothing_else():
    import base64

    pem = "-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(INTEL).decode()
    pem += "-----END CERTIFICATE-----\n"
    head = KIND + "[[time.authority]]\nname = 'T'\nroot = '''"
    for spelled in (pem, pem.removesuffix("\n"), "\nIntel's\n" + pem.replace("\n", " \n") + "x"):
        assert parse(head + spelled + "'''").time.authorities[0].root == INTEL
    for broken in (pem + pem, pem.replace("\nMII", "\nMI"), "x" + pem):
        assert refused(head + broken + "'''") == ("policy.certificate", "time.authority[1].root")


def test_files_are_found_beside_the_policy(tmp_path, monkeypatch):
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "acme.pub").write_bytes(RECORDER.key.to_pem())
    path = folder / "policy.toml"
    path.write_text(KIND + SIGNER.replace("test-recorder.pub", "acme.pub"))
    monkeypatch.chdir(tmp_path)
    assert load_policy(path).signers[0].key == RECORDER.key
    (folder / "acme.pub").write_bytes(b"x" * 70_000)
    with pytest.raises(Rejection) as caught:
        load_policy(path)
    assert caught.value.code == "policy.file"
    with pytest.raises(FileNotFoundError):
        load_policy(folder / "none.toml")


def test_the_example_of_the_documentation_has_every_key_that_is_documented():
    text = (KEYS.parents[1] / "docs" / "policy.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)

    def any_file(name: str) -> bytes:
        if name.endswith(".pub"):
            return (RECORDER if name == "acme.pub" else STRANGER).key.to_pem()
        return INTEL

    policy = parse_policy(example.encode(), any_file)
    assert policy.max_attempts == 2
    for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE):
        for key in re.findall(r"`\[*([a-z_]+)", row):
            assert re.search(rf"^\[*{key}\b", example, re.MULTILINE), key


def test_one_owner_may_have_keys_in_several_tables():
    text = KIND + SIGNER + SIGNER.replace("test-recorder", "test-stranger")
    assert [signer.name for signer in parse(text).signers] == ["Acme", "Acme"]
    pq = parse(KIND + SIGNER.replace("test-recorder", "test-recorder-pq"))
    assert [signer.name for signer in pq.signers] == ["Acme", "Acme"]


def test_the_names_of_firmware_are_those_that_quotes_have():
    pytest.importorskip("cryptography")
    from pot_reverify.quotes import snp

    assert {name: set(parts) for name, parts in SNP_COMPONENTS.items()} == {
        name: set(parts) for name, parts in snp._TCB_LAYOUTS.items()
    }
    assert "Revoked" not in TCB_STATUSES
