"""``pot-audit timestamp``: let an authority say that a file existed."""

from pathlib import Path

import click

from pot_audit.lines import say, say_json
from pot_audit.progress import note
from pot_recorder.promised_time import token_path_of
from pot_recorder.stamp import stamp_bundle, stamp_precommit, tokens_from_files
from pot_recorder.time_authority import Hash, TimeService
from pot_reverify.checks.asserted_times import utc_text
from pot_reverify.container.frames import HEADER
from pot_reverify.encoding.shown_text import shown_fact, shown_path
from pot_reverify.input_files import open_regular
from pot_reverify.timestamps.verify import TimeStamp


@click.command(
    name="timestamp",
    short_help="Let a time authority prove when a file existed.",
    epilog="Example: pot-audit timestamp bundle.potb --tsa https://tsa.example "
    "--tsa-certificate tsa-root.pem -o stamped.potb",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--tsa", "url", metavar="URL", help="The authority's address (RFC 3161 over HTTP).")
@click.option(
    "--token",
    "tokens",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.tsr",
    help="A response that was obtained otherwise, instead of --tsa; may be repeated.",
)
@click.option(
    "--tsa-certificate",
    "certificates",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PEM",
    help="The authority's root, from a source that you trust, and any certificates below it.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="New file; for a precommit FILE.tsr."
)
@click.option("--renew", is_flag=True, help="Stamp the newest tokens, not the signatures.")
@click.option(
    "--hash", "hash_name", type=click.Choice(["sha256", "sha512"]), default="sha256",
    show_default=True, help="The digest that is sent.",
)  # fmt: skip
@click.option("--timeout", "timeout_s", type=click.FloatRange(0.1, 600), default=30.0,
              show_default=True, help="Seconds to wait for one answer.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    *,
    file: Path,
    url: str | None,
    tokens: tuple[Path, ...],
    certificates: Path,
    output: Path | None,
    renew: bool,
    hash_name: str,
    timeout_s: float,
    as_json: bool,
) -> None:
    """Get tokens over FILE, check them, and only then write them.

    FILE is a precommit, before the run (the recording then takes FILE.tsr into the bundle), or a
    sealed bundle, of which a copy with the tokens is written. Only digests are sent.
    """
    if (url is None) == (not tokens):
        raise click.UsageError("give either --tsa or --token")
    from pot_recorder.time_root import load_root  # noqa: PLC0415  needs an extra

    root = load_root(certificates)
    service = None if url is None else TimeService(url, Hash(hash_name), timeout_s)
    source = tokens_from_files(tokens) if service is None else service.stamp
    with open_regular(file) as stream:
        is_bundle = stream.read(len(HEADER)) == HEADER
    if is_bundle:
        if output is None:
            raise click.UsageError("name the new bundle with -o: bundles are never overwritten")
        stamps = stamp_bundle(file, output, source, root, renew=renew)
    else:
        if renew:
            raise click.UsageError("--renew is for bundles")
        output = output or token_path_of(file)
        stamps = (stamp_precommit(file, output, source, root),)
    if as_json:
        say_json({"output": str(output), "tokens": [*map(_document, stamps)]})
        return
    for stamp in stamps:
        at, by = utc_text(stamp.gen_time_ns), shown_fact(stamp.certificate)
        say(f"{shown_path(output)}: stamped {at} by {by}")
        say(f"  provable until {utc_text(stamp.not_after_ns)}; renew before")
    if is_bundle:
        note(f"next: pot-audit reverify {shown_path(output)} --signer KEY.pub --policy POLICY.toml")
    else:
        taken = f"which takes {shown_path(output)} with it"
        note(f"next: pot-audit record --precommit {shown_path(file)} …, {taken}")


def _document(stamp: TimeStamp) -> dict[str, object]:
    return {
        "certificate": stamp.certificate,
        "gen_time_ns": stamp.gen_time_ns,
        "policy": stamp.token.policy,
        "provable_until_ns": stamp.not_after_ns,
        "serial": str(stamp.token.serial),
    }
