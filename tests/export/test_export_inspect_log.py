"""The log, as Inspect AI reads it."""

import json
import math
import zipfile

import pytest
from processes import BUNDLES, VECTORS, other, pot_audit

from pot_recorder.export.inspect_log import WITHHELD
from pot_reverify.documents.bundle_reader import read_bundle_of

# What Inspect AI's own reader makes of a log, as JSON.
READ = """
import json, sys
from inspect_ai.log import read_eval_log, read_eval_log_sample, read_eval_log_sample_summaries
log = read_eval_log(sys.argv[1])
header = read_eval_log(sys.argv[1], header_only=True)
summaries = read_eval_log_sample_summaries(sys.argv[1])
one = read_eval_log_sample(sys.argv[1], log.samples[0].id, 1)
assert header.results == log.results and header.eval == log.eval
assert [one.id for one in summaries] == [one.id for one in log.samples]
assert one.input == log.samples[0].input
print(log.model_dump_json())
"""


@pytest.fixture
def read_log(export, other_python):
    def read(bundle):
        done = other(other_python, READ, export(bundle, "inspect", "out.eval"))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return read


def test_inspect_reads_models_decision_and_origin(read_log):
    path = BUNDLES / "int8.potb"
    log, bundle = read_log(path), read_bundle_of(path)
    spec, head, statement = log["eval"], bundle.head, bundle.statement
    assert (log["version"], log["status"]) == (2, "success")
    assert spec["model"] == head.candidate.claim.name
    assert spec["model_roles"]["reference"]["model"] == head.reference.claim.name
    assert spec["dataset"]["name"] == "prose/1"
    assert spec["run_id"] == head.run_id.hex()
    assert spec["metadata"]["bundle_digest"].startswith("sha256:")
    assert spec["metadata"]["verified"] is False
    assert "the bundle is the evidence" in spec["metadata"]["note"]
    [score] = log["results"]["scores"]
    assert score["metadata"]["decision"] == statement.decision == "SAME"
    mean = statement.score_sum / 2**15 / statement.probes
    assert math.isclose(score["metrics"]["mean_divergence"]["value"], mean)
    assert math.isclose(score["metrics"]["margin"]["value"], statement.margin)
    assert score["scored_samples"] == statement.probes == len(log["samples"])


def test_every_probe_is_a_sample_with_its_score(read_log):
    path = BUNDLES / "identical.potb"
    log, bundle = read_log(path), read_bundle_of(path)
    probes = [
        (challenge.index, number, probe)
        for challenge in bundle.challenges
        for number, probe in enumerate(challenge.probes, start=1)
    ]
    for sample, (index, number, probe) in zip(log["samples"], probes, strict=True):
        assert sample["id"] == f"{index:05d}-{number}"
        assert sample["scores"]["affinity/1"]["metadata"]["score"] == probe.claimed_score
        assert sample["scores"]["affinity/1"]["value"] == probe.claimed_score / 2**15
        assert sample["input"] not in ("", WITHHELD)


def test_withheld_probes_are_shown_as_withheld(read_log):
    log = read_log(BUNDLES / "redacted.potb")
    count = read_bundle_of(BUNDLES / "redacted.potb").withheld_count
    withheld = [one for one in log["samples"] if one["metadata"]["withheld"]]
    assert 0 < len(withheld) == count == log["eval"]["metadata"]["withheld_probes"]
    for sample in withheld:
        assert sample["input"] == WITHHELD
        assert sample["metadata"]["leaf_digest"].startswith("sha256:")
        assert "withheld" in sample["scores"]["affinity/1"]["explanation"]
    shown = [one for one in log["samples"] if not one["metadata"]["withheld"]]
    assert all(one["input"] != WITHHELD for one in shown)


def test_a_hidden_and_withheld_score_counts_in_no_metric(read_log):
    bundle = read_bundle_of(VECTORS / "hidden-score-withheld.potb")
    hidden = sum(p.claimed_score is None for one in bundle.challenges for p in one.probes)
    log = read_log(VECTORS / "hidden-score-withheld.potb")
    unscored = [one for one in log["samples"] if one["scores"]["affinity/1"]["reason"]]
    assert 0 < hidden == len(unscored) == log["results"]["scores"][0]["unscored_samples"]
    for sample in unscored:
        assert sample["scores"]["affinity/1"]["reason"] == "withheld"
        assert math.isnan(sample["scores"]["affinity/1"]["value"])


def test_a_score_that_does_not_follow_is_called_that(read_log):
    log = read_log(VECTORS / "score-record.potb")
    why = {one["scores"]["affinity/1"]["explanation"] for one in log["samples"]}
    assert "NOT the score of the recorded distributions" in why


def test_equal_bundles_give_equal_logs(export):
    one = export(BUNDLES / "int4.potb", "inspect", "one.eval").read_bytes()
    two = export(BUNDLES / "int4.potb", "inspect", "two.eval").read_bytes()
    assert one == two


def test_a_cut_log_is_refused_by_inspect(export, other_python):
    output = export(BUNDLES / "int4.potb", "inspect", "out.eval")
    output.write_bytes(output.read_bytes()[:-100])
    assert other(other_python, READ, output).returncode != 0


def test_no_member_stands_twice(export):
    with zipfile.ZipFile(export(BUNDLES / "int4.potb", "inspect", "out.eval")) as archive:
        names = archive.namelist()
        assert len(set(names)) == len(names)
        assert archive.testzip() is None


def test_inspect_goes_by_the_name(tmp_path):
    done = pot_audit("export", BUNDLES / "int4.potb", "--inspect", "-o", tmp_path / "log.json")
    assert done.returncode == 2
    assert ".eval" in done.stderr
    assert list(tmp_path.iterdir()) == []
