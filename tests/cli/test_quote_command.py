"""``pot-audit quote`` as people and scripts use it."""

import json
from pathlib import Path

import pytest
from test_commands import run

TEE = Path(__file__).parents[2] / "fixtures" / "tee"
TDX = TEE / "tdx" / "phala_tdx_quote.bin"
COLLATERAL = TEE / "tdx" / "phala_tdx_quote_collateral.json"
NITRO = TEE / "nitro" / "anjuna_sample_prod_doc_with_publickey.bin"
SYNTHETIC = TEE / "synthetic_dcap"

pytest.importorskip("dcap_qvl")


def test_a_genuine_quote_is_told_with_what_it_says_and_what_nobody_judged():
    done = run("quote", TDX, "--collateral", COLLATERAL, "--at", "2025-07-01T00:00:00Z")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "GENUINE  genuine, for software that you have not named" in done.stdout
    assert "91eb2b44d141d4ece09f0c75c2c53d247a3c68edd7fafe8a3520c942a604a407" in done.stdout
    assert "valid at 2025-07-01T00:00:00Z (chosen by --at; nothing proves it)" in done.stdout
    assert "known after that time: nothing" in done.stdout
    assert "not judged: which software it was" in done.stdout
    assert "TEST ROOT" not in done.stdout


def test_the_same_quote_is_stale_later_and_unfinished_without_collateral():
    stale = run("quote", TDX, "--collateral", COLLATERAL, "--at", "2026-11-22")
    assert stale.returncode == 3
    assert "COULD NOT TELL" in stale.stdout
    assert "[quote.stale]" in stale.stdout
    bare = run("quote", TDX)
    assert (bare.returncode, "[quote.collateral-missing]" in bare.stdout) == (3, True)
    assert "it says, and nothing of it is verified:" in bare.stdout
    assert "91eb2b44d141d4ece09f0c75c2c53d247a3c68edd7fafe8a3520c942a604a407" in bare.stdout


def test_a_document_that_states_its_time_needs_none():
    done = run("quote", NITRO)
    assert done.returncode == 0
    assert "valid at 2021-03-24T16:10:41Z (stated and signed by the document itself)" in done.stdout


def test_several_files_give_one_result_each_and_the_worst_exit_code():
    bad = TEE / "nitro" / "veracruz_aws_nitro_document_bad_sig.cbor"
    done = run("quote", NITRO, TDX, bad, TEE / "README.md", "--json")
    document = json.loads(done.stdout)
    results = [one["result"] for one in document["results"]]
    assert results == ["genuine", "could-not-tell", "rejected", "unusable"]
    assert [one.get("code") for one in document["results"]] == [
        None,
        "quote.collateral-missing",
        "quote.signature",
        "quote.unknown-kind",
    ]
    assert done.returncode == document["exit_code"] == 1
    assert run("quote", NITRO, TEE / "README.md").returncode == 2


def test_a_test_root_counts_only_where_it_is_named_and_says_so():
    quote = [SYNTHETIC / "tdx_valid.quote", "--collateral", SYNTHETIC / "tdx_valid.collateral.json"]
    at = ["--at", "2026-01-04T00:00:00Z"]
    assert run("quote", *quote, *at).returncode == 1
    done = run("quote", *quote, *at, "--root", SYNTHETIC / "test_root.der")
    assert done.returncode == 0, done.stdout
    assert "GENUINE" in done.stdout
    assert "TEST ROOT: it vouches for nothing" in done.stdout
    document = json.loads(
        run("quote", *quote, *at, "--root", SYNTHETIC / "test_root.der", "--json").stdout
    )
    assert document["results"][0]["appraisal"]["is_under_test_root"] is True


def test_a_policy_names_software_and_refuses_other_software(tmp_path):
    policy = tmp_path / "policy.toml"
    pcr0 = "672cd3c91b7ac756037d260051169c70b1de59c7a3a9a8253322c98763697891c722fec043cbf72a824ae5d5ac41fc41"  # noqa: E501  a register
    text = (
        'kind = "pot-audit/policy/1"\nname = "test"\n[[binding.software]]\nname = "the sample"\n'
        f'kind = "nitro"\n[binding.software.registers]\npcr0 = "{pcr0}"\n'
    )
    policy.write_text(text)
    done = run("quote", NITRO, "--policy", policy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "GENUINE  genuine, for software that you named: the sample" in done.stdout
    policy.write_text(text.replace(pcr0, "00" * 48))
    done = run("quote", NITRO, "--policy", policy)
    assert (done.returncode, "[quote.measurement]" in done.stdout) == (1, True)


def test_wrong_usage_is_told():
    assert run("quote").returncode == 2
    assert run("quote", TDX, "--at", "soon").returncode == 2
    assert run("quote", "no-such-file").returncode == 2
