"""PEM as files of keys really are: RFC 7468, as lax outside the blocks as its section 2 asks for.

Editors, mail and version control add blank lines, blanks at the ends of lines, carriage returns and
byte-order marks, and take the last newline away; other tools write what a key is above it. None of
it says anything about the key. Inside the blocks one sequence of bytes has one text.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from pot_reverify.errors import Rejection

MAX_PEM_BYTES: Final = 1 << 18  # 64 keys of ML-DSA-65 are 175 kB
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_BOUNDARY: Final = re.compile(rb"-----(BEGIN|END) ([A-Z0-9]+(?:[ -][A-Z0-9]+)*)-----")
_BLANKS: Final = b" \t\x0b\x0c"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class PemBlock:
    """What stands between two boundaries.

    Args:
        label: such as ``PUBLIC KEY``.
        der: the decoded bytes.
        where: its place in the file, for errors.
    """

    label: str
    der: bytes
    where: str


def parse_pem(data: bytes, file: str = "") -> tuple[PemBlock, ...]:
    """The blocks of a file, in order; text around them is left out.

    Args:
        file: its name, for errors.

    Raises:
        Rejection: ``key.malformed``: no block at all, a boundary without the other, or a text that
            is not the base64 of its bytes.
    """
    if len(data) > MAX_PEM_BYTES:
        raise _malformed("longer than any file of keys", file or None)
    blocks: list[PemBlock] = []
    label: bytes | None = None
    text: list[bytes] = []
    for raw_line in _LINE_END.split(data.removeprefix(_BYTE_ORDER_MARK)):
        line = raw_line.strip(_BLANKS)
        where = f"{file}, block {len(blocks) + 1}".removeprefix(", ")
        boundary = _BOUNDARY.fullmatch(line)
        if boundary is None:
            if line.startswith(b"-----") or b"-----BEGIN" in line or b"-----END" in line:
                raise _malformed("a boundary of a PEM block has to have a line to itself", where)
            text.append(line)
        elif boundary[1] == b"BEGIN" and label is None:
            label, text = boundary[2], []
        elif boundary[1] == b"END" and label is not None and label == boundary[2]:
            blocks.append(PemBlock(label.decode(), _decode(b"".join(text), where), where))
            label = None
        else:
            raise _malformed("the boundaries of a PEM block do not belong together", where)
    if label is not None or not blocks:
        where = f"{file}, block {len(blocks) + 1}".removeprefix(", ")
        raise _malformed("no whole PEM block is there", where)
    return tuple(blocks)


def _decode(text: bytes, where: str) -> bytes:
    try:
        der = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise _malformed("the base64 text is broken", where) from error
    # Bits after the last byte would give one key many texts.
    if not der or base64.b64encode(der) != text:
        raise _malformed("the base64 text is not in its one form", where)
    return der


def _malformed(message: str, where: str | None) -> Rejection:
    return Rejection("key.malformed", message, where=where)
