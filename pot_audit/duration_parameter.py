"""Durations on the command line, such as 90s, 10m or 1h."""

import re

import click

_FORM = re.compile(r"([1-9][0-9]{0,5})([smh])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600}


class DurationParameter(click.ParamType[int]):
    """A whole number of seconds, minutes or hours, as seconds."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Parse; anything else is wrong usage."""
        if isinstance(value, int):
            return value
        match = _FORM.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is no duration such as 90s, 10m or 1h", param, ctx)
        return int(match[1]) * _SECONDS[match[2]]
