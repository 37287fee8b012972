"""From a stamped precommit to a stamped bundle, with a real model and a real authority."""

import dataclasses
import shutil
from datetime import UTC, datetime

import pytest

pytest.importorskip("torch", reason="needs the `record` extra")

from certificates import make_root, make_tsa
from tsa import OpenSslTsa, serve

from pot_recorder.evidence_folder import evidence_folder_of
from pot_recorder.keys import generate_private_keys
from pot_recorder.models.manifest import hash_model
from pot_recorder.models.source import parse_model_source
from pot_recorder.promise import make_promise, save_promise
from pot_recorder.promised_time import token_path_of
from pot_recorder.recording import RecordingRequest, record_bundle
from pot_recorder.stamp import Root, stamp_bundle, stamp_precommit
from pot_recorder.time_authority import TimeService
from pot_reverify import NamedSigner, Policy, VerdictWord, verify
from pot_reverify.checks.result import Status
from pot_reverify.decision.presets import PRESETS
from pot_reverify.documents.model_identity import ModelClaim
from pot_reverify.policy import ProvenTime, TimeAuthority, TimePolicy

pytestmark = [
    pytest.mark.models,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl"),
]
SHORT = dataclasses.replace(PRESETS["audit"], name="custom", n_min=3, n_max=4)


def test_both_ends_of_a_run_are_proven(small_folder, tmp_path):
    signers = generate_private_keys(post_quantum=False)
    claim = ModelClaim("small", hash_model(parse_model_source(str(small_folder))).root_digest)
    promise = make_promise(
        reference=claim, candidate=claim, preset=SHORT, attempt=1, counterpart=None, signers=signers
    )
    precommit, output = tmp_path / "run.precommit", tmp_path / "run.potb"
    stamped = tmp_path / "stamped.potb"
    save_promise(promise, precommit, signers)
    ca = make_root()
    root = Root("test", ca.der)
    with serve(OpenSslTsa(tmp_path / "tsa", make_tsa(ca))) as (url, queries):
        source = TimeService(url).stamp
        stamp_precommit(precommit, token_path_of(precommit), source, root)
        record_bundle(
            RecordingRequest(
                reference=str(small_folder),
                candidate=str(small_folder),
                preset=SHORT,
                signers=signers,
                output=output,
                precommit=precommit,
                reference_name="small",
                candidate_name="small",
                threads=1,
            )
        )
        stamp_bundle(output, stamped, source, root, renew=False)
    assert len(queries) == 2
    assert not evidence_folder_of(output).exists()
    policy = Policy(
        signers=tuple(NamedSigner("test", one.public_key) for one in signers),
        time=TimePolicy((TimeAuthority("test-tsa", ca.der),), frozenset(ProvenTime)),
    )
    verdict = verify(stamped, policy)
    check = verdict.checks[4]
    assert (verdict.word, check.status) == (VerdictWord.VERIFIED, Status.PASS), verdict.checks
    assert any("before challenge 1" in note for note in check.notes)
    assert str(datetime.now(UTC).year) in check.message
    assert verify(output, policy).checks[4].code == "time.required-missing"
