"""Whether running an interrupted recording once more can end otherwise."""

from pot_reverify.errors import Indeterminate, PotAuditError

# Refusals that depend on the machine at that moment, or on something beside models and request.
_PASSING = frozenset(
    {
        "journal.exists",
        "journal.locked",
        "model.file-changed",
        "model.no-such-device",
        "model.out-of-memory",
        "model.unreadable-file",
    }
)
_PASSING_FAMILIES = ("prover.", "proof.")


def may_differ_next_time(error: BaseException) -> bool:
    """Whether ``--resume`` may help after `error`.

    The same files refused for what they hold are refused again, and so is the same request.
    """
    if not isinstance(error, PotAuditError) or isinstance(error, Indeterminate):
        return True
    return error.code in _PASSING or error.code.startswith(_PASSING_FAMILIES)
