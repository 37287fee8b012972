"""No string of a file, of a folder, of a path or of a token can pass for a line of ours.

Every command reads files in which every string that can be chosen freely is hostile: spaces up to
the next line, line breaks, colour codes, characters without width or against the direction, and
behind them what our own rows look like. With and without a terminal, as text and as JSON.
"""

import json
import os
import re
import shutil
import unicodedata
from pathlib import Path

import pytest

pytest.importorskip("cryptography")

from forked_command import COLUMNS, Done, run_forked, screen_lines
from hostile_files import CANARY, HOSTILE, hostile_bundles, named_by_a_stranger

from pot_audit.channel import visible
from pot_audit.lines import fold
from pot_recorder.keys import load_private_keys
from pot_recorder.promise import make_promise
from pot_reverify.decision.presets import PRESETS
from pot_reverify.documents.model_identity import ModelClaim
from pot_reverify.documents.precommit import PARTY, Counterpart
from pot_reverify.encoding.shown_text import quoted, sentence, shown_fact, shown_path

ROOT = Path(__file__).parents[2]
KEYS = ROOT / "fixtures" / "keys"
SIGNER = KEYS / "test-recorder.pub"
OUR_COLOURS = re.compile("\x1b\\[(?:0|1|3[0-7])m")
# Looser than our rows are: a run of spaces may have become one.
IMITATION = re.compile(
    rf"^ {{0,3}}(?:C\d\d +\w+ +pass|VERIFIED|REJECTED|policy|run|file|Attested) +{CANARY}"
)
BUNDLES = list(hostile_bundles())
FILE_NAME = HOSTILE.replace("/", "")[:60] + CANARY


def assert_harmless(done: Done, *, terminal: bool) -> None:
    text = done.text
    if terminal:
        text = OUR_COLOURS.sub("", text)
    wrong = {one for one in text if unicodedata.category(one)[0] == "C" and one != "\n"}
    wrong |= {one for one in text if unicodedata.category(one) in {"Zl", "Zp"}}
    assert not wrong, (sorted(map(ascii, wrong)), text)
    is_json = text.startswith("{")
    if not is_json:
        assert all(one == " " for one in text if unicodedata.category(one) == "Zs")
    for line in screen_lines(text):
        found = f"C10  quotes      pass    {CANARY}" in line if is_json else IMITATION.match(line)
        assert not found, (line, text)


def assert_all_harmless(*arguments: str | bytes | Path) -> Done:
    """With and without a terminal, as text and as JSON: nothing to be taken in by."""
    done = run_forked(*arguments)
    on_terminal = run_forked(*arguments, terminal=True)
    as_json = run_forked(*arguments, "--json")
    assert_harmless(done, terminal=False)
    assert_harmless(on_terminal, terminal=True)
    assert_harmless(as_json, terminal=False)
    assert on_terminal.exit_code == done.exit_code
    assert {done.exit_code, as_json.exit_code} <= set(range(5)), done.text + as_json.text
    json.JSONDecoder().raw_decode(as_json.text[as_json.text.index("{") :])
    return done


@pytest.mark.parametrize("number", range(len(BUNDLES)), ids=[name for name, _ in BUNDLES])
def test_no_bundle_imitates_a_row(number, tmp_path):
    path = tmp_path / "hostile.potb"
    path.write_bytes(BUNDLES[number][1])
    for arguments in (
        ("reverify", path, "--signer", SIGNER, "--allow-withheld"),
        ("show", path),
    ):
        assert_all_harmless(*arguments)


@pytest.fixture
def everything(tmp_path) -> Path:
    path = tmp_path / "hostile.potb"
    path.write_bytes(named_by_a_stranger())
    return path


def test_what_is_verified_imitates_nothing_either(everything):
    done = run_forked("reverify", everything, "--signer", SIGNER, "--allow-withheld")
    assert done.exit_code == 0, done.text
    assert done.text.count("VERIFIED   ") == 1
    assert "characters)" in done.text


