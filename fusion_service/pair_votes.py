"""Support vector machines, one for each pair of emotions, that vote on what a face does over time.

On people who never were in training, counted votes are better calibrated than the sums of a linear layer:
which emotions come next carries over from person to person, how far they lie behind does not. Knerr,
Personnaz, Dreyfus 1990, "Single-layer learning revisited".
"""

import numpy as np

from fusion_service.columns import FloatArray, IntArray
from fusion_service.parameters import PairVotes
from shared.contracts.emotions import EMOTIONS


def vote_logits(features: FloatArray, votes: PairVotes) -> FloatArray:
    """Count the votes on stretches of faces.

    Args:
        features: [n, d] standardised.
        votes: the machines.

    Returns:
        [n, 7] votes of each emotion, nearly whole numbers: a fraction below a third orders what has as many.
        An emotion that no machine knows has their mean, which says nothing for or against it.
    """
    basis, frequencies, phases, shares = votes.arrays
    points = np.clip(features, -votes.furthest, votes.furthest) @ basis
    margins = np.cos(points @ frequencies + phases) @ shares.T + np.asarray(votes.offsets)
    return counted(margins, np.asarray(votes.pairs))


def counted(margins: FloatArray, pairs: IntArray) -> FloatArray:
    """Count votes.

    Args:
        margins: [n, p] of every machine, positive for the first emotion of its pair.
        pairs: [p, 2] emotions, 0..6.

    Returns:
        [n, 7] see `vote_logits`.
    """
    first, second = (np.eye(len(EMOTIONS))[pairs[:, side]] for side in (0, 1))
    won = (margins >= 0).astype(np.float64)
    lead = margins @ (first - second)
    votes: FloatArray = won @ first + (1.0 - won) @ second + lead / (3.0 * (np.abs(lead) + 1.0))
    known = np.isin(np.arange(len(EMOTIONS)), pairs)
    votes[:, ~known] = votes[:, known].mean(axis=1, keepdims=True)
    return votes
