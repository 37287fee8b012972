"""Bundles of at most a megabyte that once cost more than a second, or might: all well signed."""

import base64
import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from draft import RECORDER, Draft, Map, to_json
from hostile_cases import vendor_commitment

from pot_recorder.promise import sign_document
from pot_reverify.container.frames import HEADER, FrameType, encode_frame
from pot_reverify.container.merkle import leaf_digest
from pot_reverify.documents.blob import Attachment, Blob
from pot_reverify.documents.dsse_envelope import MEDIA_TYPE, Envelope
from pot_reverify.documents.statement import PAYLOAD_TYPE
from pot_reverify.encoding import canonical_msgpack

VECTORS = Path(__file__).parents[2] / "fixtures" / "vectors"
SMALL = (VECTORS / "small.potb").read_bytes()
BASE = (VECTORS / "base.potb").read_bytes()
PROVEN = (VECTORS / "base-proven.potb").read_bytes()
ROOM = 1_000_000
F = FrameType

Make = Callable[[], bytes]


def bundle_floods() -> dict[str, Make]:
    """Name and maker of each; the name says what there is too much of."""
    return {
        **{f"msgpack, {name}": make for name, make in _msgpack()},
        **{f"json, {name}": make for name, make in _json()},
        **{f"frames, {name}": make for name, make in _frames()},
        **{f"run, {name}": make for name, make in _run()},
        **{f"documents, {name}": make for name, make in _documents()},
        **{f"attached, {name}": make for name, make in _attached()},
    }


def _msgpack() -> Iterator[tuple[str, Make]]:
    """Arbitrary values stand below `extensions`; encoded by hand, since encoding refuses them."""

    def array(item: bytes, count: int) -> bytes:
        head = (
            b"\xdc" + count.to_bytes(2, "big")
            if count < 2**16
            else b"\xdd" + count.to_bytes(4, "big")
        )
        return head + item * count

    def keys(count: int) -> bytes:
        pairs = b"".join(b"\xa5%05x\xc0" % number for number in range(count))
        return b"\xde" + count.to_bytes(2, "big") + pairs

    items = {
        "empty maps": array(b"\x80", 2**20 - 400),
        "empty maps below the limit": array(b"\x80", 2**14 - 400),
        "empty arrays below the limit": array(b"\x90", 2**14 - 400),
        "nils": array(b"\xc0", 2**20 - 400),
        "empty strings below the limit": array(b"\xa0", 2**14 - 400),
        "keys below the limit": keys(2**13 - 400),
        "pairs of arrays": array(b"\x92\x90\x90", 300_000),
        "depth": b"\x91" * 1_000_000 + b"\xc0",
        "depth of maps": b"\x81\xa1x" * 300_000 + b"\xc0",
        "a long string": b"\xdb" + (900_000).to_bytes(4, "big") + b"a" * 900_000,
        "a long binary": b"\xc6" + (900_000).to_bytes(4, "big") + bytes(900_000),
    }
    for frame_type in (F.HEAD, F.REVEAL):
        for name, item in items.items():
            yield (
                f"{name} in {frame_type.name}",
                lambda frame_type=frame_type, item=item: _extended(frame_type, item),
            )
    yield "items in an attachment", lambda: _attachment_of(array(b"\x80", 1_000_000))
    yield (
        "exchanges",
        lambda: _with_blob(
            "exchange/x", b"\x81\xa9exchanges" + array(b"\x93\xc4\0\xc4\0\xc4\0", 140_000)
        ),
    )


def _extended(frame_type: FrameType, item: bytes) -> bytes:
    draft = Draft(SMALL).edit(frame_type, extensions={"x": True})
    payload = draft.payload(frame_type).replace(b"\xa1x\xc3", b"\xa1x" + item)
    return draft.put(frame_type, payload).reseal().data()


def _attachment_of(item: bytes) -> bytes:
    return Draft(SMALL).append(F.ATTACHMENT, b"\x82\xa4data" + item + b"\xaamedia_type\xa1a").data()


def _json() -> Iterator[tuple[str, Make]]:
    values = {
        "empty arrays": b"[" + b",".join([b"[]"] * 320_000) + b"]",
        "empty objects": b"[" + b",".join([b"{}"] * 320_000) + b"]",
        "keys": b"{" + b",".join(b'"%05x":1' % number for number in range(90_000)) + b"}",
        "integers": b"[" + b",".join([b"1"] * 490_000) + b"]",
        "long integers": b"[" + b",".join([b"1%018d" % n for n in range(48_000)]) + b"]",
        "strings": b"[" + b",".join([b'""'] * 320_000) + b"]",
        "escapes": b'"' + b"\\u00e9" * 160_000 + b'"',
        "pairs of escapes": b'"' + b"\\ud83d\\ude00" * 80_000 + b'"',
        "lone surrogates": b'"' + b"\\ud800" * 160_000 + b'"',
        "depth": b"[" * 480_000 + b"]" * 480_000,
        "an open string": b'"' + b"\\\\" * 480_000,
        "an integer": b"9" * 950_000,
        "white space": b" " * 950_000 + b"1",
    }
    for name, value in values.items():
        yield f"{name} in the statement", lambda value=value: statement_with(value)
        yield f"{name} in the environment", lambda value=value: _environment_with(value)
    yield "escapes in the precommit", lambda: _promise_with(values["escapes"])