def test_the_commands_that_read_bundles(everything, tmp_path):
    for number, arguments in enumerate(
        (
            ("redact", everything, "--all", "-o"),
            ("export", everything, "--dsse", "-o"),
            ("export", everything, "--sigstore", "-o"),
            ("export", everything, "--ro-crate", "-o"),
            ("countersign", everything, "--signer", SIGNER, "--even-if-not-verified",
             "--key", KEYS / "test-stranger", "-o"),
            ("countersign", everything, "--key", KEYS / "test-stranger", "-o"),
            ("prove", everything, "--prover"),
            ("attach", everything, "--quote", everything, "--binding"),
        )
    ):  # fmt: skip
        for terminal in (False, True):
            for more in ((), ("--json",)):
                output = tmp_path / f"out{number}{terminal}{len(more)}"
                done = run_forked(*arguments, output, *more, terminal=terminal)
                assert_harmless(done, terminal=terminal)
                assert done.exit_code in range(5), done.text
    done = run_forked("export", everything, "--inspect", "-o", tmp_path / "out.eval")
    assert_harmless(done, terminal=False)
    signed = tmp_path / "out4False0"
    assert signed.exists()
    for arguments in (
        ("reverify", signed, "--signer", SIGNER, "--allow-withheld"),
        ("reverify", signed, everything, "--signer", SIGNER, "--allow-withheld"),
        ("show", signed),
    ):
        assert_all_harmless(*arguments)


def test_the_auditors_own_names_in_a_countersignature(everything, tmp_path):
    policy = tmp_path / "policy.toml"
    _policy(policy, KEYS / "test-recorder.pub", withheld="scores")
    for role in (None, "reference"):
        output = tmp_path / f"signed{role}.potb"
        vouch = () if role is None else ("--vouch-for", role)
        done = run_forked("countersign", everything, "--policy", policy, "--key",
                          KEYS / "test-stranger", "-o", output, *vouch)  # fmt: skip
        assert done.exit_code == 0, done.text
        assert_all_harmless("reverify", output, "--policy", policy)
        reader = tmp_path / "reader.toml"
        _policy(reader, KEYS / "test-recorder.pub", KEYS / "test-stranger.pub", withheld="scores")
        done = assert_all_harmless("reverify", output, "--policy", reader)
        assert CANARY in done.text


def _policy(path: Path, *keys: Path, withheld: str = "nothing") -> None:
    text = f'kind = "pot-audit/policy/1"\nname = {_toml(HOSTILE)}\n'
    text += f'[accept]\nwithheld = "{withheld}"\n'
    for number, key in enumerate(keys):
        shutil.copy(key, path.parent)
        name = _toml(f"{number}{HOSTILE}"[:255])
        roles = '["recorder"]' if number == 0 else '["auditor", "vendor"]'
        text += f'[[signer]]\nname = {name}\npublic_key = "{key.name}"\nroles = {roles}\n'
        text += "not_after = 2036-01-01T00:00:00Z\n"
    path.write_bytes(text.encode())


