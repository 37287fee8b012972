"""An RO-Crate 1.2: the bundle in a folder with a description that archives and catalogues read."""

import hashlib
import json
import shutil
from fractions import Fraction
from pathlib import Path

from pot_recorder.export.dsse import dsse_envelope
from pot_recorder.export.outward_float import float_not_below
from pot_recorder.export.sealed import UNSIGNED_NOTE, SealedBundle
from pot_reverify.checks.asserted_times import utc_text
from pot_reverify.decision.empirical_bernstein import SCORE_UNIT
from pot_reverify.decision.presets import Preset
from pot_reverify.documents.model_identity import ModelIdentity
from pot_reverify.encoding.digest import format_digest

METADATA = "ro-crate-metadata.json"
BUNDLE = "bundle.potb"
ENVELOPE = "statement.dsse.json"

_PROFILE = "https://w3id.org/ro/crate/1.2"
_LICENCE = "#licence"
_SOFTWARE = "#pot-audit"
_ONLY_NAMED = "Named by the recorder in a label; nothing in the bundle shows that they took part."
_Json = dict[str, object]


def write_ro_crate(sealed: SealedBundle, folder: Path) -> None:
    """Fill an empty folder: the bundle byte for byte, the DSSE envelope, the description.

    Raises:
        OSError: a file cannot be read or written.
    """
    shutil.copyfile(sealed.path, folder / BUNDLE)
    envelope = dsse_envelope(sealed)
    (folder / ENVELOPE).write_bytes(envelope)
    document = {
        "@context": f"{_PROFILE}/context",
        "@graph": [
            _descriptor(),
            _root(sealed),
            *_files(sealed, envelope),
            _run(sealed),
            *_models(sealed),
            *_values(sealed),
            _value("run-id", "Run id", sealed.bundle.head.run_id.hex()),
            *_people(sealed),
            {
                "@id": _SOFTWARE,
                "@type": "CreativeWork",
                "name": "pot-audit",
                "version": sealed.bundle.head.recorder.version,
            },
            {
                "@id": _LICENCE,
                "@type": "CreativeWork",
                "name": "No licence is stated",
                "description": "A bundle states no licence. Ask who signed it.",
            },
        ],
    }
    text = json.dumps(document, ensure_ascii=False, indent=2)
    (folder / METADATA).write_text(text + "\n", encoding="utf-8")


def _descriptor() -> _Json:
    return {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": _ref("./"),
        "conformsTo": _ref(_PROFILE),
    }


def _root(sealed: SealedBundle) -> _Json:
    head, labels = sealed.bundle.head, sealed.statement.labels
    names = f"{head.reference.claim.name} and {head.candidate.claim.name}"
    stated = [
        f"{what}: {text}."
        for what, text in (
            ("Retain until", labels.retention_until),
            ("Confidentiality", labels.confidentiality),
        )
        if text is not None
    ]
    root: _Json = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Recorded comparison of {names}",
        "description": " ".join(
            (
                "A pot-audit bundle says of two language models:",
                f"{sealed.statement.decision}{_rule(head.preset)}.",
                *stated,
                UNSIGNED_NOTE,
            )
        ),
        "identifier": _ref("#run-id"),
        "datePublished": _iso(sealed.statement.ended_ns),
        "license": _ref(_LICENCE),
        "hasPart": [_ref(BUNDLE), _ref(ENVELOPE)],
        "mentions": _ref("#run"),
        "variableMeasured": [_ref(str(value["@id"])) for value in _values(sealed)],
    }
    if labels.responsible_person is not None:
        root["author"] = _ref("#responsible")
    if labels.organisation is not None:
        root["publisher"] = _ref("#organisation")
    return root


def _rule(preset: Preset) -> str:
    return "" if preset.is_named else " under a custom rule, whose parameters the signer chose"


