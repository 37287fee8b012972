"""``pot-audit weights``: the weight manifest of a model, without running it."""

import json
from pathlib import Path

import click

from pot_audit.lines import say, say_json
from pot_audit.model_signature import ModelSignature, RefusedSignature, check_model_signature
from pot_audit.progress import note
from pot_audit.screen import printable
from pot_recorder.models.manifest import hash_model
from pot_recorder.models.recorded_folder import manifest_as_recorded
from pot_recorder.models.source import parse_model_source
from pot_reverify.documents.blob import CANDIDATE_WEIGHTS, REFERENCE_WEIGHTS
from pot_reverify.documents.bundle_reader import read_bundle_of
from pot_reverify.documents.weight_manifest import WeightManifest, parse_weight_manifest
from pot_reverify.encoding.digest import format_digest
from pot_reverify.encoding.shown_text import shown_path
from pot_reverify.errors import Rejection

EXIT_DIFFERS = 1


@click.command(
    name="weights",
    short_help="Hash a model's files as a recording would.",
    epilog="Example: pot-audit weights ./my-model --bundle bundle.potb --role candidate",
)
@click.argument("model")
@click.option(
    "--bundle",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare with what this bundle says (re-verify the bundle first).",
)
@click.option(
    "--role",
    type=click.Choice(["reference", "candidate"]),
    default="reference",
    show_default=True,
    help="Which model of the bundle to compare with.",
)
@click.option(
    "--oms-signature",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Check an OpenSSF model signature (OMS 1.0) over the folder.",
)
@click.option(
    "--oms-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The key that must have made it: P-256, P-384 or P-521, PEM.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    model: str,
    bundle: Path | None,
    role: str,
    oms_signature: Path | None,
    oms_key: Path | None,
    as_json: bool,
) -> None:
    """Print the weight manifest of MODEL: a folder, a .gguf file or a hub id.

    With --bundle, exit with 0 if the digests are equal and with 1 if they differ. With
    --oms-signature, exit with 1 unless the key that you name signed exactly this folder.
    """
    source = parse_model_source(model)
    if (oms_signature is None) != (oms_key is None):
        raise click.UsageError("--oms-signature and --oms-key go together")
    if oms_signature is not None and source.kind != "safetensors":
        raise click.UsageError("--oms-signature is about a folder")
    if source.left_aside_line is not None:
        note(source.left_aside_line)
    manifest = hash_model(source)
    signature = None
    if oms_signature is not None and oms_key is not None:
        signature = _check_signature(oms_signature, oms_key, source.folder, manifest)
    claimed = None if bundle is None else _claimed(bundle, role)
    counted = manifest if claimed is None else manifest_as_recorded(source, manifest, claimed)
    same = claimed is None or claimed == counted
    if as_json:
        document = {
            "root_digest": format_digest(manifest.root_digest),
            "manifest": json.loads(manifest.to_json()),
            "equals_bundle": None if claimed is None else same,
            "oms": None if signature is None else signature.to_document(),
        }
        say_json(document, indent=2)
    else:
        for file in manifest.files:
            digest, path = format_digest(file.digest), shown_path(file.path)
            say(f"{digest}  {file.size_bytes:>12}  {path}")
        say(f"{format_digest(manifest.root_digest)}  root digest of {shown_path(model)}")
        if claimed is not None:
            _compare(counted, claimed, role)
        if signature is not None:
            say(*map(printable, signature.lines()))
    ctx.exit(0 if same and (signature is None or signature.holds) else EXIT_DIFFERS)


def _claimed(bundle: Path, role: str) -> WeightManifest:
    parsed = read_bundle_of(bundle)
    name = REFERENCE_WEIGHTS if role == "reference" else CANDIDATE_WEIGHTS
    blob = parsed.blob(name)
    if blob is None:
        raise Rejection("weights.manifest-missing", "no manifest in the bundle", where=name)
    return parse_weight_manifest(blob.data, name)


def _check_signature(
    signature: Path, key: Path, folder: Path, manifest: WeightManifest
) -> ModelSignature | RefusedSignature:
    try:
        return check_model_signature(signature, key, folder, manifest)
    except Rejection as error:
        if error.code == "oms.key":  # the reader's own file, not the signature
            raise
        return RefusedSignature(error)


def _compare(manifest: WeightManifest, claimed: WeightManifest, role: str) -> None:
    if manifest == claimed:
        say(f"equal to the {role} of the bundle")
        return
    here = {file.path: file.digest for file in manifest.files}
    there = {file.path: file.digest for file in claimed.files}
    for path in sorted(here.keys() | there.keys()):
        if here.get(path) != there.get(path):
            what = "differs" if path in here and path in there else "only on one side"
            say(f"{what}: {shown_path(path)}")
    say(f"NOT the {role} of the bundle")
