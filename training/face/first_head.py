"""A solved linear head on the frozen trunk: fine-tuning then does not begin by unlearning."""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from training.face.crops import DEFAULT_SIDE, cut
from training.face.network import FaceNetwork
from training.face.samples import Corpus, serving_placement

PICTURES = 3500


def pooled_on(network: FaceNetwork, corpus: Corpus, indices: np.ndarray) -> np.ndarray:
    """Pooled features of pictures as serving would crop them, float32 [n, 1024]."""
    with torch.no_grad():
        network.eval()
        device = next(network.parameters()).device
        found = []
        for start in range(0, len(indices), 64):
            some = indices[start : start + 64]
            crops = np.stack(
                [cut(corpus.pictures[i], serving_placement(corpus, i), DEFAULT_SIDE) for i in some]
            )
            found.append(
                network.pooled(torch.from_numpy(crops).permute(0, 3, 1, 2).to(device)).float().cpu().numpy()
            )
        return np.concatenate(found)


def solve_head(network: FaceNetwork, corpora: dict[str, Corpus], seed: int = 0) -> None:
    """Put a logistic regression on frozen features into the shared head."""
    random = np.random.default_rng(seed)
    features, labels = [], []
    for corpus in corpora.values():
        indices = random.permutation(corpus.indices("train"))[:PICTURES]
        indices = indices[corpus.targets["shared"][indices].sum(1) > 0]
        features.append(pooled_on(network, corpus, indices))
        labels.append(corpus.targets["shared"][indices].argmax(1))
    # Both halves of the pooled features are equal before learning: half of the weight goes to each.
    x = np.concatenate(features)[:, :512]
    scaler = StandardScaler().fit(x)
    model = LogisticRegression(C=0.01, max_iter=200).fit(scaler.transform(x), np.concatenate(labels))
    weight = model.coef_ / scaler.scale_
    bias = model.intercept_ - weight @ scaler.mean_
    with torch.no_grad():
        network.shared.weight.copy_(torch.from_numpy(np.hstack([weight, weight]) / 2))
        network.shared.bias.copy_(torch.from_numpy(bias))
