"""An interrupted recording, before any model is loaded to go on with it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pot_recorder.event_log import journal_key
from pot_recorder.interrupts import deferred_interrupts
from pot_recorder.journal import Journal, note_interruption, require_authentic
from pot_recorder.keys import Signer
from pot_recorder.promise import load_promise
from pot_reverify.errors import PotAuditError


@dataclass(frozen=True, slots=True)
class InterruptedRecording:
    """A journal and what opens it.

    Args:
        partial: the journal.
        precommit: the run's precommit, with its secret beside it.
        signers: the keys that made it.
    """

    partial: Path
    precommit: Path
    signers: Sequence[Signer]

    def require_authentic(self) -> None:
        """Find out before gigabytes are loaded whether it can be continued.

        Raises:
            Rejection: ``journal.*``, ``precommit.*``.
            OSError: a file cannot be read.
        """
        require_authentic(self.partial, self._key())

    @contextmanager
    def interruption_noted(self) -> Iterator[None]:
        """While models are loaded nobody holds the journal: what stops the resumption is noted."""
        try:
            yield
        except KeyboardInterrupt as stopped:
            with suppress(PotAuditError, OSError), deferred_interrupts():
                journal, _ = Journal.reopen(self.partial, self._key())
                with journal:
                    note_interruption(journal, stopped)
            raise

    def _key(self) -> bytes:
        promise = load_promise(self.precommit, self.signers)
        return journal_key(promise.secret, promise.precommit.run_id)
