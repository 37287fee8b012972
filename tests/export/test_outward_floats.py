"""Bounds in other formats are floats that are not below what was signed."""

import json
import math
import zipfile
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import BUNDLES, VECTORS, pot_audit

from pot_recorder.export.outward_float import float_not_below
from pot_reverify.decision.empirical_bernstein import SCORE_UNIT
from pot_reverify.documents.bundle_reader import read_bundle_of


@given(st.fractions(0, 3))
def test_a_float_is_not_below_and_the_one_before_it_is(bound):
    shown = float_not_below(bound)
    assert Fraction(shown) >= bound
    assert shown == 0 or Fraction(math.nextafter(shown, -math.inf)) < bound


@pytest.mark.parametrize("name", ["identical", "bf16", "int8", "noise", "int4"])
def test_exported_bounds_are_not_below_the_signed_ones(tmp_path, name):
    path = BUNDLES / f"{name}.potb"
    statement = read_bundle_of(path).statement
    half_width = Fraction(statement.half_width_sum, SCORE_UNIT * statement.probes)
    crate, log = exported(path, tmp_path)
    values = {one.get("name"): one.get("value") for one in crate["@graph"]}
    metrics = log["results"]["scores"][0]["metrics"]
    for shown, bound in (
        (values["Half-width"], half_width),
        (values["Certified margin"], statement.margin),
        (metrics["half_width"]["value"], half_width),
        (metrics["margin"]["value"], statement.margin),
    ):
        assert bound <= Fraction(shown) <= bound * Fraction(10**15 + 1, 10**15)


def test_exports_say_that_a_rule_is_custom(tmp_path):
    for path, is_custom in (
        (VECTORS / "good-custom-wide.potb", True),
        (BUNDLES / "identical.potb", False),
    ):
        crate, log = exported(path, tmp_path / path.stem)
        root = next(one for one in crate["@graph"] if one["@id"] == "./")
        assert ("SAME under a custom rule" in root["description"]) == is_custom
        assert log["results"]["metadata"]["is_custom_rule"] is is_custom


def exported(path, folder):
    folder.mkdir(exist_ok=True)
    for kind, target in (("--ro-crate", "crate"), ("--inspect", "log.eval")):
        done = pot_audit("export", path, kind, "-o", folder / target)
        assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(folder / "log.eval") as archive:
        header = json.loads(archive.read("header.json"))
    return json.loads((folder / "crate" / "ro-crate-metadata.json").read_text()), header