def _toml(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


SOFTWARE = 'kind = "tdx"\n[binding.software.registers]\n'
ZEROS = "00" * 48
POLICIES = {
    "key": f"{_toml(HOSTILE)} = 1",
    "value": f"name = 1\nkind = {_toml(HOSTILE)}",
    "no TOML": HOSTILE,
    "file": f'[[signer]]\nname = "x"\npublic_key = {_toml(HOSTILE)}',
    "inline": f'[[signer]]\nname = "x"\npublic_key = {_toml("-----BEGIN " + HOSTILE)}',
    "family": f"[accept]\nchallenge_families = [{_toml(HOSTILE)}]",
    "software": f'[[binding.software]]\nname = {_toml(HOSTILE)}\n{SOFTWARE}mrtd = "{ZEROS}"',
    "register": f'[[binding.software]]\nname = "x"\n{SOFTWARE}{_toml(HOSTILE)} = "{ZEROS}"',
}


@pytest.mark.parametrize("name", POLICIES)
def test_no_policy_imitates_a_row(name, tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_bytes(f'kind = "pot-audit/policy/1"\n{POLICIES[name]}\n'.encode())
    bundle = ROOT / "fixtures" / "vectors" / "small.potb"
    for arguments in (
        ("policy", "check", policy),
        ("policy", "explain", policy),
        ("reverify", bundle, "--policy", policy),
    ):
        assert_all_harmless(*arguments)


def test_no_key_file_imitates_a_row(tmp_path):
    pem = (KEYS / "test-recorder.pub").read_bytes()
    for number, content in enumerate(
        (
            HOSTILE.encode() + b"\n" + pem,
            HOSTILE.encode(),
            b"-----BEGIN " + HOSTILE.encode() + b"-----\n",
            pem.replace(b"PUBLIC KEY", b"C10 QUOTES PASS CANARY GRADE A"),
        )
    ):
        path = tmp_path / f"{number}.pub"
        path.write_bytes(content)
        bundle = ROOT / "fixtures" / "vectors" / "small.potb"
        assert_all_harmless("reverify", bundle, "--signer", path)
        assert_all_harmless("countersign", bundle, "--key", path, "-o", tmp_path / "x.potb")


@pytest.mark.parametrize(
    "content",
    [
        HOSTILE.encode(),
        json.dumps({HOSTILE: HOSTILE}).encode(),
        json.dumps({"quote": HOSTILE}).encode(),
        json.dumps({"quote": HOSTILE, "event_log": HOSTILE, "vm_config": HOSTILE}).encode(),
        json.dumps({"intel_quote": HOSTILE, "nvidia_payload": HOSTILE}).encode(),
        json.dumps([{"arch": HOSTILE, "evidence": HOSTILE, "certificate": HOSTILE}]).encode(),
        b"-----BEGIN " + HOSTILE.encode() + b"-----",
    ],
)
def test_no_quote_imitates_a_row(content, tmp_path):
    path = tmp_path / "quote"
    path.write_bytes(content)
    assert_all_harmless("quote", path)
    assert_all_harmless("quote", path, "--collateral", path)


def test_no_token_or_precommit_imitates_a_row(tmp_path):
    bundle = ROOT / "fixtures" / "vectors" / "small.potb"
    path = tmp_path / "hostile"
    root = ROOT / "fixtures" / "tsa" / "test-root.pem"
    signature = {"keyid": HOSTILE, "sig": HOSTILE}
    envelope = {"payload": HOSTILE, "payloadType": HOSTILE, "signatures": [signature]}
    for content in (HOSTILE, json.dumps(envelope), json.dumps({HOSTILE: 1})):
        path.write_bytes(content.encode())
        assert_all_harmless("timestamp", bundle, "--token", path, "--tsa-certificate", root,
                            "-o", tmp_path / "x.potb")  # fmt: skip
        assert_all_harmless("timestamp", path, "--token", path, "--tsa-certificate", path)
        assert_all_harmless("countersign", bundle, "--append", path, "-o", tmp_path / "x.potb")
        assert_all_harmless("attach", "--print-report-data", "--precommit", path, "--key", SIGNER)


def test_no_precommit_imitates_a_row_to_its_counterpart(tmp_path):
    promise = make_promise(
        reference=ModelClaim(HOSTILE, None),
        candidate=ModelClaim(HOSTILE, None),
        preset=PRESETS["quick"],
        attempt=1,
        counterpart=Counterpart(PARTY, HOSTILE, None),
        signers=load_private_keys(KEYS / "test-recorder", None),
    )
    path = tmp_path / "hostile"
    path.write_bytes(promise.signed.to_envelope())
    for number, terminal in enumerate((False, True, False)):
        arguments = ("counterpart", path, "--key", KEYS / "test-stranger")
        output = ("-o", tmp_path / f"{number}.json", *(["--json"] if number == 2 else []))
        done = run_forked(*arguments, *output, terminal=terminal)
        assert_harmless(done, terminal=terminal)
        assert done.exit_code == 0, done.text


@pytest.fixture
def model(tmp_path) -> Path:
    folder = tmp_path / FILE_NAME
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).write_text(json.dumps({HOSTILE: HOSTILE}))
    return folder


def test_no_model_folder_imitates_a_row(model, everything, tmp_path):
    assert_all_harmless("weights", model)
    assert_all_harmless("weights", model, "--bundle", everything)
    assert_all_harmless("reverify", everything, "--signer", SIGNER, "--weights", model)
    (model / f"{FILE_NAME}.json").write_text("{}")
    (model / f"{FILE_NAME[:40]}.txt").write_text("")
    assert_all_harmless("weights", model)
    assert_all_harmless("weights", model, "--bundle", everything)
    assert_all_harmless("weights", model / "nothing")
    index = {"weight_map": {HOSTILE: f"{HOSTILE}.safetensors"}}
    (model / "model.safetensors").unlink()
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    assert_all_harmless("weights", model)
    precommit = run_forked("precommit", "--reference", model, "--candidate", model, "--key",
                           KEYS / "test-recorder", "-o", tmp_path / "run.precommit")  # fmt: skip
    assert_harmless(precommit, terminal=False)


def test_a_model_that_is_hostile_inside_is_refused_without_its_words(model, tmp_path):
    pytest.importorskip("torch", reason="needs the `record` extra")
    for terminal in (False, True):
        done = run_forked("record", "--reference", model, "--candidate", model, "--key",
                          KEYS / "test-recorder", "-o", tmp_path / "run.potb",
                          terminal=terminal)  # fmt: skip
        assert done.exit_code == 2
        assert_harmless(done, terminal=terminal)


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


ODD_NAMES = [os.fsencode(FILE_NAME), b"caf\xe9\xff.potb", b"\xed\xa0\x80.potb"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_every_path_is_shown_harmlessly_and_works(name, tmp_path):
    """Names that are hostile, and names that are not UTF-8."""
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(named_by_a_stranger())
    allowing = ("--signer", SIGNER, "--allow-withheld")
    for arguments in (("reverify", path, *allowing), ("reverify", path, path, *allowing)):
        done = assert_all_harmless(*arguments)
        assert done.exit_code == 0, done.text
    assert_all_harmless("show", path)
    key = beside(path, ".pub")
    shutil.copy(SIGNER, key)
    done = assert_all_harmless("reverify", path, "--signer", key, "--allow-withheld")
    assert done.exit_code == 0, done.text
    stranger = ("--even-if-not-verified", "--key", KEYS / "test-stranger")
    for number, arguments in enumerate(
        (
            ("redact", path, "--all", "-o"),
            ("export", path, "--dsse", "-o"),
            ("countersign", path, "--signer", SIGNER, *stranger, "-o"),
            ("keygen", "--no-passphrase"),
        )
    ):
        for more in ((), ("--json",)):
            output = beside(path, f".{number}{len(more)}")
            done = run_forked(*arguments, output, *more)
            assert done.exit_code == 0, done.text
            assert_harmless(done, terminal=False)
            assert output.exists()


@pytest.mark.parametrize("name", ODD_NAMES)
def test_every_path_that_is_refused_is_shown_harmlessly(name, tmp_path):
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(named_by_a_stranger())
    missing, new = beside(path, ".missing"), beside(path, ".x")
    for arguments in (
        ("reverify", missing),
        ("show", missing),
        ("quote", path),
        ("weights", path),
        ("weights", missing),
        ("policy", "check", path),
        ("attach", path, "--quote", path, "--key", SIGNER),
        ("prove", path),
        ("timestamp", path, "--token", path, "--tsa-certificate", path, "-o", new),
        ("countersign", path, "--key", path, "-o", new),
        ("precommit", "--reference", path, "--candidate", path, "--key", path, "-o", new),
        ("reverify", path, "--weights", missing),
        (name,),
        ("reverify", b"--" + name),
        ("redact", path, "-o", path, "--probe", name),
        ("reverify", path, "--at", name),
        ("quote", path, "--at", name),
    ):
        done = run_forked(*arguments)
        assert_harmless(done, terminal=False)
        assert done.exit_code in (1, 2, 3), done.text


def test_an_option_that_is_not_utf_8_is_wrong_usage(tmp_path):
    pytest.importorskip("torch", reason="needs the `record` extra")
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).write_text(name)
    for option in ("--reference-name", "--counterpart"):
        models = ("--reference", folder, "--candidate", folder)
        output = ("--key", KEYS / "test-recorder", "-o", tmp_path / "x")
        done = run_forked("precommit", *models, *output, option, b"a\xff")
        assert done.exit_code == 2
        assert "not UTF-8" in done.text
        assert "\\xff" in done.text
        assert not (tmp_path / "x").exists()


def test_the_case_that_was_reported():
    path = ROOT / "fixtures" / "screen" / "fakerow.potb"
    for terminal in (False, True):
        done = run_forked("reverify", path, "--signer", SIGNER, terminal=terminal)
        text = OUR_COLOURS.sub("", done.text)
        rows = [line for line in screen_lines(text) if re.match(r" {0,3}C\d\d ", line)]
        assert [row.split()[0] for row in rows] == [f"C{number:02d}" for number in range(1, 13)]
        assert "C10 quotes pass" in text


def test_the_screen_names_run_file_and_shared_weights(everything):
    import hashlib

    done = run_forked("reverify", everything, "--signer", SIGNER, "--allow-withheld")
    document = json.loads(
        run_forked("reverify", everything, "--signer", SIGNER, "--allow-withheld", "--json").text
    )
    digest = f"sha256:{hashlib.sha256(everything.read_bytes()).hexdigest()}"
    assert document["file_digest"] == digest
    assert f"file   {digest}" in done.text
    assert f"run    {document['bundle']['run_id']}" in done.text
    assert document["bundle"]["models_share_weights_digest"] is True
    weights = document["bundle"]["reference"]["weights_digest"]
    assert weights in done.text.replace("\n    ", "")
    assert "models both have one weights digest" in done.text
    other = ROOT / "fixtures" / "bundles" / "int8.potb"
    other_key = ("--signer", KEYS / "fixtures.pub")
    assert "one weights digest" not in run_forked("reverify", other, *other_key).text
    document = json.loads(run_forked("reverify", other, *other_key, "--json").text)
    assert document["bundle"]["models_share_weights_digest"] is False


def test_nothing_in_the_command_line_speaks_past_the_channel():
    """`say`, `tell` and `say_json` are the only ways; click's own words go through the channel."""
    spoken = re.compile(
        r"click\.(?:echo|secho|style)\(|\bprint\(|sys\.std(?:out|err)\.write\(|json\.dumps\("
    )
    for path in sorted((ROOT / "pot_audit").rglob("*.py")):
        if path.name not in {"lines.py", "progress.py", "completion.py"}:
            assert not spoken.search(path.read_text()), path


def test_colours_come_from_us_alone(everything):
    done = run_forked("reverify", everything, "--signer", SIGNER, "--allow-withheld", terminal=True)
    assert "\x1b[32m\x1b[1mVERIFIED\x1b[0m" in done.text
    assert "\x1b[95" not in done.text
    plain = run_forked("reverify", everything, "--signer", SIGNER, "--allow-withheld")
    assert "\x1b" not in plain.text
    assert OUR_COLOURS.sub("", done.text) == plain.text


def test_rows_are_folded_by_us_and_not_by_the_terminal(everything):
    done = run_forked("reverify", everything, "--signer", SIGNER, "--allow-withheld", terminal=True)
    text = OUR_COLOURS.sub("", done.text)
    assert screen_lines(text) == text.split("\n")


@pytest.mark.parametrize("width", [40, 80, 1000])
@pytest.mark.parametrize(
    "text", [HOSTILE, HOSTILE * 3, "a" * 300, "漢字" * 90, "e\u0301" * 200, ""]
)
def test_folding_keeps_every_word_and_indents(text, width):
    for line in (quoted(text, 500), f"  C10  quotes      pass    {sentence(text)}"):
        pieces = fold(line, width)
        assert "".join("".join(pieces).split()) == "".join(line.split())
        assert all(piece.startswith("    ") for piece in pieces[1:])
        assert width > COLUMNS or all(len(screen_lines(piece)) == 1 for piece in pieces)


def test_what_is_quoted_is_cut_and_says_how_much():
    assert quoted("a" * 100, 10) == '"aaaaaaaaaa…" (+90 characters)'
    assert quoted('say "no" \\ yes') == '"say \\"no\\" \\\\ yes"'
    assert quoted("  a   b ") == '" a b "'
    assert quoted("\udcff\ud800") == '"\\xff\\ud800"'
    assert quoted("\U000e0041\u200b\u00ad\u2800\u3164") == (
        '"\\U000e0041\\u200b\\u00ad\\u2800\\u3164"'
    )
    assert quoted("a\u0301\u0302\u0303") == '"a\u0301\u0302\\u0303"'
    assert quoted("\u0301") == '"\\u0301"'
    assert quoted("Zoë Ğ 漢字 שלום") == '"Zoë Ğ 漢字 שלום"'
    assert quoted(" " * 1_000_000 + "x") == '" x"'
    assert sentence("a\nb") == "a\\u000ab"
    assert shown_path("/a/b-c_1.potb") == "/a/b-c_1.potb"
    assert shown_path("a b") == '"a b"'
    assert shown_fact("12 bytes") == "12 bytes"
    assert shown_fact("12  bytes") == '"12 bytes"'
    assert shown_fact("x; expected y [code]") == '"x; expected y [code]"'
    assert visible("a\tb\x7f") == "a\\u0009b\\u007f"
