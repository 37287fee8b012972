"""``pot-audit weights``: the weight manifest of a model, without running it."""

import json
from pathlib import Path

import click

from pot_recorder.models.manifest import hash_model
from pot_recorder.models.source import parse_model_source
from pot_reverify.documents.blob import CANDIDATE_WEIGHTS, REFERENCE_WEIGHTS
from pot_reverify.documents.bundle_reader import read_bundle_of
from pot_reverify.documents.weight_manifest import WeightManifest, parse_weight_manifest
from pot_reverify.encoding.digest import format_digest
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
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    model: str,
    bundle: Path | None,
    role: str,
    as_json: bool,
) -> None:
    """Print the weight manifest of MODEL: a folder, a .gguf file or a hub id.

    With --bundle, exit with 0 if the digests are equal and with 1 if they differ.
    """
    manifest = hash_model(parse_model_source(model))
    claimed = None if bundle is None else _claimed(bundle, role)
    same = claimed is None or claimed.root_digest == manifest.root_digest
    if as_json:
        document = {
            "root_digest": format_digest(manifest.root_digest),
            "manifest": json.loads(manifest.to_json()),
            "equals_bundle": None if claimed is None else same,
        }
        click.echo(json.dumps(document, indent=2))
    else:
        for file in manifest.files:
            click.echo(f"{format_digest(file.digest)}  {file.size_bytes:>12}  {file.path}")
        click.echo(f"{format_digest(manifest.root_digest)}  root digest of {model}")
        if claimed is not None:
            _compare(manifest, claimed, role)
    ctx.exit(0 if same else EXIT_DIFFERS)


def _claimed(bundle: Path, role: str) -> WeightManifest:
    parsed = read_bundle_of(bundle)
    name = REFERENCE_WEIGHTS if role == "reference" else CANDIDATE_WEIGHTS
    blob = parsed.blob(name)
    if blob is None:
        raise Rejection("weights.manifest-missing", "no manifest in the bundle", where=name)
    return parse_weight_manifest(blob.data, name)


def _compare(manifest: WeightManifest, claimed: WeightManifest, role: str) -> None:
    if manifest == claimed:
        click.echo(f"equal to the {role} of the bundle")
        return
    here = {file.path: file.digest for file in manifest.files}
    there = {file.path: file.digest for file in claimed.files}
    for path in sorted(here.keys() | there.keys()):
        if here.get(path) != there.get(path):
            what = "differs" if path in here and path in there else "only on one side"
            click.echo(f"{what}: {path}")
    click.echo(f"NOT the {role} of the bundle")
