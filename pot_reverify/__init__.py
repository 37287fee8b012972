"""Re-verify `.potb` bundles: no models, no network, a handful of small dependencies.

>>> from pot_reverify import Policy, load_signer, verify
>>> policy = Policy(signers=load_signer("acme.pub", name="acme"))
>>> verify("bundle.potb", policy).word
<VerdictWord.VERIFIED: 'VERIFIED'>
"""

from pot_reverify.errors import Indeterminate, PotAuditError, Rejection
from pot_reverify.policy import NamedSigner, Policy, Role, Withheld, load_policy, load_signer
from pot_reverify.verdict import DecidedBy, Verdict, VerdictWord
from pot_reverify.verify import verify, verify_many

__all__ = [
    "DecidedBy",
    "Indeterminate",
    "NamedSigner",
    "Policy",
    "PotAuditError",
    "Rejection",
    "Role",
    "Verdict",
    "VerdictWord",
    "Withheld",
    "load_policy",
    "load_signer",
    "verify",
    "verify_many",
]
