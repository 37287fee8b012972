"""The reader's demands on the command line: a policy file, or a few options instead of one."""

import re
from datetime import UTC, datetime
from pathlib import Path

import click

from pot_reverify import Policy, Withheld, load_policy, load_signer
from pot_reverify.quotes.evidence import time_ns

DEFAULT_MAX_ATTEMPTS = 8
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d))?", re.ASCII
)

policy_option = click.option(
    "--policy",
    "policy_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Take all demands from a policy file (docs/policy.md).",
)
signer_option = click.option(
    "--signer",
    "signers",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="KEY.pub",
    help="Name a recorder's public key; may be repeated. Without it no bundle is VERIFIED.",
)


class TimeParameter(click.ParamType[int]):
    """A date (its first moment in UTC) or an RFC 3339 time, as Unix time in nanoseconds."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Parse; anything else is wrong usage."""
        if isinstance(value, int):
            return value
        text = str(value)
        try:
            if _TIME.fullmatch(text) is None:
                raise ValueError  # noqa: TRY301  one message for both
            moment = datetime.fromisoformat(text.upper())
        except ValueError:
            self.fail(
                f"{text!r} is neither a date such as 2026-11-22 nor a time such as "
                "2026-11-22T09:30:00Z",
                param,
                ctx,
            )
        at_ns = time_ns(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        if at_ns < 0:
            self.fail(f"{text!r} is before 1970", param, ctx)
        return at_ns


def chosen_policy(
    policy_file: Path | None,
    signers: tuple[Path, ...],
    presets: tuple[str, ...] = (),
    max_attempts: int | None = None,
    *,
    allow_withheld: bool = False,
) -> Policy:
    """The policy of a file, or the one that the options make.

    Raises:
        click.UsageError: both are given.
        Rejection: ``policy.*``, ``key.*``.
        OSError: a file cannot be read.
    """
    if policy_file is None:
        return Policy(
            signers=tuple(signer for path in signers for signer in load_signer(path)),
            presets=frozenset(presets) or None,
            max_attempts=DEFAULT_MAX_ATTEMPTS if max_attempts is None else max_attempts,
            withheld=Withheld.SCORES if allow_withheld else Withheld.NOTHING,
        )
    given = [
        name
        for name, is_given in (
            ("--signer", bool(signers)),
            ("--preset", bool(presets)),
            ("--max-attempts", max_attempts is not None),
            ("--allow-withheld", allow_withheld),
        )
        if is_given
    ]
    if given:
        raise click.UsageError(
            f"--policy says all that is demanded: leave out {' and '.join(given)}, "
            "or write it into the policy file"
        )
    return load_policy(policy_file)
