"""Films with boxes, labels and a timeline drawn in: decoded again and looked at."""

from pathlib import Path

import av
import numpy as np
import pytest

from cli.overlay import COLOURS, FaceTracks
from shared.contracts.analyses import Frame
from shared.contracts.emotions import Emotion
from shared.contracts.faces import Box
from shared.contracts.media import MediaKind
from tests import media_files
from tests.cli.drawings import HAPPY, analysis_of, draw, face, is_near, pictures_of
from tests.cli.samples import film_analysis
from tests.cli.spot_films import SPOT_FILMS, analysis_of_spots, square_in


def packets_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as film:
        return [bytes(packet) for packet in film.demux(audio=0) if packet.size]


def seconds_of_sound(path: Path) -> float:
    with av.open(str(path)) as film:
        return sum(frame.samples / frame.sample_rate for frame in film.decode(audio=0))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".mov"])
def test_a_film_keeps_its_length_and_its_sound(tmp_path: Path, suffix: str) -> None:
    film = media_files.talking_film(tmp_path / "film.mp4", seconds=2)
    out = draw(film, analysis_of(MediaKind.FILM), tmp_path / f"out{suffix}")
    before, after = pictures_of(film), pictures_of(out)
    assert len(after) == len(before) == 50
    with av.open(str(film)) as old, av.open(str(out)) as new:
        assert new.duration / 1e6 == pytest.approx(old.duration / 1e6, abs=0.1)
        assert new.streams.video[0].average_rate == pytest.approx(old.streams.video[0].average_rate, rel=0.03)
    assert seconds_of_sound(out) == pytest.approx(2, abs=0.1)
    if suffix != ".webm":
        assert packets_of(out) == packets_of(film)
    # The left edge of the box is drawn while the face is seen, and not after.
    edge = (120, int(0.4 * 320) + 1)
    assert is_near(after[10][edge], HAPPY)
    assert not is_near(after[45][edge], HAPPY)
    # What nothing was drawn over is as it was.
    assert np.abs(after[10][150:200, 200:300] - before[10][150:200, 200:300]).mean() < 12
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_timeline_is_drawn_along_the_lower_edge(tmp_path: Path) -> None:
    film = media_files.talking_film(tmp_path / "film.mp4", seconds=2)
    picture = pictures_of(draw(film, analysis_of(MediaKind.FILM), tmp_path / "out.mp4"))[20]
    row = picture[240 - 16 : 240].reshape(16, 320, 3)
    happy = np.abs(row - HAPPY).max(axis=2) < 90
    angry = np.abs(row - np.array(COLOURS[Emotion.ANGER])).max(axis=2) < 90
    assert happy[:, 20:140].mean() > 0.3
    assert angry[:, 180:300].mean() > 0.3
    assert happy[:, 180:300].mean() < 0.05


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_film_is_drawn_upright(tmp_path: Path, rotation: int) -> None:
    spec = media_files.VideoSpec(rotation=rotation)
    film = media_files.talking_film(tmp_path / "film.mp4", seconds=2, video=spec)
    pictures = pictures_of(draw(film, analysis_of(MediaKind.FILM, rotation=rotation), tmp_path / "out.mp4"))
    height, width, _ = pictures[10].shape
    assert (width, height) == ((320, 240) if rotation == 180 else (240, 320))
    assert is_near(pictures[10][height // 2, int(0.4 * width) + 1], HAPPY)
    with av.open(str(tmp_path / "out.mp4")) as new:
        assert next(new.decode(video=0)).rotation == 0
    turned = np.rot90(pictures_of(film)[10], -rotation // 90)
    quiet = (slice(height // 2, int(0.7 * height)), slice(int(0.7 * width), int(0.9 * width)))
    assert np.abs(pictures[10][quiet] - turned[quiet]).mean() < 12


@pytest.mark.parametrize("name", SPOT_FILMS)
def test_boxes_are_drawn_where_and_when_the_analysis_saw_a_face(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    film = SPOT_FILMS[name](tmp_path).relative_to(tmp_path)
    pictures = pictures_of(draw(film, analysis_of_spots(film), Path("out.mp4")))
    assert len(pictures) == 50
    # Around the cut, times that fall are told only roughly.
    for number in (0, 5, 10, 15, 20, 30, 35, 40, 45, 49):
        left, top, _, bottom = square_in(pictures[number])
        edge = pictures[number][(top + bottom) // 2, left - 10 : left - 8]
        assert np.abs(edge - HAPPY).max(axis=1).min() < 70, number


@pytest.mark.parametrize(
    ("name", "begins"), [("cut out of a stream", 0.0), ("late, mkv", 3.0), ("late, mp4", 3.0)]
)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_a_film_that_begins_late_is_played_as_before(
    tmp_path: Path, name: str, begins: float, suffix: str
) -> None:
    film = SPOT_FILMS[name](tmp_path)
    out = draw(film, analysis_of_spots(film), tmp_path / f"out{suffix}")
    with av.open(str(out)) as new:
        first = []
        for stream in (new.streams.video[0], new.streams.audio[0]):
            new.seek(0)
            first.append(next(new.decode(stream)).time)
    assert first == pytest.approx([begins, begins], abs=0.05)


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
@pytest.mark.parametrize("matrix", ["bt709", "bt2020nc", "smpte170m", "undef"])
def test_colours_stay(tmp_path: Path, matrix: str, suffix: str) -> None:
    spec = media_files.VideoSpec(options=(("preset", "ultrafast"), ("x264-params", f"colormatrix={matrix}")))
    film = media_files.talking_film(tmp_path / "film.mp4", seconds=2, video=spec)
    out = draw(film, analysis_of(MediaKind.FILM, seen=0), tmp_path / f"out{suffix}")
    assert colours_differ_by(film, out) < 4
    with av.open(str(film)) as old, av.open(str(out)) as new:
        before, after = (file.streams.video[0].codec_context.colorspace for file in (old, new))
    assert after == before


def test_a_film_in_red_green_and_blue(tmp_path: Path) -> None:
    spec = media_files.VideoSpec(codec="libx264rgb", pixel_format="rgb24")
    film = media_files.talking_film(tmp_path / "film.mkv", seconds=2, video=spec)
    out = draw(film, analysis_of(MediaKind.FILM, seen=0), tmp_path / "out.mp4")
    assert colours_differ_by(film, out) < 8
    with av.open(str(film)) as old, av.open(str(out)) as new:
        # It is stored by brightness now, and does not say that it were not.
        assert old.streams.video[0].codec_context.colorspace == 0
        assert new.streams.video[0].codec_context.colorspace != 0


def colours_differ_by(film: Path, out: Path) -> float:
    """Give the mean difference where nothing is drawn."""
    return float(np.abs(pictures_of(out)[30][:180] - pictures_of(film)[30][:180]).mean())


def test_sound_that_the_container_cannot_hold_is_encoded(tmp_path: Path) -> None:
    audio = media_files.AudioSpec(codec="pcm_s16le", rate=44_100)
    video = media_files.VideoSpec(codec="mpeg4", options=())
    film = media_files.talking_film(tmp_path / "film.avi", seconds=2, audio=audio, video=video)
    out = draw(film, analysis_of(MediaKind.FILM), tmp_path / "out.mp4")
    with av.open(str(out)) as new:
        assert new.streams.audio[0].codec_context.name == "aac"
    assert seconds_of_sound(out) == pytest.approx(seconds_of_sound(film), abs=0.1)


@pytest.mark.parametrize("layout", ["FL+FC", "quad", "stereo"])
def test_sound_of_any_channels_is_encoded(tmp_path: Path, layout: str) -> None:
    audio = media_files.AudioSpec(codec="pcm_s16le", layout=layout)
    film = media_files.talking_film(tmp_path / "film.mov", seconds=2, audio=audio)
    out = draw(film, analysis_of(MediaKind.FILM), tmp_path / "out.mp4")
    assert seconds_of_sound(out) == pytest.approx(2, abs=0.1)
    with av.open(str(out)) as new:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in new.decode(audio=0)])
    assert np.abs(heard).max() > 0.1


def test_a_film_whose_clock_starts_again_is_drawn_to_its_end(tmp_path: Path) -> None:
    part = media_files.talking_film(tmp_path / "part.ts", seconds=2).read_bytes()
    film = tmp_path / "film.ts"
    film.write_bytes(part + part)
    out = draw(film, analysis_of(MediaKind.FILM, seconds=4), tmp_path / "out.mp4")
    assert len(pictures_of(out)) == 100
    assert seconds_of_sound(out) == pytest.approx(4, abs=0.2)
    with av.open(str(out)) as new:
        assert new.duration / av.time_base == pytest.approx(4, abs=0.2)


def test_a_sound_track_of_no_known_codec_is_left_out(tmp_path: Path) -> None:
    film = media_files.talking_film(tmp_path / "film.mkv", seconds=2)
    film.write_bytes(film.read_bytes().replace(b"A_AAC", b"A_ABC"))
    out = draw(film, analysis_of(MediaKind.FILM), tmp_path / "out.mp4")
    assert len(pictures_of(out)) == 50


def test_a_silent_film_of_odd_size(tmp_path: Path) -> None:
    pictures = media_files.moving_face(media_files.astronaut(), frames=20, width=161, height=121)
    spec = media_files.VideoSpec(codec="libx264", pixel_format="yuv444p")
    film = media_files.write_film(tmp_path / "film.mkv", pictures, video=spec)
    out = draw(film, analysis_of(MediaKind.FILM), tmp_path / "out.mp4")
    assert len(pictures_of(out)) == 20
    assert pictures_of(out)[0].shape == (120, 160, 3)


def test_faces_move_between_frames_and_go_when_they_are_gone() -> None:
    there = Box(x=0.6, y=0.2, width=0.2, height=0.4)
    frames = (
        Frame(t=0.0, faces=(face(),)),
        Frame(t=0.2, faces=(face(there), face(there, person=None))),
        Frame(t=0.4, faces=()),
        Frame(t=0.6, faces=()),
    )
    tracks = FaceTracks(film_analysis(frames=frames))
    assert tracks.at(0.1)[0].corners == pytest.approx((0.5, 0.2, 0.7, 0.6))
    assert tracks.at(0.1)[0].text == "1  happiness 80 %"
    assert len(tracks.at(0.25)) == 1
    assert tracks.at(0.55) == []
