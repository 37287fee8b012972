"""The JSON projection of frames: what the published schemas describe and ``show --json`` prints."""

import base64
from collections.abc import Mapping

from pot_reverify.encoding.canonical_msgpack import Value


def project(fields: Mapping[str, Value]) -> dict[str, object]:
    """Byte strings become base64url without padding; everything else stays as it is."""
    return {name: _project(value) for name, value in fields.items()}


def _project(value: Value) -> object:
    if isinstance(value, bytes):
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    if isinstance(value, list):
        return [_project(item) for item in value]
    if isinstance(value, dict):
        return project(value)
    return value
