"""The options that choose a preset."""

from pathlib import Path

import click

from pot_reverify.decision.presets import CUSTOM, PRESETS, Preset, parse_preset
from pot_reverify.encoding import strict_json
from pot_reverify.input_files import read_file

_PRESET = click.option(
    "--preset",
    type=click.Choice([*PRESETS, CUSTOM]),
    default="audit",
    show_default=True,
    help="How sure and how fine the decision is; custom takes --preset-file.",
)
_PRESET_FILE = click.option(
    "--preset-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON with the parameters of a custom preset (docs/statistics.md).",
)


def preset_option(function: click.decorators.FC) -> click.decorators.FC:
    """Add --preset and --preset-file to a command."""
    return _PRESET(_PRESET_FILE(function))


def resolve_preset(name: str, file: Path | None) -> Preset:
    """The preset that the two options mean.

    Raises:
        Rejection: ``preset.*``, ``json.*``.
    """
    if (name == CUSTOM) != (file is not None):
        raise click.UsageError("--preset custom and --preset-file go together")
    return PRESETS[name] if file is None else parse_preset(strict_json.decode(read_file(file)))
