"""``pot-audit doctor``: what this installation can and cannot do."""

import os
import platform
import shutil
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import click

from pot_audit.lines import say, say_json
from pot_reverify.encoding.shown_text import shown_fact, shown_path

_RECORD = ("torch", "transformers", "safetensors", "gguf", "numpy", "accelerate", "cryptography")
_REVERIFY = ("msgpack", "nacl", "jsonschema")
_DISTRIBUTION = {"dcap_qvl": "dcap-qvl", "nacl": "pynacl", "rfc3161_client": "rfc3161-client"}


@click.command(
    name="doctor",
    short_help="Say what this installation can do, and what mends it.",
    epilog="Example: pot-audit doctor",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, as_json: bool) -> None:
    """Look for what each command needs. Nothing is changed, and the network is not used."""
    abilities = [
        _ability("re-verify bundles", _REVERIFY, "pip install pot-audit"),
        _ability(
            "check ECDSA P-256 and ML-DSA-65 signatures",
            ("cryptography",),
            "pip install 'pot-audit[pq]'",
        ),
        _ability("appraise quotes", ("cryptography", "dcap_qvl"), "pip install 'pot-audit[tee]'"),
        _ability(
            "check time-stamp tokens",
            ("cryptography", "rfc3161_client"),
            "pip install 'pot-audit[time]'",
        ),
        _ability("check rounds of beacons", ("pyblst",), "pip install 'pot-audit[beacon]'"),
        _ability("record bundles", _RECORD, "pip install 'pot-audit[record]'"),
        _prover(),
    ]
    free_bytes = shutil.disk_usage(Path.cwd()).free
    machine = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "free_disk_bytes": free_bytes,
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY", "not set: record sets PASSIVE"),
    }
    if as_json:
        able = [{**asdict(ability), "able": ability.able} for ability in abilities]
        say_json({"abilities": able, "machine": machine}, indent=2)
        return
    for ability in abilities:
        say(f"  {'yes' if ability.able else 'no':<4} {ability.what}")
        for package, found in ability.packages.items():
            say(f"         {package:<14} {shown_path(found or 'missing')}")
        if not ability.able:
            say(f"         mend it: {ability.mend}")
    python = shown_fact(platform.python_version())
    say(f"  python {python}, {os.cpu_count()} cores, {free_bytes // 10**9} GB free here")


@dataclass(frozen=True, slots=True)
class _Ability:
    what: str
    packages: dict[str, str | None]
    mend: str

    @property
    def able(self) -> bool:
        return None not in self.packages.values()


def _ability(what: str, packages: tuple[str, ...], mend: str) -> _Ability:
    return _Ability(what, {package: _version(package) for package in packages}, mend)


def _prover() -> _Ability:
    program = os.environ.get("POT_HALO2", "pot-halo2")
    return _Ability(
        "prove decisions, and verify proofs fast (--fast-proofs)",
        {"pot-halo2": shutil.which(program)},
        "cargo build --release --manifest-path halo2/Cargo.toml; name the program in POT_HALO2",
    )


def _version(package: str) -> str | None:
    if find_spec(package) is None:
        return None
    try:
        return version(_DISTRIBUTION.get(package, package))
    except PackageNotFoundError:
        return "installed"
