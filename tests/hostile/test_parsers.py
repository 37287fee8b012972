"""Whatever a parser is given, nothing but a `PotAuditError` comes out of it.

The parsers are found, not listed: one that is added later is tried without a line here, unless it
asks for something that the table of arguments does not have.
"""

import importlib
import inspect
import pkgutil
import random
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seeds import maps, seeds, spoil, spoil_map

import pot_reverify
from pot_reverify.documents.dsse_envelope import Envelope
from pot_reverify.encoding.fields import Fields
from pot_reverify.errors import PotAuditError
from pot_reverify.quotes.roots import PINNED_ROOTS

_VERBS = ("parse_", "decode", "read_", "split_", "identify_", "cut_", "load_", "decompress")
# What these are given is made by this package, or by a person who is asked.
_TRUSTED = {
    "documents.bundle_file.read_bundle_file",
    "input_files.read_file",
    "policy.signers.load_signer",
    "policy.toml_file.load_policy",
    "proof.verifying_key.parse_verifying_key",
}
_BYTES = (bytes, bytes | str)
_ARGUMENTS = {
    "where": "here",
    "code": "test.code",
    "max_items": 1000,
    "read_file": lambda _name: PINNED_ROOTS["intel"][0],
    "content": b"content",
    "name": "name",
    "collateral": b"",
    "certificates": (),
    "crls": (),
    "token_ids": bytes(64),
    "p": bytes(64),
    "q": bytes(64),
    "payload_type": "application/vnd.in-toto+json",
    "max_payload_bytes": 1 << 16,
    "base64_code": "test.base64",
    "version": 2,
}
SEEDS = seeds()
MAPS = maps()


def _parsers() -> dict[str, Callable]:
    found = {}
    for module in pkgutil.walk_packages(pot_reverify.__path__, "pot_reverify."):
        for name, function in vars(importlib.import_module(module.name)).items():
            if (
                inspect.isfunction(function)
                and function.__module__ == module.name
                and name.startswith(_VERBS)
                and _first(function).annotation in (*_BYTES, str, Fields, object, Envelope, _MAP)
            ):
                found[f"{module.name}.{name}".removeprefix("pot_reverify.")] = function
    return {name: one for name, one in found.items() if name not in _TRUSTED}


_MAP = Mapping[str, object]


def _first(function: Callable) -> inspect.Parameter:
    parameters = list(inspect.signature(function).parameters.values())
    return parameters[0] if parameters else inspect.Parameter("none", inspect.Parameter.VAR_KEYWORD)


PARSERS = _parsers()


def _call(function: Callable, first: object) -> object:
    others = list(inspect.signature(function).parameters.values())[1:]
    given_ = {one.name: _ARGUMENTS[one.name] for one in others if one.name in _ARGUMENTS}
    asked = {one.name for one in others if one.default is inspect.Parameter.empty}
    assert asked <= given_.keys(), f"say in _ARGUMENTS what {asked - given_.keys()} may be"
    return function(first, **given_)


def _inputs(function: Callable) -> list[Callable[[random.Random], object]]:
    """What is genuine for this parser twice as often as what is for others."""
    kind = _first(function).annotation
    if kind in (Fields, object, _MAP):
        whole = [
            one for one in MAPS if _accepts(function, Fields(one, "x") if kind is Fields else one)
        ]
        wrap = (lambda one: Fields(one, "x")) if kind is Fields else (lambda one: one)
        return [lambda rng, one=one: wrap(spoil_map(one, rng)) for one in (*whole, *whole, *MAPS)]
    whole = [one for one in SEEDS if _accepts(function, _as(kind, one))]
    return [lambda rng, one=one: _as(kind, spoil(one, rng)) for one in (*whole * 2, *SEEDS)]


def _as(kind: object, data: bytes) -> object:
    if kind is str:
        return data.decode(errors="surrogateescape")
    return Envelope(data, "key", b"signature") if kind is Envelope else data


def _accepts(function: Callable, first: object) -> bool:
    try:
        _call(function, first)
    except PotAuditError:
        return False
    return True


@pytest.mark.parametrize("name", PARSERS)
def test_only_our_errors_come_out_of_a_spoilt_document(name):
    rng = random.Random(name)
    inputs = _inputs(PARSERS[name])
    said: list[PotAuditError] = []
    for _ in range(400):
        first = rng.choice(inputs)(rng)
        try:
            _call(PARSERS[name], first)
        except PotAuditError as error:
            said.append(error)
    assert all(error.code and str(error) for error in said)


@pytest.mark.parametrize(
    "name", [name for name, one in PARSERS.items() if _first(one).annotation in (*_BYTES, str)]
)
@settings(derandomize=True, deadline=None, max_examples=60)
@given(data=st.binary(max_size=300))
def test_only_our_errors_come_out_of_anything(name, data):
    _accepts(PARSERS[name], _as(_first(PARSERS[name]).annotation, data))


def test_the_parsers_are_found():
    assert len(PARSERS) > 45
    for name in (
        "timestamps.token.parse_token",
        "documents.head.parse_head",
        "encoding.strict_json.decode",
    ):
        assert name in PARSERS
