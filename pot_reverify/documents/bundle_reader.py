"""Read a whole `.potb` file in one pass: order of frames, tree, documents, scores.

Contents are large and many; each is parsed, scored and let go. The secret behind the challenges
stands at the end of the file, so texts are kept as digests until they can be derived again.
"""

from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path

from pot_reverify.container.frames import Frame, FrameType, read_frames
from pot_reverify.container.merkle import leaf_digest, tree_root
from pot_reverify.documents.blob import Attachment, Blob, parse_attachment, parse_blob
from pot_reverify.documents.bundle import Bundle, Challenge, Probe
from pot_reverify.documents.challenge_record import (
    PROBES,
    Content,
    Record,
    Withheld,
    parse_content,
    parse_record,
    parse_withheld,
    require_known_tokens,
)
from pot_reverify.documents.exchanges import content_digests
from pot_reverify.documents.head import Head, parse_head
from pot_reverify.documents.reveal import parse_reveal
from pot_reverify.documents.signed_bytes import MAX_SIGNATURES, Signature, parse_signature
from pot_reverify.documents.statement import parse_statement
from pot_reverify.documents.statement_parts import LeafCounts
from pot_reverify.encoding import canonical_msgpack
from pot_reverify.encoding.digest import sha256_digest
from pot_reverify.encoding.fields import Fields
from pot_reverify.errors import Rejection
from pot_reverify.input_files import open_regular, size_of
from pot_reverify.score.affinity import affinity_score

MAX_BLOBS = 1024
MAX_BLOB_BYTES = 256 << 20
MAX_ATTACHMENTS = 1024
MAX_ATTACHMENT_BYTES = 64 << 20

_STAGE = {
    FrameType.HEAD: 0,
    FrameType.RECORD: 1,
    FrameType.CONTENT: 1,
    FrameType.WITHHELD: 1,
    FrameType.BLOB: 2,
    FrameType.REVEAL: 3,
    FrameType.STATEMENT: 4,
    FrameType.SIGNATURE: 5,
    FrameType.ATTACHMENT: 6,
}
_ONCE = {FrameType.HEAD, FrameType.REVEAL, FrameType.STATEMENT}


class _FrameSequence:
    """The frames in their only legal order; leaves are hashed into the tree on the way."""

    def __init__(self, stream: BufferedIOBase, size_bytes: int) -> None:
        self._frames = _in_order(read_frames(stream, size_bytes))
        self._next = next(self._frames, None)
        self.leaves: list[bytes] = []
        self.counts = dict.fromkeys(FrameType, 0)

    def take(self, *types: FrameType) -> Frame | None:
        """The next frame if it is of one of these types; its leaf digest ends `leaves`."""
        frame = self._next
        if frame is None or frame.type not in types:
            return None
        if frame.type.is_leaf:
            if frame.type is FrameType.WITHHELD:
                self.leaves.append(parse_withheld(frame.payload, frame.where).leaf_digest)
            else:
                self.leaves.append(leaf_digest(frame.type, frame.payload))
        self.counts[frame.type] += 1
        self._next = next(self._frames, None)
        return frame

    def leaf_counts(self) -> LeafCounts:
        contents = self.counts[FrameType.CONTENT] + self.counts[FrameType.WITHHELD]
        return LeafCounts(
            len(self.leaves),
            self.counts[FrameType.RECORD],
            contents,
            self.counts[FrameType.BLOB],
        )


def read_bundle(stream: BufferedIOBase, size_bytes: int) -> Bundle:
    """Parse every frame and recompute every score.

    Args:
        stream: the file, at its start.
        size_bytes: its size.

    Raises:
        NotABundle: it does not start as a bundle does.
        Rejection: ``container.*``, ``msgpack.*``, ``schema.*``, ``json.*``, ``preset.*``,
            ``score.*``, ``digest.*``, ``statement.*``.
    """
    frames = _FrameSequence(stream, size_bytes)
    first = frames.take(FrameType.HEAD)
    if first is None:
        raise Rejection("container.head-missing", "the first frame must be HEAD", where="frame 0")
    head = parse_head(first.payload, first.where)
    challenges = tuple(_read_challenges(frames, head))
    transcript_root = tree_root(frames.leaves)
    blobs = _read_blobs(frames)
    reveal = frames.take(FrameType.REVEAL)
    leaves = frames.leaf_counts()
    sealed = frames.take(FrameType.STATEMENT)
    if sealed is not None and reveal is None:
        raise Rejection("container.reveal-missing", "no REVEAL before it", where=sealed.where)
    return Bundle(
        head=head,
        challenges=challenges,
        blobs=blobs,
        head_payload=first.payload,
        reveal=None if reveal is None else parse_reveal(reveal.payload, reveal.where),
        reveal_payload=None if reveal is None else reveal.payload,
        statement_payload=None if sealed is None else sealed.payload,
        statement=None if sealed is None else parse_statement(sealed.payload, sealed.where),
        signatures=_read_signatures(frames),
        attachments=_read_attachments(frames),
        transcript_root=transcript_root,
        tree_root=tree_root(frames.leaves),
        leaves=leaves,
    )


def read_bundle_of(path: Path) -> Bundle:
    """Read the bundle of a file, as `read_bundle` does.

    Raises:
        NotABundle, Rejection: as `read_bundle`; ``file.not-regular``.
        OSError: the file cannot be read.
    """
    with open_regular(path) as stream:
        return read_bundle(stream, size_of(stream))


