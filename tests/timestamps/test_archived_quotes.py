"""Ten years on: a quote whose collateral ended long ago, in a bundle with a proven time."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from certificates import DAY, make_root, make_tsa
from draft import Draft
from forge import Forge

from pot_reverify import VerdictWord
from pot_reverify.checks.result import CheckId, Status
from pot_reverify.container.frames import FrameType
from pot_reverify.documents.blob import Attachment
from pot_reverify.policy import ProvenTime, TimeAuthority, TimePolicy
from pot_reverify.policy.toml_file import load_policy
from pot_reverify.verify import verify_stream

GRADES = Path(__file__).parents[2] / "fixtures" / "bundles" / "grades"
BUNDLE = (GRADES / "a-run-bound.potb").read_bytes()
STAMPED = datetime(2026, 12, 1, tzinfo=UTC)
IN_2036 = int(datetime(2036, 6, 1, tzinfo=UTC).timestamp()) * 10**9
LONG = {"not_before": STAMPED - 999 * DAY, "not_after": STAMPED + 9999 * DAY}
ROOT = make_root(**LONG)


@pytest.fixture(scope="module")
def stamped() -> bytes:
    draft = Draft(BUNDLE)
    signature = draft.map(FrameType.SIGNATURE)["signature"]
    tsa = make_tsa(ROOT, "archive", **LONG)
    token = Forge(tsa, signature, gen_time=f"{STAMPED:%Y%m%d%H%M%SZ}").data()
    return draft.append(
        FrameType.ATTACHMENT, Attachment("application/timestamp-reply", token).encode()
    ).data()


def judge(data: bytes, *, named: bool):
    authorities = (TimeAuthority("the archive", ROOT.der),) if named else ()
    required = frozenset({ProvenTime.STATEMENT}) if named else frozenset()
    policy = load_policy(GRADES / "a-run-bound.toml")
    policy = replace(policy, time=TimePolicy(authorities, required))
    verdict = verify_stream(io.BytesIO(data), len(data), policy, at_ns=IN_2036)
    checks = {check.check: check for check in verdict.checks}
    return verdict, checks[CheckId.QUOTES], checks[CheckId.TIME]


def test_a_proven_time_keeps_an_archived_quote_and_says_what_is_unknown_since(stamped):
    verdict, quotes, time = judge(stamped, named=True)
    assert verdict.word is VerdictWord.VERIFIED
    assert "valid at 2026-12-01T00:00:01Z (proven by the archive)" in quotes.notes
    assert any(note.startswith("known after that time: nothing") for note in quotes.notes)
    assert time.notes[0].startswith("What is known after 2026-12-01 00:00:01 UTC: nothing.")
    assert verdict.evaluated_at_ns == IN_2036


@pytest.mark.parametrize("is_stamped", [False, True])
def test_without_a_clock_that_the_reader_names_the_quote_is_stale(stamped, is_stamped):
    verdict, quotes, _ = judge(stamped if is_stamped else BUNDLE, named=False)
    assert verdict.word is VerdictWord.INCOMPLETE
    assert (quotes.status, quotes.code) == (Status.SKIP, "quote.stale")
    assert "a proof that the quote existed" in (quotes.needs or "")
    assert verdict.binding_grades == ("W",)
