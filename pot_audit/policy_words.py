"""A policy in plain sentences: what it demands, accepts and leaves open, and what ails it."""

from collections.abc import Iterator
from dataclasses import dataclass

from pot_audit.expectation import accepts_custom_by_name
from pot_reverify.beacons.chains import CHAINS
from pot_reverify.checks.named_signers import is_expired, validity_text
from pot_reverify.checks.quorum import is_met, quorum_text
from pot_reverify.encoding.shown_text import quoted
from pot_reverify.policy import Grade, NamedSigner, Policy, ProvenTime, Role, Withheld
from pot_reverify.quotes.evidence import format_time
from pot_reverify.quotes.roots import PINNED_ROOTS

_SOON_NS = 90 * 86_400 * 10**9
_TIMES = {
    ProvenTime.PRECOMMIT: "that the precommit existed before the first challenge",
    ProvenTime.STATEMENT: "that the sealed statement existed by some time",
}
_WITHHELD = {
    Withheld.NOTHING: "No text and no score may be withheld.",
    Withheld.CONTENTS: "Texts and distributions may be withheld: the scores rest on the signature.",
    Withheld.SCORES: "Texts and distributions may be withheld, and scores too behind a proof.",
}
_ALWAYS = (
    "It is sealed, whole and unchanged: every leaf lies under the signed root.",
    "The revealed secret opens the precommit, and every probe follows from it.",
    "Every score follows from its distributions, and the rule first stops at the signed decision.",
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A policy in sentences.

    Args:
        must: what a bundle must show to be VERIFIED.
        accepts: what it may be like.
        not_demanded: what the policy could demand and does not.
    """

    must: tuple[str, ...]
    accepts: tuple[str, ...]
    not_demanded: tuple[str, ...]


def explain(policy: Policy) -> Explanation:
    """Say in sentences what the policy means."""
    demands = list(_demands(policy))
    return Explanation(
        must=(*_ALWAYS, *_signatures(policy), *(text for is_on, text, _ in demands if is_on)),
        accepts=tuple(_accepts(policy)),
        not_demanded=tuple(text for is_on, _, text in demands if not is_on),
    )


def warnings(policy: Policy, now_ns: int) -> list[str]:
    """What will keep bundles from being VERIFIED, now or soon."""
    found = [text for signer in policy.signers for text in _key_warnings(signer, now_ns)]
    current = [one for one in policy.signers if not is_expired(one, now_ns)]
    if not any(Role.RECORDER in one.roles for one in current):
        found.append("no recorder with a valid key is named: no new bundle can be VERIFIED")
    vouchers: dict[str, set[Role]] = {}
    for one in current:
        vouchers.setdefault(one.name, set()).update(one.roles)
    if not is_met(policy, vouchers):
        found.append(f"those who are named can never fill the quorum: {quorum_text(policy)}")
    missing = sorted(
        algorithm.value
        for algorithm in policy.algorithms
        if not any(one.key.algorithm is algorithm and Role.RECORDER in one.roles for one in current)
    )
    if missing:
        found.append(f"no recorder's {' or '.join(missing)} key is named, and one is demanded")
    if policy.time.required and not policy.time.authorities:
        found.append("proven times are demanded, and no time authority is named")
    # A beacon needs a proven time of the precommit.
    can_be_shown = policy.time.authorities or any(Role.COUNTERPART in one.roles for one in current)
    if policy.requires_counterpart and not can_be_shown:
        found.append(
            "a counterpart is demanded, and neither one is named, nor a time authority, which a "
            "beacon needs"
        )
    found += [
        f"{chain.label}: a beacon that anybody can sign"
        for chain in policy.beacons
        if chain.is_test
    ]
    if policy.binding.required <= {Grade.RUN_BOUND, Grade.KEY_ATTESTED, Grade.CHANNEL}:
        if policy.binding.required and not policy.binding.quotes.software:
            found.append("a quote is demanded, and no software is named that may give one")
    elif policy.binding.required == {Grade.VENDOR} and not any(
        Role.VENDOR in one.roles for one in current
    ):
        found.append("a vendor's commitment is demanded, and no vendor is named")
    return found


def key_line(signer: NamedSigner) -> str:
    """One named key: whose, of which kind, for what, and until when."""
    roles = ", ".join(sorted(signer.roles))
    return (
        f"{quoted(signer.name)}: {signer.key.algorithm.value} {signer.key.key_id}, {roles}, "
        f"valid {validity_text(signer)}"
    )


def replaced_roots(policy: Policy) -> list[str]:
    """The vendors whose shipped roots the policy replaces."""
    roots = policy.binding.quotes.roots
    return [vendor for vendor in PINNED_ROOTS if roots.get(vendor) != PINNED_ROOTS[vendor]]


def _key_warnings(signer: NamedSigner, now_ns: int) -> Iterator[str]:
    name = f"{quoted(signer.name)}'s {signer.key.algorithm.value} key"
    end, start = signer.not_after_ns, signer.not_before_ns
    if is_expired(signer, now_ns):
        yield f"{name} has expired at {format_time(end or 0)}: its bundles need a time-stamp"
    elif end is not None and end - now_ns < _SOON_NS:
        yield f"{name} expires at {format_time(end)}, in {(end - now_ns) // (86_400 * 10**9)} days"
    if start is not None and now_ns < start:
        yield f"{name} is not valid before {format_time(start)}"


def _signatures(policy: Policy) -> Iterator[str]:
    recorders = [one for one in policy.signers if Role.RECORDER in one.roles]
    if not recorders:
        yield "It is signed by a recorder: none is named, so no bundle can be VERIFIED."
        return
    names = ", ".join(
        f"{quoted(one.name)} ({one.key.algorithm.value}, valid {validity_text(one)})"
        for one in recorders
    )
    yield f"Its precommit and its statement are signed by a named recorder: {names}."
    yield "Every signature that the statement announces is there, by keys that are named."


def _demands(policy: Policy) -> Iterator[tuple[bool, str, str]]:
    """Each demand: whether it is on, the sentence if it is, the sentence if it is not."""
    yield (
        bool(policy.quorum),
        f"Different owners vouch for it, each in one role: {quorum_text(policy)}.",
        "Nobody besides the recorder has to sign.",
    )
    algorithms = " and ".join(sorted(one.value for one in policy.algorithms))
    yield (
        bool(policy.algorithms),
        f"One recorder has signed precommit and statement with {algorithms}.",
        "No particular signature algorithm.",
    )
    yield (
        policy.requires_counterpart,
        f"Somebody else gave half of the challenges' randomness: {_who_may_give_half(policy)}.",
        "The recorder may have chosen the challenges alone, by a committed secret.",
    )
    yield (
        policy.requires_proof,
        "A proof shows the decision, also where it can be recomputed.",
        "No zero-knowledge proof.",
    )
    for time, text in _TIMES.items():
        yield (
            time in policy.time.required,
            f"A named time authority proves {text}.",
            f"No proof {text}.",
        )
    required, required_of = policy.binding.required, policy.binding.required_of
    if required or not required_of:
        yield (
            bool(required),
            f"Something binds the transcript to each of the models: grade {_grades(required)}.",
            "Nothing has to bind the transcript to the models but the recorder's word.",
        )
    for model, grades in sorted(required_of.items()):
        yield (
            True,
            f"Something binds the transcript to the {model}: grade {_grades(grades)}.",
            "",
        )


def _grades(grades: frozenset[Grade]) -> str:
    return " or ".join(grade.value for grade in Grade if grade in grades)


def _accepts(policy: Policy) -> Iterator[str]:
    presets = policy.presets
    named = "any, custom rules too" if presets is None else _listed(presets, "no preset")
    yield f"The preset is one of: {named}."
    yield (
        "What reverify --expect asks for may be said under a custom rule."
        if accepts_custom_by_name(policy)
        else "What reverify --expect asks for is said under a named preset."
    )
    families = policy.challenge_families
    yield f"The challenge family is one of: {'any' if families is None else _listed(families)}."
    yield f"It is attempt {policy.max_attempts} at the claim or an earlier one."
    yield _WITHHELD[policy.withheld]
    quotes = policy.binding.quotes
    if quotes.software:
        named = ", ".join(f"{quoted(one.name)} ({one.kind.value})" for one in quotes.software)
        yield f"Quotes are for software that is named: {named}."
    else:
        yield "No quote: no software is named, so a bundle that carries one is INCOMPLETE."
    yield f"Intel TCB statuses: {_listed(quotes.tcb_statuses)}."
    if vendors := replaced_roots(policy):
        yield f"The shipped roots are replaced for: {', '.join(vendors)}."
    for authority in policy.time.authorities:
        yield f"Times are believed from {quoted(authority.name)}."
    for chain in policy.beacons:
        yield f"Rounds are believed from a beacon of yours: {quoted(chain.label)} ({chain.name})."


def _who_may_give_half(policy: Policy) -> str:
    """The named counterparts, and the beacons."""
    names = dict.fromkeys(one.name for one in policy.signers if Role.COUNTERPART in one.roles)
    signed = [f"signed by {quoted(name)}" for name in names]
    chains = [chain.label for chain in (*CHAINS.values(), *policy.beacons)]
    return ", or ".join([*signed, f"from a round that was still to come of {' or '.join(chains)}"])


def _listed(values: frozenset[str], nothing: str = "none") -> str:
    return ", ".join(sorted(values)) or nothing
