"""Errors, interruptions and resumptions of a run, kept beside the journal until REVEAL."""

import json
import os
import time
from pathlib import Path

from pot_reverify.documents.reveal import RunEvent

_MAX_MESSAGE_CHARACTERS = 2000


class EventLog:
    """A file of JSON lines beside a journal."""

    def __init__(self, journal_path: Path) -> None:
        self._path = journal_path.with_name(journal_path.name + ".events")

    def note(self, kind: str, message: str) -> None:
        """Append an event; a full disk must not hide the error that the event tells of."""
        event = {
            "at_ns": time.time_ns(),
            "kind": kind,
            "message": message[:_MAX_MESSAGE_CHARACTERS],
        }
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(event) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            return

    def read(self) -> tuple[RunEvent, ...]:
        """All events so far; a line that a crash cut off is left out."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return ()
        events = []
        for line in lines:
            try:
                events.append(RunEvent(**json.loads(line)))
            except (ValueError, TypeError):
                continue
        return tuple(events)

    def delete(self) -> None:
        """The events are in the bundle now."""
        self._path.unlink(missing_ok=True)
