"""Genuine bytes of every kind that a parser is given, and ways to spoil them."""

import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack

from pot_reverify.container.frames import read_frames
from pot_reverify.encoding import canonical_msgpack, strict_json

FIXTURES = Path(__file__).parents[2] / "fixtures"
_BUNDLES = (
    "vectors/base.potb",
    "vectors/base-proven.potb",
    "vectors/grade-a.potb",
    "vectors/grade-d.potb",
    "bundles/timestamped.potb",
    "bundles/grades/b-key-attested.potb",
)
_FILES = (
    "keys/test-recorder.pub",
    "keys/test-auditor-p256.pub",
    "policies/auditor.toml",
    "tsa/test-root.pem",
    "tee/nitro/veracruz_aws_nitro_document.cbor",
    "tee/synthetic_dcap/sgx_valid.quote",
    "tee/synthetic_dcap/tdx_valid.quote",
    "tee/synthetic_dcap/test_root.der",
    "tee/snp/openpcc_azure_report.bin",
    "tee/nvidia/nvat_hopperCertChain.txt",
    "tee/vendor_formats/aci_report_fixture.json",
    "public/rfc3161/sigstage/response-sha256.tsr",
    "public/rfc3161/test_tsa/response.tsr",
)
LONG_INTEGER = "9" * 5000
EXTREMES: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**63), 2**64 - 1, 1.5, "", "x", "\x00",
    "\ud800", "é", "x" * 5000, "0" * 64, "sha256:" + "0" * 64, "AAAA", "=", LONG_INTEGER, [], {},
    [[]], [1, 0], [0, 0], [-1, 1], [2**63, 2**62 + 1], [None] * 5, {"a": 1}, {"": {}},
    b"", b"\x00" * 32,
)  # fmt: skip


def seeds() -> list[bytes]:
    """Payloads of frames, the documents in them, and files of other kinds."""
    found: dict[bytes, None] = {}
    for name in _BUNDLES:
        data = (FIXTURES / name).read_bytes()
        for frame in read_frames(io.BytesIO(data), len(data)):
            found[frame.payload] = None
            found.update(dict.fromkeys(_inner_bytes(_document(frame.payload))))
    found.update(dict.fromkeys((FIXTURES / name).read_bytes() for name in _FILES))
    return [one for one in found if len(one) < 60_000]


def maps() -> list[dict[str, Any]]:
    """Every map in the documents of the seeds."""
    return [one for seed in seeds() for one in _inner_maps(_document(seed))]


def spoil(data: bytes, rng: random.Random) -> bytes:
    """The bytes with one value replaced, or one stretch of them."""
    document = _document(data)
    if document is not None and rng.random() < 0.7:
        return _encode(_replace(document, rng), is_json=data[:1] == b"{")
    start = rng.randrange(len(data) + 1)
    end = min(len(data), start + rng.choice((0, 1, 1, 4, 100)))
    middle = rng.choice((b"", b"\xff", b"\x00" * 8, rng.randbytes(4), data[start:end] * 3))
    return data[:start] + middle + data[end:]


def spoil_map(document: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """The map with one value replaced, taken away or added, at any depth."""
    replaced = _replace(document, rng)
    return replaced if isinstance(replaced, dict) else {"x": replaced}


def _document(data: bytes) -> Any:
    for decode in (canonical_msgpack.decode, strict_json.decode):
        try:
            return decode(data)
        except Exception:  # noqa: BLE001  most seeds are of another kind
            continue
    return None


def _replace(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.9:
        name = rng.choice(list(value))
        changed = dict(value)
        if rng.random() < 0.1:
            del changed[name]
        else:
            changed[name] = _replace(value[name], rng)
        return changed
    if isinstance(value, list) and value and rng.random() < 0.8:
        place = rng.randrange(len(value))
        return [*value[:place], _replace(value[place], rng), *value[place + 1 :]]
    return rng.choice(EXTREMES)


def _encode(document: Any, *, is_json: bool) -> bytes:
    if is_json:
        text = json.dumps(document, default=lambda one: one.hex())
        return text.replace(f'"{LONG_INTEGER}"', LONG_INTEGER).encode()
    try:
        return msgpack.packb(document, unicode_errors="surrogatepass")
    except (OverflowError, ValueError):
        return b"\x80"


def _inner_bytes(value: Any) -> Iterator[bytes]:
    yield from _inner(value, lambda one: isinstance(one, bytes) and len(one) > 40)


def _inner_maps(value: Any) -> Iterator[dict[str, Any]]:
    yield from _inner(value, lambda one: isinstance(one, dict))


def _inner(value: Any, wanted: Callable[[Any], bool]) -> Iterator[Any]:
    if wanted(value):
        yield value
    if isinstance(value, dict):
        for one in value.values():
            yield from _inner(one, wanted)
    if isinstance(value, list):
        for one in value:
            yield from _inner(one, wanted)
    if isinstance(value, bytes):
        yield from _inner(_document(value), wanted)
