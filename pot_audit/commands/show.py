"""``pot-audit show``: what a bundle says, before anything is checked."""

from pathlib import Path

import click

from pot_audit.lines import say, say_json
from pot_audit.screen import decision_lines
from pot_reverify.checks.asserted_times import utc_text
from pot_reverify.checks.decision import last_step
from pot_reverify.container.frames import FrameType, read_frames_of
from pot_reverify.documents.bundle import Bundle
from pot_reverify.documents.bundle_reader import read_bundle_of
from pot_reverify.documents.projection import project
from pot_reverify.encoding import canonical_msgpack, strict_json
from pot_reverify.encoding.shown_text import quoted, shown_fact, shown_path

NOT_VERIFIED = "NOT VERIFIED: this is what the file says; pot-audit reverify checks it."


@click.command(
    name="show",
    short_help="Print what a bundle says, unverified.",
    epilog="Example: pot-audit show bundle.potb --json | jq .frames[0].payload.preset",
)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print every frame in its JSON projection.")
def command(*, bundle: Path, as_json: bool) -> None:
    """Print what BUNDLE says. Nothing is checked but the form; unsealed files can be shown too."""
    if as_json:
        say_json(_frames(bundle))
        return
    parsed = read_bundle_of(bundle)
    say(NOT_VERIFIED, "", *_summary(parsed))


def _frames(path: Path) -> dict[str, object]:
    frames = []
    for frame in read_frames_of(path):
        if frame.type is FrameType.STATEMENT:
            payload = strict_json.decode(frame.payload)
        else:
            payload = project(canonical_msgpack.decode(frame.payload))
        frames.append({"type": frame.type.name, "payload": payload})
    return {"verified": False, "note": NOT_VERIFIED, "frames": frames}


def _summary(bundle: Bundle) -> list[str]:
    head, statement, reveal = bundle.head, bundle.statement, bundle.reveal
    rows = [("run", head.run_id.hex())]
    for role, model in (("reference", head.reference), ("candidate", head.candidate)):
        what = f"{shown_fact(model.architecture)}, {model.parameter_count} parameters"
        where = f"{shown_fact(model.dtype)} on {shown_fact(model.device)}"
        rows.append((role, f"{quoted(model.claim.name)} · {what}, {where}"))
    if bundle.challenges:
        rows.append(("first challenge", utc_text(bundle.challenges[0].started_ns)))
    rows.append(("contents", f"{bundle.leaves.contents}, {bundle.withheld_count} withheld"))
    rows += [("blob", f"{shown_path(blob.name)}, {len(blob.data)} bytes") for blob in bundle.blobs]
    if reveal is not None:
        rows.append(
            ("planned / run", f"{reveal.planned_challenges} / {reveal.run_challenges} challenges")
        )
        rows += [
            ("event", f"{shown_fact(one.kind)}: {quoted(one.message, 200)}")
            for one in reveal.events
        ]
    if statement is not None:
        rows.append(("sealed", utc_text(statement.ended_ns)))
        if bundle.withheld_score_count:
            rule = "" if head.preset.is_named else "custom rule: "
            decision = shown_fact(statement.decision)
            claim = f"{rule}{decision} at challenge {statement.challenges}"
            rows.append(("decision", f"{claim} (claimed; its scores are withheld)"))
        if statement.score_commitment is not None:
            rows.append(("scores", f"committed to as {shown_fact(statement.score_commitment)}"))
        rows.append(("binding grade", f"{shown_fact(statement.binding_grade)} (claimed)"))
        labels = statement.labels
        for name, text in (
            ("responsible", labels.responsible_person),
            ("organisation", labels.organisation),
            ("retain until", labels.retention_until),
            ("confidentiality", labels.confidentiality),
        ):
            if text is not None:
                rows.append((name, f"{quoted(text)} (claimed)"))
        if statement.noise_floor is not None:
            floor = statement.noise_floor
            rows.append(
                ("noise floor", f"{floor.probes} probes, largest score {floor.score_max} · 2^-15")
            )
    else:
        rows.append(("sealed", "no: the recording was interrupted, or still runs"))
    rows += [
        ("signature", f"{shown_fact(one.algorithm)} {shown_fact(one.key_id)}")
        for one in bundle.signatures
    ]
    rows += [("attachment", shown_fact(one.media_type)) for one in bundle.attachments]
    lines = [f"  {name:<16} {text}" for name, text in rows]
    step = last_step(bundle)
    return lines if step is None else [*lines, "", *decision_lines(bundle, step)]
