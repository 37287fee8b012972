"""The command line: find the command, run it, turn every failure into words and an exit code."""

import os
import re
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import NoReturn

import click

from pot_audit.channel import Channel, open_channels
from pot_audit.lines import say_json, tell
from pot_recorder.interrupts import Stopped, raise_on_signals
from pot_reverify.encoding.shown_text import error_text, quoted, sentence, shown_path
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
    "4 VERIFIED but not as --expect demands, 70 a bug of ours, 128 + n after signal n. A closed "
    "pipe or a full disk changes none of them.",
)
@click.version_option(package_name="pot-audit", prog_name="pot-audit")
def cli() -> None:
    """Is this model the one it is claimed to be? Record the answer; check it later, offline."""


def main() -> NoReturn:
    """Entry point of ``pot-audit``."""
    open_channels()
    raise_on_signals()
    try:
        sys.exit(_run())
    finally:
        _tell_of_lost_output()


def _run() -> int:
    try:
        # What a command hands to `ctx.exit` comes back as the value of this call.
        exit_code = cli.main(standalone_mode=False)
    # Whatever happens, people get words and scripts an exit code; bugs keep their traceback.
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        return _fail(error)
    return 0 if exit_code is None else int(exit_code)


def _tell_of_lost_output() -> None:
    """Whoever closes a pipe knows it; whoever writes to a full disk may not."""
    failure = sys.stdout.failure if isinstance(sys.stdout, Channel) else None
    if failure is not None and not isinstance(failure, BrokenPipeError):
        tell(f"error: the result could not be written: {failure}")


@dataclass(frozen=True, slots=True)
class _Failure:
    code: str
    message: str
    """For scripts: whole and as it is."""
    text: str
    """For people."""
    hint: str | None
    exit_code: int


def _fail(error: BaseException) -> int:
    failure = _explain(error)
    if "--json" in sys.argv:
        document = {"code": failure.code, "message": failure.message, "hint": failure.hint}
        say_json({"error": document, "exit_code": failure.exit_code})
    tell(f"error: {failure.text}")
    if failure.hint:
        tell(f"hint: {sentence(failure.hint)}")
    if failure.exit_code == EXIT_BUG:
        sys.excepthook(type(error), error, error.__traceback__)
    return failure.exit_code


def _explain(error: BaseException) -> _Failure:  # noqa: PLR0911  one return a kind
    match error:
        case click.Abort() | KeyboardInterrupt():
            return _interrupted(error)
        case click.UsageError():
            command = error.ctx.command_path if error.ctx else "pot-audit"
            return _failure("usage", error.format_message(), f"{command} --help")
        case click.ClickException():
            return _failure("usage", error.format_message())
        case PotAuditError():
            hint = error.needs if isinstance(error, Indeterminate) else None
            return _Failure(error.code, str(error), error_text(error), hint, EXIT_USAGE)
        case ModuleNotFoundError() if not (error.name or "").startswith("pot_"):
            message = f"This command needs the Python package {error.name}."
            return _failure("package-missing", message, "pip install 'pot-audit[record]'")
        case UnicodeEncodeError() if re.search(r"[\ud800-\udfff]", error.object):
            return _failure("encoding", f"A name is not UTF-8: {quoted(error.object)}")
        case OSError():
            where = f"{shown_path(os.fsdecode(error.filename))}: " if error.filename else ""
            return _failure("os", f"{where}{error.strerror or error}")
        case _:
            message = "This is a bug in pot-audit; please report the lines below."
            return _failure("bug", message, exit_code=EXIT_BUG)


def _failure(
    code: str, message: str, hint: str | None = None, exit_code: int = EXIT_USAGE
) -> _Failure:
    return _Failure(code, message, sentence(message), hint, exit_code)


def _interrupted(error: BaseException) -> _Failure:
    """Click raises `Abort` from the interruption that it caught."""
    cause = error if isinstance(error, Stopped) else error.__cause__
    if isinstance(cause, Stopped) and cause.exit_code != EXIT_INTERRUPTED:
        message = f"Stopped by {cause}."
        return _failure("interrupted", message, exit_code=cause.exit_code)
    return _failure("interrupted", "Interrupted.", exit_code=EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
