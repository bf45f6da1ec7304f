"""Films and pictures with boxes, labels and a timeline drawn in: decoded again and looked at."""

import asyncio
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image, ImageCms

from cli.annotate import annotate, plan_annotations
from cli.annotated_film import StoppedError, annotate_film
from cli.failures import RefusedError
from cli.outputs import OutputPlanError
from cli.overlay import COLOURS, FaceTracks
from cli.progress import NoProgress
from gateway.media.film import FilmDecoder
from gateway.media.film import Frame as DecodedFrame
from gateway.media.limits import MediaLimits
from gateway.media.options import DecodeOptions
from gateway.media.pictures import Picture
from gateway.media.probe import open_media
from gateway.media.signatures import identify
from shared.contracts.analyses import Analysis, Frame, FrameFace
from shared.contracts.emotions import Emotion
from shared.contracts.faces import Box
from shared.contracts.media import Media, MediaKind, VideoStream
from tests import media_files
from tests.cli.samples import film_analysis, judged, moment

BOX = Box(x=0.4, y=0.2, width=0.2, height=0.4)
HAPPY = np.array(COLOURS[Emotion.HAPPINESS], dtype=int)


def face(box: Box = BOX, person: int | None = 1) -> FrameFace:
    return FrameFace(person=person, box=box, detection=0.9, **judged(Emotion.HAPPINESS, 0.8))


def analysis_of(kind: MediaKind, *, rotation: int = 0, seconds: float = 2.0, seen: float = 1.0) -> Analysis:
    """A face in the middle until `seen`."""
    frames = tuple(
        Frame(t=at / 5, faces=(face(),) if at / 5 < seen else ()) for at in range(int(seconds * 5))
    )
    video = VideoStream(codec="h264", width=320, height=240, fps=25, rotation=rotation)
    return film_analysis(
        media=Media(kind=kind, container="mp4", seconds=seconds, video=video),
        frames=frames,
        moments=(moment(0, Emotion.HAPPINESS), moment(1, Emotion.ANGER)),
    )


def spots(frames: int = 50) -> Iterator[media_files.Pixels]:
    """A white square before a dark background: left in the first half, right in the second."""
    for number in range(frames):
        picture = media_files.noise(320, 240) // 3
        left = 30 if number < frames // 2 else 210
        picture[90:150, left : left + 60] = 255
        yield picture


