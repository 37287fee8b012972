"""The trust policy: whom the reader names, and what the reader demands."""

from pot_reverify.policy.binding import BindingPolicy, Grade, HeldGrade, ModelRole
from pot_reverify.policy.demands import Policy, Withheld
from pot_reverify.policy.signers import NamedSigner, Role, load_signer
from pot_reverify.policy.times import ProvenTime, TimeAuthority, TimePolicy
from pot_reverify.policy.toml_file import load_policy

__all__ = [
    "BindingPolicy",
    "Grade",
    "HeldGrade",
    "ModelRole",
    "NamedSigner",
    "Policy",
    "ProvenTime",
    "Role",
    "TimeAuthority",
    "TimePolicy",
    "Withheld",
    "load_policy",
    "load_signer",
]
