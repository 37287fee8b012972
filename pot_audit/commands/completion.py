"""``pot-audit completion``: shell completion."""

import sys

import click
from click.shell_completion import get_completion_class

from pot_audit.channel import Channel


@click.command(
    name="completion",
    short_help="Print a shell completion script.",
    epilog='Example: eval "$(pot-audit completion bash)"',
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for SHELL."""
    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(ctx.find_root().command, {}, "pot-audit", "_POT_AUDIT_COMPLETE")
    source = script.source() + "\n"
    # A script of click's, with tabs in it.
    if isinstance(sys.stdout, Channel):
        sys.stdout.write_control(source)
    else:
        sys.stdout.write(source)
