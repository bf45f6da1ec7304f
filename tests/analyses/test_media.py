"""The whole path, with real networks, on every kind of media."""

import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from shared.contracts.analyses import Analysis
from tests import media_files


def analyse(gateway: httpx.Client, path: Path, **options: object) -> Analysis:
    """Upload as a raw body; the answer must be an analysis."""
    answer = gateway.post("/v1/analyses", content=path.read_bytes(), params=options)
    assert answer.status_code == 200, answer.text
    return Analysis.model_validate_json(answer.content)


def codes(analysis: Analysis) -> set[str]:
    return {notice.code for notice in analysis.notices}


@pytest.mark.parametrize("name", media_files.FILMS)
def test_films(gateway, tmp_path, name):
    analysis = analyse(gateway, media_files.FILMS[name](tmp_path))
    assert analysis.status == "complete"
    assert analysis.media.kind == "film"
    assert analysis.media.seconds == pytest.approx(2.0, abs=0.25)  # MP3 pads its last block
    assert (analysis.media.video.width, analysis.media.video.height) == (320, 240)
    assert [person.id for person in analysis.people] == [1]
    assert analysis.face.coverage > 0.9
    assert analysis.emotion.weights.face + analysis.emotion.weights.speech == pytest.approx(1, abs=0.01)
    times = [frame.t for frame in analysis.frames]
    assert times == sorted(times)
    assert 9 <= len(times) <= 11
    assert all(frame.faces[0].person == 1 for frame in analysis.frames if frame.faces)
    assert analysis.moments[0].start == 0
    assert analysis.moments[-1].end == pytest.approx(analysis.media.seconds, abs=0.2)
    assert analysis.models.face == "face-default-1"
    assert analysis.models.fusion == "fusion-default-1"


@pytest.mark.parametrize("name", media_files.SOUNDS)
def test_sounds(gateway, tmp_path, name):
    analysis = analyse(gateway, media_files.SOUNDS[name](tmp_path))
    assert analysis.status == "complete"
    assert analysis.media.kind == "sound"
    assert analysis.media.video is None
    assert analysis.media.seconds == pytest.approx(2.0, abs=0.2)
    assert analysis.face is None
    assert analysis.people == ()
    assert analysis.frames == ()
    assert analysis.models.face is None


def test_only_people_of_films_are_told_apart(gateway, house, tmp_path):
    """In a single picture nobody is to be found again: the network for that is not run."""

    def runs() -> float:
        text = httpx.get(f"{house.face}/metrics").text
        name = 'emotion_network_duration_seconds_count{model="face-appearance-default-1"}'
        return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(name)), 0.0)

    before = runs()
    assert analyse(gateway, media_files.PICTURES["png"](tmp_path)).people
    assert runs() == before
    assert analyse(gateway, media_files.FILMS["mp4"](tmp_path)).people
    assert runs() > before


@pytest.mark.parametrize("name", media_files.PICTURES)
def test_pictures(gateway, tmp_path, name):
    analysis = analyse(gateway, media_files.PICTURES[name](tmp_path))
    assert analysis.status == "complete"
    assert analysis.media.kind == "picture"
    assert analysis.media.seconds is None
    assert analysis.speech is None
    assert analysis.emotion.label == "happiness"
    assert analysis.emotion.scores == analysis.face.scores
    (frame,) = analysis.frames
    (face,) = frame.faces
    centre = face.box.x + face.box.width / 2, face.box.y + face.box.height / 2
    assert centre == pytest.approx((0.43, 0.22), abs=0.06)


def test_speech_is_found_where_there_is_some(gateway, tmp_path):
    if media_files._espeak() is None:
        pytest.skip("espeak-ng is not installed, so there is no speech to find")
    analysis = analyse(gateway, media_files.talking_film(tmp_path / "film.mp4", seconds=4))
    assert analysis.speech is not None
    assert analysis.speech.seconds > 1
    assert analysis.segments
    assert any(moment.speech and moment.face for moment in analysis.moments)
    assert 0 < analysis.emotion.weights.speech < 1


def test_silence_is_nobody_speaking_and_not_neutral(gateway, tmp_path):
    silence = media_files.write_sound(tmp_path / "silence.wav", np.zeros(32_000, np.float32))
    analysis = analyse(gateway, silence)
    assert analysis.emotion is None
    assert analysis.speech is None
    assert analysis.segments == ()
    assert codes(analysis) == {"no-speech"}


