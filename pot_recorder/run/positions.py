"""Which next-token predictions of a probe are scored."""

from pot_reverify.errors import Rejection
from pot_reverify.score.affinity import POSITIONS_MAX, POSITIONS_MIN


def scored_rows(token_count: int, label: str) -> range:
    """Rows of the logits that are scored: the last ones that predict a token of the text.

    Row r predicts token r + 1, so that the last row predicts nothing and the first token is
    predicted by nobody.

    Args:
        token_count: number of token ids of the probe, special tokens included.
        label: what to call the probe in an error.

    Returns:
        At most 32 rows, range(max(0, T - 1 - 32), T - 1).

    Raises:
        Rejection: ``challenge.too-few-positions`` if there are fewer than 16. A probe is never
            drawn again once a model has been asked.
    """
    rows = range(max(0, token_count - 1 - POSITIONS_MAX), token_count - 1)
    if len(rows) < POSITIONS_MIN:
        raise Rejection(
            "challenge.too-few-positions",
            "the text has too few tokens under this tokenizer",
            where=label,
            expected=f"at least {POSITIONS_MIN} positions",
            got=len(rows),
        )
    return rows