def _in_order(frames: Iterator[Frame]) -> Iterator[Frame]:
    before: FrameType | None = None
    for frame in frames:
        if before is None and frame.type is not FrameType.HEAD:
            raise Rejection(
                "container.head-missing", "the first frame must be HEAD", where=frame.where
            )
        if before is not None and _STAGE[frame.type] < _STAGE[before]:
            raise Rejection(
                "container.out-of-order",
                f"a {frame.type.name} frame cannot follow a {before.name} frame",
                where=frame.where,
            )
        if frame.type is before and frame.type in _ONCE:
            raise Rejection(
                "container.repeated-frame",
                f"there is one {frame.type.name} frame in a bundle",
                where=frame.where,
            )
        if (
            _STAGE[frame.type] > _STAGE[FrameType.STATEMENT]
            and before is not None
            and _STAGE[before] < _STAGE[FrameType.STATEMENT]
        ):
            raise Rejection(
                "container.statement-missing",
                f"a {frame.type.name} frame needs a statement before it",
                where=frame.where,
            )
        before = frame.type
        yield frame


def _read_challenges(frames: _FrameSequence, head: Head) -> Iterator[Challenge]:
    while frame := frames.take(FrameType.RECORD):
        record = parse_record(frame.payload, frame.where)
        if frames.counts[FrameType.RECORD] > head.preset.n_max:
            raise Rejection(
                "container.too-many-records",
                "there are more challenges than the preset allows",
                where=frame.where,
                expected=f"at most {head.preset.n_max}",
            )
        _check_score_placement(record.scores is None, head, frame.where)
        probes = tuple(_read_probe(frames, head, record, number) for number in range(PROBES))
        yield Challenge(record.index, record.started_ns, record.duration_ns, record.is_cold, probes)
    if stray := frames.take(FrameType.CONTENT, FrameType.WITHHELD):
        raise Rejection("container.out-of-order", "a content without its record", where=stray.where)


def _read_probe(frames: _FrameSequence, head: Head, record: Record, number: int) -> Probe:
    frame = frames.take(FrameType.CONTENT, FrameType.WITHHELD)
    if frame is None:
        raise Rejection(
            "container.contents-missing",
            "a RECORD is followed by its four contents",
            where=f"challenge {record.index}",
            got=f"{number} contents",
        )
    content: Content | Withheld
    exchange_digests = None
    if frame.type is FrameType.CONTENT:
        content = parse_content(frame.payload, frame.where)
        vocabulary = min(head.reference.vocabulary_size, head.candidate.vocabulary_size)
        require_known_tokens(content, vocabulary, frame.where)
        _check_score_placement(content.score is not None, head, frame.where)
        hidden_score, score = content.score, affinity_score(content.distributions)
        text_digest, salt = sha256_digest(content.text.encode()), content.salt
        exchange_digests = content_digests(content)
    else:
        hidden_score, score, text_digest, salt = None, None, None, None
    return Probe(
        claimed_score=hidden_score if record.scores is None else record.scores[number],
        recomputed_score=score,
        text_digest=text_digest,
        recorded_leaf=record.content_digests[number],
        leaf=frames.leaves[-1],
        salt=salt,
        exchange_digests=exchange_digests,
    )


def _check_score_placement(is_hidden: bool, head: Head, where: str) -> None:  # noqa: FBT001
    if is_hidden != head.scores_hidden:
        raise Rejection(
            "schema.score-placement",
            "scores stand in the records, or with hidden scores in the contents, never in both",
            where=where,
        )


def _read_blobs(frames: _FrameSequence) -> tuple[Blob, ...]:
    blobs: list[Blob] = []
    names: set[str] = set()
    room = MAX_BLOB_BYTES
    while frame := frames.take(FrameType.BLOB):
        room -= len(frame.payload)
        if room < 0 or len(blobs) == MAX_BLOBS:
            raise Rejection("container.too-many-blobs", "too many", where=frame.where)
        blob = parse_blob(frame.payload, frame.where)
        if blob.name in names:
            raise Rejection(
                "container.blob-repeated",
                "two blobs have one name",
                where=frame.where,
                got=blob.name,
            )
        names.add(blob.name)
        blobs.append(blob)
    return tuple(blobs)


def _read_signatures(frames: _FrameSequence) -> tuple[Signature, ...]:
    signatures: list[Signature] = []
    while frame := frames.take(FrameType.SIGNATURE):
        fields = canonical_msgpack.decode(frame.payload, canonical_msgpack.MAX_FRAME_ITEMS)
        signature = parse_signature(Fields(fields, frame.where))
        if len(signatures) == MAX_SIGNATURES:
            raise Rejection("container.too-many-signatures", "too many", where=frame.where)
        if signature in signatures:
            raise Rejection(
                "container.signature-repeated", "the same signature twice", where=frame.where
            )
        signatures.append(signature)
    return tuple(signatures)


def _read_attachments(frames: _FrameSequence) -> tuple[Attachment, ...]:
    attachments: list[Attachment] = []
    room = MAX_ATTACHMENT_BYTES
    while frame := frames.take(FrameType.ATTACHMENT):
        room -= len(frame.payload)
        if room < 0 or len(attachments) == MAX_ATTACHMENTS:
            raise Rejection("container.too-many-attachments", "too many", where=frame.where)
        attachment = parse_attachment(frame.payload, frame.where)
        if attachment in attachments:
            raise Rejection(
                "container.attachment-repeated", "the same attachment twice", where=frame.where
            )
        attachments.append(attachment)
    return tuple(attachments)
