"""``pot-audit precommit``: promise a run before it happens."""

import time
from pathlib import Path

import click

from pot_audit.document_text import TEXT
from pot_audit.duration_parameter import DurationParameter
from pot_audit.key_files import key_option, load_signers, passphrase_option
from pot_audit.lines import say, say_json
from pot_audit.preset_option import preset_option, resolve_preset
from pot_audit.progress import note
from pot_audit.second_half_options import beacon_policy_option, chosen_chain
from pot_recorder.promise import make_promise, require_ed25519, save_promise
from pot_reverify.beacons.chains import BeaconChain
from pot_reverify.checks.asserted_times import utc_text
from pot_reverify.checks.beacon_half import MARGIN_NS
from pot_reverify.documents.model_identity import ModelClaim
from pot_reverify.documents.precommit import BEACON, PARTY, PARTY_WITH_KEY, Counterpart
from pot_reverify.encoding.digest import format_digest
from pot_reverify.encoding.shown_text import quoted, shown_path
from pot_reverify.input_files import read_file
from pot_reverify.seal.public_keys import parse_public_keys

_STAMP_SLACK_NS = 5 * 10**9
"""For the authority's answer and its accuracy."""
_ROUND_IN_S = (40, 3540)
"""Less leaves no time for a token before the round, more may miss the reader's hour."""


@click.command(
    name="precommit",
    short_help="Commit to models, rule and secret challenges before a run.",
    epilog="Example: pot-audit precommit --reference ./model --candidate ./model-int8 "
    "--key acme --counterpart 'Vendor Inc' -o run.precommit",
)
@click.option("--reference", required=True, help="Folder, .gguf file or hub id.")
@click.option("--candidate", required=True, help="Folder, .gguf file or hub id.")
@preset_option
@key_option
@passphrase_option
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="New file.")
@click.option("--attempt", type=click.IntRange(1, 32), default=1, show_default=True)
@click.option(
    "--counterpart",
    type=TEXT,
    metavar="NAME",
    help="Who will give the other half of the randomness after seeing the precommit.",
)
@click.option(
    "--counterpart-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="KEY.pub",
    help="The counterpart's public key: promise that nobody else's nonce will be taken.",
)
@click.option(
    "--beacon",
    type=TEXT,
    metavar="drand",
    help="A future round of a public beacon instead: drand (quicknet), or drand/CHAIN-HASH.",
)
@click.option(
    "--round-in",
    "round_in_s",
    type=DurationParameter(),
    default="10m",
    show_default=True,
    help="When the round is to come; the precommit must be timestamped well before.",
)
@beacon_policy_option
@click.option("--reference-name", type=TEXT, help="What the bundle calls the reference.")
@click.option("--candidate-name", type=TEXT, help="What the bundle calls the candidate.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    *,
    reference: str,
    candidate: str,
    preset: str,
    preset_file: Path | None,
    key: Path,
    passphrase_file: Path | None,
    output: Path,
    attempt: int,
    counterpart: str | None,
    beacon: str | None,
    counterpart_key: Path | None,
    round_in_s: int,
    policy_file: Path | None,
    reference_name: str | None,
    candidate_name: str | None,
    as_json: bool,
) -> None:
    """Write a signed precommit to publish, and beside it the encrypted secret to keep.

    Publish or timestamp the precommit before the run; then: pot-audit record --precommit FILE.
    """
    chain = None if beacon is None else chosen_chain(beacon, policy_file)
    if not _ROUND_IN_S[0] <= round_in_s <= _ROUND_IN_S[1]:
        raise click.UsageError("--round-in: 40s to 59m")
    party = _party(counterpart, counterpart_key)
    if party is not None and chain is not None:
        raise click.UsageError("--counterpart and --beacon exclude each other")
    parameters = resolve_preset(preset, preset_file)
    signers = load_signers(key, passphrase_file)
    require_ed25519(signers)
    from pot_recorder.models.rehearsal import rehearse_model  # noqa: PLC0415  heavy
    from pot_recorder.models.source import parse_model_source  # noqa: PLC0415
    from pot_recorder.recording import display_name  # noqa: PLC0415

    claims = []
    for spec, name in ((reference, reference_name), (candidate, candidate_name)):
        source = parse_model_source(spec)
        note(f"hashing {shown_path(spec)}")
        if source.left_aside_line is not None:
            note(source.left_aside_line)
        claims.append(ModelClaim(name or display_name(source), rehearse_model(source).root_digest))
    other = party if chain is None else _round_of(chain, round_in_s)
    promise = make_promise(
        reference=claims[0],
        candidate=claims[1],
        preset=parameters,
        attempt=attempt,
        counterpart=other,
        signers=signers,
    )
    secret_path = save_promise(promise, output, signers)
    digest = format_digest(promise.signed.digest)
    if as_json:
        say_json(
            {
                "precommit": str(output),
                "secret": str(secret_path),
                "digest": digest,
                "counterpart": None if other is None else other.to_document(),
            }
        )
        return
    say(f"precommit  {shown_path(output)}  (publish it now)")
    say(f"digest     {digest}")
    say(f"secret     {shown_path(secret_path)}  (encrypted; keep it until the run is sealed)")
    _say_next(
        output,
        other,
        chain,
        f"pot-audit record --precommit {shown_path(output)} --key {shown_path(key)} "
        f"--reference {shown_path(reference)} --candidate {shown_path(candidate)} "
        f"--preset {preset} -o bundle.potb",
    )


def _party(name: str | None, key: Path | None) -> Counterpart | None:
    if name is None:
        if key is not None:
            raise click.UsageError("--counterpart-key is for --counterpart NAME")
        return None
    if key is None:
        return Counterpart(PARTY, name, None)
    keys = parse_public_keys(read_file(key))
    if len(keys) != 1:
        raise click.UsageError("--counterpart-key: a precommit promises one key, not several")
    return Counterpart(PARTY_WITH_KEY, name, None, keys[0].key_id)


def _round_of(chain: BeaconChain, round_in_s: int) -> Counterpart:
    """Chosen last: hashing the models may have taken long."""
    number = chain.first_round_from(time.time_ns() + round_in_s * 10**9)
    return Counterpart(BEACON, chain.name, number)


def _say_next(
    output: Path, other: Counterpart | None, chain: BeaconChain | None, record: str
) -> None:
    if chain is not None and other is not None and other.round is not None:
        at_ns = chain.time_ns(other.round)
        say(f"round      {other.round} of {quoted(chain.label)}, at {utc_text(at_ns)}")
        note(
            f"next, before {utc_text(at_ns - MARGIN_NS - _STAMP_SLACK_NS)}: "
            f"pot-audit timestamp {shown_path(output)} --tsa URL --tsa-certificate tsa.pem"
        )
        note(f"then: {record} --beacon drand")
    elif other is not None:
        shown = shown_path(output)
        note(f"next: the counterpart runs: pot-audit counterpart {shown} --key THEIRS -o FILE")
        note(f"then: {record} --counterpart FILE")
    else:
        note(f"next: {record}")
