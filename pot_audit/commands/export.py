"""``pot-audit export``: a bundle in the forms that other people's tools read."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click

from pot_audit.lines import say, say_json
from pot_audit.progress import note
from pot_audit.screen import printable
from pot_recorder.export.dsse import dsse_envelope
from pot_recorder.export.inspect_log import write_inspect_log
from pot_recorder.export.output import new_file, new_folder
from pot_recorder.export.ro_crate import write_ro_crate
from pot_recorder.export.sealed import SealedBundle, read_sealed
from pot_recorder.export.sigstore import sigstore_bundles
from pot_reverify.encoding.shown_text import shown_fact, shown_path

_Writer = Callable[[SealedBundle, Path], list[str]]


@click.command(
    name="export",
    short_help="Write a bundle in the forms of DSSE, Sigstore, Inspect or RO-Crate.",
    epilog="Example: pot-audit export bundle.potb --sigstore -o bundle.sigstore.json",
)
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dsse", "form", flag_value="dsse", help="The statement with all its signatures.")
@click.option(
    "--sigstore",
    "form",
    flag_value="sigstore",
    help="A Sigstore bundle v0.3 for each signature: a file, or a folder where there are several.",
)
@click.option("--inspect", "form", flag_value="inspect", help="A log of Inspect AI (.eval).")
@click.option(
    "--ro-crate", "form", flag_value="ro-crate", help="A folder that archives read: RO-Crate 1.2."
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="New path.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, bundle: Path, form: str | None, output: Path, as_json: bool) -> None:
    """Write BUNDLE in another form. Nothing is verified on the way: reverify the bundle first."""
    if form is None:
        raise click.UsageError("name a form: --dsse, --sigstore, --inspect or --ro-crate")
    sealed = read_sealed(bundle)
    left_out = _WRITERS[form](sealed, output)
    for line in left_out:
        note(f"left out: {printable(line)}")
    read = printable(_what_was_read(sealed))
    note(f"NOT VERIFIED: {read} read from {shown_path(bundle)}, and not judged")
    note(f"hint: pot-audit reverify {shown_path(bundle)} --signer KEY.pub")
    if as_json:
        say_json({"form": form, "output": str(output), "left_out": left_out, "verified": False})
        return
    say(f"{shown_path(output)}: {form}")


def _dsse(sealed: SealedBundle, output: Path) -> list[str]:
    with new_file(output) as path:
        path.write_bytes(dsse_envelope(sealed))
    return []


def _sigstore(sealed: SealedBundle, output: Path) -> list[str]:
    made = sigstore_bundles(sealed)
    if len(made.files) == 1:
        with new_file(output) as path:
            path.write_bytes(made.files[0][1])
    else:
        with new_folder(output) as folder:
            for name, content in made.files:
                (folder / name).write_bytes(content)
    return [
        f"{one.algorithm} {one.key_id}: Sigstore's tools do not verify this algorithm yet"
        for one in made.left_out
    ]


def _inspect(sealed: SealedBundle, output: Path) -> list[str]:
    if output.suffix != ".eval":
        raise click.UsageError("Inspect AI takes a log by its name: end it in .eval")
    with new_file(output) as path:
        write_inspect_log(sealed, path)
    return []


def _ro_crate(sealed: SealedBundle, output: Path) -> list[str]:
    with new_folder(output) as folder:
        write_ro_crate(sealed, folder)
    return []


_WRITERS: dict[str, _Writer] = {
    "dsse": _dsse,
    "sigstore": _sigstore,
    "inspect": _inspect,
    "ro-crate": _ro_crate,
}


def _what_was_read(sealed: SealedBundle) -> str:
    bundle = sealed.bundle
    counts = Counter(one.algorithm for one in bundle.signatures)
    signatures = ", ".join(f"{count} {shown_fact(name)}" for name, count in sorted(counts.items()))
    return (
        f"{bundle.leaves.total} leaves ({bundle.withheld_count} withheld), a statement, "
        f"signatures: {signatures or 'none'}, {len(bundle.attachments)} attachments"
    )
