"""Files in which every string that can be chosen freely is hostile, one string at a time."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "fixtures" / "vectors")]

from draft import RECORDER, Draft, to_json  # noqa: E402

from pot_reverify.container.frames import FrameType  # noqa: E402
from pot_reverify.documents.blob import Attachment  # noqa: E402
from pot_reverify.encoding import canonical_msgpack  # noqa: E402

F = FrameType
SMALL = (ROOT / "fixtures" / "vectors" / "small.potb").read_bytes()
CANARY = "CANARY"
PASS_ROW = f"  C10  quotes      pass    {CANARY} grade A"
VERDICT_ROW = f"VERIFIED   {CANARY} Every check has passed."
HOSTILE = (
    " " * 61 + PASS_ROW
    + "\r\n" + VERDICT_ROW
    + "\x1b[95;1mred\x1b[2K\x9b31m\x07\x7f"
    + "\u202eesrever\u2066\u200b\u200d\ufeff\U000e0041\U000e0042\u2028" + VERDICT_ROW
    + "\u00a0\u2003\u3000\u2800\u3164a" + "\u0301" * 9
)  # fmt: skip
"""Under 256 code points: what the format lets into a name."""

assert len(HOSTILE) <= 256


def hostile_bundles() -> Iterator[tuple[str, bytes]]:
    """A bundle for each string in each document, well formed and signed as far as that goes."""
    yield "everything", named_by_a_stranger()
    yield from _in_leaves()
    yield from _in_blobs()
    yield from _behind_the_leaves()
    # Names that nobody asked for.
    for frame_type in (F.HEAD, F.RECORD, F.CONTENT, F.BLOB, F.REVEAL, F.SIGNATURE):
        yield f"{frame_type.name} key", Draft(SMALL).edit(frame_type, **{HOSTILE: 1}).data()
    yield "STATEMENT key", _signed(Draft(SMALL).state(**{HOSTILE: HOSTILE})).data()
    yield "no JSON", _signed(Draft(SMALL).put(F.STATEMENT, HOSTILE.encode())).data()


def named_by_a_stranger() -> bytes:
    """A bundle that is VERIFIED, and whose free texts are all hostile."""
    head, draft = _head(), Draft(SMALL)
    names = {}
    for role in ("reference", "candidate"):
        head[role]["name"] = HOSTILE
        for field in ("architecture", "dtype", "device", "attention"):
            head[role][field] = HOSTILE
        names[role] = json.loads(head["precommit"]["payload"])[role] | {"name": HOSTILE}
    head["recorder"]["version"] = HOSTILE
    draft.put(F.HEAD, canonical_msgpack.encode(head)).promise(**names)
    statement = draft.statement()
    for number, role in ((1, "reference"), (2, "candidate")):
        statement["predicate"][role]["name"] = HOSTILE
        statement["subject"][number]["name"] = f"{role}: {HOSTILE}"
    statement["predicate"]["recorder"]["version"] = HOSTILE
    statement["predicate"]["environment_summary"] = HOSTILE
    statement["predicate"]["labels"] = dict.fromkeys(statement["predicate"]["labels"], HOSTILE)
    draft.put(F.STATEMENT, to_json(statement))
    events = [{"at_ns": 1, "kind": "error", "message": HOSTILE * 5}]
    return draft.edit(F.REVEAL, events=events).reseal().data()


def _in_leaves() -> Iterator[tuple[str, bytes]]:
    for place in _places(_head()):
        head = _head()
        _put(head, place, HOSTILE)
        draft = Draft(SMALL).put(F.HEAD, canonical_msgpack.encode(head))
        yield f"HEAD {place}", draft.reseal().data()
    for name in ("attempt", "challenge_family", "counterpart", "kind", "rule", "run_id", "score"):
        value = {"kind": "party", "name": HOSTILE} if name == "counterpart" else HOSTILE
        yield f"precommit {name}", Draft(SMALL).promise(**{name: value}).reseal().data()
    for kind in ("error", HOSTILE):
        events = [{"at_ns": 1, "kind": kind, "message": HOSTILE}]
        yield f"event {kind[:10]!r}", Draft(SMALL).edit(F.REVEAL, events=events).reseal().data()


def _in_blobs() -> Iterator[tuple[str, bytes]]:
    for nth in range(3):
        for field in ("name", "media_type"):
            draft = Draft(SMALL).edit(F.BLOB, nth, **{field: HOSTILE})
            yield f"BLOB {nth} {field}", draft.reseal().data()
    for name in ("weights/reference.json", "environment.json"):
        document = json.loads(_blob(Draft(SMALL), name))
        for place in list(_places(document))[:12]:
            changed = json.loads(json.dumps(document))
            _put(changed, place, HOSTILE)
            draft = Draft(SMALL).blob(name, lambda _, new=changed: to_json(new))
            yield f"{name} {place}", draft.reseal().data()


def _behind_the_leaves() -> Iterator[tuple[str, bytes]]:
    for place in _places(Draft(SMALL).statement()):
        statement = Draft(SMALL).statement()
        _put(statement, place, HOSTILE)
        draft = Draft(SMALL).put(F.STATEMENT, to_json(statement))
        yield f"STATEMENT {place}", _signed(draft).data()
    for field in ("algorithm", "key_id"):
        yield f"SIGNATURE {field}", Draft(SMALL).edit(F.SIGNATURE, **{field: HOSTILE[:60]}).data()
    envelope, token = "application/vnd.dsse.envelope.v1+json", "application/timestamp-reply"
    for number, media_type in enumerate((HOSTILE, envelope, token)):
        attachment = Attachment(media_type, HOSTILE.encode()).encode()
        yield f"ATTACHMENT {number}", Draft(SMALL).append(F.ATTACHMENT, attachment).data()


def _signed(draft: Draft) -> Draft:
    return draft.sign([RECORDER])


def _head() -> dict[str, Any]:
    return Draft(SMALL).map(F.HEAD)


def _blob(draft: Draft, name: str) -> bytes:
    found: list[bytes] = []

    def keep(data: bytes) -> bytes:
        found.append(data)
        return data

    change: Callable[[bytes], bytes] = keep
    draft.blob(name, change)
    return found[0]


def _places(value: object, place: tuple[object, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where strings and nulls stand."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _places(inner, (*place, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _places(inner, (*place, number))
    elif isinstance(value, str) or value is None:
        yield place


def _put(document: Any, place: tuple[Any, ...], value: str) -> None:
    for step in place[:-1]:
        document = document[step]
    document[place[-1]] = value
