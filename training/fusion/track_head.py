"""Learning the layer and the votes that read a face over time, from Java-SED films and RAVDESS movement."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from fusion_service.pair_votes import vote_logits
from fusion_service.parameters import PairVotes
from fusion_service.tracks import held_features, moved_features, roots
from shared.contracts.vectors import pack_vector
from training.fusion.movement import MovedFaces
from training.fusion.record import PHASES

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# A feature that hardly varies in training must not explode on a new face.
LEAST_SCALE = 0.02
# How far out a standardised feature counts, in spreads. Bounded at one the layer names 52 % of films rightly
# together with the still pictures, at four 49 %.
LAYER_FURTHEST = 1.0
VOTES_FURTHEST = 4.0


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

    @property
    def features(self) -> FloatArray:
        """[n, 9 * 52] how the face is held, then how it moves."""
        return np.concatenate([self.held, self.moved], axis=1)

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


@dataclass(frozen=True, slots=True)
class VotesRecipe:
    """How the support vector machines are fitted.

    Attributes:
        directions: principal directions of the standardised features that are kept.
        strength: penalty of a film on the wrong side.
        width: kernel exp(-width * squared distance / features).
        waves: random features that stand for the kernel, an even number.
    """

    directions: int = 32
    strength: float = 0.5
    width: float = 1.0
    waves: int = 2048


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
        near = standardised(examples.features, self.centre, self.scale, LAYER_FURTHEST)
        return near @ self.weights.T + self.bias


@dataclass(frozen=True, slots=True)
class OverTime:
    """Both readers of the same features; the weights of `votes` are not fitted yet."""

    head: Head
    votes: PairVotes

    def logits(self, examples: Examples) -> tuple[FloatArray, FloatArray]:
        """Give logits [n, 7] of the layer and of the votes."""
        features = standardised(examples.features, self.head.centre, self.head.scale, VOTES_FURTHEST)
        return self.head.logits(examples), vote_logits(features, self.votes)


def standardised(features: FloatArray, centre: FloatArray, scale: FloatArray, furthest: float) -> FloatArray:
    """Centre, scale and bound features [n, d]; what is not known becomes the mean."""
    scaled: FloatArray = np.nan_to_num(np.clip((features - centre) / scale, -furthest, furthest))
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
    held = standardised(films.held, held_centre, held_scale, LAYER_FURTHEST)
    moved = standardised(films.moved, moved_centre, moved_scale, LAYER_FURTHEST)
    emotion, weight = films.emotion, films.weight
    held_layer = _fit(held, emotion, weight, recipe.held_strength)
    if movement is not None:
        further = standardised(movement.moved, moved_centre, moved_scale, LAYER_FURTHEST)
        moved = np.concatenate([moved, further])
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


def fit_over_time(films: Examples, movement: Examples | None) -> OverTime:
    """Fit the layer and the votes; arguments as for `fit_head`. The votes learn from films alone."""
    head = fit_head(films, movement)
    return OverTime(head, fit_votes(films, head))


def fit_votes(films: Examples, head: Head, recipe: VotesRecipe | None = None) -> PairVotes:
    """Fit one support vector machine for each pair of emotions.

    Args:
        films: examples with everything known.
        head: its centre and scale are the machines' too.
        recipe: how they are fitted.
    """
    recipe = recipe or VotesRecipe()
    features = standardised(films.features, head.centre, head.scale, VOTES_FURTHEST)
    spread, directions = np.linalg.eigh(features.T @ features / len(features))
    basis = directions[:, np.argsort(-spread)[: recipe.directions]]
    # Which way a direction points is arbitrary, and the waves are not symmetric.
    basis *= np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(basis.shape[1])])
    frequencies, phases = random_waves(basis.shape[1], recipe.waves, recipe.width / features.shape[1])
    # So scaled, the products of two faces' waves are about the kernel's value.
    size = np.sqrt(2.0 / recipe.waves)
    machines = SVC(C=recipe.strength, kernel="linear", decision_function_shape="ovo")
    # A whole film of one phase weighs 1.
    waves = size * np.cos(features @ basis @ frequencies + phases)
    machines.fit(waves, films.emotion, sample_weight=films.weight * PHASES)
    pairs = list(combinations(range(len(machines.classes_)), 2))
    return PairVotes(
        pairs=tuple((int(machines.classes_[one]), int(machines.classes_[other])) for one, other in pairs),
        furthest=VOTES_FURTHEST,
        directions=basis.shape[1],
        basis=pack_vector(basis.ravel()),
        frequencies=pack_vector(frequencies.ravel()),
        phases=pack_vector(phases),
        shares=pack_vector((size * machines.coef_).ravel()),
        offsets=tuple(np.round(machines.intercept_, 5).tolist()),
        temperature=1.0,
        weight=1.0,
    )


def random_waves(directions: int, waves: int, width: float) -> tuple[FloatArray, FloatArray]:
    """Draw waves for the kernel exp(-width * squared distance), the same on every call.

    Frequencies of one block stand at right angles: fewer are needed (Yu et al. 2016, "Orthogonal random
    features").

    Returns:
        Frequencies [directions, waves], phases [waves].
    """
    random = np.random.default_rng(0)
    blocks = []
    for _ in range(-(-waves // (2 * directions))):
        turned, _ = np.linalg.qr(random.standard_normal((directions, directions)))
        lengths = np.linalg.norm(random.standard_normal((directions, directions)), axis=0)
        blocks.append(turned * lengths)
    frequencies = np.sqrt(2.0 * width) * np.concatenate(blocks, axis=1)[:, : waves // 2]
    # Cosine and sine of each: products of two faces' waves then depend on their difference alone.
    return np.tile(frequencies, 2), np.repeat([0.0, -np.pi / 2], waves // 2)


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