def square_in(picture: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the white square."""
    rows, columns = np.nonzero(picture.min(axis=2) > 200)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def analysis_of_spots(film: Path) -> Analysis:
    """What finding the square in each frame would give, in the times and turns of the decoder."""
    limits, options = MediaLimits(), DecodeOptions(fps=25)
    frames = []
    with film.open("rb") as file:
        opened = open_media(file, identify(file), limits, options)
        decoder = FilmDecoder(opened, limits, options)
        for piece in decoder.pieces():
            if isinstance(piece, DecodedFrame):
                height, width, _ = piece.pixels.shape
                left, top, right, bottom = square_in(piece.pixels)
                box = Box(
                    x=(left - 10) / width,
                    y=(top - 10) / height,
                    width=(right - left + 20) / width,
                    height=(bottom - top + 20) / height,
                )
                frames.append(Frame(t=piece.t, faces=(face(box),)))
                orientation = piece.orientation
    video = opened.media.video.model_copy(update={"rotation": orientation.rotation})
    media = opened.media.model_copy(update={"seconds": decoder.seconds, "video": video})
    return film_analysis(media=media, frames=tuple(frames), moments=())


def with_matrix(film: Path, *turn: int) -> Path:
    """Claim another display matrix: a, b, c, d in whole turns."""
    content = bytearray(film.read_bytes())
    plain = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    at = content.index(plain, content.index(b"tkhd"))
    a, b, c, d = (part << 16 for part in turn)
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    film.write_bytes(content)
    return film


def two_pictures(film: Path) -> Path:
    """Write a film whose second video track is larger, and what a player would choose."""
    with av.open(str(film), "w") as file:
        streams = [file.add_stream("libx264", rate=25) for _ in range(2)]
        for stream, (width, height) in zip(streams, [(320, 240), (640, 480)], strict=True):
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        streams[1].disposition = Disposition.default
        for number, picture in enumerate(spots()):
            other = media_files.noise(640, 480, seed=number)
            for stream, pixels in zip(streams, [picture, other], strict=True):
                file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        for stream in streams:
            file.mux(stream.encode(None))
    return film


def spot_film(path: Path, *, late: float | None = None, **specs: object) -> Path:
    """Write a film of `spots`, with sound and so many seconds later where `late` is given."""
    if late is None:
        return media_files.write_film(path, spots(), **specs)
    video, audio = media_files.VideoSpec(offset=late), media_files.AudioSpec(offset=late)
    return media_files.write_film(
        path, spots(), media_files.speech(2, 48_000), video=video, audio=audio, **specs
    )


_B_FRAMES = media_files.VideoSpec(options=(("preset", "ultrafast"), ("bf", "2")))
SPOT_FILMS: dict[str, Callable[[Path], Path]] = {
    "cut out of a stream": lambda folder: spot_film(folder / "film.ts", late=10.0, container="mpegts"),
    "late, mkv": lambda folder: spot_film(folder / "film.mkv", late=3.0),
    "late, mp4": lambda folder: spot_film(folder / "film.mp4", late=3.0),
    "mirrored": lambda folder: with_matrix(spot_film(folder / "film.mp4"), -1, 0, 0, 1),
    "upside down": lambda folder: with_matrix(spot_film(folder / "film.mp4"), 1, 0, 0, -1),
    "mirrored and turned": lambda folder: with_matrix(spot_film(folder / "film.mp4"), 0, 1, 1, 0),
    "times that fall": lambda folder: spot_film(folder / "film.avi", video=_B_FRAMES),
    "two tracks": lambda folder: two_pictures(folder / "film.mp4"),
    "a name like an address": lambda folder: spot_film(folder / "talk: one.mp4"),
}


def pictures_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in film.decode(video=0)]


def packets_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as film:
        return [bytes(packet) for packet in film.demux(audio=0) if packet.size]


def seconds_of_sound(path: Path) -> float:
    with av.open(str(path)) as film:
        return sum(frame.samples / frame.sample_rate for frame in film.decode(audio=0))


def draw(film: Path, analysis: Analysis, out: Path) -> Path:
    return asyncio.run(annotate(film, analysis, out, NoProgress()))


def is_near(pixel: np.ndarray, colour: np.ndarray) -> bool:
    return bool(np.abs(pixel - colour).max() < 70)


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


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_picture_is_drawn_into(tmp_path: Path, suffix: str) -> None:
    picture = media_files.write_picture(tmp_path / "face.png")
    out = draw(picture, analysis_of(MediaKind.PICTURE), tmp_path / f"out{suffix}")
    drawn = np.asarray(Image.open(out).convert("RGB")).astype(int)
    assert drawn.shape == media_files.astronaut().shape
    assert is_near(drawn[256, int(0.4 * 512) + 1], HAPPY)
    same = np.abs(drawn[350:500] - media_files.astronaut()[350:500])
    assert same.mean() < 4


def test_a_picture_lies_as_its_camera_says(tmp_path: Path) -> None:
    pixels = np.zeros((100, 200, 3), np.uint8)
    picture = media_files.write_picture(tmp_path / "face.jpg", pixels, orientation=6)
    out = draw(picture, analysis_of(MediaKind.PICTURE), tmp_path / "out.png")
    assert Image.open(out).size == (100, 200)


def grey_of_16_bits(path: Path) -> Path:
    grey = np.asarray(Image.fromarray(media_files.astronaut()).convert("L"))
    return media_files.write_picture(path, grey.astype(np.uint16) * 257)


def see_through(path: Path) -> Path:
    pixels = np.dstack([media_files.astronaut(), np.full((512, 512), 255, np.uint8)])
    # Black, and not there.
    pixels[:, :100] = 0
    return media_files.write_picture(path, pixels)


@pytest.mark.parametrize("make", [grey_of_16_bits, see_through])
def test_a_picture_is_drawn_as_the_networks_saw_it(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    picture = make(tmp_path / "face.png")
    with picture.open("rb") as file:
        seen = np.asarray(Picture(file, identify(file), MediaLimits()).upright(512)).astype(int)
    drawn = np.asarray(Image.open(draw(picture, analysis_of(MediaKind.PICTURE), tmp_path / "out.png")))
    assert np.abs(drawn[350:] - seen[350:]).max() == 0
    assert drawn[350:, :100].mean() > 100
    assert drawn[350:].std() > 30


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_picture_keeps_its_colour_profile_where_it_fits(tmp_path: Path, suffix: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels = media_files.astronaut()
    for name, image, stays in (
        ("rgb.jpg", Image.fromarray(pixels), True),
        ("cmyk.jpg", Image.fromarray(pixels).convert("CMYK"), False),
    ):
        picture, space = tmp_path / name, b"RGB " if stays else b"CMYK"
        image.save(picture, icc_profile=profile[:16] + space + profile[20:])
        out = draw(picture, analysis_of(MediaKind.PICTURE), tmp_path / f"{name}{suffix}")
        assert Image.open(out).info.get("icc_profile") == (profile if stays else None)


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


def test_a_sound_has_nothing_to_draw_into(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="no picture"):
        draw(tmp_path / "voice.wav", analysis_of(MediaKind.SOUND), tmp_path / "out.mp4")


def test_an_unknown_suffix_is_refused_with_a_list(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refusal:
        draw(tmp_path / "film.mp4", analysis_of(MediaKind.FILM), tmp_path / "out.gif")
    assert ".webm" in refusal.value.remedy


def test_in_a_folder_a_suffix_that_cannot_be_written_gets_another(tmp_path: Path) -> None:
    film = media_files.FILMS["avi"](tmp_path)
    out = draw(film, analysis_of(MediaKind.FILM), tmp_path / "drawn" / film.name)
    assert out.name == "film.avi.mp4"
    assert len(pictures_of(out)) == 50


def test_a_film_is_never_written_over_itself(tmp_path: Path) -> None:
    film = media_files.talking_film(tmp_path / "film.mp4", seconds=2)
    content = film.read_bytes()
    with pytest.raises(RefusedError, match="the file itself"):
        draw(film, analysis_of(MediaKind.FILM), tmp_path / "." / "film.mp4")
    assert film.read_bytes() == content


def test_what_is_broken_leaves_nothing_behind(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"no film")
    out = tmp_path / "out.mp4"
    out.write_bytes(b"what was there")
    with pytest.raises(RefusedError):
        draw(film, analysis_of(MediaKind.FILM), out)
    assert out.read_bytes() == b"what was there"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "out.mp4"]


def test_drawing_can_be_stopped(tmp_path: Path) -> None:
    film = media_files.talking_film(tmp_path / "film.mp4", seconds=2)
    stop = threading.Event()
    with pytest.raises(StoppedError):
        annotate_film(
            film, analysis_of(MediaKind.FILM), tmp_path / "out.mp4", drawn=lambda _: stop.set(), stop=stop
        )


def test_several_go_into_a_folder() -> None:
    a, b = Path("a/x.mp4"), Path("b/y.png")
    assert plan_annotations([a, b], "out") == {a: Path("out/x.mp4"), b: Path("out/y.png")}
    assert plan_annotations([a], "out.mp4") == {a: Path("out.mp4")}


def test_a_suffix_that_nothing_is_written_with_is_refused_before_the_analysis() -> None:
    with pytest.raises(OutputPlanError, match=r"\.webm"):
        plan_annotations([Path("x.mp4")], "out.gif")
