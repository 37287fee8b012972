"""The crate makes the very keys and points that the verifier in Python ships."""

import os
import subprocess

import pytest

from pot_reverify.proof import registry
from pot_reverify.proof.registry import REGISTRY

SHIPPED = {
    f"{one.circuit_id}.{kind}.txt": (registry._DATA / f"{one.circuit_id}.{kind}.txt").read_bytes()
    for one in REGISTRY
    for kind in ("vk", "bases")
}


@pytest.mark.skipif("POT_HALO2" not in os.environ, reason="POT_HALO2 names no program")
@pytest.mark.parametrize("threads", ["1", "2"])
def test_shipped_keys_are_those_of_the_crate_bit_for_bit(tmp_path, threads):
    subprocess.run(
        [os.environ["POT_HALO2"], "keys", "--out", tmp_path],
        check=True,
        capture_output=True,
        env={**os.environ, "RAYON_NUM_THREADS": threads},
    )
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made.keys() == SHIPPED.keys()
    assert [name for name in made if made[name] != SHIPPED[name]] == []


def test_nothing_else_is_shipped():
    shipped = {path.name for path in registry._DATA.iterdir()}
    assert shipped == {*SHIPPED, "registry.json"}
