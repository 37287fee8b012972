"""``exchange/NAME.msgpack``: what was asked of an endpoint, what it answered, and who signed that.

The bodies are the bytes of the wire and the signature is the vendor's, verbatim. The request states
the run, the model and the probe, the response its probabilities; so a digest over those fields says
whether an exchange is about the content of a bundle.
"""

import base64
import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pot_reverify.documents.challenge_record import MAX_TEXT_CHARACTERS, Content
from pot_reverify.encoding import canonical_msgpack, strict_base64, strict_json
from pot_reverify.encoding.fields import Fields
from pot_reverify.errors import Rejection

KIND: Final = "pot-audit/exchanges/1"
REQUEST_KIND: Final = "pot-audit/probe-request/1"
RESPONSE_KIND: Final = "pot-audit/probe-response/1"
_DOMAIN: Final = b"pot-audit/exchange/1\x00"
_MAX_EXCHANGES: Final = 40_000
_MAX_BODY_BYTES: Final = 1 << 20
_MAX_BASE64_CHARACTERS: Final = 1 << 16


class ExchangeForm(StrEnum):
    """Whose signatures the exchanges carry; the values are kinds of evidence."""

    PHALA = "phala-vllm/1"
    ACI = "aci/1"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its response, as they were on the wire, and the signature over both."""

    request: bytes
    response: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Exchanges:
    """Exchanges in the order of the probes: challenge 1, probes 1 to 4, challenge 2, and so on."""

    form: ExchangeForm
    exchanges: tuple[Exchange, ...]

    def encode(self) -> bytes:
        """The blob."""
        return canonical_msgpack.encode(
            {
                "exchanges": [[one.request, one.response, one.signature] for one in self.exchanges],
                "form": self.form.value,
                "kind": KIND,
            }
        )


@dataclass(frozen=True, slots=True)
class ProbeQuestion:
    """What a request states.

    Args:
        precommit_digest: of the run.
        model: the name by which HEAD claims the model.
    """

    precommit_digest: bytes
    model: str
    text: str
    token_ids: bytes
    position_sizes: bytes
    cell_token_ids: bytes

    def to_json(self) -> bytes:
        """A request body; a client may write the same object otherwise."""
        return strict_json.encode(
            {
                "cell_token_ids": _encode(self.cell_token_ids),
                "kind": REQUEST_KIND,
                "model": self.model,
                "position_sizes": _encode(self.position_sizes),
                "precommit": self.precommit_digest.hex(),
                "text": self.text,
                "token_ids": _encode(self.token_ids),
            }
        )


def response_body(probabilities: bytes) -> bytes:
    """A response body; a service may write the same object otherwise.

    Args:
        probabilities: floor(p·2^32) of each cell, packed u32, as in CONTENT.
    """
    return strict_json.encode({"kind": RESPONSE_KIND, "probabilities": _encode(probabilities)})


def exchange_digest(
    text: str, token_ids: bytes, position_sizes: bytes, cells: bytes, probabilities: bytes
) -> bytes:
    """SHA-256 over what a request and its response have in common with a CONTENT."""
    state = hashlib.sha256(_DOMAIN)
    for part in (text.encode(), token_ids, position_sizes, cells, probabilities):
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return state.digest()


def content_digests(content: Content) -> tuple[bytes, bytes]:
    """The exchange digests of a content, by the reference's probabilities and the candidate's."""
    parts = content.distributions
    return tuple(  # type: ignore[return-value]  # two in, two out
        exchange_digest(
            content.text, content.token_ids, parts.position_sizes, parts.token_ids, probabilities
        )
        for probabilities in (parts.p, parts.q)
    )


def parse_exchanges(data: bytes, where: str) -> Exchanges:
    """Read a blob below ``exchange/``.

    Raises:
        Rejection: ``msgpack.*``, ``schema.*``.
    """
    fields = Fields(canonical_msgpack.decode(data), where)
    fields.take_literal("kind", KIND)
    exchanges = Exchanges(
        ExchangeForm(fields.take_literal("form", *ExchangeForm)),
        tuple(
            _parse_exchange(item, f"{where}[{number}]")
            for number, item in enumerate(fields.take_list("exchanges", 1, _MAX_EXCHANGES))
        ),
    )
    fields.finish()
    return exchanges


def parse_question(body: bytes, where: str) -> ProbeQuestion:
    """Read a request body.

    Raises:
        Rejection: ``json.*``, ``schema.*``, ``evidence.base64``.
    """
    fields = Fields(strict_json.decode(body), where)
    fields.take_literal("kind", REQUEST_KIND)
    question = ProbeQuestion(
        precommit_digest=_hex(fields.take_str("precommit", 64), fields.at("precommit")),
        model=fields.take_str("model"),
        text=fields.take_str("text", MAX_TEXT_CHARACTERS),
        token_ids=_take_base64(fields, "token_ids"),
        position_sizes=_take_base64(fields, "position_sizes"),
        cell_token_ids=_take_base64(fields, "cell_token_ids"),
    )
    fields.finish()
    return question


def parse_answer(body: bytes, where: str) -> bytes:
    """The probabilities in a response body.

    Raises:
        Rejection: ``json.*``, ``schema.*``, ``evidence.base64``.
    """
    fields = Fields(strict_json.decode(body), where)
    fields.take_literal("kind", RESPONSE_KIND)
    probabilities = _take_base64(fields, "probabilities")
    fields.finish()
    return probabilities


def _parse_exchange(item: object, where: str) -> Exchange:
    match item:
        case [bytes(request), bytes(response), bytes(signature)] if (
            max(len(request), len(response), len(signature)) <= _MAX_BODY_BYTES
        ):
            return Exchange(request, response, signature)
        case _:
            raise Rejection(
                "schema.wrong-type",
                "not a request, a response and a signature",
                where=where,
                expected=f"three byte strings of at most {_MAX_BODY_BYTES} bytes",
            )


def _take_base64(fields: Fields, name: str) -> bytes:
    text = fields.take_str(name, _MAX_BASE64_CHARACTERS)
    return strict_base64.decode(text, "evidence.base64", fields.at(name))


def _hex(text: str, where: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise Rejection("schema.wrong-type", "not hex", where=where) from error


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