def test_a_tone_is_not_speech(gateway, tmp_path):
    analysis = analyse(gateway, media_files.write_sound(tmp_path / "tone.wav", media_files.tone(3.0)))
    assert analysis.emotion is None
    assert codes(analysis) == {"no-speech"}


def test_a_film_without_audio(gateway, tmp_path):
    film = media_files.write_film(
        tmp_path / "film.mp4", media_files.moving_face(media_files.astronaut(), frames=25)
    )
    analysis = analyse(gateway, film)
    assert analysis.status == "complete"
    assert analysis.media.audio is None
    assert analysis.speech is None
    assert "no-audio" in codes(analysis)
    assert analysis.emotion.weights.face == 1
    assert analysis.emotion.scores == analysis.face.scores


def test_a_film_without_a_face(gateway, tmp_path):
    pictures = iter([media_files.noise(320, 240)] * 25)
    analysis = analyse(gateway, media_files.write_film(tmp_path / "film.mp4", pictures))
    assert analysis.face is None
    assert analysis.emotion is None
    assert analysis.people == ()
    assert {"no-face", "no-audio"} <= codes(analysis)


def test_a_film_of_one_frame(gateway, tmp_path):
    film = media_files.write_film(
        tmp_path / "one.mp4", media_files.moving_face(media_files.astronaut(), frames=1)
    )
    analysis = analyse(gateway, film)
    assert len(analysis.frames) == 1
    assert analysis.emotion is not None


def test_sound_longer_than_the_picture(gateway, tmp_path):
    film = media_files.write_film(
        tmp_path / "film.mp4",
        media_files.moving_face(media_files.astronaut(), frames=25),
        media_files.speech(4.0, 48_000),
    )
    analysis = analyse(gateway, film)
    assert analysis.media.seconds == pytest.approx(4.0, abs=0.2)
    assert analysis.frames[-1].t < 1.01
    assert analysis.people[0].last_seen < 1.01


def test_two_shots_are_two_people(gateway, tmp_path):
    film = media_files.write_film(tmp_path / "film.mp4", media_files.cut_film(frames_each=50))
    analysis = analyse(gateway, film)
    assert len(analysis.people) == 2
    first, second = analysis.people
    assert first.last_seen <= second.first_seen
    assert analysis.face.coverage == pytest.approx(2 / 3, abs=0.1)


def test_small_and_large_pictures(gateway, tmp_path):
    dot = media_files.write_picture(tmp_path / "dot.png", np.full((1, 1, 3), 128, np.uint8))
    assert codes(analyse(gateway, dot)) == {"no-face"}
    large = np.kron(media_files.astronaut(), np.ones((9, 15, 1), np.uint8))  # 7680 x 4608
    analysis = analyse(gateway, media_files.write_picture(tmp_path / "large.jpg", large))
    assert analysis.media.video.width == 7680
    assert len(analysis.people) == 1


def test_a_picture_that_lies_on_its_side_is_turned_by_its_exif(gateway, tmp_path):
    upright = analyse(gateway, media_files.write_picture(tmp_path / "up.jpg", quality=95))
    turned = media_files.write_picture(
        tmp_path / "side.jpg", np.rot90(media_files.astronaut()).copy(), orientation=6, quality=95
    )
    analysis = analyse(gateway, turned)
    assert len(analysis.people) == 1
    assert analysis.frames[0].faces[0].box.x == pytest.approx(upright.frames[0].faces[0].box.x, abs=0.03)


def test_both_ways_to_upload_give_the_same_answer(gateway, tmp_path):
    film = media_files.talking_film(tmp_path / "film.mp4")
    raw = gateway.post("/v1/analyses", content=film.read_bytes(), headers={"content-type": "video/mp4"})
    form = gateway.post("/v1/analyses", files={"file": ("wrong.txt", film.read_bytes(), "text/plain")})
    put = gateway.put("/v1/analyses", content=film.read_bytes(), headers={"content-type": "video/mp4"})
    assert comparable(raw) == comparable(form) == comparable(put)


def comparable(answer: httpx.Response) -> dict[str, object]:
    """The analysis without what differs from run to run."""
    analysis = json.loads(answer.text)
    del analysis["id"], analysis["timings_ms"]
    return analysis
