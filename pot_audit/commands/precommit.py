"""``pot-audit precommit``: promise a run before it happens."""

from pathlib import Path

import click

from pot_audit.document_text import TEXT
from pot_audit.key_files import key_option, load_signers, passphrase_option
from pot_audit.lines import say, say_json, tell
from pot_audit.preset_option import preset_option, resolve_preset
from pot_audit.progress import note
from pot_recorder.promise import make_promise, require_ed25519, save_promise
from pot_reverify.documents.model_identity import ModelClaim
from pot_reverify.documents.precommit import Counterpart
from pot_reverify.encoding.digest import format_digest
from pot_reverify.encoding.shown_text import shown_path


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
@click.option("--beacon", type=TEXT, metavar="NAME", help="A public randomness beacon instead.")
@click.option("--round", "beacon_round", type=click.IntRange(1), help="The beacon's future round.")
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
    beacon_round: int | None,
    reference_name: str | None,
    candidate_name: str | None,
    as_json: bool,
) -> None:
    """Write a signed precommit to publish, and beside it the encrypted secret to keep.

    Publish or timestamp the precommit before the run; then: pot-audit record --precommit FILE.
    """
    other = _counterpart(counterpart, beacon, beacon_round)
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
        say_json({"precommit": str(output), "secret": str(secret_path), "digest": digest})
        return
    say(f"precommit  {shown_path(output)}  (publish it now)")
    say(f"digest     {digest}")
    say(f"secret     {shown_path(secret_path)}  (encrypted; keep it until the run is sealed)")
    tell(
        f"next: pot-audit record --precommit {shown_path(output)} --key {shown_path(key)} "
        f"--reference {shown_path(reference)} --candidate {shown_path(candidate)} "
        f"--preset {preset} -o bundle.potb"
    )


def _counterpart(
    party: str | None, beacon: str | None, beacon_round: int | None
) -> Counterpart | None:
    if party is not None and beacon is not None:
        raise click.UsageError("--counterpart and --beacon exclude each other")
    if (beacon is None) != (beacon_round is None):
        raise click.UsageError("--beacon and --round go together")
    if beacon is not None:
        return Counterpart("beacon", beacon, beacon_round)
    return None if party is None else Counterpart("party", party, None)
