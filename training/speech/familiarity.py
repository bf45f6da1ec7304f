"""How far a sound lies from all that a network learned from: the farther, the less sure it may be.

On voices of nowhere that it knows (another language, other rooms and microphones) a network is as sure as at
home but right less often. So its logits are divided by a power of the distance to the nearest group of clips
that it learned from, measured by how clips of one group differ (Mahalanobis' distance; Lee et al. 2018, "A
simple unified framework for detecting out-of-distribution samples"). What is named stays the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.speech.network import MAPS

Floats = npt.NDArray[np.float32]

# Of each map's directions the strongest, which this looks at.
SEEN = 32
# The power. On corpora left out in groups of four it was fitted to 1.4 to 1.6, whichever group was left out.
SOFTENING = 1.5
# No direction inside a group counts as narrower than this share of their mean variance.
NARROWEST = 1e-3


@dataclass(frozen=True)
class Familiarity:
    """Groups of clips (one emotion of one corpus each) in coordinates in which a group is round.

    Attributes:
        axes: [maps * SEEN, maps * SEEN], from directions to these coordinates, scaled so that clips that
            were learned from lie at a distance of 1 (geometric mean).
        centres: [groups, maps * SEEN], in these coordinates.
    """

    axes: Floats
    centres: Floats

    @classmethod
    def of(
        cls, copies: Sequence[Floats], labels: npt.NDArray[np.int64], corpus: npt.NDArray[np.str_]
    ) -> "Familiarity":
        """Learn from the directions of clips, once for each copy: altered copies are familiar too.

        Args:
            copies: [clips, directions] each.
            labels: of the clips.
            corpus: of the clips; all corpora weigh the same in what counts as far.
        """
        seen = np.concatenate([strongest(x) for x in copies])
        names = np.tile(np.char.add(corpus, np.char.mod(" %d", labels)), len(copies))
        _, group = np.unique(names, return_inverse=True)
        centres = np.stack([seen[group == g].mean(axis=0) for g in range(group.max() + 1)])
        inside = seen - centres[group]
        _, place, count = np.unique(np.tile(corpus, len(copies)), return_inverse=True, return_counts=True)
        weight = 1 / (count[place] * len(count))
        variance = (inside * weight[:, None]).T.astype(np.float64) @ inside
        values, vectors = np.linalg.eigh(variance)
        axes = vectors / np.sqrt(values + NARROWEST * values.mean())
        one = cls(axes.astype(np.float32), (centres @ axes).astype(np.float32))
        usual = float(np.exp(np.log(np.concatenate([one.distance(x) for x in copies])).mean()))
        return cls(one.axes / np.float32(usual), one.centres / np.float32(usual))

    def distance(self, x: Floats) -> Floats:
        """From each clip's directions [clips, directions] to the nearest group."""
        places = strongest(x) @ self.axes
        squares = np.stack([((places - centre) ** 2).sum(axis=1) for centre in self.centres])
        return np.asarray(np.sqrt(squares.min(axis=0)), dtype=np.float32)

    def softened(self, logits: Floats, x: Floats) -> Floats:
        """Logits [clips, classes] of clips with these directions, smaller the farther away they lie."""
        return np.asarray(logits / self.distance(x)[:, None] ** SOFTENING, dtype=np.float32)


def strongest(x: Floats) -> Floats:
    """The SEEN strongest directions of each map: [clips, maps * n] to [clips, maps * SEEN]."""
    return x.reshape(len(x), MAPS, -1)[:, :, :SEEN].reshape(len(x), -1)
