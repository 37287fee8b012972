"""Python and Rust say the same of damaged proofs of real circuits, in little memory.

`POT_HALO2_MUTATIONS=10000` asks for that many instead of a few.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("verifier_agreement.py")
PEAK_MEGABYTES = 200


@pytest.mark.skipif("POT_HALO2" not in os.environ, reason="POT_HALO2 names no program")
def test_both_verifiers_say_the_same_of_damaged_proofs():
    count = os.environ.get("POT_HALO2_MUTATIONS", "200")
    # The shell stands between, since a new program counts the memory of the one that started it.
    answer = subprocess.run(
        ["/bin/sh", "-c", '"$0" "$@"; exit $?', sys.executable, PROGRAM, count],
        check=True,
        stdout=subprocess.PIPE,
    )
    result = json.loads(answer.stdout)
    assert result["disagreements"] == []
    assert sum(result["verdicts"].values()) == int(count)
    assert len(result["verdicts"]) >= 7
    assert 0 < result["verdicts"]["accepted"] < int(count) / 4
    assert result["python_peak_megabytes"] < PEAK_MEGABYTES
    assert result["pot_halo2_peak_megabytes"] < PEAK_MEGABYTES
