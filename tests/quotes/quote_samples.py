"""The samples of fixtures/tee, and the verdict that one call gives."""

import base64
import csv
import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pot_reverify.errors import PotAuditError
from pot_reverify.quotes.evidence import QuoteAppraisal

SAMPLES = Path(__file__).parents[2] / "fixtures" / "tee"
ALL_STATUSES = frozenset(
    {
        "UpToDate",
        "SWHardeningNeeded",
        "ConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded",
        "OutOfDate",
        "OutOfDateConfigurationNeeded",
    }
)


def read(name: str) -> bytes:
    data = (SAMPLES / name).read_bytes()
    if name.endswith(".hex") or "AttestationReport" in name or "report1" in name:
        return bytes.fromhex(data.decode().strip().removeprefix("0x"))
    return data


def rows(name: str) -> list[dict[str, str]]:
    with (SAMPLES / name).open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


SOURCES = {row["file"]: row for row in rows("SOURCES.tsv")}


def pem(name: str) -> tuple[bytes, ...]:
    bodies = re.findall(
        r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----",
        (SAMPLES / name).read_text(),
        re.DOTALL,
    )
    return tuple(base64.b64decode("".join(body.split())) for body in bodies)


def ns(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp()) * 10**9


def verdict(run: Callable[[], QuoteAppraisal]) -> str:
    """The reason code, or "genuine"."""
    try:
        run()
    except PotAuditError as error:
        return error.code
    return "genuine"


def signed_json(name: str, member: str) -> tuple[str, str]:
    """The exact text of a member that Intel signed, and the signature."""
    text = read(name).decode()
    document = json.loads(text)
    flat = {"tcbInfo": "tcb_info", "enclaveIdentity": "qe_identity"}[member]
    if flat in document:
        return document[flat], document[f"{flat}_signature"]
    start = text.index(f'"{member}":') + len(member) + 3
    _, end = json.JSONDecoder().raw_decode(text, start)
    return text[start:end], document["signature"]


def crl_hex(name: str) -> str:
    path, _, member = name.partition("#")
    return json.loads(read(path))[member] if member else read(path).hex()


def real_collateral(case: dict[str, str], quote: bytes) -> bytes:
    """Collateral in the form of the Phala PCCS, from parts of the samples."""
    chain = re.findall(
        rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", quote, re.DOTALL
    )
    signers = json.loads(read(case["tcb_signer"]))["tcb_info_issuer_chain"]
    tcb_info, tcb_info_signature = signed_json(case["tcb_info"], "tcbInfo")
    qe_identity, qe_identity_signature = signed_json(case["qe_identity"], "enclaveIdentity")
    return json.dumps(
        {
            "pck_crl_issuer_chain": b"\n".join(chain[1:3]).decode() + "\n",
            "root_ca_crl": crl_hex(case["root_crl"]),
            "pck_crl": crl_hex(case["pck_crl"]),
            "tcb_info_issuer_chain": signers,
            "tcb_info": tcb_info,
            "tcb_info_signature": tcb_info_signature,
            "qe_identity_issuer_chain": signers,
            "qe_identity": qe_identity,
            "qe_identity_signature": qe_identity_signature,
        }
    ).encode()
