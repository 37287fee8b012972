"""Text of the command line that goes into documents, which are UTF-8."""

from typing import Final

import click

from pot_reverify.encoding.shown_text import quoted


class DocumentText(click.ParamType[str]):
    """Any text that is Unicode: bytes that are not are told before a run, and not when it seals."""

    name = "text"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """The text itself; anything else is wrong usage."""
        text = str(value)
        try:
            text.encode()
        except UnicodeEncodeError:
            self.fail(f"{quoted(text)} is not UTF-8", param, ctx)
        return text


TEXT: Final = DocumentText()
