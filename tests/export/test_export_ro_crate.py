"""The crate, as rocrate reads it and as the RO-Crate validator judges it."""

import hashlib
import json

import pytest
from processes import BUNDLES, KEYS, other, pot_audit

from pot_reverify.documents.bundle_reader import read_bundle_of

# The validator works offline on what its cache holds: the JSON-LD context of RO-Crate 1.2, in the
# copy that the npm package ro-crate carries.
VALIDATE = """
import io, json, pathlib, sys
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester

CONTEXT = "https://w3id.org/ro/crate/1.2/context"
crate, context, cache, found = sys.argv[1:]

class Carried(HTTPAdapter):
    def send(self, request, **_):
        body = io.BytesIO(pathlib.Path(context).read_bytes())
        kind = {"Content-Type": "application/ld+json"}
        return self.build_response(request, HTTPResponse(
            body, kind, 200, preload_content=False, request_url=request.url
        ))

requester = HttpRequester.initialize_cache(cache_max_age=-1, cache_path=cache)
requester.session.mount(CONTEXT, Carried())
requester.get(CONTEXT, headers={"Accept": "application/ld+json, application/json, */*;q=0.1"})
result = services.validate(services.ValidationSettings(
    rocrate_uri=crate,
    profile_identifier="ro-crate-1.2",
    requirement_severity=models.Severity.RECOMMENDED,
    offline=True,
    cache_path=cache,
))
issues = [[one.severity.name, one.message] for one in result.get_issues()]
pathlib.Path(found).write_text(json.dumps({"passed": result.passed(), "issues": issues}))
"""

READ = """
import json, sys
from rocrate.rocrate import ROCrate
crate = ROCrate(sys.argv[1])
root = crate.root_dataset
print(json.dumps({
    "version": crate.version,
    "name": root["name"],
    "parts": [one.id for one in root["hasPart"]],
    "values": {one["name"]: one["value"] for one in root["variableMeasured"]},
    "models": [one["name"] for one in root["mentions"]["object"]],
}))
"""


@pytest.fixture
def validate(other_python, node_modules, tmp_path):
    def run(crate):
        context = node_modules / "ro-crate" / "lib" / "context.json"
        found = tmp_path / "found.json"
        done = other(other_python, VALIDATE, crate, context, tmp_path / "cache", found)
        assert done.returncode == 0, done.stderr
        return json.loads(found.read_bytes())

    return run


def test_the_validator_misses_only_what_a_bundle_does_not_say(export, validate):
    found = validate(export(BUNDLES / "redacted.potb", "ro-crate"))
    assert [message for severity, message in found["issues"] if severity == "REQUIRED"] == []
    recommended = " ".join(message for _, message in found["issues"])
    for topic in (
        "License entity",
        "ORCID",
        "ROR",
        "contactPoint",
        "organization SHOULD have a URL",
    ):
        assert topic in recommended
    assert len(found["issues"]) == 6


def test_the_validator_finds_what_is_missing(export, validate):
    crate = export(BUNDLES / "int8.potb", "ro-crate")
    (crate / "bundle.potb").unlink()
    document = json.loads((crate / "ro-crate-metadata.json").read_bytes())
    del document["@graph"][1]["datePublished"]
    (crate / "ro-crate-metadata.json").write_text(json.dumps(document))
    found = validate(crate)
    assert not found["passed"]
    assert len([one for one in found["issues"] if one[0] == "REQUIRED"]) >= 2


def test_rocrate_reads_it(export, other_python):
    path = BUNDLES / "int4.potb"
    crate, bundle = export(path, "ro-crate"), read_bundle_of(path)
    done = other(other_python, READ, crate)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    head = bundle.head
    assert found["version"] == "1.2"
    assert found["parts"] == ["bundle.potb", "statement.dsse.json"]
    assert found["models"] == [head.reference.claim.name, head.candidate.claim.name]
    assert found["values"]["Decision"] == bundle.statement.decision == "DIFFERENT"
    assert bundle.signatures[0].key_id in found["values"].values()


def test_the_bundle_in_the_crate_is_the_bundle(export):
    path = BUNDLES / "int4.potb"
    crate = export(path, "ro-crate")
    assert (crate / "bundle.potb").read_bytes() == path.read_bytes()
    document = json.loads((crate / "ro-crate-metadata.json").read_bytes())
    entities = {one["@id"]: one for one in document["@graph"]}
    for name in ("bundle.potb", "statement.dsse.json"):
        content = (crate / name).read_bytes()
        assert entities[name]["sha256"] == hashlib.sha256(content).hexdigest()
        assert entities[name]["contentSize"] == str(len(content))
    done = pot_audit("reverify", crate / "bundle.potb", "--signer", KEYS / "fixtures.pub")
    assert done.returncode == 0
    assert "made without verification" in entities["./"]["description"]


def test_whom_only_a_label_names_is_said_to_be_named_and_no_more(export):
    metadata = export(BUNDLES / "int8.potb", "ro-crate") / "ro-crate-metadata.json"
    entities = {one["@id"]: one for one in json.loads(metadata.read_bytes())["@graph"]}
    for name in ("#organisation", "#responsible"):
        assert entities[name]["description"].startswith("Named by the recorder in a label")
    shown = pot_audit("show", BUNDLES / "int8.potb").stdout
    for label in ('"Test Person" (claimed)', '"pot-audit fixtures" (claimed)'):
        assert label in shown


def test_every_name_in_the_description_is_explained(export):
    document = json.loads(
        (export(BUNDLES / "int8.potb", "ro-crate") / "ro-crate-metadata.json").read_bytes()
    )
    known = {one["@id"] for one in document["@graph"]} | {"https://w3id.org/ro/crate/1.2"}

    def references(value):
        if isinstance(value, dict) and value.keys() == {"@id"}:
            yield value["@id"]
        elif isinstance(value, dict | list):
            for inner in value.values() if isinstance(value, dict) else value:
                yield from references(inner)

    assert set(references(document["@graph"])) <= known
