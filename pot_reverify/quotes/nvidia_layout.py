"""The bytes of an NVIDIA device's report: an SPDM 1.1 exchange (DMTF DSP0274), read strictly.

GET_MEASUREMENTS with the verifier's nonce, then MEASUREMENTS with the device's signature over both.
The opaque data is NVIDIA's: fields of a type and a length (nvtrust, ``OpaqueData``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pot_reverify.errors import Rejection
from pot_reverify.quotes.byte_reader import ByteReader

WHERE: Final = "NVIDIA report"
GET_MEASUREMENTS_1_1: Final = b"\x11\xe0"
_SPDM_1_1: Final = 0x11
_GET_MEASUREMENTS: Final = 0xE0
_MEASUREMENTS: Final = 0x60
_DMTF: Final = 1
_NONCE_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 96

_DRIVER: Final = 3
_VBIOS: Final = 6
_FWID: Final = 20
_SWITCH_GPU_PDIS: Final = 26
_FEATURES: Final = 36


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """A report as it was read.

    Args:
        nonce: the verifier's.
        measurements: by index.
        opaque: NVIDIA's fields, by type.
        signed: what the device signed.
        signature: r and s, big-endian, 48 bytes each.
    """

    nonce: bytes
    measurements: Mapping[int, bytes]
    opaque: Mapping[int, bytes]
    signed: bytes
    signature: bytes

    @property
    def driver(self) -> bytes:
        """The driver's version; empty for a switch, which has none."""
        return self.opaque.get(_DRIVER, b"").rstrip(b"\x00")

    @property
    def vbios(self) -> bytes:
        """The version of the device's firmware image."""
        return self.opaque.get(_VBIOS, b"")

    @property
    def fwid(self) -> bytes | None:
        """The digest of the firmware that answered; None from drivers before 550."""
        return self.opaque.get(_FWID)

    @property
    def features(self) -> bytes:
        """NVIDIA's feature flag: single or multiple pass-through, protected PCIe."""
        return self.opaque.get(_FEATURES, b"")

    @property
    def is_of_switch(self) -> bool:
        """Whether it has the fields of a switch: the GPUs that are connected, and no driver."""
        return _SWITCH_GPU_PDIS in self.opaque and _DRIVER not in self.opaque


def parse_report(data: bytes) -> DeviceReport:
    """Read a report; nothing is verified.

    Raises:
        Rejection: ``quote.malformed``, ``quote.truncated``, ``quote.trailing-bytes``.
    """
    reader = ByteReader(data, WHERE)
    nonce = _parse_request(reader)
    measurements = _parse_measurements(reader)
    reader.take(_NONCE_BYTES)  # the device's own
    opaque = _parse_opaque(reader.take(reader.take_uint(2)))
    signed = data[: reader.offset]
    signature = reader.take(_SIGNATURE_BYTES)
    reader.finish()
    return DeviceReport(nonce, measurements, opaque, signed, signature)


def _parse_request(reader: ByteReader) -> bytes:
    version, code = reader.take(2)
    reader.take(2)
    nonce = reader.take(_NONCE_BYTES)
    reader.take(1)
    if (version, code) != (_SPDM_1_1, _GET_MEASUREMENTS):
        raise _malformed("the request")
    return nonce


def _parse_measurements(reader: ByteReader) -> dict[int, bytes]:
    version, code, *_, blocks = reader.take(5)
    if (version, code) != (_SPDM_1_1, _MEASUREMENTS):
        raise _malformed("the response")
    record = ByteReader(reader.take(reader.take_uint(3)), f"{WHERE}, measurement record")
    measurements = {}
    for _ in range(blocks):
        index, specification = record.take(2)
        block = ByteReader(record.take(record.take_uint(2)), f"{WHERE}, measurement {index}")
        block.take(1)
        value = block.take(block.take_uint(2))
        block.finish()
        if specification != _DMTF or index in measurements:
            raise _malformed(f"measurement {index}")
        measurements[index] = value
    record.finish()
    return measurements


def _parse_opaque(data: bytes) -> dict[int, bytes]:
    reader = ByteReader(data, f"{WHERE}, opaque data")
    fields: dict[int, bytes] = {}
    while reader.offset < len(data):
        kind = reader.take_uint(2)
        value = reader.take(reader.take_uint(2))
        if kind in fields:
            raise _malformed(f"opaque field {kind}")
        fields[kind] = value
    return fields


def _malformed(what: str) -> Rejection:
    return Rejection("quote.malformed", f"{what} is not as NVIDIA makes it", where=WHERE)
