"""Quotes that go into a recording: what they have to say, and the evidence that waits beside it."""

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pot_recorder.evidence_folder import add_evidence
from pot_recorder.partial_file import partial_path_of, recover
from pot_reverify.checks.quote_bindings import KINDS, binds_channel, nonce_asked, run_field
from pot_reverify.checks.quote_freshness import answers_run
from pot_reverify.documents.blob import EXCHANGE_PREFIX, QUOTE_PREFIX
from pot_reverify.documents.evidence_document import Binding, EvidenceDocument
from pot_reverify.documents.exchanges import parse_exchanges
from pot_reverify.errors import Indeterminate, Rejection
from pot_reverify.quotes.evidence import QuoteAppraisal, QuotePolicy
from pot_reverify.quotes.run_binding import report_data_of
from pot_reverify.quotes.verify import verify_quote
from pot_reverify.seal.public_keys import PublicKey

REPORT_DATA_VARIABLE: Final = "POT_AUDIT_REPORT_DATA"
NONCE_VARIABLE: Final = "POT_AUDIT_NONCE"
_COMMAND_SECONDS: Final = 300
_MAX_ERROR_CHARACTERS: Final = 400


@dataclass(frozen=True, slots=True)
class HeldRecording:
    """A recording that is not sealed.

    Args:
        output: the bundle that it will be.
        precommit_digest: what quotes and nonces refer to.
    """

    output: Path
    precommit_digest: bytes


def find_recording(path: Path) -> HeldRecording:
    """The unsealed recording at a path, which may also be that of the bundle to be.

    Raises:
        Rejection: ``evidence.no-recording``; what reading a partial file raises.
        OSError: it cannot be read.
    """
    suffix = partial_path_of(path).name.removeprefix(path.name)
    output = path.with_name(path.name.removesuffix(suffix))
    partial = partial_path_of(output)
    if not partial.exists():
        raise Rejection(
            "evidence.no-recording",
            "no recording waits to be sealed there (record --hold)",
            where=str(partial),
        )
    return HeldRecording(output, recover(partial).head.precommit.digest)


def ask_command(command: str, precommit_digest: bytes, key: PublicKey | None) -> bytes:
    """Run the program that gets the quote, and read the quote from its output.

    Args:
        command: split as a shell would, and run without one. It finds the nonce, and with a key the
            report_data, as hex in its environment and on its input.

    Raises:
        Rejection: ``evidence.command``.
    """
    wanted = {NONCE_VARIABLE: precommit_digest.hex()}
    if key is not None:
        wanted[REPORT_DATA_VARIABLE] = report_data_of(precommit_digest, key.to_der()).hex()
    text = wanted.get(REPORT_DATA_VARIABLE, wanted[NONCE_VARIABLE])
    try:
        done = subprocess.run(  # noqa: S603  the program that the user named
            shlex.split(command),
            input=text.encode() + b"\n",
            capture_output=True,
            check=False,
            env={**os.environ, **wanted},
            timeout=_COMMAND_SECONDS,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise Rejection(
            "evidence.command", f"the command could not be run: {error}", where=command
        ) from error
    if done.returncode or not done.stdout:
        raise Rejection(
            "evidence.command",
            "the command gave no quote",
            where=command,
            got=f"exit code {done.returncode}: "
            + done.stderr.decode("utf-8", "replace").strip()[-_MAX_ERROR_CHARACTERS:],
        )
    return done.stdout


def attach_quote(
    recording: HeldRecording,
    document: EvidenceDocument,
    *,
    key: PublicKey | None,
    exchanges: Mapping[str, bytes],
    policy: QuotePolicy,
    at_ns: int,
) -> tuple[Path, QuoteAppraisal | Indeterminate]:
    """Put a quote beside a recording, unless it is wrong for it.

    Args:
        key: the key that will sign, for a quote that is bound to the run.
        exchanges: the blobs that the document names, by name.
        policy: the roots to judge it by; its bindings come from the recording.
        at_ns: the time to judge it at.

    Returns:
        The file, and the appraisal or what kept it from being made.

    Raises:
        Rejection: ``quote.*`` and others: nothing was written.
        OSError: it cannot be written.
    """
    if document.quote.kind not in KINDS[document.binding]:
        raise Rejection(
            "quote.purpose",
            "this kind of evidence cannot bind what it is there for",
            expected=" or ".join(sorted(KINDS[document.binding])),
            got=document.quote.kind.value,
        )
    found = _judge(recording, document, key, policy, at_ns)
    for name, data in exchanges.items():
        parse_exchanges(data, name)
    for name, data in exchanges.items():
        add_evidence(recording.output, name, data)
    return add_evidence(recording.output, quote_name(document), document.to_json()), found


def quote_name(document: EvidenceDocument) -> str:
    """The blob of a document; one a subject and purpose."""
    return f"{QUOTE_PREFIX}{document.subject.value}-{document.binding.value}.json"


def exchange_name(subject: str, number: int) -> str:
    """The blob of the exchanges of a model, numbered from 1; their order is that of their names."""
    return f"{EXCHANGE_PREFIX}{subject}-{number:02d}.msgpack"


def _judge(
    recording: HeldRecording,
    document: EvidenceDocument,
    key: PublicKey | None,
    policy: QuotePolicy,
    at_ns: int,
) -> QuoteAppraisal | Indeterminate:
    nonce = nonce_asked(document, recording.precommit_digest)
    try:
        appraisal = verify_quote(
            document.quote, at_ns=at_ns, policy=replace(policy, bindings=nonce)
        )
    except Indeterminate as error:
        return error
    if document.binding is Binding.RUN:
        if key is None:
            raise Rejection("evidence.key-missing", "which key the quote is bound to is not said")
        expected = report_data_of(recording.precommit_digest, key.to_der())
        field, bound = run_field(appraisal)
        if bound != expected:
            raise Rejection(
                "quote.binding",
                "the quote does not commit to this run and this key",
                where=field,
                expected=expected.hex(),
                got=bound.hex(),
            )
    channel_key = document.channel_key
    if channel_key is not None and not binds_channel(document, channel_key, appraisal):
        raise Rejection("quote.binding", "the quote does not attest this channel key")
    if channel_key is not None and not answers_run(appraisal, recording.precommit_digest):
        raise Rejection(
            "quote.not-fresh",
            "the quote does not answer this run's nonce, and would give no grade: ask the TEE for "
            f"one with the nonce in {NONCE_VARIABLE} (docs/binding.md)",
            expected=recording.precommit_digest.hex(),
        )
    return appraisal