def statement_with(value: bytes) -> bytes:
    document = Draft(SMALL).statement()
    document["predicate"]["extensions"] = {"x": "HERE"}
    payload = to_json(document).replace(b'"HERE"', value)
    draft = Draft(SMALL).put(F.STATEMENT, payload)
    return draft.sign([RECORDER]).data()


def _environment_with(value: bytes) -> bytes:
    change = lambda data: data.replace(b"{", b'{"zz":' + value + b",", 1)  # noqa: E731
    return Draft(SMALL).blob("environment.json", change).reseal().data()


def _promise_with(value: bytes) -> bytes:
    payload = Draft(SMALL).map(F.HEAD)["precommit"]["payload"]
    return (
        Draft(SMALL)
        .promise_bytes(payload.replace(b"{", b'{"zz":' + value + b",", 1))
        .reseal()
        .data()
    )


def _frames() -> Iterator[tuple[str, Make]]:
    head = encode_frame(F.HEAD, Draft(SMALL).payload(F.HEAD))
    withheld = encode_frame(F.WITHHELD, Draft(SMALL).payload(F.WITHHELD))
    yield "empty blobs", lambda: HEADER + head + encode_frame(F.BLOB, b"") * 100_000
    yield "withheld", lambda: HEADER + head + withheld * 18_000
    yield "signatures", lambda: _signatures(64, 64)
    yield "long signatures", lambda: _signatures(64, 8192)
    yield "signatures beyond the limit", lambda: _signatures(2000, 64)
    yield "blobs", lambda: _blobs(1000, "x/", bytes(900))
    yield "quotes", lambda: _blobs(1000, "quote/", b'{"x":1}')
    yield "exchange blobs", lambda: _blobs(1000, "exchange/", b"\x80")
    yield "proof blobs", lambda: _blobs(1000, "proof/", b"{}")
    yield "tokens inside", lambda: _blobs(64, "time/", b"0\x80" * 7000)
    yield "names of blobs", lambda: _blobs(1000, "x" * 200, b"")


