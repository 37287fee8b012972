"""The command line: find the command, run it, turn every failure into words and an exit code."""

import json
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import NoReturn

import click

from pot_reverify.errors import Indeterminate, PotAuditError

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_BUG = 70
COMMANDS = (
    "demo",
    "keygen",
    "precommit",
    "counterpart",
    "record",
    "prove",
    "reverify",
    "policy",
    "countersign",
    "show",
    "redact",
    "export",
    "timestamp",
    "weights",
    "quote",
    "attach",
    "doctor",
    "completion",
)


class _LazyGroup(click.Group):
    """Imports a command's module when the command is used: re-verifying needs no torch."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"pot_audit.commands.{cmd_name}")
        command: click.Command = module.command
        return command


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Results go to standard output, everything else to standard error. "
    "Exit codes of reverify: 0 VERIFIED, 1 REJECTED, 2 UNREADABLE or wrong usage, 3 INCOMPLETE, "
    "4 VERIFIED but not as --expect demands, 70 a bug of ours.",
)
@click.version_option(package_name="pot-audit", prog_name="pot-audit")
def cli() -> None:
    """Is this model the one it is claimed to be? Record the answer; check it later, offline."""


def main() -> NoReturn:
    """Entry point of ``pot-audit``."""
    try:
        # What a command hands to `ctx.exit` comes back as the value of this call.
        exit_code = cli.main(standalone_mode=False)
    # Whatever happens, people get words and scripts an exit code; bugs keep their traceback.
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        _fail(error)
    sys.exit(0 if exit_code is None else exit_code)


@dataclass(frozen=True, slots=True)
class _Failure:
    code: str
    message: str
    hint: str | None
    exit_code: int


def _fail(error: BaseException) -> NoReturn:
    failure = _explain(error)
    if "--json" in sys.argv:
        document = {"code": failure.code, "message": failure.message, "hint": failure.hint}
        click.echo(
            json.dumps({"error": document, "exit_code": failure.exit_code}, ensure_ascii=False)
        )
    click.echo(f"error: {failure.message}", err=True)
    if failure.hint:
        click.echo(f"hint: {failure.hint}", err=True)
    if failure.exit_code == EXIT_BUG:
        sys.excepthook(type(error), error, error.__traceback__)
    sys.exit(failure.exit_code)


def _explain(error: BaseException) -> _Failure:  # noqa: PLR0911  one return a kind
    match error:
        case click.Abort() | KeyboardInterrupt():
            return _Failure("interrupted", "Interrupted.", None, EXIT_INTERRUPTED)
        case click.UsageError():
            command = error.ctx.command_path if error.ctx else "pot-audit"
            return _Failure("usage", error.format_message(), f"{command} --help", EXIT_USAGE)
        case click.ClickException():
            return _Failure("usage", error.format_message(), None, EXIT_USAGE)
        case Indeterminate():
            return _Failure(error.code, str(error), error.needs, EXIT_USAGE)
        case PotAuditError():
            return _Failure(error.code, str(error), None, EXIT_USAGE)
        case ModuleNotFoundError() if not (error.name or "").startswith("pot_"):
            message = f"This command needs the Python package {error.name}."
            return _Failure(
                "package-missing", message, "pip install 'pot-audit[record]'", EXIT_USAGE
            )
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            return _Failure("os", f"{where}{error.strerror or error}", None, EXIT_USAGE)
        case _:
            message = "This is a bug in pot-audit; please report the lines below."
            return _Failure("bug", message, None, EXIT_BUG)


if __name__ == "__main__":
    main()
