"""Readers of the corpora, recordings, tables and cards of the fusion, on made material."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from fusion_service.columns import face_columns
from fusion_service.parameters import load_model
from shared.contracts.emotions import EMOTIONS, Scores
from shared.contracts.faces import Box, Face, FaceQuality
from shared.contracts.fusion import FrameFaces, Strategy
from shared.contracts.vectors import pack_vector
from training.corpora.av import Film, actors, eight_to_seven, read_javased, read_ravdess_scores
from training.fusion.baseline_figures import voice_rules
from training.fusion.card import Leaning, Learned, Looks, Told, default_card, default_licence
from training.fusion.cuts import DRAWS, CutFigures, measure_cuts
from training.fusion.evaluate import Measured, confusion, read_material, read_voice, table
from training.fusion.films import SeenFilm, all_examples, film_examples, mesh_points, part_examples
from training.fusion.likeness import has_looks, likeness_table, linking_rules, measure_likeness
from training.fusion.publish import publish
from training.fusion.record import Recording, read_recordings, rescore, write_recordings
from training.fusion.start import LINKING, PAPER, START
from training.fusion.train import figures
from training.fusion.transfer import row
from training.fusion.voices import Voices
from training.measures import by_person


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """A folder as the corpora stand, with two films and two RAVDESS clips."""
    root = tmp_path_factory.mktemp("corpora")
    (root / "av/javased").mkdir(parents=True)
    (root / "av/javased/index.csv").write_text(
        "file,actor,sex,emotion,sentence,seconds\n"
        "01_happy_s1.mp4,01,female,happy,1,2.5\n06_fearful_s3.mp4,06,male,fearful,3,3.25\n"
    )
    clips = np.asarray(["01-01-03-01-01-01-01", "01-01-02-01-01-01-02"])
    logits = np.eye(8)[[2, 1]] * 9
    (root / "av/ravdess_features").mkdir()
    np.savez(
        root / "av/ravdess_features/ravdess_features.npz",
        clip=clips,
        actor=np.asarray([1, 2], dtype=np.uint8),
        emotion=np.asarray([2, 1], dtype=np.uint8),
        fold=np.asarray([4, 0], dtype=np.uint8),
        speech_logit=logits,
        face_bilstm_logit=logits,
    )
    prob = np.full((5, 7), 0.05)
    prob[:2, 0], prob[2:, 1] = 0.7, 0.7
    (root / "av/ravdess_frame_scores").mkdir()
    np.savez(
        root / "av/ravdess_frame_scores/ravdess_frame_scores.npz",
        clip=clips[::-1],
        prob=prob,
        frame_offsets=np.asarray([0, 2, 5]),
        prob_names=np.asarray(["neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised"]),
    )
    return root


def test_films_are_listed(corpora):
    films = read_javased(corpora)
    assert [film.name for film in films] == ["01_happy_s1", "06_fearful_s3"]
    assert [film.emotion for film in films] == ["happiness", "fear"]
    assert actors(films) == ["01", "06"]


def test_third_party_scores_come_in_our_order(corpora):
    scores = read_ravdess_scores(corpora)
    assert [EMOTIONS[i] for i in scores.emotion] == ["happiness", "neutral"]
    assert list(scores.speech.argmax(axis=1)) == list(scores.emotion)
    assert list(scores.still.argmax(axis=1)) == list(scores.emotion)
    assert [len(frames) for frames in scores.still_frames] == [3, 2]
    np.testing.assert_allclose(scores.still.sum(axis=1), 1)


def test_calm_counts_as_neutral():
    seven = eight_to_seven(np.asarray([[0.2, 0.3, 0.5, 0, 0, 0, 0, 0]]))
    np.testing.assert_allclose(seven, [[0.5, 0.5, 0, 0, 0, 0, 0]])


def test_the_voice_of_a_film_is_its_first_take(tmp_path):
    np.savez(
        tmp_path / "oof.npz",
        name=np.asarray(["01-02-03_01", "01-02-03_02"]),
        label_name=np.asarray(["happy", "happy"]),
        logits=np.eye(7)[[1, 4]],
    )
    voice = read_voice(tmp_path / "oof.npz", 1.0)
    assert list(voice) == ["01_happy_s2"]
    assert voice["01_happy_s2"].argmax() == 1


def recording(name, phase=0, *, person=0, frames=12):
    chance = np.random.default_rng([person, phase, len(name)])
    looks = np.random.default_rng(person).normal(size=8)

    def face():
        moved = looks + 0.1 * chance.normal(size=8)
        return Face(
            box=Box(x=0.4, y=0.3, width=0.2, height=0.2),
            detection=0.9,
            quality=FaceQuality(pixels=90, sharpness=7, brightness=0.5),
            scores=Scores.of([0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]),
            appearance=pack_vector(moved / np.linalg.norm(moved)),
            expression=pack_vector(chance.random(52)),
        )

    return Recording(
        name, phase, tuple(FrameFaces(t=i / 5 + phase / 15, faces=(face(),)) for i in range(frames))
    )


def seen(corpora, one, actor="01"):
    film = Film(one.film, corpora, actor, "female", EMOTIONS[1], 2.5)
    faces = face_columns(one.frames)
    return SeenFilm(film, one.phase, faces, np.ones(len(faces), dtype=np.int64), 1.0)


@pytest.fixture(scope="module")
def films(corpora):
    return [
        seen(corpora, recording(f"{actor}-{take}", phase, person=int(actor)), actor)
        for actor in ("01", "06")
        for take in "ab"
        for phase in range(3)
    ]


def test_recordings_come_back_as_they_were(tmp_path):
    written = [recording("01_happy_s1"), recording("01_happy_s1", 1)]
    write_recordings(tmp_path / "recordings.jsonl", written)
    assert read_recordings(tmp_path / "recordings.jsonl") == written


class Renewed:
    """Scores every crop as its mean says, one by one."""

    def classify(self, crops):
        return np.eye(7)[crops.mean(axis=(1, 2, 3)).astype(int)]


def test_rescoring_renews_scores_in_order():
    once = [recording("a", frames=2), recording("b", frames=3)]
    crops = np.stack([np.full((4, 4, 3), value, dtype=np.uint8) for value in (0, 1, 2, 3, 4)])
    renewed = rescore(once, crops, Renewed())
    labels = [frame.faces[0].scores.label for one in renewed for frame in one.frames]
    assert labels == list(EMOTIONS[:5])
    face = renewed[1].frames[2].faces[0]
    assert face.appearance == once[1].frames[2].faces[0].appearance
    assert face.expression == once[1].frames[2].faces[0].expression


def test_examples_of_films(films):
    whole, parts = film_examples(films), part_examples(films)
    assert whole.held.shape == (12, 208)
    assert whole.moved.shape == (12, 260)
    assert whole.weight.sum() == pytest.approx(4)
    assert len(parts.emotion) == 4 * 6
    assert parts.weight.sum() == pytest.approx(4 * 2 * 0.5)
    assert set(parts.person) == {"01", "06"}
    assert all_examples(films).weight.sum() == pytest.approx(2 * 4 + 2 * 4)


def test_both_halves_of_the_frames_are_read(films):
    first, second = films[0].read_rows(0), films[0].read_rows(1)
    assert sorted([*first, *second]) == list(films[0].main_rows)
    assert not set(first) & set(second)


def test_points_are_given_to_their_films(films):
    points = np.zeros((12 * 12, 478, 2), dtype=np.float32)
    points[12:24] = 1
    given = mesh_points(films, points)
    assert [len(one) for one in given] == [12] * 12
    assert given[1].shape == (12, 68, 2)
    assert (given[1] == 1).all()
    with pytest.raises(ValueError, match="with blendshapes"):
        mesh_points(films, points[:-1])


def test_films_alone_are_learned_from_where_ravdess_is_not_there(corpora, tmp_path):
    write_recordings(tmp_path / "recordings.jsonl", [recording("01_happy_s1"), recording("06_fearful_s3")])
    np.save(tmp_path / "points.npy", np.random.default_rng(0).random((24, 478, 2), dtype=np.float32))
    material = read_material(corpora, tmp_path, {}, START, with_ravdess=False)
    assert [film.film.name for film in material.films] == ["01_happy_s1", "06_fearful_s3"]
    assert (material.movement, material.clips) == (None, [])
    with pytest.raises(FileNotFoundError, match="ravdess"):
        read_material(corpora, tmp_path, {}, START)


def test_a_face_network_without_appearance_is_known(films):
    blind = [
        dataclasses.replace(
            film, faces=dataclasses.replace(film.faces, appearance=film.faces.appearance[:, :0])
        )
        for film in films
    ]
    assert has_looks(films)
    assert not has_looks(blind)


def test_likeness_gives_rules(films):
    likeness = measure_likeness(films)
    rules = linking_rules(likeness, LINKING)
    assert likeness.following.min() > likeness.strangers.max()
    assert likeness.same.min() > likeness.different.max()
    assert rules.different < rules.same <= 1
    assert rules.different < rules.continues < 1
    assert likeness.again.min() > likeness.strangers.max()
    assert likeness.area == 1
    assert likeness_table(likeness).endswith("face by face: 1.000.")


def test_films_put_together_tell_how_well_people_are_told_apart(corpora):
    people = {"01": 1, "06": 6, "07": 7}
    films = [
        seen(corpora, recording(f"{actor}-{take}", person=person), actor)
        for actor, person in people.items()
        for take in "abc"
    ]
    rules = LINKING.model_copy(update={"continues": 0.8, "same": 0.8, "different": 0.7})
    assert measure_cuts(films, rules) == CutFigures(1.0, 1.0, 1.0, 3 * 2 * DRAWS)
    assert measure_cuts(films, rules, of="01").films == 4 * DRAWS
    # Whoever is taken for anybody else is never told apart, and always alone.
    blind = rules.model_copy(update={"continues": -1.0, "same": -1.0, "different": -1.0})
    assert measure_cuts(films, blind).alternating == 0.0
    # Whoever has to look just the same is somebody new in each shot.
    strict = rules.model_copy(update={"continues": 0.9999, "same": 0.9999, "different": 0.9998})
    assert measure_cuts(films, strict).alone == 0.0


LEANING = Leaning("Fitted.", "| v |", "| p |", "| f |", "| w |")
LEARNED = Learned(("emodb", "javased"), 14, ravdess=False)
TOLD = Told("| t |", "| c |", "Weights.", 0.7312, 0.9, 0.42, "face-default-1", LEARNED, LEANING)


def test_a_card_without_ravdess_does_not_name_it():
    card, licence = default_card(TOLD), default_licence(LEARNED)
    assert not [
        name for name in ("RAVDESS", "ridge", "North American", "nEMO", "TESS") if name in card + licence
    ]
    assert "14 people of 2 corpora" in card
    assert "| EmoDB (2.0 s of each clip) | what is usual for a voice | free to use with citation |" in card
    assert "linked by place alone" in card
    assert "Disgust over time was not learned at all" in card
    assert "- EmoDB (2.0 s of each clip): free to use with citation" in licence
    assert "the films of Java-SED: for research or non-commercial use only." in " ".join(licence.split())
    assert "\n\n\n" not in card


def test_a_card_of_everything_names_all():
    learned = Learned(("ravdess", "javased"), 26, ravdess=True)
    told = dataclasses.replace(
        TOLD, learned=learned, looks=Looks("| l |", "all", "most"), transfer="| r |", tried="Waves.\n"
    )
    card, licence = default_card(told), default_licence(learned)
    assert "| face points of RAVDESS (68 in every frame of 1,200 films) | movement of faces" in card
    assert "**On other people, films and networks.**" in card
    assert card.count("\n\nWaves.\n\n**Limits.**") == 1
    assert "| l |" in card
    assert "--without-ravdess" in licence
    assert "\n\n\n" not in card


def test_the_licence_that_ships_names_all_voices():
    folder = Path(__file__).parents[2] / "fusion_service" / "models" / "default" / "fusion"
    card = (folder / "card.md").read_text()
    voices = set(re.findall(r"^\| ([a-z]+) \| \d+ \| [\d.]+ \| [\d.]+ \|$", card, re.MULTILINE))
    assert len(voices) == 12
    learned = Learned(tuple(sorted(voices)), 130, ravdess=True)
    assert (folder / "LICENCE").read_text() == default_licence(learned)
    assert all(f"| {one.title} |" in card for one in learned.terms)
    assert "130 people of 12 corpora" in card


def test_leaning_is_not_measured_on_one_corpus():
    one = np.zeros(3)
    voices = Voices(
        np.eye(7)[:3], np.eye(7)[:3], np.arange(3), np.full(3, "javased"), one.astype(str), one.astype(str)
    )
    with pytest.raises(ValueError, match="voices of javased only"):
        voice_rules(voices)


def test_what_is_published_can_be_loaded(tmp_path):
    told = TOLD
    card = default_card(told)
    assert "0.731" in card
    assert "90 %" in card
    assert "$" not in card
    publish(
        tmp_path / "fusion",
        START,
        name="fusion-default-1",
        profile="default",
        summary="made",
        source="made",
        uncertain_below=0.73,
        figures=(),
        card=card,
        licence=default_licence(LEARNED),
    )
    model = load_model(tmp_path / "fusion")
    assert model.parameters == START
    assert model.manifest.uncertain_below == 0.73
    assert PAPER.strategy is Strategy.MEAN


def test_tables():
    scores = np.eye(7)[[1, 1, 0, 4]] * 0.94 + 0.01
    measured = Measured(
        np.asarray(["01", "01", "06", "06"]),
        np.asarray([1, 1, 1, 4]),
        {"way": scores / scores.sum()},
        np.zeros(4),
        {},
        [],
        np.ones(4, dtype=bool),
        (np.asarray([1, 1, 1, 4]), scores, np.ones(4, dtype=bool)),
    )
    assert "| way | 75.0 |" in table(measured)
    assert "| happiness | 1 | 2 | 0 | 0 | 0 | 0 | 0 |" in confusion(scores, measured.emotion)


def test_intervals_of_fused_figures_draw_actors_anew():
    actor = np.repeat(["01", "02", "06"], 24)
    emotion = np.ones(72, dtype=np.int64)
    # One actor is read well, one badly: that films of one actor are alike is what the interval has to hold.
    named = np.where(np.arange(72) % 24 < np.repeat([23, 17, 8], 24), 1, 4)
    scores = np.eye(7)[named]
    measured = Measured(
        actor,
        emotion,
        {"strategy learned": scores},
        np.zeros(72),
        {},
        [],
        np.ones(72, dtype=bool),
        (emotion, scores, np.ones(72, dtype=bool)),
    )
    share = by_person(named == emotion, actor)
    low, high = round(100 * share.low, 1), round(100 * share.high, 1)
    assert f"| {low}-{high} |" in table(measured)
    assert [(figure.low, figure.high) for figure in figures(measured)] == [(low, high)]
    assert f"| {low}-{high} |" in row("voice", scores, emotion, actor)
