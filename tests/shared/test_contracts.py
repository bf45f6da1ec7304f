import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.contracts.analyses import Frame, FrameFace
from shared.contracts.base import Contract, PackedVector
from shared.contracts.emotions import EMOTIONS, Judgement, Scores
from shared.contracts.faces import Box
from shared.contracts.problems import CATALOGUE, Problem
from shared.contracts.vectors import pack_vector, unpack_vector

probabilities = st.lists(st.floats(0.001, 1), min_size=7, max_size=7).map(lambda p: np.array(p) / sum(p))


def test_the_emotions_stand_in_the_order_that_all_vectors_use():
    assert [e.value for e in EMOTIONS] == [
        "neutral", "happiness", "sadness", "anger", "fear", "disgust", "surprise",
    ]  # fmt: skip
    assert tuple(Scores.model_fields) == tuple(e.value for e in EMOTIONS)


@given(probabilities)
def test_scores_survive_the_wire_and_judge_by_the_highest(values):
    scores = Scores.of(values)
    again = Scores.model_validate_json(scores.model_dump_json())
    assert again == scores
    assert again.array() == pytest.approx(values, abs=1e-4)
    judgement = Judgement.of(scores, uncertain_below=0.5)
    assert judgement.confidence == max(scores.values())
    assert judgement.uncertain == (judgement.confidence < 0.5)


@pytest.mark.parametrize(
    "values", [[0.2] * 7, [1.0] + [0.0] * 5 + [float("nan")], [1.5, -0.5, 0, 0, 0, 0, 0]]
)
def test_what_is_not_a_distribution_is_refused(values):
    with pytest.raises(ValidationError):
        Scores.of(values)


@given(st.lists(st.floats(-1000, 1000, width=16), max_size=64))
def test_packed_vectors_come_back(values):
    assert unpack_vector(pack_vector(np.array(values, np.float32))) == pytest.approx(values)


def test_contracts_refuse_unknown_fields_and_change():
    with pytest.raises(ValidationError):
        Box(x=0, y=0, width=1, height=1, depth=1)
    box = Box(x=0, y=0, width=1, height=1)
    with pytest.raises(ValidationError):
        box.x = 2


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_problem_has_a_document_with_a_remedy(name):
    document = Problem(name, "What happened.", field="file").document("r1")
    assert document.type == f"/problems/{name}"
    assert 400 <= document.status < 600
    assert document.remedy.endswith(".")
    assert document.request_id == "r1"


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), float("nan")])
@pytest.mark.parametrize("place", [0, 7, 15])
def test_packed_vectors_without_finite_numbers_are_refused(value, place):
    values = np.linspace(-65504, 65504, 16).astype(np.float32)
    assert unpack_vector(TypeAdapter(PackedVector).validate_python(pack_vector(values))) == pytest.approx(
        values, rel=1e-3
    )
    values[place] = value
    with pytest.raises(ValidationError, match="finite"):
        TypeAdapter(PackedVector).validate_python(pack_vector(values))


@pytest.mark.parametrize("packed", ["AAA", "AA==", "AAAA====", "AA A", "äöüß", "AAAA\n"])
def test_what_is_not_packed_is_refused(packed):
    with pytest.raises(ValidationError):
        TypeAdapter(PackedVector).validate_python(packed)


class Wish(Contract):
    first: int = 0
    second: int = 0


def test_what_a_copy_was_given_besides_stays_its_own():
    one, other = Wish(first=1), Wish(first=2)
    copied = one.model_copy(update={"second": 3})
    assert copied.model_fields_set == {"first", "second"}
    assert one.model_fields_set == other.model_fields_set == {"first"}


def test_a_face_as_objects_takes_few_times_its_json():
    scores = Scores.of([0.0123, 0.9131, 0.0021, 0.0225, 0.0011, 0.0278, 0.0211])
    box = Box(x=0.41237, y=0.20811, width=0.17325, height=0.30118)
    face = FrameFace(
        person=1, box=box, detection=0.9712, **Judgement.of(scores, uncertain_below=0.5).model_dump()
    )
    frames = TypeAdapter(tuple[Frame, ...])
    read = frames.validate_json(written := frames.dump_json((Frame(t=0.2, faces=(face,) * 16),) * 50))
    tracemalloc.start()
    try:
        again = frames.validate_json(written)
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert read == again
    assert taken < 6 * len(written), f"{taken / len(written):.1f} times"