def _files(sealed: SealedBundle, envelope: bytes) -> list[_Json]:
    return [
        {
            "@id": BUNDLE,
            "@type": "File",
            "name": "The bundle: the evidence itself",
            "description": f"{sealed.path.name}. To check it: pot-audit reverify {BUNDLE} "
            "--signer KEY.pub, with the signer's key from a source that you trust.",
            "encodingFormat": "application/vnd.pot-audit.bundle",
            "contentSize": str(sealed.size_bytes),
            "sha256": sealed.digest.hex(),
            "license": _ref(_LICENCE),
        },
        {
            "@id": ENVELOPE,
            "@type": "File",
            "name": "The signed statement and its signatures",
            "description": "A DSSE envelope with the statement of the bundle, byte for byte.",
            "encodingFormat": "application/vnd.dsse.envelope.v1+json",
            "contentSize": str(len(envelope)),
            "sha256": hashlib.sha256(envelope).hexdigest(),
            "license": _ref(_LICENCE),
        },
    ]


def _run(sealed: SealedBundle) -> _Json:
    head, statement = sealed.bundle.head, sealed.statement
    run: _Json = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": "The run of both models",
        "description": f"{statement.challenges} challenges of {head.challenge_family}, scored by "
        f"{head.score}, decided by {head.rule} with preset {head.preset.name}, attempt "
        f"{head.attempt}. {statement.environment_summary}",
        "object": [_ref("#reference"), _ref("#candidate")],
        "instrument": _ref(_SOFTWARE),
        "result": _ref(BUNDLE),
        "startTime": _iso(statement.started_ns),
        "endTime": _iso(statement.ended_ns),
    }
    if statement.labels.responsible_person is not None:
        run["agent"] = _ref("#responsible")
    return run


def _models(sealed: SealedBundle) -> list[_Json]:
    entities = []
    for role, model in (
        ("reference", sealed.bundle.head.reference),
        ("candidate", sealed.bundle.head.candidate),
    ):
        entities.append(_model(role, model))
        if (weights := model.claim.weights_digest) is not None:
            label = f"Weights digest of the {role}"
            entities.append(_value(f"{role}-weights", label, format_digest(weights)))
    return entities


def _model(role: str, model: ModelIdentity) -> _Json:
    entity: _Json = {
        "@id": f"#{role}",
        "@type": "CreativeWork",
        "name": model.claim.name,
        "description": f"The {role}: {model.architecture}, {model.parameter_count} parameters, "
        f"{model.dtype} on {model.device}.",
    }
    if model.claim.weights_digest is not None:
        entity["identifier"] = _ref(f"#{role}-weights")
    if model.revision is not None:
        entity["version"] = model.revision
    return entity


def _values(sealed: SealedBundle) -> list[_Json]:
    statement = sealed.statement
    scale = SCORE_UNIT * statement.probes
    values: list[tuple[str, str, object]] = [
        ("decision", "Decision", statement.decision),
        ("mean-divergence", "Mean divergence", statement.score_sum / scale),
        (
            "half-width",
            "Half-width",
            float_not_below(Fraction(statement.half_width_sum, scale)),
        ),
        ("margin", "Certified margin", float_not_below(statement.margin)),
        ("binding-grade", "Binding grade, as claimed", statement.binding_grade),
    ]
    values += [
        (f"signature-{number}", f"Key id of a signature, {one.algorithm}", one.key_id)
        for number, one in enumerate(sealed.bundle.signatures, start=1)
    ]
    return [_value(*one) for one in values]


def _people(sealed: SealedBundle) -> list[_Json]:
    labels = sealed.statement.labels
    people: list[_Json] = []
    if labels.organisation is not None:
        name = labels.organisation
        people.append(
            {
                "@id": "#organisation",
                "@type": "Organization",
                "name": name,
                "description": _ONLY_NAMED,
            }
        )
    if labels.responsible_person is not None:
        name = labels.responsible_person
        person: _Json = {
            "@id": "#responsible",
            "@type": "Person",
            "name": name,
            "description": _ONLY_NAMED,
        }
        if people:
            person["affiliation"] = _ref("#organisation")
        people.append(person)
    return people


def _value(name: str, label: str, value: object) -> _Json:
    return {"@id": f"#{name}", "@type": "PropertyValue", "name": label, "value": value}


def _ref(identifier: str) -> _Json:
    return {"@id": identifier}


def _iso(at_ns: int) -> str:
    return utc_text(at_ns).removesuffix(" UTC").replace(" ", "T") + "Z"