def _signatures(count: int, size_bytes: int) -> bytes:
    draft = Draft(SMALL)
    one = draft.map(F.SIGNATURE)
    for number in range(1, count):
        fake = {**one, "signature": number.to_bytes(4, "big") * (size_bytes // 4)}
        draft.append(F.SIGNATURE, canonical_msgpack.encode(fake))
    return draft.data()


def _blobs(count: int, prefix: str, data: bytes) -> bytes:
    draft = Draft(SMALL)
    place = draft.at(F.REVEAL)
    for number in range(count):
        draft.insert(place, F.BLOB, Blob(f"{prefix}{number}", "a", data).encode())
    return draft.reseal().data()


def _with_blob(name: str, data: bytes) -> bytes:
    draft = Draft(SMALL)
    return draft.insert(draft.at(F.REVEAL), F.BLOB, Blob(name, "a", data).encode()).reseal().data()


def _run() -> Iterator[tuple[str, Make]]:
    yield "withheld challenges", lambda: challenges(2100, shown=0)
    yield "challenges", lambda: challenges(55, shown=4)
    yield "challenges of which one probe is shown", lambda: challenges(180, shown=1)
    yield "events", lambda: _events(10_000)
    yield "a flat preset", _flat_preset


def challenges(count: int, *, shown: int) -> bytes:
    """As many challenges as fit, each the first of a real run under another number."""
    draft = Draft(BASE)
    stricter = {"gamma": [1, 10**6], "eta": [1, 10**6], "delta": [1_999_999, 10**6]}
    preset = {**draft.map(F.HEAD)["preset"], "n_max": 10_000, **stricter}
    first = draft.at(F.RECORD)
    record, contents = (
        draft.map(F.RECORD),
        [payload for _, payload in draft.frames[first + 1 : first + 5]],
    )
    leaves = [leaf_digest(F.CONTENT, payload) for payload in contents]
    frames: list[tuple[FrameType, bytes]] = []
    for index in range(1, count + 1):
        made = {**record, "index": index, "content_digests": leaves}
        frames.append((F.RECORD, canonical_msgpack.encode(made)))
        for number, payload in enumerate(contents):
            if number < shown:
                frames.append((F.CONTENT, payload))
            else:
                map_ = {"leaf_digest": leaves[number]}
                frames.append((F.WITHHELD, canonical_msgpack.encode(map_)))
    runs = (F.RECORD, F.CONTENT, F.WITHHELD)
    rest = [frame for frame in draft.frames if frame[0] not in (F.HEAD, *runs)]
    draft.frames = [draft.frames[0], *frames, *rest]
    draft.edit(F.HEAD, preset=preset).promise(preset=preset)
    draft.edit(F.REVEAL, planned_challenges=10_000, run_challenges=10_000)
    return draft.state(preset=preset).reseal().data()


def _events(count: int) -> bytes:
    event = {"at_ns": 1, "kind": "retry", "message": "x" * 40}
    return Draft(SMALL).edit(F.REVEAL, events=[event] * count).reseal().data()


def _flat_preset() -> bytes:
    preset: Map = {"alpha": [1, 999_983], "gamma": [1, 999_979], "eta": [1, 999_961],
                   "delta": [1_999_957, 999_979], "epsilon": [1, 999_953]}  # fmt: skip
    preset = {**Draft(SMALL).map(F.HEAD)["preset"], **preset}
    draft = Draft(SMALL).edit(F.HEAD, preset=preset).promise(preset=preset)
    return draft.state(preset=preset).reseal().data()


def _documents() -> Iterator[tuple[str, Make]]:
    yield "files of a model", lambda: manifest(model_files(7000))
    yield "files without fields", lambda: manifest([{}] * 99_000)
    yield "long names of files", lambda: manifest(model_files(230, "/" + "x" * 4000))
    yield "quote digests", lambda: _statement_of(quote_digests=["sha256:" + "0" * 64] * 1024)
    yield "quote digests beyond the limit", lambda: _statement_of(quote_digests=[""] * 300_000)
    yield "a long proof", lambda: _proof(base64.b64encode(bytes(600_000)).decode())
    yield "a proof of zeros", lambda: _proof(None)
    yield "a proof that fails", lambda: _proof(None, flip=True)


def model_files(count: int, ending: str = "") -> list[Map]:
    return [
        {"algorithm": "sha256", "digest": "0" * 64, "name": f"{n:06d}{ending}", "size_bytes": 1}
        for n in range(count)
    ]


def manifest(files: list[Map]) -> bytes:
    def change(data: bytes) -> bytes:
        return to_json({**json.loads(data), "resources": files})

    return Draft(SMALL).blob("weights/reference.json", change).reseal().data()


def _statement_of(**fields: Any) -> bytes:
    return Draft(SMALL).state(**fields).reseal().data()


def _proof(text: str | None, *, flip: bool = False) -> bytes:
    def change(data: bytes) -> bytes:
        document = json.loads(data)
        proof = bytearray(base64.b64decode(document["proof"]))
        if flip:
            proof[-1] ^= 1
        document["proof"] = text or base64.b64encode(proof if flip else bytes(len(proof))).decode()
        return to_json(document)

    return Draft(PROVEN).blob("proof/decision.json", change).reseal().data()


def _attached() -> Iterator[tuple[str, Make]]:
    yield "unknown things", lambda: _attachments("a", [b"%d" % n + bytes(900) for n in range(1000)])
    yield "broken envelopes", lambda: _attachments(MEDIA_TYPE, [b'{"a":%d}' % n for n in range(64)])
    yield "countersignatures by nobody", lambda: _attachments(MEDIA_TYPE, list(_envelopes(64)))
    yield "envelopes beyond the limit", lambda: _attachments(MEDIA_TYPE, list(_envelopes(900)))
    yield (
        "envelopes of another kind",
        lambda: _attachments(
            MEDIA_TYPE, [Envelope(b"{}", f"k{n}", b"s").to_json() for n in range(64)]
        ),
    )


def _attachments(media_type: str, contents: list[bytes]) -> bytes:
    draft = Draft(SMALL)
    for data in contents:
        draft.append(F.ATTACHMENT, Attachment(media_type, data).encode())
    return draft.data()


def _envelopes(count: int) -> Iterator[bytes]:
    """A vendor's word each, signed with one key under labels that the reader has not named."""
    checkpoint = Draft(SMALL).statement()["subject"][0]["digest"]["sha256"]
    payload = vendor_commitment(checkpoint)
    (signature,) = sign_document(PAYLOAD_TYPE, payload, [RECORDER])
    for number in range(count - 1):
        yield Envelope(payload, f"sha256:{number:064x}", struct.pack("<Q", number) * 8).to_json()
    yield Envelope(payload, signature.key_id, signature.signature).to_json()
