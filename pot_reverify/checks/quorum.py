"""Whether enough different owners vouch for a bundle."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from pot_reverify.policy import Policy, Role

Vouchers = Mapping[str, AbstractSet[Role]]
"""By owner, the roles in which the owner's valid signatures count."""


def is_met(policy: Policy, vouchers: Vouchers) -> bool:
    """Whether one alternative of the quorum is filled; without alternatives there is nothing to."""
    return not policy.quorum or any(_is_filled(one, vouchers) for one in policy.quorum)


def quorum_text(policy: Policy) -> str:
    """The quorum in words."""
    return ", or ".join(
        " and ".join(
            f"{count} {role.value}{'s' if count > 1 else ''}" for role, count in sorted(one.items())
        )
        for one in policy.quorum
    )


def _is_filled(alternative: Mapping[Role, int], vouchers: Vouchers) -> bool:
    """Whether every seat can have an owner of its own: one owner never fills two.

    A bipartite matching by augmenting paths; owners and seats are few.
    """
    seats = [role for role, count in alternative.items() for _ in range(count)]
    taken: dict[str, int] = {}

    def find_owner(seat: int, tried: set[str]) -> bool:
        for owner, roles in vouchers.items():
            if seats[seat] not in roles or owner in tried:
                continue
            tried.add(owner)
            if owner not in taken or find_owner(taken[owner], tried):
                taken[owner] = seat
                return True
        return False

    return len(seats) <= len(vouchers) and all(
        find_owner(seat, set()) for seat in range(len(seats))
    )
