"""Where ``record`` gets the other half of the randomness from: a party's file, or a beacon."""

from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from pot_recorder.beacon_client import BeaconService
from pot_recorder.second_half import BeaconAnswer, HalfSource, PartyWord
from pot_reverify import load_policy
from pot_reverify.beacons.chains import QUICKNET, BeaconChain, find_chain
from pot_reverify.input_files import read_file
from pot_reverify.seal.public_keys import parse_public_keys

DRAND = "drand"

_P = ParamSpec("_P")
_R = TypeVar("_R")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

beacon_policy_option = click.option(
    "--policy",
    "policy_file",
    type=_FILE,
    metavar="FILE",
    help="A policy file whose [[beacon]] tables name further beacons.",
)


def second_half_options(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """The options, in the order in which the help shows them."""
    for option in reversed(
        (
            click.option(
                "--counterpart",
                type=_FILE,
                metavar="FILE",
                help="The counterpart's signed 32 bytes (pot-audit counterpart).",
            ),
            click.option(
                "--counterpart-key",
                type=_FILE,
                metavar="KEY.pub",
                help="Check the counterpart's signature before the run.",
            ),
            click.option(
                "--beacon",
                type=click.Choice([DRAND]),
                help="Wait for the promised round of the beacon and fetch it.",
            ),
            click.option("--beacon-url", metavar="URL", help="Fetch it from this server only."),
            click.option(
                "--beacon-file",
                type=_FILE,
                metavar="JSON",
                help="The round as drand's API answers it, instead of fetching it.",
            ),
            beacon_policy_option,
        )
    ):
        command = option(command)
    return command


def chosen_second_half(
    *,
    counterpart: Path | None,
    counterpart_key: Path | None,
    beacon: str | None,
    beacon_url: str | None,
    beacon_file: Path | None,
    policy_file: Path | None,
) -> HalfSource | None:
    """The source that the options name; None without one.

    Raises:
        click.UsageError: options that exclude or need each other.
        Rejection: ``key.*``, ``policy.*``.
        OSError: a file cannot be read.
    """
    if sum(one is not None for one in (counterpart, beacon, beacon_file)) > 1:
        raise click.UsageError("--counterpart, --beacon and --beacon-file exclude each other")
    if counterpart_key is not None and counterpart is None:
        raise click.UsageError("--counterpart-key is for --counterpart")
    if beacon_url is not None and beacon is None:
        raise click.UsageError("--beacon-url is for --beacon")
    if counterpart is not None:
        keys = () if counterpart_key is None else parse_public_keys(read_file(counterpart_key))
        return PartyWord(counterpart, keys)
    if beacon is None and beacon_file is None:
        return None
    service = BeaconService() if beacon_url is None else BeaconService(servers=(beacon_url,))
    return BeaconAnswer(beacon_file, service, added_chains(policy_file))


def added_chains(policy_file: Path | None) -> tuple[BeaconChain, ...]:
    """The beacons that a policy file names.

    Raises:
        Rejection: ``policy.*``, ``key.*``.
        OSError: the file cannot be read.
    """
    return () if policy_file is None else load_policy(policy_file).beacons


def chosen_chain(name: str, policy_file: Path | None) -> BeaconChain:
    """The chain of ``drand`` (quicknet), or of the name that a precommit would give it.

    Raises:
        click.UsageError: this version and the policy do not know it.
        Rejection: ``policy.*``, ``key.*``.
        OSError: the file cannot be read.
    """
    chain = QUICKNET if name == DRAND else find_chain(name, added_chains(policy_file))
    if chain is None:
        raise click.UsageError(
            f"{name!r} is no beacon that can be verified: give drand, drand/CHAIN-HASH, or a "
            "--policy with its parameters"
        )
    return chain
