"""The ``[binding]`` table of a policy file: grades, enclaves, minimum firmware, roots."""

import re
from typing import Final

from pot_reverify.errors import Rejection
from pot_reverify.policy.binding import BindingPolicy, Grade, ModelRole
from pot_reverify.policy.toml_keys import ReadFile, take_certificate
from pot_reverify.policy.toml_table import Table
from pot_reverify.quotes.evidence import NamedSoftware, QuoteKind, QuotePolicy
from pot_reverify.quotes.roots import PINNED_ROOTS

GRADES: Final = tuple(grade.value for grade in Grade if grade is not Grade.UNBOUND)
TCB_STATUSES: Final = (
    "UpToDate",
    "SWHardeningNeeded",
    "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded",
    "OutOfDate",
    "OutOfDateConfigurationNeeded",
)
"""Intel's; Revoked is not among those that a policy can accept."""
SNP_COMPONENTS: Final = {
    "Milan": ("bl", "tee", "snp", "ucode"),
    "Genoa": ("bl", "tee", "snp", "ucode"),
    "Turin": ("fmc", "bl", "tee", "snp", "ucode"),
}
_HEX: Final = re.compile(r"(?:[0-9a-f]{2}){1,64}", re.ASCII)
# Events of a replayed log are registers too, such as event:compose-hash.
_REGISTER: Final = re.compile(r"[a-z][a-z0-9_:-]{0,63}", re.ASCII)


def take_binding(table: Table, read_file: ReadFile) -> BindingPolicy:
    """What transcripts must be bound to, and which enclaves will do.

    Raises:
        Rejection: ``policy.*``.
    """
    by_model = {model: _take_required(table.take_table(model)) for model in ModelRole}
    statuses = table.take_strings("tcb_statuses", TCB_STATUSES)
    vmpls = table.take_ints("vmpls", 0, 3)
    binding = BindingPolicy(
        required=_take_grades(table),
        required_of={model: grades for model, grades in by_model.items() if grades},
        quotes=QuotePolicy(
            roots=_take_roots(table, read_file),
            software=tuple(map(_take_software, table.take_tables("software"))),
            tcb_statuses=frozenset({"UpToDate"}) if statuses is None else statuses,
            minimum_tcb_evaluation_number=table.take_int(
                "minimum_tcb_evaluation_number", 0, 2**31 - 1, 0
            ),
            minimum_snp_tcb=_take_snp_floors(table.take_table("snp")),
            vmpls=frozenset({0}) if vmpls is None else vmpls,
            revocation_required=table.take_bool("revocation_required", default=True),
        ),
    )
    table.finish()
    return binding


def _take_grades(table: Table) -> frozenset[Grade]:
    return frozenset(map(Grade, table.take_strings("required", GRADES) or ()))


def _take_required(table: Table) -> frozenset[Grade]:
    """What is demanded of one model besides."""
    grades = _take_grades(table)
    table.finish()
    return grades


def _take_roots(table: Table, read_file: ReadFile) -> dict[str, tuple[bytes, ...]]:
    """The shipped roots, but for the vendors whose roots the file names itself."""
    named: dict[str, tuple[bytes, ...]] = {}
    for entry in table.take_tables("root"):
        vendor = entry.take_str("vendor")
        if vendor not in PINNED_ROOTS:
            raise entry.unknown_value("vendor", vendor, tuple(PINNED_ROOTS))
        root = take_certificate(entry, "certificate", read_file)
        named[vendor] = (*named.get(vendor, ()), root)
        entry.finish()
    return {**PINNED_ROOTS, **named}


def _take_software(entry: Table) -> NamedSoftware:
    name, kind = entry.take_str("name"), entry.take_str("kind")
    if kind not in tuple(QuoteKind):
        raise entry.unknown_value("kind", kind, tuple(QuoteKind))
    registers = _take_registers(entry.take_table("registers"))
    software = NamedSoftware(
        name,
        QuoteKind(kind),
        registers,
        minimum_isv_svn=entry.take_int("minimum_isv_svn", 0, 65535, 0),
        hashes_requests=entry.take_bool("hashes_requests", default=False),
    )
    entry.finish()
    return software


def _take_registers(table: Table) -> dict[str, bytes]:
    registers = {}
    for name in table.keys():  # noqa: SIM118  a Table is no mapping
        text = table.take_str(name)
        if _REGISTER.fullmatch(name) is None or _HEX.fullmatch(text) is None:
            raise Rejection(
                "policy.register",
                "not a register and its value",
                where=table.at(name)[:200],
                expected='a name such as mrenclave, and lower-case hex such as "00ff"',
            )
        registers[name] = bytes.fromhex(text)
    if not registers:
        raise Rejection(
            "policy.register", "software without registers is any software", where=table.where
        )
    return registers


def _take_snp_floors(table: Table) -> dict[str, dict[str, int]]:
    floors: dict[str, dict[str, int]] = {}
    for product, components in SNP_COMPONENTS.items():
        inner = table.take_table(product)
        found = {name: inner.take_int(name, 0, 255) for name in components if name in inner}
        inner.finish()
        if found:
            floors[product] = found
    table.finish()
    return floors
