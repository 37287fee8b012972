"""From full distributions to the few integers that a record keeps.

At each position the set J is the union of both models' top 8 tokens; each probability p is kept as
floor(p * 2^32), and 1 itself as 2^32 - 1, the largest u32.

The integers of a position never sum to more than 2^32: scaling by a power of two is exact, a floor
only lowers, and float64 rounding lets the probabilities of a softmax sum to less than 1 + 2^-33, so
that the integer sum is below 2^32 + 1.
"""

import numpy as np
import numpy.typing as npt
import torch

from pot_recorder.models.loaded_model import Probabilities
from pot_reverify.score.affinity import WHOLE, ProbeDistributions, parse_distributions

TOP_TOKENS = 8


def coarsen(reference: Probabilities, candidate: Probabilities) -> ProbeDistributions:
    """The recorded form of two models' distributions at the positions of one probe.

    Args:
        reference: shape (positions, vocabulary), rows sum to 1.
        candidate: the same shape.

    Raises:
        Rejection: ``score.*``: the distributions have no valid recorded form.
    """
    sizes: list[int] = []
    ids: list[npt.NDArray[np.int64]] = []
    for mine, other in zip(top_tokens(reference), top_tokens(candidate), strict=True):
        union = np.union1d(mine, other)
        sizes.append(len(union))
        ids.append(union)
    rows = np.repeat(np.arange(len(sizes)), sizes)
    tokens = np.concatenate(ids)
    return parse_distributions(
        bytes(sizes),
        tokens.astype("<u4").tobytes(),
        _integers(reference[rows, tokens]),
        _integers(candidate[rows, tokens]),
    )


def top_tokens(distributions: Probabilities) -> list[npt.NDArray[np.int64]]:
    """The 8 most probable tokens of each row, ids ascending; the lower id wins a tie."""
    count = min(TOP_TOKENS, distributions.shape[1])
    # topk leaves the order of ties open, so it only gives the threshold.
    threshold = torch.from_numpy(distributions).topk(count, dim=1).values[:, -1:].numpy()
    return [
        _first_best(row, np.flatnonzero(row >= least), least, count)
        for row, least in zip(distributions, threshold[:, 0], strict=True)
    ]


def _first_best(
    row: npt.NDArray[np.float64], tokens: npt.NDArray[np.int64], least: np.float64, count: int
) -> npt.NDArray[np.int64]:
    if len(tokens) == count:
        return tokens
    above = tokens[row[tokens] > least]
    tied = tokens[row[tokens] == least]
    return np.union1d(above, tied[: count - len(above)])


def _integers(probabilities: npt.NDArray[np.float64]) -> bytes:
    scaled = np.floor(probabilities * float(WHOLE))
    packed: bytes = np.minimum(scaled, WHOLE - 1).astype("<u4").tobytes()
    return packed
