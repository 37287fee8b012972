"""Progress on standard error: a line that redraws on a terminal, a plain line every 10 s elsewhere.

Nothing is printed for work that takes less than a second.
"""

import os
import sys
import time
from fractions import Fraction

from pot_audit.number_text import estimate_text, interval_text
from pot_reverify.decision.empirical_bernstein import SCORE_UNIT, Step

QUIET_S = 1.0
PLAIN_INTERVAL_S = 10.0
_REDRAW_INTERVAL_S = 0.1


class StepProgress:
    """Shows the running interval of a recording.

    Args:
        label: what is being recorded.
        n_min: challenges before the first possible decision.
        n_max: challenges at most.
    """

    def __init__(self, label: str, n_min: int, n_max: int) -> None:
        self._label = label
        self._n_min = n_min
        self._n_max = n_max
        self._started_s = self._shown_s = time.monotonic()
        self._first_n: int | None = None
        self._is_terminal = sys.stderr.isatty()
        self._is_drawn = False

    def show(self, step: Step) -> None:
        """Show the state after a challenge, unless it was shown a moment ago."""
        now_s = time.monotonic()
        if self._first_n is None:
            self._first_n = step.n - 1
        wait_s = _REDRAW_INTERVAL_S if self._is_terminal else PLAIN_INTERVAL_S
        if now_s - self._started_s < QUIET_S or now_s - self._shown_s < wait_s:
            return
        self._shown_s = now_s
        done = step.n - self._first_n
        left_s = (now_s - self._started_s) / done * (self._n_max - step.n)
        text = f"{self._label}: {step_text(step)}, at most {duration_text(left_s)} left"
        if step.n < self._n_min:
            text += f" (no decision before challenge {self._n_min})"
        if self._is_terminal:
            sys.stderr.write(f"\r\x1b[2K{text}")
            self._is_drawn = True
        else:
            sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def finish(self) -> None:
        """Take the redrawn line away."""
        if self._is_drawn:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()


def silence_other_progress_bars() -> None:
    """Ours is the only one; call it before a library with bars of its own is imported."""
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def note(text: str) -> None:
    """One line about what is going on."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def step_text(step: Step) -> str:
    """Challenges so far and the running interval of the mean divergence."""
    scale = SCORE_UNIT * step.t
    mean, low, high = (Fraction(one, scale) for one in (step.S, step.L, step.U))
    return f"{step.n} challenges, divergence {estimate_text(mean)} in {interval_text(low, high)}"


def duration_text(seconds: float) -> str:
    """A duration that people read."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60:02d} s"
