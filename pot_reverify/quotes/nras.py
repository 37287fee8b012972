"""Tokens of NVIDIA's Remote Attestation Service: detached EATs (RFC 9711) of JWTs with ES384.

A token says that NVIDIA judged the evidence of each device. It is worth its signature only: the
local verifier prints tokens of the same form with ``alg: none``. The keys rotate, so the JWKS with
its certificates has to be archived, and its issuer pinned by the policy.
"""

import base64
import binascii
from hashlib import sha256
from typing import Final

from pot_reverify.errors import Rejection
from pot_reverify.quotes import vendor_json
from pot_reverify.quotes.chain import Chain, verify_chain, verify_p384
from pot_reverify.quotes.evidence import (
    QuoteAppraisal,
    QuoteEvidence,
    QuoteKind,
    QuotePolicy,
    Window,
)

_WHERE: Final = "NRAS token"
_ISSUER: Final = "https://nras.attestation.nvidia.com"
_SIGNATURE_BYTES: Final = 96
_MAX_DEVICES: Final = 32
_DEVICE_REGISTERS: Final = {
    "hwmodel": "hwmodel",
    "driver": "x-nvidia-gpu-driver-version",
    "vbios": "x-nvidia-gpu-vbios-version",
}


def verify(evidence: QuoteEvidence, at_ns: int, policy: QuotePolicy) -> QuoteAppraisal:
    """Appraises a detached EAT with the JWKS of its time (`QuoteEvidence.collateral`).

    Raises:
        Rejection: ``quote.*``; ``quote.token-unsigned`` for ``alg: none``.
        Indeterminate: ``quote.certificate-missing`` without the JWKS entry and its certificates,
            ``quote.root-not-named`` or ``quote.stale``.
    """
    overall_token, device_tokens = _parse_detached(evidence.data)
    _refuse_unsigned(overall_token, *device_tokens.values())
    roots = policy.roots_of("nras")
    jwks = vendor_json.decode_object(evidence.collateral or b'{"keys":[]}', "JWKS")
    chain, overall = _verify_token(overall_token, jwks, roots)
    window = chain.window & _token_window(overall)
    if overall.get("x-nvidia-overall-att-result") is not True:
        raise Rejection("quote.token-result", "NVIDIA did not accept the evidence", where=_WHERE)
    nonce = vendor_json.hex_bytes(overall, "eat_nonce", _WHERE)
    expected = vendor_json.as_object(overall.get("submods"), f"{_WHERE}.submods")
    if expected.keys() != device_tokens.keys():
        raise Rejection("quote.token-devices", "the devices are not the signed ones", where=_WHERE)
    devices = []
    for name, token in device_tokens.items():
        if expected[name] != ["DIGEST", ["SHA-256", sha256(token.encode()).hexdigest()]]:
            raise Rejection("quote.token-devices", "not the token that was signed", where=name)
        device_chain, claims = _verify_token(token, jwks, roots)
        device_window = device_chain.window & _token_window(claims)
        _check_device(claims, nonce, name)
        window &= device_window
        devices.append(
            QuoteAppraisal(
                kind=QuoteKind.NRAS,
                product=str(claims.get("hwmodel")),
                root=device_chain.root,
                registers={
                    register: vendor_json.text(claims, claim, name).encode()
                    for register, claim in _DEVICE_REGISTERS.items()
                },
                bindings={"nonce": nonce},
                claims={"ueid": str(claims.get("ueid"))},
                window=device_window,
                evaluated_at_ns=at_ns,
            )
        )
    window.require(at_ns, _WHERE)
    return QuoteAppraisal(
        kind=QuoteKind.NRAS,
        product="NVIDIA Remote Attestation Service",
        root=chain.root,
        registers={},
        bindings={"nonce": nonce},
        claims={"issuer": _ISSUER},
        window=window,
        evaluated_at_ns=at_ns,
        devices=tuple(devices),
    )


def _parse_detached(data: bytes) -> tuple[str, dict[str, str]]:
    match vendor_json.decode(data, _WHERE):
        case [["JWT", str(overall)], dict(devices)] if 1 <= len(devices) <= _MAX_DEVICES:
            if all(isinstance(token, str) for token in devices.values()):
                return overall, devices
    raise Rejection("quote.malformed", "not a detached EAT", where=_WHERE)


def _refuse_unsigned(*tokens: str) -> None:
    for token in tokens:
        header = vendor_json.decode_object(_base64url(token.split(".")[0]), f"{_WHERE}, header")
        algorithm = header.get("alg")
        if algorithm != "ES384":
            code = "quote.token-unsigned" if algorithm == "none" else "quote.algorithm"
            raise Rejection(code, "not signed with ES384", where=_WHERE, got=repr(algorithm)[:40])
        if "crit" in header:
            raise Rejection("quote.algorithm", "critical headers are not understood", where=_WHERE)


def _verify_token(
    token: str, jwks: dict[str, object], roots: tuple[bytes, ...]
) -> tuple[Chain, dict[str, object]]:
    parts = token.split(".")
    if len(parts) != 3:
        raise Rejection("quote.malformed", "not a JWT", where=_WHERE)
    header, payload, signature = (_base64url(part) for part in parts)
    key_id = vendor_json.decode_object(header, f"{_WHERE}, header").get("kid")
    keys = [
        key
        for key in (
            vendor_json.as_object(entry, "JWKS.keys")
            for entry in vendor_json.as_list(jwks.get("keys"), "JWKS.keys")
        )
        if isinstance(key_id, str) and key.get("kid") == key_id
    ]
    certificates = [
        _base64(vendor_json.text({"x5c": item}, "x5c", "JWKS"))
        for key in keys[:1]
        for item in vendor_json.as_list(key.get("x5c"), "JWKS.x5c")
    ]
    chain = verify_chain(certificates, roots, "NRAS chain")
    if len(signature) != _SIGNATURE_BYTES:
        raise Rejection("quote.signature", "not the size of an ES384 signature", where=_WHERE)
    verify_p384(chain.leaf, signature, f"{parts[0]}.{parts[1]}".encode(), _WHERE)
    claims = vendor_json.decode_object(payload, _WHERE)
    if claims.get("iss") != _ISSUER:
        raise Rejection(
            "quote.token-issuer", "not NVIDIA's service", where=_WHERE, expected=_ISSUER
        )
    return chain, claims


def _token_window(claims: dict[str, object]) -> Window:
    starts, ends = (vendor_json.integer(claims, name, _WHERE) for name in ("nbf", "exp"))
    return Window(starts * 10**9, ends * 10**9)


def _check_device(claims: dict[str, object], nonce: bytes, where: str) -> None:
    if vendor_json.hex_bytes(claims, "eat_nonce", where) != nonce:
        raise Rejection("quote.binding", "the devices answered different nonces", where=where)
    if claims.get("dbgstat") != "disabled":
        raise Rejection("quote.debug", "debugging of the device is not disabled", where=where)
    if claims.get("measres") != "success" or claims.get("secboot") is not True:
        raise Rejection(
            "quote.token-result", "measurements or secure boot did not pass", where=where
        )


def _base64url(part: str) -> bytes:
    return _base64((part + "=" * (-len(part) % 4)).replace("-", "+").replace("_", "/"))


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejection("quote.malformed", "not base64", where=_WHERE) from error
