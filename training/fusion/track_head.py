"""Learning the layer that reads a face over time, from Java-SED films and from RAVDESS movement."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from fusion_service.tracks import held_features, moved_features, roots
from training.fusion.movement import MovedFaces

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# A feature that hardly varies in training must not explode on a new face.
LEAST_SCALE = 0.02
FURTHEST = 4.0


@dataclass(frozen=True, slots=True)
class Examples:
    """Stretches of faces, n of them.

    Attributes:
        held: [n, 4 * 52] how the face is held; NaN where not known.
        moved: [n, 5 * 52] how it moves.
        emotion: [n] 0..6.
        person: [n] names.
        weight: [n] of each example.
    """

    held: FloatArray
    moved: FloatArray
    emotion: IntArray
    person: NDArray[np.str_]
    weight: FloatArray

    def of(self, rows: NDArray[np.bool_]) -> "Examples":
        """Keep some examples."""
        return Examples(
            self.held[rows], self.moved[rows], self.emotion[rows], self.person[rows], self.weight[rows]
        )


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the layer is fitted.

    Attributes:
        held_strength: inverse of the L2 penalty on how faces are held.
        moved_strength: the same on how they move.
        movement_weight: weight of one RAVDESS example beside one film.
        held_share: share of how faces are held in the sum.
    """

    held_strength: float
    moved_strength: float
    movement_weight: float
    held_share: float


# Of 60 recipes tried on the folds, most lie within 3 points (53 to 57 %, one standard error 4) of each other.
CHOSEN = Recipe(held_strength=0.003, moved_strength=0.01, movement_weight=0.4, held_share=0.7)


@dataclass(frozen=True, slots=True)
class Head:
    """A linear layer over standardised features."""

    centre: FloatArray
    scale: FloatArray
    weights: FloatArray
    bias: FloatArray

    def logits(self, examples: Examples) -> FloatArray:
        """Give logits [n, 7]."""
        features = np.concatenate([examples.held, examples.moved], axis=1)
        return standardised(features, self.centre, self.scale) @ self.weights.T + self.bias


def standardised(features: FloatArray, centre: FloatArray, scale: FloatArray) -> FloatArray:
    """Centre and scale features [n, d]; what is not known becomes the mean."""
    scaled: FloatArray = np.nan_to_num(np.clip((features - centre) / scale, -FURTHEST, FURTHEST))
    return scaled


def joined(*parts: Examples) -> Examples:
    """Put examples one after the other."""
    return Examples(
        np.concatenate([part.held for part in parts]),
        np.concatenate([part.moved for part in parts]),
        np.concatenate([part.emotion for part in parts]),
        np.concatenate([part.person for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )


def describe(expression: NDArray[np.floating], t: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give the held [208] and moved [260] features of one stretch of blendshapes [f, 52]."""
    values = roots(expression)
    return held_features(values), moved_features(values, t)


def moved_examples(faces: MovedFaces) -> Examples:
    """Make examples of RAVDESS movement; how the faces are held is not known."""
    moved = np.stack([moved_features(rows, t) for rows, t in zip(faces.roots, faces.times, strict=True)])
    n = len(moved)
    return Examples(
        held=np.full((n, 4 * faces.roots[0].shape[1]), np.nan),
        moved=moved,
        emotion=faces.emotion,
        person=np.asarray([f"ravdess-{actor:02d}" for actor in faces.actor]),
        weight=np.ones(n),
    )


def fit_head(films: Examples, movement: Examples | None, recipe: Recipe = CHOSEN) -> Head:
    """Fit one layer on how faces are held and one on how they move, and add them.

    Args:
        films: examples with everything known; they set the scale.
        movement: further examples whose `held` is not known; None to learn from films alone.
        recipe: penalties and weights.
    """
    held_centre, held_scale = _scale(films.held)
    moved_centre, moved_scale = _scale(films.moved)
    held = standardised(films.held, held_centre, held_scale)
    moved = standardised(films.moved, moved_centre, moved_scale)
    emotion, weight = films.emotion, films.weight
    held_layer = _fit(held, emotion, weight, recipe.held_strength)
    if movement is not None:
        moved = np.concatenate([moved, standardised(movement.moved, moved_centre, moved_scale)])
        emotion = np.concatenate([emotion, movement.emotion])
        weight = np.concatenate([weight, recipe.movement_weight * movement.weight])
    moved_layer = _fit(moved, emotion, weight, recipe.moved_strength)
    # The product of two softmax outputs is the softmax of the sum of their logits.
    return Head(
        centre=np.concatenate([held_centre, moved_centre]),
        scale=np.concatenate([held_scale, moved_scale]),
        weights=np.concatenate([recipe.held_share * held_layer[0], moved_layer[0]], axis=1),
        bias=recipe.held_share * held_layer[1] + moved_layer[1],
    )


def _scale(features: FloatArray) -> tuple[FloatArray, FloatArray]:
    return features.mean(axis=0), np.maximum(features.std(axis=0), LEAST_SCALE)


def _fit(
    inputs: FloatArray, emotion: IntArray, weight: FloatArray, strength: float
) -> tuple[FloatArray, FloatArray]:
    """Weights [7, d] and bias [7] of a multinomial logistic regression; 0 for an emotion without examples."""
    model = LogisticRegression(C=strength, max_iter=500, tol=1e-3)
    model.fit(inputs, emotion, sample_weight=weight)
    weights, bias = np.zeros((7, inputs.shape[1])), np.zeros(7)
    weights[model.classes_], bias[model.classes_] = model.coef_, model.intercept_
    return weights, bias
