"""The option that says where the prover is."""

from pathlib import Path

import click

prover_option = click.option(
    "--prover",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help="The program pot-halo2; by default $POT_HALO2, else the one on the PATH.",
)
